"""Instrument responses reach the jobs: the right tables, corrected, fetched once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import fsspec
import pytest
from tests.ingest.conftest import RunPlan, aeff_hdu, responses

from distiller.analysis import event_file, observations
from distiller.analysis.products import InputDataset, ResponseTable
from distiller.archive import open_archive
from distiller.core.errors import BadData, BadParameter, Damaged
from distiller.core.rights import NOBODY
from distiller.ingest import Options, ingest
from distiller.jobs.fetching import at_hand
from distiller.jobs.inputs import resolve

if TYPE_CHECKING:
    from collections.abc import Callable

    from astropy.io import fits

    from distiller.archive import Archive
    from distiller.core.settings import Settings

pytestmark = pytest.mark.slow


def taken_in(archive: Archive, folder: Path, told: str = "") -> None:
    said = folder.with_suffix(".toml")
    said.write_text(told)
    report = ingest([folder], archive, "org.example", Options(settings=said))
    assert report.refused == 0, report.findings


def of_run(archive: Archive, did: str = "set?7") -> InputDataset:
    dids = [f"ivo://org.example/{did}"]
    (found,), _ = resolve(archive, dids, NOBODY, responses=True)
    return found


def test_a_task_that_needs_them_gets_each_table_by_kind_and_class(
    make_home: Callable[..., Settings], tmp_path: Path
) -> None:
    path = RunPlan(obs_id=7).write(tmp_path / "set" / "run.fits")
    told = '[[override]]\ntable = "AEFF"\nkeyword = "LO_THRES"\nvalue = 2.5\n'
    told += 'reason = "as the logbook says"\n'
    with open_archive(make_home(installed=True)) as archive:
        taken_in(archive, path.parent, told)
        dataset = of_run(archive)
        (plain,), _ = resolve(archive, ["7"], NOBODY)
    assert plain.responses == ()
    kinds = {(one.kind, one.gadf_class): one.hdu for one in dataset.responses}
    wanted = {hdu.header["HDUCLAS4"].lower(): hdu.name for hdu in responses()}
    assert {name: hdu for (_, name), hdu in kinds.items()} == wanted
    assert {one.path for one in dataset.responses} == {path}
    with event_file.opened(dataset) as run:
        assert {key: hdu.name for key, hdu in run.responses.items()} == kinds
        assert run.responses["aeff", "aeff_2d"].header["LO_THRES"] == 2.5


def two_areas() -> list[fits.BinTableHDU]:
    other = aeff_hdu()
    other.name = "AEFF2"
    return [*responses(), other]


def no_name() -> list[fits.BinTableHDU]:
    tables = responses()
    for table in tables:
        if table.header["HDUCLAS4"] == "AEFF_2D":
            del table.header["EXTNAME"]
    return tables


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        (two_areas, "there are several tables of aeff"),
        (no_name, "the table of aeff has no name"),
    ],
)
def test_what_cannot_be_told_apart_is_refused(
    make_home: Callable[..., Settings], tmp_path: Path, tables: Any, words: str
) -> None:
    path = RunPlan(obs_id=7, responses=tables).write(tmp_path / "set" / "run.fits")
    with open_archive(make_home(installed=True)) as archive:
        taken_in(archive, path.parent)
        with pytest.raises(BadParameter, match=words) as caught:
            of_run(archive)
    assert "ivo://org.example/set?7" in str(caught.value)


def test_a_task_that_can_do_without_gets_what_is_clear(
    make_home: Callable[..., Settings], tmp_path: Path
) -> None:
    RunPlan(obs_id=7, responses=two_areas).write(tmp_path / "set" / "run.fits")
    RunPlan(obs_id=8).write(tmp_path / "set" / "other.fits")
    with open_archive(make_home(installed=True)) as archive:
        taken_in(archive, tmp_path / "set")
        found, _ = resolve(archive, ["7", "8"], NOBODY, optional=("aeff", "psf"))
    kinds = [{one.kind for one in item.responses} for item in found]
    assert kinds == [{"psf"}, {"aeff", "psf"}]


def dataset(folder: Path, *tables: ResponseTable) -> InputDataset:
    path = folder / "run.fits"
    return InputDataset(
        did="ivo://org.example/set?7", obs_id="7", collection="set",
        path=path, checksum="", responses=tables,
    )  # fmt: skip


def table(path: Path, hdu: str = "AEFF", **given: Any) -> ResponseTable:
    return ResponseTable(
        kind="aeff", gadf_class="aeff_2d", path=path, checksum="", hdu=hdu, **given
    )


def test_responses_of_another_file_are_checked_as_events_are(tmp_path: Path) -> None:
    RunPlan(obs_id=7).write(tmp_path / "run.fits")
    other = tmp_path / "irf.fits"
    with (
        pytest.raises(Damaged, match=r"file of the responses of run 7 .* is gone"),
        event_file.opened(dataset(tmp_path, table(other))),
    ):
        pass
    RunPlan(obs_id=7).write(other)
    with (
        pytest.raises(BadData, match=r"D109 irf.fits: .* has no table AREA"),
        event_file.opened(dataset(tmp_path, table(other, "AREA"))),
    ):
        pass
    changed = table(other).model_copy(update={"checksum": "0" * 64})
    with (
        pytest.raises(Damaged, match=r"changed since it was ingested: irf\.fits"),
        event_file.opened(dataset(tmp_path, changed)),
    ):
        pass


def test_a_file_that_holds_several_tables_is_fetched_once(tmp_path: Path) -> None:
    store = fsspec.filesystem("memory")
    store.pipe("/top/irf.fits", b"responses")
    one = table(Path("irf.fits"), url="memory://top/irf.fits")
    other = one.model_copy(update={"kind": "psf", "hdu": "PSF"})
    given = dataset(tmp_path, one, other)
    try:
        with at_hand([given], tmp_path) as (found,):
            paths = {each.path for each in found.responses}
            assert [each.url for each in found.responses] == [None, None]
            (copy,) = paths
            assert copy.read_bytes() == b"responses"
            assert len(list((tmp_path / "inputs").rglob("*.fits"))) == 1
    finally:
        store.store.clear()
    assert not (tmp_path / "inputs").exists()


def test_a_run_that_does_not_say_where_it_was_taken(
    make_home: Callable[..., Settings], tmp_path: Path
) -> None:
    plan = RunPlan(obs_id=7, header={"GEOLON": None, "GEOLAT": None})
    path = plan.write(tmp_path / "set" / "run.fits")
    with open_archive(make_home(installed=True)) as archive:
        taken_in(archive, path.parent)
        dataset = of_run(archive)
    found = observations.read(dataset)
    assert found.meta.location is None
    assert found.obs_id == "7"
    assert found.aeff is not None
