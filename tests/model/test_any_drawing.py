"""Any drawing becomes a model without faults, SQL that runs, and a binding."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

import duckdb
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.model.xmi.drawing import toy

from distiller.adql import translate
from distiller.model.bind import bind
from distiller.model.binding import default_binding
from distiller.model.check import check_document, check_tables
from distiller.model.emit import docs, sql, tap_schema
from distiller.model.names import LONGEST, RESERVED
from distiller.model.read_vodml import read_vodml
from distiller.model.tables import Model
from distiller.model.write_vodml import write_vodml

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow

_WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=6
)
_NAMES = (
    _WORDS
    | st.sampled_from(sorted(RESERVED))
    | st.sampled_from(["A", "a", "xmin", "a_id", "a_2", "Ä", "value", "温度", "class"])
    | st.sampled_from(["Long" * 40, "Long" * 40 + "er"])
)
_BOUNDS = st.sampled_from(["0", "1", "3", "*"])


@st.composite
def _drawings(draw: Callable[..., str]) -> str:
    """Draw packages of classes and data types that have each other, and extend."""
    kinds = draw(st.lists(st.sampled_from(["Class", "Class", "DataType"]), max_size=5))
    elements = []
    for number, kind in enumerate(kinds):
        inside = ""
        if number and kinds[number - 1] == kind and draw(st.booleans()):
            inside = (
                f'<generalization xmi:type="uml:Generalization" xmi:id="g{number}" '
                f'general="t{number - 1}"/>'
            )
        names = draw(st.lists(_NAMES, max_size=4))
        for place, name in enumerate(names):
            # Later data types only: none is inside itself.
            later = [f"t{n}" for n in range(number + 1, len(kinds))]
            to = draw(st.sampled_from(["real", *later]))
            whole = draw(st.sampled_from(["none", "composite"])) if to in later else ""
            upper = draw(_BOUNDS)
            inside += (
                f'<ownedAttribute xmi:type="uml:Property" xmi:id="p{number}.{place}" '
                f'name={quoteattr(name)} type="{to}" aggregation="{whole}">'
                f'<lowerValue xmi:type="uml:LiteralInteger" xmi:id="l{number}.{place}"'
                f' value="0"/><upperValue xmi:type="uml:LiteralUnlimitedNatural" '
                f'xmi:id="u{number}.{place}" value="{upper}"/></ownedAttribute>'
            )
        elements.append(
            f'<packagedElement xmi:type="uml:{kind}" xmi:id="t{number}" '
            f"name={quoteattr(draw(_NAMES))}>{inside}</packagedElement>"
        )
    return "".join(elements)


def _model(body: str) -> Model | None:
    """Return the model of a drawing; None where that contradicts itself."""
    text = write_vodml(toy(body).document)
    document = read_vodml(text, "toy.vo-dml.xml")
    faults = check_document(document, described=False)
    # What a drawing itself says twice, or without end, is its own fault.
    own = ("is composed more than once", "contains another of it, without end")
    assert [fault for fault in faults if not any(words in fault for words in own)] == []
    if faults:
        return None
    found = bind(document, default_binding(document), complete=False)
    assert found.faults == ()
    model = Model((document,), found.tables, schemas={"toy": ""})
    assert check_tables(model, unbound=frozenset({"toy"})) == ()
    return model


@settings(max_examples=150)
@given(_drawings())
def test_any_drawing_becomes_tables(body: str) -> None:
    model = _model(body)
    if model is None:
        return
    with duckdb.connect() as connection:
        for statement in sql.ddl(model):
            connection.execute(statement)
    names = [name for table in model.tables for name in (table.name[4:], *table.names)]
    assert not [name for name in names if len(name) > LONGEST]
    pages = docs.pages(model)
    assert len({page.lower() for page in pages}) == len(pages)
    for row in tap_schema.rows(model)["tap_schema.columns"]:
        column, table = row["column_name"], row["table_name"]
        translate(f"SELECT {column} FROM {table}", model.catalog)


@pytest.mark.slow
def test_postgresql_takes_any_drawing(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:

        @settings(max_examples=60)
        @given(_drawings())
        def taken(body: str) -> None:
            model = _model(body)
            with connection.transaction(force_rollback=True):
                for statement in sql.ddl(model, "postgresql") if model else ():
                    connection.execute(statement.encode())

        taken()
