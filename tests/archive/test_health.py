"""An archive is made from the model, compared with it, and looked over."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from distiller.archive import connect, open_archive
from distiller.core.errors import BadParameter, IllegalState

if TYPE_CHECKING:
    from collections.abc import Callable

    from distiller.archive import Archive
    from distiller.core.settings import Settings

    Behind = Callable[[Settings, str], None]
    Again = Callable[..., Settings]

pytestmark = pytest.mark.slow


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
    installed_home: Settings, toy: Any, behind: Behind, statement: str, words: str
) -> None:
    with open_archive(installed_home) as archive:
        archive.store(toy.bundle(1))
    behind(installed_home, statement)
    with open_archive(installed_home) as archive:
        findings = archive.check()
    assert any(words in finding for finding in findings), findings


def test_lost_functions_are_told_and_made_anew(
    installed_home: Settings, behind: Behind
) -> None:
    lost = "dst.may_meet" if installed_home.database_url else "dst_contains"
    with open_archive(installed_home) as archive:
        if installed_home.database_url is None:
            archive._session.execute("DROP MACRO dst_contains")
        else:
            behind(installed_home, "DROP FUNCTION dst.may_meet")
        (finding,) = archive.check()
        assert finding.startswith(f"the function {lost} is not there: `distiller init`")
    with open_archive(installed_home) as archive:
        assert archive.check() == []


def test_another_base_url_changes_every_access_url(
    installed_home: Settings, toy: Any, again: Again
) -> None:
    with open_archive(installed_home) as archive:
        archive.store_many([toy.bundle(1), toy.bundle(2)])
        archive.set_base_url("https://data.example.org/")
        urls = archive.rows("SELECT access_url FROM ivoa.obscore")
        assert all(
            row["access_url"].startswith("https://data.example.org/data/")
            for row in urls
        )
        archive.store(toy.bundle(3))
        assert archive.check() == []

    def count(archive: Archive, url: str) -> int:
        sql = "SELECT count(*) AS n FROM ivoa.obscore WHERE access_url LIKE ?"
        return int(archive.rows(sql, [f"{url}/data/%"])[0]["n"])

    # Who says nothing of it leaves it as it is: a command beside a server.
    with open_archive(installed_home) as archive:
        assert count(archive, "https://data.example.org") == 3
        archive.store(toy.bundle(4))
        assert count(archive, "https://data.example.org") == 4
    other = again(installed_home, base_url="http://127.0.0.1:9000")
    with open_archive(other) as archive:
        assert count(archive, "http://127.0.0.1:9000") == 4
        assert archive.check() == []


def test_another_calib_level_is_taken_over(
    installed_home: Settings, toy: Any, again: Again
) -> None:
    with open_archive(installed_home) as archive:
        archive.store(toy.bundle(1))
    levels = {**installed_home.calib_levels, "DL3": 2}
    with open_archive(again(installed_home, calib_levels=levels)) as archive:
        assert archive.rows("SELECT calib_level FROM ivoa.obscore") == [
            {"calib_level": 2}
        ]
        assert archive.check() == []


def test_the_words_of_a_site_are_taken_over(
    engine_home: Settings, toy: Any, again: Again
) -> None:
    asked = "SELECT dataproduct_type, access_format FROM ivoa.obscore ORDER BY obs_id"
    with open_archive(engine_home) as archive:
        archive.store(toy.bundle(1))
        (before,) = archive.rows(asked)
        assert before == {
            "dataproduct_type": "event",
            "access_format": "application/fits",
        }
    draft: dict[str, Any] = {
        "product_types": {"event": "hea-event-list", "image": "map"},
        "event_format": "application/x-gadf",
    }
    words = {
        "dataproduct_type": "hea-event-list",
        "access_format": "application/x-gadf",
    }
    with open_archive(again(engine_home, **draft)) as archive:
        assert archive.rows(asked) == [words]
        archive.store(toy.bundle(2))
        assert archive.rows(asked) == [words] * 2
        assert archive.check() == []
    with open_archive(again(engine_home)) as archive:
        assert archive.rows(asked) == [before] * 2
    with pytest.raises(BadParameter, match="there is no product type 'events'"):
        open_archive(again(engine_home, product_types={"events": "hea-event-list"}))


def test_an_archive_of_another_model_is_refused(
    installed_home: Settings, behind: Behind
) -> None:
    open_archive(installed_home).close()
    behind(
        installed_home,
        "UPDATE internal.setting SET value = 'x' WHERE name = 'model.shape'",
    )
    with pytest.raises(IllegalState) as caught:
        open_archive(installed_home)
    assert "made with another version of the data model" in str(caught.value)


def test_changed_descriptions_are_renewed(
    installed_home: Settings, toy: Any, behind: Behind
) -> None:
    with open_archive(installed_home) as archive:
        archive.store(toy.bundle(1))
        digest = archive.digest()
    behind(installed_home, "UPDATE tap_schema.columns SET description = 'old'")
    behind(
        installed_home,
        "UPDATE internal.setting SET value = 'x' WHERE name = 'model.words'",
    )
    with open_archive(installed_home) as archive:
        assert archive.check() == []
        assert archive.digest() == digest


def test_clocks_do_not_count_in_the_digest(archive: Archive, toy: Any) -> None:
    archive.store(toy.bundle(1))
    before = toy.present(archive)
    bundle = toy.bundle(1, checksum="2")
    product = dict(bundle.rows["cta.product"][0])
    product["ingested"] = archive.rows("SELECT TIMESTAMP '2026-01-01' AS t")[0]["t"]
    rows = {**bundle.rows, "cta.product": (product,)}
    archive.store(dataclasses.replace(bundle, rows=rows))
    assert toy.present(archive) == before
    product["title"] = "Another"
    archive.store(dataclasses.replace(bundle, checksum="3", rows=rows))
    assert toy.present(archive) != before


def test_without_a_server_the_archive_is_opened_here(installed_home: Settings) -> None:
    open_archive(installed_home).close()
    installed_home.socket_path.touch()  # what a killed server leaves
    with connect(installed_home) as archive:
        assert archive.check() == []
