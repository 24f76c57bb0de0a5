"""Why a text cannot be read as XML, in our own words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distiller.core.errors import BadData

if TYPE_CHECKING:
    from lxml import etree

_OF_LIBXML2 = "XML_PARSE_HUGE"
"""An option of libxml2 that lifts its limits, in what it says where one is met."""
DEEPEST = 256
"""Elements inside each other that libxml2 reads; a test reads as many."""


def no_xml(source: str, error: etree.XMLSyntaxError) -> BadData:
    """Return the error M001 of a file, for what libxml2 says of it."""
    words = error.msg or "nothing in it"
    if _OF_LIBXML2 not in words:
        return BadData("M001", source, f"no XML: {words}")
    if "depth" in words:
        return BadData(
            "M001",
            source,
            f"line {error.lineno}: more than {DEEPEST} elements stand inside each "
            f"other, which are not read",
            hint="draw packages beside each other",
        )
    return BadData(
        "M001",
        source,
        f"line {error.lineno}: a text or a name is larger than is read (10 MB)",
        hint="make it shorter",
    )
