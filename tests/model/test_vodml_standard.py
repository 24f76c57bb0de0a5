"""The VO-DML files against VO-DML 1.0: its content models, and its own schema."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from lxml import etree

from distiller.model.load import ENDING, PACKAGED, packaged_paths

if TYPE_CHECKING:
    from collections.abc import Iterator

_ELEMENT = "vodml-id name description?"
_TYPE = f"{_ELEMENT} extends? constraint*"
_TYPES = "primitiveType* enumeration* dataType* objectType* package*"
_ROLE = f"{_ELEMENT} datatype multiplicity"
_CONTENT = {
    "model": "name description? identifier? uri title author* version "
    f"previousVersion? lastModified import* {_TYPES}",
    "import": "name identifier? version? url documentationURL",
    "package": f"{_ELEMENT} {_TYPES}",
    "primitiveType": _TYPE,
    "enumeration": f"{_TYPE} literal+",
    "dataType": f"{_TYPE} attribute* reference*",
    "objectType": f"{_TYPE} attribute* composition* reference*",
    "literal": _ELEMENT,
    "attribute": f"{_ROLE} semanticconcept?",
    "composition": f"{_ROLE} isOrdered?",
    "reference": _ROLE,
    "extends": "vodml-ref",
    "datatype": "vodml-ref",
    "multiplicity": "minOccurs maxOccurs",
    "semanticconcept": "topConcept? vocabularyURI*",
    "constraint": "description?",
}
"""What each element holds, in that order (VO-DML 1.0, section 4 and appendix A)."""

_VALUES = {
    "vodml-id": r"[a-zA-Z][a-zA-Z0-9._]*",
    "vodml-ref": r"[a-zA-Z][a-zA-Z0-9._-]+:[a-zA-Z][a-zA-Z0-9._]*",
    "name": r"[a-zA-Z_][a-zA-Z0-9_]*",
    "lastModified": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?",
    "minOccurs": r"\d+",
    "maxOccurs": r"-?\d+",
    "isOrdered": r"true|false|1|0",
}
_ABSTRACT = ("primitiveType", "enumeration", "dataType", "objectType")
_ROOT = "{http://www.ivoa.net/xml/VODML/v1}model"

_FILES = [pytest.param(path, id=path.name) for path in packaged_paths()]


def _faults(root: etree._Element) -> Iterator[str]:
    """Yield what VO-DML 1.0 does not allow."""
    if root.tag != _ROOT:
        yield f"the root is {root.tag}"
    for element in root.iter("*"):
        where = f"line {element.sourceline}: {element.tag}"
        tag = "model" if element is root else element.tag
        children = [child.tag for child in element.iterchildren("*")]
        wanted = _CONTENT.get(tag, "")
        pattern = re.sub(r"([\w-]+)([?*+]?) ?", r"(?:\1 )\2", wanted)
        if not re.fullmatch(pattern, "".join(f"{child} " for child in children)):
            yield f"{where} holds {' '.join(children)}, not {wanted or 'text'}"
        value = _VALUES.get(tag)
        if value and not re.fullmatch(value, element.text or ""):
            yield f"{where} is {element.text!r}"
        for name, text in element.attrib.items():
            fits = name == "abstract" and tag in _ABSTRACT
            if not fits or text not in {"true", "false", "1", "0"}:
                yield f"{where} has the attribute {name!r}: {text!r}"


@pytest.mark.parametrize("path", _FILES)
def test_elements_stand_where_the_standard_has_them(path: Path) -> None:
    assert list(_faults(etree.parse(path).getroot())) == []


_OUT_OF_LINE = [
    pytest.param("title>", "titel>", "holds name description uri", id="title"),
    pytest.param("uri>", "url>", "holds name description url", id="uri"),
    pytest.param("T00:00:00", " 00:00", "lastModified is", id="date"),
    pytest.param(
        "<objectType>", '<objectType abstract="no">', "abstract", id="abstract"
    ),
    pytest.param(
        "<objectType>", '<objectType kind="a">', "'kind': 'a'", id="attribute"
    ),
    pytest.param("<minOccurs>1", "<minOccurs>one", "minOccurs is 'one'", id="number"),
    pytest.param(
        "<vodml-ref>ivoa:", "<vodml-ref>", "vodml-ref is 'string'", id="prefix"
    ),
    pytest.param(
        "  <objectType>", "  <reference/><objectType>", "model holds", id="stray"
    ),
    pytest.param("<name>ObsCore<", "<name>Obs Core<", "is 'Obs Core'", id="name"),
    pytest.param(
        "    <attribute>\n",
        "    <reference><vodml-id>r</vodml-id><name>r</name><datatype><vodml-ref>"
        "obscore:ObsCore</vodml-ref></datatype><multiplicity><minOccurs>1</minOccurs>"
        "<maxOccurs>1</maxOccurs></multiplicity></reference>\n    <attribute>\n",
        "reference attribute",
        id="reference before attribute",
    ),
]


def _changed(old: str, new: str) -> etree._Element:
    """Return the root of the obscore document, changed."""
    text = (PACKAGED / f"obscore{ENDING}").read_text()
    assert old in text
    return etree.fromstring(text.replace(old, new).encode())


@pytest.mark.parametrize(("old", "new", "words"), _OUT_OF_LINE)
def test_what_the_standard_forbids_is_seen(old: str, new: str, words: str) -> None:
    assert words in "; ".join(_faults(_changed(old, new)))


@pytest.fixture(scope="module")
def schema() -> etree.XMLSchema:
    """Return the IVOA's own schema; no package that we know carries that of 1.0."""
    given = os.environ.get("DISTILLER_VODML_XSD")
    shared = Path(__file__).parents[3] / "shared" / "standards"
    path = Path(given) if given else shared / "vo-dml-v1.0.xsd"
    if not path.is_file():
        pytest.skip(
            "no schema: set DISTILLER_VODML_XSD to the IVOA's vo-dml-v1.0.xsd "
            "(version 1.0; https://www.ivoa.net/xml/VODML)"
        )
    document = etree.parse(path)
    version = document.getroot().get("version")
    assert version == "1.0", f"{path} is of VO-DML {version}"
    return etree.XMLSchema(document)


@pytest.mark.parametrize("path", _FILES)
def test_files_are_valid_by_the_schema(schema: etree.XMLSchema, path: Path) -> None:
    schema.assertValid(etree.parse(path))


@pytest.mark.parametrize(("old", "new", "words"), _OUT_OF_LINE)
def test_the_schema_agrees_on_what_is_forbidden(
    schema: etree.XMLSchema, old: str, new: str, words: str
) -> None:
    del words
    assert not schema.validate(_changed(old, new))
