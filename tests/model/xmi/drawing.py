"""Small drawings (XMI), for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distiller.model.read_xmi import read_xmi

if TYPE_CHECKING:
    from distiller.model.read_xmi import Imported

TOY = """<?xml version="1.0"?>
<xmi:XMI xmlns:xmi="http://www.omg.org/spec/XMI/20110701"
    xmlns:uml="http://www.omg.org/spec/UML/20110701" xmlns:p="http://example.org/p">
<uml:Model xmi:id="m" name="toy">
<packagedElement xmi:type="uml:PrimitiveType" xmi:id="real" name="Real"/>
{body}
</uml:Model>
{after}
</xmi:XMI>
"""


def toy(body: str, after: str = "", *, name: str | None = None) -> Imported:
    """Read a model of the name toy with these elements, and what is after it."""
    return read_xmi(TOY.format(body=body, after=after).encode(), "toy.xmi", name=name)


def element(kind: str, name: str, inside: str = "", more: str = "") -> str:
    """Return a packaged element; its name is its xmi:id, too."""
    return (
        f'<packagedElement xmi:type="uml:{kind}" xmi:id="{name}" name="{name}" {more}>'
        f"{inside}</packagedElement>"
    )


def attribute(name: str, type_: str = "real", more: str = "", inside: str = "") -> str:
    """Return a property of the xmi:id ``a.NAME``."""
    return (
        f'<ownedAttribute xmi:type="uml:Property" xmi:id="a.{name}" name="{name}" '
        f'type="{type_}" {more}>{inside}</ownedAttribute>'
    )
