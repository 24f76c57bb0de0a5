"""The page of examples is well-formed and says to programs what is what."""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from distiller.vo.examples import document

_XHTML = "{http://www.w3.org/1999/xhtml}"


@dataclass(frozen=True)
class One:
    name: str = "few"
    title: str = "Fewer than 3 & more?"
    words: str = "A < B."
    adql: str = "SELECT TOP 1 n\nFROM sky.run WHERE n < 3 AND n <> 2\n"


def test_the_page_can_be_read_back() -> None:
    root = etree.fromstring(document([One(), One(name="other")]))
    (body,) = root.iterfind(f".//{_XHTML}body")
    assert body.get("vocab") == "http://www.ivoa.net/rdf/examples#"
    found = root.findall(".//*[@typeof='example']")
    assert [element.get("id") for element in found] == ["few", "other"]
    assert found[0].get("resource") == "#few"
    assert found[0].findtext("*[@property='name']") == One.title
    assert found[0].findtext("*[@property='query']") == One.adql.rstrip()
