"""Jobs read the tables that the archive has for a run, and no others."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import fsspec
import numpy as np
import pytest
import yaml
from astropy.io import fits
from tests.ingest.conftest import RunPlan, no_responses, write_indexes

from distiller.analysis import events
from distiller.analysis.count_map.parameters import CountMapParameters
from distiller.analysis.count_map.run import run
from distiller.analysis.products import GoodTimeFile, InputDataset
from distiller.archive import open_archive
from distiller.archive.opening import engine_of
from distiller.core.errors import BadData, Damaged
from distiller.core.files import sha256
from distiller.core.rights import NOBODY
from distiller.ingest import Options, Report, ingest
from distiller.jobs.fetching import at_hand
from distiller.jobs.inputs import resolve

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from distiller.archive import Archive
    from distiller.core.settings import Settings

pytestmark = pytest.mark.slow

ONE = RunPlan(obs_id=1, responses=no_responses)
TWO = RunPlan(
    obs_id=2, n_events=9, gti=((1000.0, 1600.0), (1700.0, 2000.0)),
    header={"MJDREFI": 59001}, responses=no_responses,
)  # fmt: skip
NAMES = ["EVENTS", "GTI", "EVENTS_2", "GTI_2"]
STORED = """
SELECT p.obs_id, f.name, f.role, f.events_hdu, f.gti_hdu
FROM cta.product_file AS f JOIN cta.product AS p ON p.product_id = f.product_id
ORDER BY p.obs_id, f.role
"""


def two_runs(folder: Path, names: list[str] | None = None) -> Path:
    """Write a file with both runs, its tables called so, and an index."""
    folder.mkdir()
    first, second = ONE.hdus(), TWO.hdus()
    tables = [first[1], first[2], second[1], second[2]]
    for table, name in zip(tables, names or NAMES, strict=True):
        table.name = name
    fits.HDUList([fits.PrimaryHDU(), *tables]).writeto(folder / "both.fits")
    index(folder, names or NAMES)
    return folder


def index(folder: Path, names: list[str], gti: str = "both.fits") -> None:
    write_indexes(
        folder, {1: "both.fits", 2: "both.fits"}, hdus=("EVENTS", "GTI"),
        extra={"HDU_NAME": names, "FILE_NAME": ["both.fits", gti] * 2},
    )  # fmt: skip


def taken_in(archive: Archive, folder: Path, settings: Path | None = None) -> Report:
    report = ingest([folder], archive, "org.example", Options(settings=settings))
    assert report.refused == 0, report.findings
    return report


def resolved(archive: Archive, did: str) -> InputDataset:
    (found,), _ = resolve(archive, [f"ivo://org.example/{did}"], NOBODY)
    return found


def map_of(dataset: InputDataset, folder: Path) -> tuple[Any, Any]:
    """Return pixels and good time of a count map, as the job of a user makes it."""
    folder.mkdir()
    asked = {"obs": [dataset.did], "ra": 4, "dec": 4, "width": 12, "binsz": 0.5}
    configuration = CountMapParameters.model_validate({**asked, "e_min": 0.5})
    run(configuration, [dataset], folder, lambda _fraction, _text: None)
    with fits.open(folder / "product.fits") as hdus:
        header = hdus[0].header
        about = [header[name] for name in ("NEVENTS", "ONTIME", "DATE-BEG")]
        return hdus[0].data.copy(), about


def test_each_run_of_a_file_is_read_as_from_a_file_of_its_own(
    make_home: Callable[..., Settings], tmp_path: Path
) -> None:
    folder = two_runs(tmp_path / "both")
    ONE.write(tmp_path / "own" / "one.fits")
    TWO.write(tmp_path / "own" / "two.fits")
    with open_archive(make_home(installed=True)) as archive:
        taken_in(archive, folder)
        stored = [tuple(row.values()) for row in archive.rows(STORED)]
        taken_in(archive, tmp_path / "own")
        found = {n: resolved(archive, f"both?{n}") for n in (1, 2)}
        own = {n: resolved(archive, f"own?{n}") for n in (1, 2)}
    assert stored == [
        ("1", "both.fits", "events", "EVENTS", "GTI"),
        ("2", "both.fits", "events", "EVENTS_2", "GTI_2"),
    ]
    for n, number in ((1, 4), (2, 8)):
        pixels, about = map_of(found[n], tmp_path / f"both{n}")
        wanted, about_own = map_of(own[n], tmp_path / f"own{n}")
        np.testing.assert_array_equal(pixels, wanted)
        assert about == about_own
        assert about[0] == pixels.sum() == number
    assert about[1] == 900.0
    text = (tmp_path / "both2" / "configuration.yaml").read_text()
    (named,) = yaml.safe_load(text)["inputs"]
    assert (named["events_hdu"], named["gti_hdu"]) == ("EVENTS_2", "GTI_2")
    assert "_hdu" not in (tmp_path / "both1" / "configuration.yaml").read_text()


def test_corrections_are_of_the_tables_of_the_run(
    make_home: Callable[..., Settings], tmp_path: Path
) -> None:
    folder = two_runs(tmp_path / "both")
    said = tmp_path / "both.toml"
    said.write_text(
        "".join(
            f'[[override]]\ntable = "{table}"\nkeyword = "MJDREFI"\nvalue = 59007\n'
            'runs = ["2"]\nreason = "as the logbook says"\n'
            for table in ("EVENTS", "GTI")
        )
    )
    with open_archive(make_home(installed=True)) as archive:
        taken_in(archive, folder, said)
        one, two = (events.read(resolved(archive, f"both?{n}")) for n in (1, 2))
        stored = archive.rows("SELECT obs_id, t_min FROM cta.product ORDER BY obs_id")
    assert [row["obs_id"] for row in stored] == ["1", "2"]
    for read, row in zip((one, two), stored, strict=True):
        assert read.good_mjd[0, 0] == pytest.approx(row["t_min"], abs=1e-9)
    assert [int(read.time[0].mjd) for read in (one, two)] == [59000, 59007]


@pytest.mark.parametrize("name", ["GTI", "TIMES"])
def test_good_times_in_another_file(
    make_home: Callable[..., Settings], tmp_path: Path, name: str
) -> None:
    """Though the events file has some, which are not those of the run."""
    folder = tmp_path / "set"
    path = RunPlan(obs_id=7, gti=((1000.0, 1001.5),), responses=no_responses).write(
        folder / "run.fits"
    )
    apart = RunPlan(obs_id=7, has_events=False, responses=no_responses).hdus()
    apart["GTI"].name = name
    apart.writeto(folder / "times.fits")
    write_indexes(
        folder, {7: "run.fits"}, hdus=("EVENTS", "GTI"),
        extra={"FILE_NAME": ["run.fits", "times.fits"], "HDU_NAME": ["EVENTS", name]},
    )  # fmt: skip
    RunPlan(obs_id=7, responses=no_responses).write(tmp_path / "own" / "run.fits")
    with open_archive(make_home(installed=True)) as archive:
        taken_in(archive, folder)
        stored = [tuple(row.values()) for row in archive.rows(STORED)]
        taken_in(archive, tmp_path / "own")
        dataset, own = resolved(archive, "set?7"), resolved(archive, "own?7")
    assert stored == [
        ("7", "run.fits", "events", "EVENTS", None),
        ("7", "times.fits", "gti", None, name),
    ]
    pixels, about = map_of(dataset, tmp_path / "a")
    wanted, about_own = map_of(own, tmp_path / "b")
    np.testing.assert_array_equal(pixels, wanted)
    assert about == about_own
    assert about[1] == 1800.0
    (named,) = yaml.safe_load((tmp_path / "a" / "configuration.yaml").read_text())[
        "inputs"
    ]
    times = folder / "times.fits"
    assert (named["gti_file"], named["gti_sha256"]) == ("times.fits", sha256(times))
    # Both files are to be those that were ingested.
    times.write_bytes(path.read_bytes())
    message = r"^the file of the good times of run 7 \(.*\) changed .*: times\.fits"
    with pytest.raises(Damaged, match=message):
        events.read(dataset)
    times.write_bytes(b"")
    with pytest.raises(BadData, match=r"^D103 times\.fits: the file of the good t"):
        events.read(dataset)


def test_tables_that_no_name_singles_out(
    make_home: Callable[..., Settings], tmp_path: Path
) -> None:
    """Those that were ingested are read: the first where the index gives no names."""
    folder = two_runs(tmp_path / "both", ["EVENTS", "", "EVENTS", "+1"])
    write_indexes(
        folder, {1: "both.fits"}, hdus=("EVENTS", "GTI"),
        extra={"HDU_NAME": ["EVENTS", ""]},
    )  # fmt: skip
    with open_archive(make_home(installed=True)) as archive:
        taken_in(archive, folder)
        dataset = resolved(archive, "both?1")
    assert (dataset.events_hdu, dataset.gti_hdu) == ("+1", "+2")
    read = events.read(dataset)
    assert (read.ra_deg.size, len(read.good_mjd)) == (5, 1)
    with pytest.raises(BadData, match=r"D105 both.fits: .* has no table \+9 \(choose"):
        events.read(dataset.model_copy(update={"events_hdu": "+9"}))


def test_an_index_that_names_no_good_times_is_told_of_several(
    make_home: Callable[..., Settings], tmp_path: Path
) -> None:
    folder = two_runs(tmp_path / "both")
    write_indexes(
        folder, {2: "both.fits"}, hdus=("EVENTS",), extra={"HDU_NAME": ["EVENTS_2"]}
    )
    with open_archive(make_home(installed=True)) as archive:
        report = taken_in(archive, folder)
        assert resolved(archive, "both?2").gti_hdu == "GTI"
    told = [one.message for one in report.findings if one.code == "D129"]
    assert told == ["2 GTI tables; the first was taken"]


def test_an_index_that_names_another_table_is_another_run(
    make_home: Callable[..., Settings], tmp_path: Path
) -> None:
    folder = two_runs(tmp_path / "both")
    with open_archive(make_home(installed=True)) as archive:
        taken_in(archive, folder)
        assert taken_in(archive, folder).counts["unchanged"] == 2
        index(folder, ["EVENTS", "GTI_2", "EVENTS_2", "GTI_2"])
        counts = taken_in(archive, folder).counts
        assert (counts["unchanged"], counts["replaced"]) == (1, 1)
        assert resolved(archive, "both?1").gti_hdu == "GTI_2"


def test_runs_that_were_stored_before_the_tables_were_kept(
    make_home: Callable[..., Settings], tmp_path: Path
) -> None:
    """They are read where the file leaves no choice; ingested again they are told."""
    home = make_home(installed=True)
    folder = two_runs(tmp_path / "both")
    ONE.write(tmp_path / "own" / "run.fits")
    with open_archive(home) as archive:
        taken_in(archive, folder)
        taken_in(archive, tmp_path / "own")
    engine = engine_of(home)
    with closing(engine.session()) as session:
        session.execute("UPDATE cta.product_file SET events_hdu = NULL, gti_hdu = NULL")
        session.execute("UPDATE internal.stored_dataset SET checksum = 'of then'")
    engine.close()
    with open_archive(home) as archive:
        assert events.read(resolved(archive, "own?1")).ra_deg.size == 5
        message = (
            r"the events file of run 2 \(.*\) has 2 tables of EVENTS, and the archive "
            r"does not say which is that of the run: both\.fits \(have the run ingested"
        )
        with pytest.raises(Damaged, match=message):
            events.read(resolved(archive, "both?2"))
        assert taken_in(archive, folder).counts["replaced"] == 2
        assert events.read(resolved(archive, "both?2")).ra_deg.size == 9


def test_good_times_in_a_store_are_fetched(tmp_path: Path) -> None:
    path = RunPlan(obs_id=7, gti=None, responses=no_responses).write(
        tmp_path / "run.fits"
    )
    times = RunPlan(obs_id=7, has_events=False, responses=no_responses).write(
        tmp_path / "times.fits"
    )
    store = fsspec.filesystem("memory")
    store.pipe({"/a/run.fits": path.read_bytes(), "/b/run.fits": times.read_bytes()})
    name = path.relative_to(tmp_path)
    given = InputDataset(
        did="ivo://org.example/set?7", obs_id="7", collection="set", path=name,
        url="memory://a/run.fits", checksum=sha256(path),
        gti_file=GoodTimeFile(
            path=name, url="memory://b/run.fits", checksum=sha256(times)
        ),
    )  # fmt: skip
    folder = tmp_path / "job"
    try:
        with at_hand([given], folder) as (found,):
            assert found.gti_file is not None
            assert found.url is found.gti_file.url is None
            read = events.read(found)
    finally:
        store.store.clear()
    assert (read.ra_deg.size, len(read.good_mjd)) == (5, 1)
    assert not (folder / "inputs").exists()
