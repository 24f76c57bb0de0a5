"""What XML forbids is what a parser of XML refuses."""

from __future__ import annotations

from lxml import etree

from distiller.vo.xmltext import REPLACEMENT, clean


def is_allowed(character: str) -> bool:
    element = etree.Element("x")
    try:
        element.text = character
    except ValueError:
        return False
    return True


def test_exactly_what_xml_forbids_is_replaced() -> None:
    every = [chr(code) for code in (*range(0x10010), 0x1F600, 0x10FFFF)]
    replaced = [c for c in every if clean(c) != c]
    assert {clean(c) for c in replaced} == {REPLACEMENT}
    assert replaced == [c for c in every if not is_allowed(c)]
