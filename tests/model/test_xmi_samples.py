"""The public drawings of the IVOA: counts, validity, and SQL that engines accept.

They are of the repository ivoa/vo-dml, folder ``models``. DISTILLER_XMI_SAMPLES names
the folder that has them (else ``../shared/standards/vo-dml-models``); none is part of
this project.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import psycopg
import pytest
from lxml import etree
from tests.model.standard import faults
from tests.model.xmi.account import accounted, identifiers

from distiller.model.check import check_document
from distiller.model.emit import sql
from distiller.model.load import read_one
from distiller.model.read_vodml import read_file, read_vodml
from distiller.model.read_xmi import counts, read_xmi
from distiller.model.write_vodml import write_vodml

if TYPE_CHECKING:
    from distiller.model.entities import Document
    from distiller.model.read_xmi import Imported


@dataclass(frozen=True, slots=True)
class _Sample:
    """A file, and what is where in it.

    Attributes
    ----------
    root
        The element that is the model (XPath).
    others
        Names of the packages in it that stand for other models.
    published
        The VO-DML of the same model that the IVOA has.
    narrowed
        The attributes that narrow an inherited one, or what says so (XPath).
    """

    path: str
    root: str
    others: tuple[str, ...] = ("ivoa",)
    published: str = ""
    narrowed: str = "//ownedAttribute[subsettedProperty]"


_VODML = "sample/sample/vo-dml"
_SAMPLES = {
    "modelio": _Sample(
        f"{_VODML}/sample_modelio3.0_uml2.4.1.xmi",
        "/*/*[local-name()='Model']",
        ("ivoa", "filter"),
        f"{_VODML}/Sample.vo-dml.xml",
        "/*/*[local-name() = 'subset']",
    ),
    "magicdraw": _Sample(
        f"{_VODML}/sample_MD12.1.xml",
        "/*/*[local-name()='Model']",
        ("ivoa", "filter"),
        f"{_VODML}/Sample.vo-dml.xml",
    ),
    "umodel": _Sample(
        f"{_VODML}/sample_altova_uml2.4.1.xmi",
        "//*[@name='modelroot']",
        narrowed="//ownedAttribute[@name = 'positionError'][../generalization]"
        "[not(../@name = 'Source')]",
    ),
    "filter": _Sample(
        "sample/filter/vo-dml/Filter_MD12.1.xml",
        "/*/*[local-name()='Model']",
        published="sample/filter/vo-dml/Filter.vo-dml.xml",
    ),
    "ivoa": _Sample(
        "ivoa/model/IVOA-v1.0_MD12.1.xml",
        "/*/*[local-name()='Model']",
        (),
        "ivoa/vo-dml/IVOA-v1.0.vo-dml.xml",
    ),
}


def _file(name: str) -> Path:
    shared = Path(__file__).parents[3] / "shared" / "standards" / "vo-dml-models"
    folder = Path(os.environ.get("DISTILLER_XMI_SAMPLES", shared))
    if not folder.is_dir():
        pytest.skip(
            "no samples: set DISTILLER_XMI_SAMPLES to the folder models of ivoa/vo-dml"
        )
    path = folder / name
    assert path.is_file(), f"{path} is not there"
    return path


def _import(key: str) -> tuple[Imported, etree._Element]:
    path = _file(_SAMPLES[key].path)
    text = path.read_bytes()
    return read_xmi(text, path.name), etree.fromstring(text)


_every = pytest.mark.parametrize("key", _SAMPLES)


@_every
def test_every_element_is_carried_or_listed(key: str) -> None:
    imported, root = _import(key)
    assert accounted(imported) == identifiers(root)


@_every
def test_the_result_is_vodml(key: str) -> None:
    imported, _ = _import(key)
    text = write_vodml(imported.document)
    again = read_vodml(text, "sample.vo-dml.xml")
    assert again == imported.document
    assert check_document(again, described=False) == ()
    assert list(faults(etree.fromstring(text))) == []
    assert write_vodml(_import(key)[0].document) == text


@_every
def test_the_result_is_valid_by_the_schema(
    vodml_schema: etree.XMLSchema, key: str
) -> None:
    vodml_schema.assertValid(etree.fromstring(write_vodml(_import(key)[0].document)))


class _Count:
    """What is drawn, counted in the file by XPath alone."""

    def __init__(self, root: etree._Element, sample: _Sample) -> None:
        self._root = root
        away = [*sample.others, "_instances"]
        outside = " or ".join(f"@name = '{name}'" for name in away)
        self._here = (
            f"{sample.root}//*[not(ancestor-or-self::*[{outside} or "
            f"contains(local-name(), 'Extension')]) "
            f"and not(ancestor::*[@*[local-name()='type'] = 'uml:Profile'])]"
        )
        self.objects = self._ids(self.kind("Class"))
        stub = "//*[@name = 'filter']/*[@*[local-name()='type'] = 'uml:Class']"
        self.objects |= self._ids(self._all(stub))
        self.narrowed = root.xpath(f"count({sample.narrowed})")

    def kind(self, name: str) -> list[etree._Element]:
        return self._all(
            f"{self._here}[@*[local-name()='type'] = 'uml:{name}' "
            f"and not(self::proxy) and not(@href)]"
        )

    def _all(self, path: str) -> list[etree._Element]:
        found = self._root.xpath(path)
        assert isinstance(found, list)
        return [e for e in found if isinstance(e, etree._Element)]

    @staticmethod
    def _ids(elements: list[etree._Element]) -> set[str]:
        return {
            str(value)
            for element in elements
            for key, value in element.attrib.items()
            if str(key).endswith("}id")
        }

    def typed(self) -> list[etree._Element]:
        """Return the properties of types that have a type (UModel leaves some out)."""
        owners = ("Class", "DataType")
        return [
            p
            for owner in owners
            for element in self.kind(owner)
            for p in element.findall("ownedAttribute")
            if p.get("type") or p.find("type") is not None
        ]


@_every
def test_counts_are_those_of_the_drawing(key: str) -> None:
    imported, root = _import(key)
    drawn = _Count(root, _SAMPLES[key])
    typed = drawn.typed()
    relations = [p for p in typed if p.get("type") in drawn.objects]
    compositions = [p for p in relations if p.get("aggregation") == "composite"]
    literals = [x for e in drawn.kind("Enumeration") for x in e.findall("ownedLiteral")]
    found = counts(imported.document)
    assert {
        "objectTypes": found["objectTypes"],
        "dataTypes": found["dataTypes"],
        "enumerations": found["enumerations"],
        "primitiveTypes": found["primitiveTypes"],
        "packages": found["packages"],
        "literals": found["literals"],
        "generalisations": found["generalisations"],
        "compositions": found["compositions"],
        "references": found["references"],
        "properties": found["attributes"]
        + found["compositions"]
        + found["references"]
        + found["narrowed roles"],
        "narrowed": found["narrowed roles"],
    } == {
        "objectTypes": len(drawn.kind("Class")),
        "dataTypes": len(drawn.kind("DataType")),
        "enumerations": len(drawn.kind("Enumeration")),
        "primitiveTypes": len(drawn.kind("PrimitiveType")),
        "packages": len(drawn.kind("Package")) + len(drawn.kind("Model")),
        "literals": len(literals),
        "generalisations": len(drawn.kind("Generalization")),
        "compositions": len(compositions),
        "references": len(relations) - len(compositions),
        "properties": len(typed),
        "narrowed": drawn.narrowed,
    }


def _facts(document: Document) -> set[str]:
    """Return what a document says, line by line."""
    said = set()
    for item in document.types:
        said.add(f"{item.kind} {item.id} {item.extends or ''} {item.abstract}")
        for role in item.roles:
            said.add(f"{role.kind} {role.id} {role.ref} {role.lower}..{role.upper}")
        said.update(f"literal {value.id}" for value in item.values)
        for rule in item.constraints:
            said.add(f"rule {item.id} {rule.role or rule.description}")
    return said


_DIFFERENCES: dict[str, tuple[set[str], set[str]]] = {
    "modelio": (
        # Drawn 0..* with Modelio and 1 with MagicDraw, of which the published one is.
        {"attribute catalog.GenericEllipse.pa ivoa:real 0..-1"},
        {"attribute catalog.GenericEllipse.pa ivoa:real 1..1"},
    ),
    "magicdraw": (set(), set()),
    "filter": (
        # Published without one of the drawn attributes, and with another bound.
        {
            "attribute PhotometryFilter.identifier ivoa:string 1..1",
            "attribute PhotometryFilter.fpsIdentifier ivoa:string 1..1",
        },
        {"attribute PhotometryFilter.fpsIdentifier ivoa:string 0..1"},
    ),
    "ivoa": (
        # Published without the constraints.
        {
            "rule Unit Must conform to VOUnit regexp",
            "rule anyURI format must conform to valid URI",
        },
        set(),
    ),
}
"""What only the import says, and what only the published VO-DML says."""

_SINCE = (
    "catalog.inner.",
    "rule catalog.Source sample:catalog.AbstractSource.positionError",
)
"""What was written into the published VO-DML of the sample after it was drawn."""


@pytest.mark.parametrize("key", _DIFFERENCES)
def test_differences_from_the_published_vodml_are_known(key: str) -> None:
    imported, _ = _import(key)
    published = _facts(read_file(_file(_SAMPLES[key].published)))
    drawn = _facts(imported.document)
    only_drawn, only_published = _DIFFERENCES[key]
    assert drawn - published == only_drawn
    rest = {x for x in published - drawn if not any(words in x for words in _SINCE)}
    assert rest == only_published


def _statements(key: str, engine: str, folder: Path) -> tuple[set[str], list[str]]:
    """Return the tables of a sample, and the SQL that makes them."""
    path = folder / f"{key}.vo-dml.xml"
    path.write_bytes(write_vodml(_import(key)[0].document))
    model, wrong = read_one(path)
    assert wrong == ()
    assert bool(model.tables) == (key != "ivoa"), "base types alone have no tables"
    return set(model.by_name), list(sql.ddl(model, engine))


_TABLES = (
    "SELECT table_schema || '.' || table_name FROM information_schema.tables "
    "WHERE table_schema NOT IN ('main', 'information_schema', 'pg_catalog', 'public')"
)


@_every
def test_duckdb_accepts_the_sql(key: str, tmp_path: Path) -> None:
    tables, statements = _statements(key, "duckdb", tmp_path)
    with duckdb.connect() as connection:
        for statement in statements:
            connection.execute(statement)
        found = {name for (name,) in connection.execute(_TABLES).fetchall()}
    assert found == tables


@_every
@pytest.mark.slow
def test_postgresql_accepts_the_sql(
    key: str, tmp_path: Path, postgres_url: str
) -> None:
    tables, statements = _statements(key, "postgresql", tmp_path)
    with psycopg.connect(postgres_url) as connection:
        for statement in statements:
            connection.execute(statement.encode())
        found = {name for (name,) in connection.execute(_TABLES).fetchall()}
    assert found == tables
