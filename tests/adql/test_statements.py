"""Valid statements, which all run, and invalid ones, each with its fault.

Both tables stand in ``fixtures`` and can be extended by who knows ADQL.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from distiller.adql import check_syntax, translate
from distiller.core.errors import QueryError

if TYPE_CHECKING:
    import duckdb

    from distiller.adql.translate import Target
    from distiller.core.columns import Catalog

_FIXTURES = Path(__file__).parent / "fixtures"


def _blocks(name: str, separator: str = "\n\n") -> list[str]:
    text = (_FIXTURES / name).read_text(encoding="utf-8")
    return [b for b in text.strip("\n").split(separator) if b]


VALID = _blocks("valid.sql")
INVALID = _blocks("invalid.sql", "\n\n-- ")


def test_both_tables_are_long() -> None:
    assert len(VALID) >= 80
    assert len(INVALID) >= 80


@pytest.mark.parametrize("text", VALID)
def test_a_valid_statement_is_translated_and_runs(
    text: str, catalog: Catalog, sky: duckdb.DuckDBPyConnection
) -> None:
    translation = translate(text, catalog)
    names = [d[0] for d in sky.execute(translation.sql).description or ()]
    assert names == [column.name for column in translation.columns]
    assert translation.tables <= set(catalog)


@pytest.mark.parametrize("text", VALID)
def test_a_valid_statement_is_valid_without_looking_up_names(text: str) -> None:
    assert check_syntax(text) == ()


@pytest.mark.parametrize("block", INVALID)
def test_an_invalid_statement_is_refused_at_its_place(
    block: str, catalog: Catalog
) -> None:
    head, _, text = block.removeprefix("-- ").partition("\n")
    place, code, message = head.split(" ", 2)
    with pytest.raises(QueryError) as refusal:
        translate(text, catalog)
    found = [
        fault
        for fault in refusal.value.faults
        if f"{fault.line}:{fault.column}" == place and fault.code == code
    ]
    assert found, refusal.value.text
    assert message in found[0].message
    assert str(found[0]) in refusal.value.text


@pytest.mark.parametrize("block", INVALID)
def test_syntax_alone_finds_what_is_not_about_names(block: str) -> None:
    head, _, text = block.removeprefix("-- ").partition("\n")
    place, code, _ = head.split(" ", 2)
    found = {(f"{f.line}:{f.column}", f.code) for f in check_syntax(text)}
    if code.startswith("Q1") or code in {"Q301", "Q302"}:
        assert (place, code) in found
    if code.startswith(("Q2", "Q4")):
        assert (place, code) not in found


def _pairs(name: str) -> list[tuple[str, str]]:
    pairs = []
    for block in _blocks(name):
        text, _, expected = block.removesuffix(";").partition(";\n")
        pairs.append((text, expected))
    return pairs


@pytest.mark.parametrize(
    ("target", "text", "expected"),
    [
        *(("duckdb", *pair) for pair in _pairs("duckdb.sql")),
        *(("pgsphere", *pair) for pair in _pairs("pgsphere.sql")),
    ],
)
def test_the_sql_is_as_written_in_the_fixtures(
    target: Target, text: str, expected: str, catalog: Catalog
) -> None:
    assert translate(text, catalog, target=target).sql == expected


@pytest.mark.parametrize("text", [t for t, _ in _pairs("duckdb.sql")])
def test_the_sql_of_the_fixtures_runs(
    text: str, catalog: Catalog, sky: duckdb.DuckDBPyConnection
) -> None:
    sky.execute(translate(text, catalog).sql).fetchall()
