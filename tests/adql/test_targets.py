"""Every node has, on every target, a translation or a declared refusal."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, ClassVar

import pytest
from sqlglot import exp

from distiller.adql import functions, nodes, translate
from distiller.adql.targets.duckdb import DuckDBWriter
from distiller.adql.targets.pgsphere import PgSphereWriter
from distiller.adql.targets.writer import PLAIN, NotTranslated, Refused, Writer
from distiller.core.errors import QueryError

if TYPE_CHECKING:
    from distiller.core.columns import Catalog

WRITERS = [DuckDBWriter, PgSphereWriter]


@pytest.mark.parametrize("writer", WRITERS)
def test_every_node_is_translated_or_refused_by_name(writer: type[Writer]) -> None:
    assert set(writer.WRITES) == set(nodes.NODES)
    for write in writer.WRITES.values():
        assert callable(write) or (isinstance(write, Refused) and write.why)


@pytest.mark.parametrize("writer", WRITERS)
def test_every_function_is_translated_or_refused_by_name(writer: type[Writer]) -> None:
    assert set(writer.CALLS) == set(functions.FUNCTIONS)
    for template in writer.CALLS.values():
        assert isinstance(template, str) or (
            isinstance(template, Refused) and template.why
        )


@pytest.mark.parametrize("writer", WRITERS)
def test_every_type_has_a_name(writer: type[Writer]) -> None:
    flat = {n for n, c in functions.CAST_TYPES.items() if not c.is_geometry}
    assert flat | {"short", "int", "long", "float", "double", "char"} <= set(
        writer.TYPES
    )


@pytest.mark.parametrize("writer", WRITERS)
def test_no_node_and_no_function_is_refused(
    writer: type[Writer],
) -> None:
    refused = {n for n, w in writer.WRITES.items() if isinstance(w, Refused)}
    assert not refused
    assert not [t for t in writer.CALLS.values() if isinstance(t, Refused)]


@pytest.mark.parametrize("writer", WRITERS)
def test_nodes_that_are_not_listed_are_never_written(writer: type[Writer]) -> None:
    for node in (
        exp.Anonymous(this="pg_sleep", expressions=[exp.Literal.number(1)]),
        exp.Drop(this=exp.to_table("x"), kind="TABLE"),
        exp.Lambda(this=exp.column("x"), expressions=[exp.to_identifier("x")]),
        exp.Command(this="COPY"),
        exp.Window(this=exp.Count(this=exp.Star())),
        exp.cast("a", "int"),
    ):
        with pytest.raises(NotTranslated, match="is not known"):
            writer(comments=False).generate(node)


def test_plain_nodes_are_nodes_that_read() -> None:
    assert not {exp.Insert, exp.Update, exp.Delete, exp.Create, exp.Into} & PLAIN


def test_both_engines_refuse_the_same_for_the_same_reason() -> None:
    reasons = [
        {n: w.why for n, w in writer.WRITES.items() if isinstance(w, Refused)}
        for writer in WRITERS
    ]
    assert reasons[0] == reasons[1]


def test_the_fault_of_a_refused_node_has_a_place(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Poor(PgSphereWriter):
        CALLS: ClassVar = {
            **PgSphereWriter.CALLS,
            "IVO_HASWORD": Refused("it knows no words"),
        }

    writers = importlib.import_module("distiller.adql.translate")._WRITERS
    monkeypatch.setitem(writers, "pgsphere", Poor)
    text = "SELECT ivo_hasword(name, 'x') FROM cta.target WHERE 1 = 1"
    with pytest.raises(QueryError, match="IVO_HASWORD: it knows no words") as refusal:
        translate(text, catalog, target="pgsphere")
    (fault,) = refusal.value.faults
    assert (fault.code, fault.column) == ("Q403", 8)
