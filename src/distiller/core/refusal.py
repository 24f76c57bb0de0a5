"""What an ingest refused, as the archive remembers it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from distiller.core.identifiers import key

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Refusal:
    """One run, or one file, that did not go in.

    Attributes
    ----------
    obs_id
        The run, where it is known.
    code, message
        Of the finding that refused it.
    checksum
        SHA-256 of the file; None where it cannot be read.
    source
        The path that was to be ingested.
    settings_file
        The settings file that the command named.
    rights, access_group, release_date
        As the command gave them; None: not given.
    first_refused, last_refused
        When, UTC.
    """

    collection: str
    path: str
    obs_id: str | None
    code: str
    message: str
    checksum: str | None
    source: str
    settings_file: str | None
    rights: str | None
    access_group: str | None
    release_date: datetime | None
    first_refused: datetime
    last_refused: datetime

    @property
    def refusal_id(self) -> str:
        """Its key: one for a run of a file of a collection."""
        return key("refusal", self.collection, self.path, self.obs_id or "")

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of its fields, which are columns of the archive."""
        return tuple(field.name for field in fields(cls))

    def to_json(self) -> dict[str, object]:
        """Return plain values.

        >>> when = datetime(2026, 1, 2)
        >>> one = Refusal("c", "/p", None, "D103", "m", None, "/", None, None, None,
        ...               None, when, when)
        >>> Refusal.from_json(one.to_json()) == one
        True
        """
        values = {name: getattr(self, name) for name in self.names()}
        return {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in values.items()
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Refusal:
        """Return what `to_json` gave."""
        given: dict[str, Any] = {name: values[name] for name in cls.names()}
        for name in ("release_date", "first_refused", "last_refused"):
            if given[name] is not None:
                given[name] = datetime.fromisoformat(given[name])
        return cls(**given)
