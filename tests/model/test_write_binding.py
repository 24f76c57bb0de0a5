"""A binding to begin with makes the tables that a model has without one."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import duckdb
import psycopg
import pytest
from click.testing import CliRunner
from tests.model.bind.hierarchy import TOY, made, with_types

from distiller.cli import program
from distiller.model.bind import bind
from distiller.model.binding import default_binding, read_binding
from distiller.model.emit import sql
from distiller.model.entities import Import
from distiller.model.load import load_file, packaged_paths
from distiller.model.read_vodml import read_file
from distiller.model.write_binding import write_binding
from distiller.model.write_vodml import write_vodml

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.model.entities import Document

pytestmark = pytest.mark.slow

_WORDS = made(
    "objectType", "Words",
    *(("attribute", name, "ivoa:string", 0, 1) for name in ("null", "on", "true")),
    ("attribute", "no", "ivoa:string", 0, -1),
    ("reference", "other", "else:a.Thing", 0, 1),
    ("reference", "others", "else:a.Thing", 0, -1),
)  # fmt: skip
_INNER = made("dataType", "Inner", ("attribute", "samples", "ivoa:real", 0, -1))
_OUTER = made("objectType", "Outer", ("attribute", "inner", "toy:Inner", 0, 3))
_ODD = replace(
    with_types(_WORDS, _INNER, _OUTER), imported=(Import("ivoa"), Import("else"))
)
_DOCUMENTS = [
    pytest.param(TOY, id="toy"),
    pytest.param(_ODD, id="odd"),
    pytest.param(with_types(), id="empty"),
    *(pytest.param(read_file(path), id=path.name) for path in packaged_paths()),
]


@pytest.mark.parametrize("document", _DOCUMENTS)
def test_the_binding_written_makes_what_there_is_without_it(
    document: Document, tmp_path: Path
) -> None:
    path = tmp_path / "x.binding.yaml"
    path.write_text(write_binding(document), encoding="utf-8")
    usual = bind(document, default_binding(document), complete=False)
    written = bind(document, read_binding(path), complete=True)
    assert written.faults == ()
    assert [replace(t, rows="own", owner=None) for t in written.tables] == [
        replace(t, rows="own", owner=None) for t in usual.tables
    ]


def _saved(folder: Path, document: Document) -> Path:
    path = folder / f"{document.name}.vo-dml.xml"
    path.write_bytes(write_vodml(replace(document, package_tree=())))
    result = CliRunner().invoke(program, ["model", "binding", str(path)])
    assert result.exit_code == 0, result.output
    (folder / f"{document.name}.binding.yaml").write_text(result.output)
    return path


def test_the_command_prints_it_and_duckdb_takes_its_sql(tmp_path: Path) -> None:
    path = _saved(tmp_path, _ODD)
    with duckdb.connect() as connection:
        for statement in sql.ddl(load_file(path)):
            connection.execute(statement)
        found = connection.execute("DESCRIBE toy.words").fetchall()
    assert [row[0] for row in found] == ["words_id", "null", "on", "true", "other_id"]


@pytest.mark.slow
def test_postgresql_takes_its_sql(tmp_path: Path, postgres_url: str) -> None:
    path = _saved(tmp_path, TOY)
    with psycopg.connect(postgres_url) as connection:
        for statement in sql.ddl(load_file(path), "postgresql"):
            connection.execute(statement.encode())


def test_a_model_with_faults_gets_no_binding(tmp_path: Path) -> None:
    path = tmp_path / "toy.vo-dml.xml"
    wrong = made("objectType", "A", ("attribute", "x", "toy:B", 1, 1), extends="A")
    path.write_bytes(write_vodml(replace(with_types(wrong), package_tree=())))
    result = CliRunner().invoke(program, ["model", "binding", str(path)])
    assert result.exit_code != 0
    assert re.search(r"M100 .*toy:B: no such type", str(result.exception))
