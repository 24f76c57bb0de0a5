"""What an archive derives from its rows is brought up to date by an upgrade."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from tests.archive import changed
from tests.archive.direct import execute, fetched

from distiller.archive import open_archive
from distiller.archive.ledger import history
from distiller.archive.upgrade import plan, upgrade

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.core.settings import Settings

pytestmark = pytest.mark.slow

_RUNS = 3


@pytest.fixture
def home(installed_home: Settings, toy: Any) -> Settings:
    """Return a home with some datasets of the packaged model."""
    with open_archive(installed_home) as archive:
        archive.store_many([toy.bundle(number) for number in range(_RUNS)])
    return installed_home


def test_another_mapping_is_noticed(home: Settings, tmp_path: Path) -> None:
    folder = changed.copied(tmp_path / "uml")
    changed.replace(
        folder / "obscore.mapping.yaml", "THEN 'em.energy' END", "THEN 'em.wl' END"
    )
    settings = changed.model_dir(home, folder)
    planned = plan(settings)
    assert (planned.differences, planned.is_due) == ((), True)
    assert planned.refilled == ("ivoa.obscore",)
    assert fetched(home, "SELECT DISTINCT em_ucd FROM ivoa.obscore") == [("em.energy",)]
    upgrade(settings, planned)
    assert fetched(home, "SELECT DISTINCT em_ucd FROM ivoa.obscore") == [("em.wl",)]
    assert not plan(settings).is_due
    with open_archive(settings) as archive:
        assert archive.check() == []


def test_an_archive_without_the_checksum_of_its_mapping_gets_it(home: Settings) -> None:
    """One of a version that did not write it; nothing is filled anew for that."""
    there = "SELECT value FROM internal.setting WHERE name = 'model.mapping'"
    before = fetched(home, there)
    execute(home, "DELETE FROM internal.setting WHERE name = 'model.mapping'")
    assert not plan(home).is_due
    with open_archive(home) as archive:
        assert archive.check() == []
    assert len(before) == 1
    assert fetched(home, there) == before


@pytest.mark.parametrize(
    "statement",
    ["DROP TABLE cta.dataset_version CASCADE", "DELETE FROM cta.dataset_version"],
)
def test_datasets_from_before_the_history_have_their_first_state(
    home: Settings, toy: Any, statement: str
) -> None:
    did = toy.did_of(1)
    with open_archive(home) as archive:
        before = archive.rows("SELECT * FROM cta.dataset_version ORDER BY version_id")
    ingested = datetime(2024, 5, 6, 7, 8, 9)
    execute(
        home, f"UPDATE cta.product SET ingested = TIMESTAMP '{ingested}'", statement
    )
    if statement.startswith("DELETE"):
        with open_archive(home) as archive:
            (words,) = archive.check()
            assert words.startswith(f"{_RUNS} datasets have no current state in the")
    planned = plan(home)
    assert (planned.is_due, planned.untold) == (True, _RUNS)
    upgrade(home, planned)
    assert (plan(home).is_due, plan(home).untold) == (False, 0)
    with open_archive(home) as archive:
        assert archive.check() == []
        after = archive.rows("SELECT * FROM cta.dataset_version ORDER BY version_id")
        assert [{**row, "registered": 0} for row in after] == [
            {**row, "registered": 0} for row in before
        ]
        archive.store(toy.bundle(1, checksum="2"))
        first, second = history(archive, did)
        assert (first.number, first.end_reason, first.checksum) == (1, "replaced", "1")
        assert first.registered == ingested
        assert (second.number, second.end_reason, second.checksum) == (2, None, "2")
        assert archive.check() == []


def test_tables_of_tap_schema_get_a_column(home: Settings, tmp_path: Path) -> None:
    """Their rows go first, which keys to them must not hold back."""
    folder = changed.copied(tmp_path / "uml")
    first = "<attribute>\n      <vodml-id>Table.utype<"
    text = (folder / "tap_schema.vo-dml.xml").read_text()
    begin = text.index(first)
    attribute = text[begin : text.index("</attribute>", begin)] + "</attribute>\n    "
    more = attribute.replace("Table.utype", "Table.nrows")
    more = more.replace("<name>utype<", "<name>nrows<")
    changed.replace(folder / "tap_schema.vo-dml.xml", first, more + first)
    changed.replace(
        folder / "tap_schema.binding.yaml",
        "      table_type: {",
        "      nrows: {ucd: meta.number}\n      table_type: {",
    )
    settings = changed.model_dir(home, folder)
    planned = plan(settings)
    assert [str(d).partition(":")[0] for d in planned.differences] == [
        "tap_schema.tables.nrows"
    ]
    upgrade(settings, planned)
    assert not plan(settings).is_due
