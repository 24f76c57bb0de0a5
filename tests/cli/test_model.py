"""``distiller model``: what it prints and how it ends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import duckdb
from click.testing import CliRunner

from distiller.cli import program
from distiller.model.load import PACKAGED

if TYPE_CHECKING:
    from pathlib import Path


def _run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(program, ["model", *arguments])
    text = result.output
    if result.exception and not isinstance(result.exception, SystemExit):
        text += str(result.exception)
    return result.exit_code, text


def test_sql_can_be_fed_to_duckdb() -> None:
    status, text = _run("sql")
    assert status == 0
    connection = duckdb.connect()
    connection.execute(text)
    assert connection.execute("SELECT count(*) FROM ivoa.obscore").fetchall() == [(0,)]


def test_sql_of_a_file_is_that_of_the_file() -> None:
    status, text = _run("sql", str(PACKAGED / "tap_schema.vo-dml.xml"))
    assert status == 0
    assert "CREATE TABLE tap_schema.columns" in text
    assert "cta." not in text


def test_postgresql_is_refused_by_name() -> None:
    status, text = _run("sql", "--engine", "postgresql")
    assert status == 1
    assert "postgresql is not supported by this version" in text


def test_tap_schema_is_lines_of_json() -> None:
    status, text = _run("tap-schema")
    assert status == 0
    rows = [json.loads(line) for line in text.splitlines()]
    sizes = [r for r in rows if r.get("column_name") == '"size"']
    assert {r["table_name"] for r in sizes} == {
        "tap_schema.columns",
        "cta.product",
        "cta.product_file",
    }


def test_check_says_that_all_is_well() -> None:
    assert _run("check") == (0, "24 tables, 248 columns: no fault\n")


def test_check_of_a_bad_file_lists_its_faults(tmp_path: Path) -> None:
    path = tmp_path / "bad.vo-dml.xml"
    text = (PACKAGED / "tap_schema.vo-dml.xml").read_text()
    path.write_text(text.replace("tap_schema:Column<", "tap_schema:Colunm<"))
    status, text = _run("check", str(path))
    assert status == 1
    assert "no such type (did you mean tap_schema:Column?)" in text


def test_a_file_of_another_name_is_refused() -> None:
    status, text = _run("sql", __file__)
    assert status == 2
    assert "the name of a model ends in .vo-dml.xml" in text
