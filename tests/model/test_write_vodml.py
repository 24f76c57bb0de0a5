"""Documents that are written: read again they are the same, and they are valid."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from lxml import etree
from tests.model.documents import documents

from distiller.model.entities import Concept, Constraint, Document, Package, Type
from distiller.model.load import packaged_paths
from distiller.model.read_vodml import read_file, read_vodml
from distiller.model.write_vodml import write_vodml

if TYPE_CHECKING:
    from pathlib import Path

_FILES = [pytest.param(path, id=path.name) for path in packaged_paths()]
_SLOW_TO_DRAW = settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    deadline=None,
    max_examples=60,
)


@pytest.mark.parametrize("path", _FILES)
def test_a_packaged_model_comes_back(path: Path) -> None:
    document = read_file(path)
    assert document.unread == ()
    assert read_vodml(write_vodml(document), path.name) == document


def _facts(root: etree._Element) -> list[tuple[str, str, str]]:
    """Return place, text and attributes of every element, in order."""
    tree = root.getroottree()
    return [
        (
            tree.getpath(element),
            " ".join((element.text or "").split()),
            str(sorted(element.attrib.items())),
        )
        for element in root.iter("*")
    ]


@pytest.mark.parametrize("path", _FILES)
def test_no_element_of_a_packaged_model_is_lost(path: Path) -> None:
    parser = etree.XMLParser(remove_comments=True)
    before = etree.parse(path, parser).getroot()
    after = etree.fromstring(write_vodml(read_file(path)))
    assert _facts(after) == _facts(before)


@pytest.mark.slow
@_SLOW_TO_DRAW
@given(documents())
def test_any_document_comes_back(document: Document) -> None:
    text = write_vodml(document)
    again = read_vodml(text, "any.vo-dml.xml")
    assert again == document
    assert again.unread == ()
    assert write_vodml(again) == text


_SUBSETS = b"""<?xml version="1.0" encoding="UTF-8"?>
<v:model xmlns:v="http://www.ivoa.net/xml/VODML/v1"
    xmlns:x="http://www.w3.org/2001/XMLSchema-instance">
  <name>toy</name><identifier>ivo://toy/it</identifier><uri/><title>Toy</title>
  <author>A. One</author><author>B. Two</author><version>1</version>
  <previousVersion>urn:old</previousVersion>
  <lastModified>2026-01-01T00:00:00Z</lastModified>
  <objectType abstract="1" id="_1">
    <vodml-id>A</vodml-id><name>A</name>
    <constraint x:type="v:SubsettedRole"><description>Closer.</description>
      <role><vodml-ref>toy:B.x</vodml-ref></role>
      <datatype><vodml-ref>toy:C</vodml-ref></datatype>
      <semanticconcept><topConcept>urn:top</topConcept>
        <vocabularyURI>urn:one</vocabularyURI><vocabularyURI>urn:two</vocabularyURI>
      </semanticconcept>
    </constraint>
    <constraint><description>x > 0</description></constraint>
    <composition><vodml-id>A.p</vodml-id><name>p</name>
      <datatype><vodml-ref>toy:P</vodml-ref></datatype>
      <multiplicity><minOccurs>0</minOccurs><maxOccurs>-7</maxOccurs></multiplicity>
      <isOrdered>true</isOrdered>
    </composition>
  </objectType>
</v:model>
"""


def test_everything_that_an_object_type_can_say_is_held() -> None:
    document = read_vodml(_SUBSETS, "toy.vo-dml.xml")
    assert (document.identifier, document.authors, document.previous_version) == (
        "ivo://toy/it",
        ("A. One", "B. Two"),
        "urn:old",
    )
    found = document.types[0]
    assert (found.abstract, found.xml_id) == (True, "_1")
    assert found.constraints == (
        Constraint(
            "Closer.",
            role="toy:B.x",
            datatype="toy:C",
            concept=Concept("urn:top", ("urn:one", "urn:two")),
        ),
        Constraint("x > 0"),
    )
    assert (found.roles[0].upper, found.roles[0].ordered) == (-1, True)


@pytest.mark.parametrize(
    "package", ["", "q"], ids=["types without it", "packages without it"]
)
def test_what_has_no_place_is_not_dropped(package: str) -> None:
    lost = Type("objectType", "A", "A", "A thing.", package="p")
    document = Document("toy", "Toy", "", "1", (), (lost,))
    if package:
        there = Package("p", "p", "", parent=package)
        document = replace(document, package_tree=(there,))
    with pytest.raises(ValueError, match="0 of 1 types"):
        write_vodml(document)


def test_a_package_inside_its_own_is_refused() -> None:
    package = Package("p", "p", "")
    packages = (package, replace(package, parent="p"))
    document = Document("toy", "Toy", "", "1", packages, ())
    with pytest.raises(ValueError, match="toy: package p is there twice"):
        write_vodml(document)


def test_the_schema_takes_what_is_written(vodml_schema: etree.XMLSchema) -> None:
    document = read_vodml(_SUBSETS, "toy.vo-dml.xml")
    vodml_schema.assertValid(etree.fromstring(write_vodml(document)))


@_SLOW_TO_DRAW
@given(document=documents())
def test_the_schema_takes_any_document(
    vodml_schema: etree.XMLSchema, document: Document
) -> None:
    vodml_schema.assertValid(etree.fromstring(write_vodml(document)))
