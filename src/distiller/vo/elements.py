"""Elements that VOSI documents of every service are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lxml import etree

from distiller.vo.xmltext import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MEDIA_TYPE: Final = "text/xml"
XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
TYPE: Final = f"{{{XSI}}}type"
PREFIXES: Final[Mapping[str, str]] = {
    "xsi": XSI,
    "vr": "http://www.ivoa.net/xml/VOResource/v1.0",
    "vs": "http://www.ivoa.net/xml/VODataService/v1.1",
}
_CAPABILITIES: Final = "http://www.ivoa.net/xml/VOSICapabilities/v1.0"
_VOSI: Final[Mapping[str, str]] = {
    "capabilities": "capabilities",
    "availability": "availability",
    "tables": "tables-1.1",
}


def add(
    parent: etree._Element, tag: str, text: str | None = None, **attributes: str
) -> etree._Element:
    """Add a child and return it; what XML cannot hold of its text is replaced."""
    child = etree.SubElement(parent, tag, dict(attributes))
    if text is not None:
        child.text = clean(text)
    return child


def add_known(parent: etree._Element, **texts: str | None) -> None:
    """Add a child for each text that is not empty."""
    for tag, text in texts.items():
        if text:
            add(parent, tag, text)


def written(root: etree._Element) -> bytes:
    """Return the document."""
    etree.indent(root)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True) + b"\n"


def capabilities(**prefixes: str) -> etree._Element:
    """Return the root of a document of capabilities (VOSI 1.1 section 3).

    Parameters
    ----------
    prefixes
        Of the registry extension that describes the service.
    """
    return etree.Element(
        f"{{{_CAPABILITIES}}}capabilities",
        nsmap={"vosi": _CAPABILITIES, **PREFIXES, **prefixes},
    )


def interface(
    capability: etree._Element, url: str, *, use: str, version: str | None = None
) -> etree._Element:
    """Add the standard interface of a capability and return it."""
    made = add(capability, "interface", role="std")
    made.set(TYPE, "vs:ParamHTTP")
    if version:
        made.set("version", version)
    add(made, "accessURL", url, use=use)
    return made


def vosi(root: etree._Element, base_url: str, *children: str) -> None:
    """Add the capabilities that every service has, by the names of their addresses."""
    for child in children:
        standard = f"ivo://ivoa.net/std/VOSI#{_VOSI[child]}"
        capability = add(root, "capability", standardID=standard)
        interface(capability, f"{base_url}/{child}", use="full")


@dataclass(frozen=True, slots=True)
class Bound:
    """An end of a range, as text; ``inclusive`` if it may be reached."""

    value: str
    inclusive: bool = True


@dataclass(frozen=True, slots=True)
class InputParameter:
    """A parameter of a service, as its capabilities or a descriptor describe it.

    Attributes
    ----------
    datatype, arraysize, xtype
        Of VOTable.
    value
        The default, as VOTable writes it.
    low, high, options
        What it may be.
    """

    name: str
    description: str
    datatype: str = "char"
    arraysize: str | None = None
    xtype: str | None = None
    unit: str | None = None
    required: bool = False
    ucd: str | None = None
    value: str = ""
    low: Bound | None = None
    high: Bound | None = None
    options: tuple[str, ...] = ()


def parameters(
    described: etree._Element,
    listed: Iterable[InputParameter],
    *,
    is_standard: bool = True,
) -> None:
    """Add parameters to an interface (VODataService 1.1 section 3.5.2).

    Parameters
    ----------
    is_standard
        Whether a standard says what they mean.
    """
    for one in listed:
        use = "required" if one.required else "optional"
        std = "true" if is_standard else "false"
        made = add(described, "param", std=std, use=use)
        add(made, "name", one.name)
        add(made, "description", one.description)
        add_known(made, unit=one.unit, ucd=one.ucd)
        kind = {"arraysize": one.arraysize} if one.arraysize else {}
        add(made, "dataType", one.datatype, **kind)
