"""Client of Sesame, the name resolver of the CDS (Simbad, NED, VizieR)."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

import httpx
from lxml import etree

from distiller.core.errors import Unreachable

_DATABASES = "SNV"
_LARGEST_ANSWER = 1_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What Sesame knows of a name: usual name, ICRS position in deg, which database."""

    name: str
    ra_deg: float
    dec_deg: float
    database: str


def ask(name: str, url: str, timeout_s: float) -> Answer | None:
    """Ask Sesame; None if it does not know the name.

    Raises
    ------
    Unreachable
        No usable answer within the time.
    """
    address = f"{url.rstrip('/')}/-ox/{_DATABASES}?{quote(name, safe='')}"
    try:
        reply = httpx.get(address, timeout=timeout_s, follow_redirects=True)
        reply.raise_for_status()
    except httpx.HTTPError as error:
        raise Unreachable(
            f"the name resolver Sesame did not answer within {timeout_s:g} s",
            hint="try again, or give a position such as 83.63 22.01",
        ) from error
    return read(reply.content)


def read(document: bytes) -> Answer | None:
    """Read Sesame's XML; None if no database knew the name.

    >>> read(b"<Sesame><Target><Resolver name='S=Simbad'><jradeg>1.5</jradeg>"
    ...      b"<jdedeg>-2</jdedeg><oname>X 1</oname></Resolver></Target></Sesame>")
    Answer(name='X 1', ra_deg=1.5, dec_deg=-2.0, database='Simbad')
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=False)
    try:
        # Cut, a longer answer is no XML any more, and is refused like one.
        root = etree.fromstring(document[:_LARGEST_ANSWER], parser)
        for resolver in root.iter("Resolver"):
            ra, dec = resolver.findtext("jradeg"), resolver.findtext("jdedeg")
            if ra is not None and dec is not None:
                usual = " ".join((resolver.findtext("oname") or "").split())
                return Answer(usual, float(ra), float(dec), _database(resolver))
    except (ValueError, etree.XMLSyntaxError) as error:
        raise Unreachable(
            "the name resolver Sesame sent an answer that cannot be read",
            hint="try again later, or give a position such as 83.63 22.01",
        ) from error
    return None


def _database(resolver: etree._Element) -> str:
    name = resolver.get("name", "")
    return name.partition("=")[2].partition(" (")[0].strip() or "Sesame"
