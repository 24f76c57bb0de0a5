"""Names that live for ever: publisher DIDs, deterministic keys, safe file names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID, uuid5

from distiller.core.errors import BadParameter

_NAMESPACE = UUID("6f6a2c0e-5a57-5c7e-9d1b-3a0c1f4e8b52")
_DID = re.compile(
    r"ivo://(?P<authority>[\w.~-]{3,})/(?P<collection>[^?#\s]+)\?(?P<local>[^#\s]+)"
)
_SAFE = re.compile(r"[^A-Za-z0-9._+-]+")


@dataclass(frozen=True, slots=True)
class PublisherDid:
    """An ``obs_publisher_did``: ``ivo://<authority>/<collection>?<local>``.

    ``local`` is the obs_id of an observation or ``<task>/<product id>`` of a product
    (IVOA Identifiers 2.0 section 4.1).
    """

    authority: str
    collection: str
    local: str

    def __str__(self) -> str:
        return f"ivo://{self.authority}/{self.collection}?{self.local}"

    @classmethod
    def parse(cls, text: str) -> PublisherDid:
        """Read a DID.

        >>> PublisherDid.parse("ivo://org.example/hess-dr1?23523").local
        '23523'
        """
        match = _DID.fullmatch(text)
        if match is None:
            raise BadParameter(
                "ID",
                f"not a publisher DID: {text!r}",
                hint="it looks like ivo://authority/collection?obs_id",
            )
        return cls(**match.groupdict())


def key(*parts: str) -> str:
    """Return the deterministic key (UUID version 5) of these parts, in this order.

    >>> key("a", "b") == key("a", "b") != key("ab")
    True
    """
    return str(uuid5(_NAMESPACE, "\x1f".join(parts)))


def slug(text: str) -> str:
    """Return the text as one safe path segment.

    >>> slug("H.E.S.S. DL3/DR1")
    'H.E.S.S.-DL3-DR1'
    """
    return _SAFE.sub("-", text).strip("-.") or "unnamed"
