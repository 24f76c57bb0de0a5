"""What was taken out on purpose stays out, and what has another authority alone."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from tests.archive import changed
from tests.ingest.conftest import RunPlan, write_indexes
from tests.ingest.loading import counts, load, obs_ids, said

from distiller.archive import ledger, open_archive
from distiller.archive.opening import engine_of
from distiller.core.errors import BadParameter
from distiller.core.settings import load_settings
from distiller.ingest import Options, ingest, ingest_refused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from distiller.archive import Archive
    from distiller.core.settings import Settings


pytestmark = pytest.mark.slow


@pytest.fixture
def archive(installed_home: Settings) -> Iterator[Archive]:
    """Return an archive of each engine."""
    with open_archive(installed_home) as opened:
        yield opened


def remove(archive: Archive, *runs: int, note: str) -> None:
    for run in runs:
        assert archive.remove(f"ivo://org.example/good-set?{run}", note=note)


@pytest.mark.parametrize("has_index", [True, False])
def test_a_removed_run_stays_out_until_it_is_restored(
    archive: Archive, gadf_set: Path, *, has_index: bool
) -> None:
    if not has_index:
        for name in ("hdu-index.fits.gz", "obs-index.fits.gz"):
            (gadf_set / name).unlink()
    load(archive, gadf_set)
    remove(archive, 2, note="clouds")
    for _ in range(2):
        report = load(archive, gadf_set)
        assert counts(report) == {"unchanged": 2, "withheld": 1}
        (text,) = said(report, "D236")
        assert text.startswith("removed on 20")
        assert text.endswith(": clouds")
        assert report.refused == 0
        assert ", 1 withheld" in report.as_text()
    assert obs_ids(archive) == ["1", "3"]
    RunPlan(obs_id=2, n_events=99).write(gadf_set / "data" / "run_2.fits.gz")
    assert counts(load(archive, gadf_set)) == {"unchanged": 2, "withheld": 1}
    report = load(archive, gadf_set, restore=frozenset({"2"}))
    assert counts(report) == {"unchanged": 2, "added": 1}
    assert counts(load(archive, gadf_set)) == {"unchanged": 3}


def test_a_collection_that_was_removed_as_a_whole_comes_again(
    archive: Archive, gadf_set: Path
) -> None:
    load(archive, gadf_set)
    remove(archive, 3, note="clouds")
    remove(archive, 1, 2, note=f"{ledger.WITH_ALL}to begin anew")
    assert counts(load(archive, gadf_set)) == {"added": 2, "withheld": 1}


def test_what_is_to_be_restored_must_have_been_there(
    archive: Archive, gadf_set: Path
) -> None:
    load(archive, gadf_set)
    remove(archive, 2, note="clouds")
    with pytest.raises(BadParameter, match="run 22 was not removed from good-set"):
        load(archive, gadf_set, restore=frozenset({"2", "22"}))
    assert obs_ids(archive) == ["1", "3"]


def test_another_authority_makes_no_second_copies(
    archive: Archive, gadf_set: Path, tmp_path: Path
) -> None:
    RunPlan(obs_id=9, gti=None).write(gadf_set / "data" / "run_9.fits.gz")
    write_indexes(gadf_set, {n: f"data/run_{n}.fits.gz" for n in (1, 2, 3, 9)})
    load(archive, gadf_set)
    assert ledger.elsewhere(archive, "org.example") == (0, None)
    before = archive.digest()
    other = RunPlan(obs_id=4).write(tmp_path / "other" / "run_4.fits")
    wanted = (
        "authority: is org.moved, but 3 runs of collection good-set were ingested "
        "under org.example"
    )
    with pytest.raises(BadParameter, match=wanted) as caught:
        ingest([other, gadf_set], archive, "org.moved")
    assert 'set authority = "org.example" again' in str(caught.value.hint)
    with pytest.raises(BadParameter, match=wanted):
        ingest_refused(archive, "org.moved", Options())
    assert archive.digest() == before
    found = ledger.elsewhere(archive, "org.moved")
    assert found == (3, "ivo://org.example/good-set?1")
    remove(archive, 1, 2, 3, note=f"{ledger.WITH_ALL}moved")
    assert ingest([gadf_set], archive, "org.moved").counts["added"] == 3


def readers(archive: Archive) -> dict[str, tuple[str, str | None, str | None]]:
    """Return rights, group and year of release of each run."""
    rows = archive.rows(
        "SELECT obs_id, rights, access_group, release_date FROM cta.product"
    )
    return {
        row["obs_id"]: (
            row["rights"],
            row["access_group"],
            row["release_date"] and row["release_date"].isoformat(),
        )
        for row in rows
    }


CLOSED: dict[str, Any] = {
    "rights": "proprietary",
    "group": "cta",
    "release": datetime(2040, 1, 2),
}
AS_BEFORE = ("proprietary", "cta", "2040-01-02T00:00:00")
WORDS = "proprietary, group cta, until 2040-01-02 00:00:00"


def test_a_restored_run_has_the_readers_that_it_had(
    archive: Archive, gadf_set: Path
) -> None:
    load(archive, gadf_set, **CLOSED)
    remove(archive, 2, note="clouds")
    report = load(archive, gadf_set, restore=frozenset({"2"}))
    assert said(report, "D247") == [WORDS]
    assert said(report, "D227") == []
    assert readers(archive) == dict.fromkeys("123", AS_BEFORE)
    assert counts(load(archive, gadf_set)) == {"unchanged": 3}
    remove(archive, 2, note="clouds")
    again = load(archive, gadf_set, rights="public", restore=frozenset({"2"}))
    assert said(again, "D228") == ["by --rights public"] * 3
    assert said(again, "D247") == []
    assert set(readers(archive).values()) == {("public", None, None)}


@pytest.mark.parametrize("authority", ["org.example", "org.moved"])
def test_a_collection_that_comes_again_has_the_readers_that_it_had(
    archive: Archive, gadf_set: Path, authority: str
) -> None:
    load(archive, gadf_set, **CLOSED)
    remove(archive, 1, 2, 3, note=f"{ledger.WITH_ALL}to begin anew")
    RunPlan(obs_id=4).write(gadf_set / "data" / "run_4.fits.gz")
    write_indexes(gadf_set, {n: f"data/run_{n}.fits.gz" for n in (1, 2, 3, 4)})
    report = ingest([gadf_set], archive, authority)
    assert said(report, "D247") == [WORDS] * 3
    assert said(report, "D227") == [
        "3 runs of the collection were proprietary when they were removed"
    ]
    open_to_all = ("public", None, None)
    assert readers(archive) == {**dict.fromkeys("123", AS_BEFORE), "4": open_to_all}


def test_settings_beat_the_readers_of_a_removed_run(
    archive: Archive, gadf_set: Path
) -> None:
    load(archive, gadf_set, **CLOSED)
    remove(archive, 2, note="clouds")
    settings = gadf_set / "distiller-collection.toml"
    settings.write_text("[[access]]\nrights = 'public'\nruns = [2]")
    report = load(archive, gadf_set, restore=frozenset({"2"}))
    assert said(report, "D228") == ["by the settings"]
    assert readers(archive)["2"] == ("public", None, None)
    assert readers(archive)["1"] == AS_BEFORE


def test_readers_that_an_older_archive_did_not_keep_are_told(
    engine_home: Settings, gadf_set: Path
) -> None:
    with open_archive(engine_home) as archive:
        load(archive, gadf_set, **CLOSED)
        remove(archive, 2, note="clouds")
    engine = engine_of(engine_home)
    with closing(engine), closing(engine.session()) as session, session.transaction():
        session.execute("UPDATE cta.dataset_version SET rights = NULL")
    with open_archive(engine_home) as archive:
        report = load(archive, gadf_set, restore=frozenset({"2"}))
        assert said(report, "D227") == [
            "it is not known who might see it when it was removed"
        ]
        assert readers(archive)["2"] == ("public", None, None)


def test_a_model_of_a_site_without_these_columns_still_serves(
    engine_home: Settings, gadf_set: Path, tmp_path: Path
) -> None:
    folder = changed.copied(tmp_path / "uml")
    document = folder / "cta.vo-dml.xml"
    text = document.read_text()
    for name in ("rights", "releaseDate", "accessGroup"):
        at = text.index(f"<vodml-id>Product.DatasetVersion.{name}<")
        begin = text.rindex("<attribute>", 0, at)
        end = text.index("</attribute>", at) + len("</attribute>")
        text = text[:begin] + text[end:]
    document.write_text(text)
    changed.replace(
        folder / "cta.binding.yaml",
        "      note: {ucd: meta.note}\n      rights: {ucd: meta.code}\n"
        "      releaseDate: {ucd: time.release}\n      accessGroup: {ucd: meta.id}\n",
        "      note: {ucd: meta.note}\n",
    )
    settings = load_settings(
        engine_home.home,
        database_url=engine_home.database_url,
        model_dir=folder,
        authority=engine_home.authority,
    )
    with open_archive(settings) as archive:
        load(archive, gadf_set, **CLOSED)
        remove(archive, 2, note="clouds")
        report = load(archive, gadf_set, restore=frozenset({"2"}))
        assert len(said(report, "D227")) == 1
        assert counts(report) == {"unchanged": 2, "added": 1}
