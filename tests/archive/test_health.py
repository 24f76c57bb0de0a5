"""An archive is made from the model, compared with it, and looked over."""

from __future__ import annotations

import dataclasses
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from distiller.archive import connect, open_archive
from distiller.core.errors import BadParameter, IllegalState
from distiller.core.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.archive import Archive
    from distiller.core.settings import Settings


@contextmanager
def _raw(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the file behind the back of the archive."""
    connection = duckdb.connect(str(settings.archive_path))
    try:
        yield connection
    finally:
        connection.close()


def test_a_new_archive_describes_itself(archive: Archive) -> None:
    assert archive.check() == []
    tables = archive.rows("SELECT table_name FROM tap_schema.tables")
    assert {row["table_name"] for row in tables} == set(archive.catalog)
    columns = archive.rows("SELECT count(*) AS n FROM tap_schema.columns")
    assert columns == [{"n": sum(len(t.columns) for t in archive.catalog.values())}]


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (
            "UPDATE cta.gti SET observation_id = 'gone' WHERE interval_index = 1",
            (
                "cta.gti.observation_id: 1 rows refer to rows of cta.observation that "
                "are not there, such as 'gone'"
            ),
        ),
        (
            "DELETE FROM cta.collection",
            "cta.product.collection_id: 1 rows refer to rows of cta.collection",
        ),
        (
            "UPDATE ivoa.obscore SET s_ra = 1",
            "ivoa.obscore: 1 row is not what the mapping gives, such as 'ivo",
        ),
        ("DELETE FROM ivoa.obscore", "ivoa.obscore: 1 row is missing"),
        (
            "DELETE FROM internal.stored_dataset",
            "1 rows of cta.product are not in internal.stored_dataset",
        ),
        (
            "DELETE FROM tap_schema.columns WHERE column_name = 'em_min'",
            "tap_schema.columns: the row ('ivoa.obscore', 'em_min') is missing",
        ),
    ],
)
def test_damage_is_found_and_named(
    tmp_home: Settings, toy: Any, statement: str, words: str
) -> None:
    with open_archive(tmp_home) as archive:
        archive.store(toy.bundle(1))
    with _raw(tmp_home) as connection:
        connection.execute(statement)
    with open_archive(tmp_home) as archive:
        findings = archive.check()
    assert any(words in finding for finding in findings), findings


def test_another_base_url_changes_every_access_url(
    tmp_home: Settings, toy: Any
) -> None:
    with open_archive(tmp_home) as archive:
        archive.store_many([toy.bundle(1), toy.bundle(2)])
        archive.set_base_url("https://data.example.org/")
        urls = archive.rows("SELECT access_url FROM ivoa.obscore")
        assert all(
            row["access_url"].startswith("https://data.example.org/data/")
            for row in urls
        )
        archive.store(toy.bundle(3))
        assert archive.check() == []
    with open_archive(tmp_home) as archive:
        (row,) = archive.rows(
            "SELECT count(*) AS n FROM ivoa.obscore "
            "WHERE access_url LIKE 'http://127.0.0.1:8000/data/%'"
        )
        assert row["n"] == 3


def test_another_calib_level_is_taken_over(tmp_home: Settings, toy: Any) -> None:
    with open_archive(tmp_home) as archive:
        archive.store(toy.bundle(1))
    levels = {**tmp_home.calib_levels, "DL3": 2}
    with open_archive(load_settings(tmp_home.home, calib_levels=levels)) as archive:
        assert archive.rows("SELECT calib_level FROM ivoa.obscore") == [
            {"calib_level": 2}
        ]
        assert archive.check() == []


def test_an_archive_of_another_model_is_refused(tmp_home: Settings) -> None:
    open_archive(tmp_home).close()
    with _raw(tmp_home) as connection:
        connection.execute(
            "UPDATE internal.setting SET value = 'x' WHERE name = 'model.shape'"
        )
    with pytest.raises(IllegalState) as caught:
        open_archive(tmp_home)
    assert "made with another version of the data model" in str(caught.value)


def test_changed_descriptions_are_renewed(tmp_home: Settings, toy: Any) -> None:
    with open_archive(tmp_home) as archive:
        archive.store(toy.bundle(1))
        digest = archive.digest()
    with _raw(tmp_home) as connection:
        connection.execute("UPDATE tap_schema.columns SET description = 'old'")
        connection.execute(
            "UPDATE internal.setting SET value = 'x' WHERE name = 'model.words'"
        )
    with open_archive(tmp_home) as archive:
        assert archive.check() == []
        assert archive.digest() == digest


def test_clocks_do_not_count_in_the_digest(archive: Archive, toy: Any) -> None:
    archive.store(toy.bundle(1))
    digest = archive.digest()
    bundle = toy.bundle(1, checksum="2")
    product = dict(bundle.rows["cta.product"][0])
    product["ingested"] = archive.rows("SELECT TIMESTAMP '2026-01-01' AS t")[0]["t"]
    rows = {**bundle.rows, "cta.product": (product,)}
    archive.store(dataclasses.replace(bundle, rows=rows))
    assert archive.digest() == digest
    product["title"] = "Another"
    archive.store(dataclasses.replace(bundle, checksum="3", rows=rows))
    assert archive.digest() != digest


def test_without_a_server_the_archive_is_opened_here(tmp_home: Settings) -> None:
    open_archive(tmp_home).close()
    tmp_home.socket_path.touch()  # what a killed server leaves
    with connect(tmp_home) as archive:
        assert archive.check() == []


def test_postgresql_is_refused_by_name(tmp_home: Settings) -> None:
    settings = load_settings(tmp_home.home, database_url="postgresql://x")
    with pytest.raises(BadParameter, match="PostgreSQL is not supported by this ver"):
        open_archive(settings)
