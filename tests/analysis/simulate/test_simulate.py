"""The simulated set: reproducible, valid FITS, labelled, and true to its truth."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from astropy.coordinates import AltAz, EarthLocation, SkyCoord
from astropy.io import fits
from astropy.table import Table
from astropy.time import Time
from click.testing import CliRunner

from distiller.analysis.simulate import simulate
from distiller.analysis.simulate.response import north, south
from distiller.analysis.simulate.sample import DEAD_TIME, expected_counts
from distiller.analysis.simulate.schedule import programme, survey
from distiller.analysis.simulate.sources import CRAB
from distiller.analysis.simulate.streams import stream
from distiller.cli import main
from distiller.cli.simulate import command
from distiller.core.errors import BadParameter, NoSpace
from distiller.core.sky import separation_deg

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated") / "demo"
    simulate(folder)
    return folder


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def files(folder: Path) -> list[Path]:
    return sorted((folder / "data").glob("*.fits"))


def test_equal_seeds_give_equal_bytes(demo: Path, tmp_path: Path) -> None:
    simulate(tmp_path / "again")
    assert digests(tmp_path / "again") == digests(demo)


def test_another_seed_gives_other_events_and_a_run_is_the_same_in_a_longer_set(
    demo: Path, tmp_path: Path
) -> None:
    simulate(tmp_path / "other", runs=2, seed=2)
    simulate(tmp_path / "short", runs=2)
    for name in ("sim_001001.fits", "sim_001002.fits"):
        first = (demo / "data" / name).read_bytes()
        assert (tmp_path / "short" / "data" / name).read_bytes() == first
        assert (tmp_path / "other" / "data" / name).read_bytes() != first


def test_runs_do_not_share_random_numbers(demo: Path) -> None:
    energies = [fits.getdata(p, "EVENTS")["ENERGY"][:500] for p in files(demo)[:2]]
    assert abs(np.corrcoef(energies[0], energies[1])[0, 1]) < 0.15


def test_every_file_obeys_the_fits_standard_and_says_that_it_is_simulated(
    demo: Path,
) -> None:
    assert len(files(demo)) == 17
    for path in [*files(demo), *demo.glob("*.fits.gz")]:
        with fits.open(path) as hdus:
            hdus.verify("exception")
            assert all(hdu.header["ORIGIN"] == "SYNTHETIC" for hdu in hdus)
            assert path.stat().st_size % 2880 == 0 or path.suffix == ".gz"
    assert (demo / "README.txt").read_text().startswith("SIMULATED DATA")


def test_the_events_header_carries_the_ambient_and_processing_keywords(
    demo: Path,
) -> None:
    header = fits.getheader(files(demo)[0], "EVENTS")
    wanted = {
        *("TRGRATE", "ZTRGRATE", "AIRTEMP", "PRESSURE", "RELHUM", "NSBLEVEL"),
        *("MUONEFF", "BROKPIX", "QUALITY", "N_TELS", "TELLIST", "GEOLON", "GEOLAT"),
        *("ALTITUDE", "CREATOR", "VERSION", "DST_VER", "ANA_VER", "CAL_VER"),
        *("EVTVER", "CONFIG", "ORIGIN", "TELESCOP", "INSTRUME", "OBS_MODE"),
    }
    assert wanted - set(header) == set()
    assert header["LIVETIME"] == pytest.approx(header["ONTIME"] * header["DEADC"])
    assert 150 < header["TRGRATE"] < 400
    assert header["OBJECT"] == "Crab Nebula"


def test_crab_runs_wobble_at_half_a_degree() -> None:
    crab = [r for r in programme(17) if r.field.name == "Crab Nebula"]
    assert len(crab) == 6
    offsets = [
        float(separation_deg(83.633, 22.014, r.ra_pnt_deg, r.dec_pnt_deg)) for r in crab
    ]
    assert offsets == pytest.approx([0.5] * 6, abs=1e-5)


@pytest.mark.parametrize("number", [0, 4, 9, 13])
def test_altitude_and_azimuth_agree_with_astropy(demo: Path, number: int) -> None:
    header = fits.getheader(files(demo)[number], "EVENTS")
    place = EarthLocation(
        lon=header["GEOLON"], lat=header["GEOLAT"], height=header["ALTITUDE"]
    )
    start = Time(
        f"{header['DATE-OBS']}T{header['TIME-OBS']}", scale=header["TIMESYS"].lower()
    )
    frame = AltAz(obstime=Time(start.mjd + 840 / 86400, format="mjd"), location=place)
    seen = SkyCoord(header["RA_PNT"], header["DEC_PNT"], unit="deg").transform_to(frame)
    said = SkyCoord(header["AZ_PNT"], header["ALT_PNT"], unit="deg", frame=frame)
    assert seen.separation(said).deg < 0.5  # precession since J2000 is left out


def test_galactic_coordinates_agree_with_astropy(demo: Path) -> None:
    for path in files(demo):
        header = fits.getheader(path, "EVENTS")
        said = SkyCoord(
            header["GLON_PNT"], header["GLAT_PNT"], unit="deg", frame="galactic"
        )
        where = SkyCoord(header["RA_PNT"], header["DEC_PNT"], unit="deg")
        assert where.separation(said).arcsec < 0.1


@pytest.mark.parametrize("number", [0, 4])
def test_dates_agree_with_elapsed_seconds_on_the_own_time_system(
    demo: Path, number: int
) -> None:
    header = fits.getheader(files(demo)[number], "EVENTS")
    scale = header["TIMESYS"].lower()
    start = Time(
        header["MJDREFI"],
        header["MJDREFF"] + header["TSTART"] / 86400,
        format="mjd",
        scale=scale,
    )
    said = Time(f"{header['DATE-OBS']}T{header['TIME-OBS']}", scale=scale)
    assert abs((start - said).sec) < 1e-3
    assert {fits.getheader(p, "EVENTS")["TIMESYS"] for p in files(demo)} == {
        "TT",
        "UTC",
    }


def test_events_are_in_order_inside_the_good_time_and_the_field(demo: Path) -> None:
    for path in files(demo):
        with fits.open(path) as hdus:
            events, gti, header = hdus["EVENTS"].data, hdus["GTI"].data, None
            header = hdus["EVENTS"].header
        time = events["TIME"]
        assert np.all(np.diff(time) >= 0)
        inside = np.zeros(len(time), dtype=bool)
        for start, stop in zip(gti["START"], gti["STOP"], strict=True):
            inside |= (time >= start) & (time <= stop)
        assert inside.all()
        good = float(np.sum(gti["STOP"] - gti["START"]))
        assert good == header["ONTIME"]
        theta = separation_deg(
            events["RA"], events["DEC"], header["RA_PNT"], header["DEC_PNT"]
        )
        assert theta.max() < 3.001


def test_one_run_was_interrupted(demo: Path) -> None:
    assert [len(fits.getdata(p, "GTI")) for p in files(demo)[:4]] == [1, 1, 2, 1]


def test_source_counts_follow_the_spectrum_and_the_area() -> None:
    """Held against a plain Riemann sum that shares no code with the sampler."""
    run = programme(1)[0]
    response = north(90.0 - run.alt_deg)
    edges = np.geomspace(0.02, 200.0, 4001)
    energy = np.sqrt(edges[1:] * edges[:-1])
    flux = 3.85e-11 * energy ** (-2.51 - 0.104 * np.log(energy))
    area_cm2 = 1e4 * response.effective_area_m2(energy, np.full_like(energy, 0.5))
    seconds = 1680.0 * (1.0 - DEAD_TIME)
    plain = float(np.sum(flux * area_cm2 * np.diff(edges)) * seconds)
    assert expected_counts(run, CRAB, response) == pytest.approx(plain, rel=1e-3)


def test_counts_of_the_crab_are_those_expected_and_lie_around_it(demo: Path) -> None:
    for run, path in zip(programme(2), files(demo)[:2], strict=True):
        events = fits.getdata(path, "EVENTS")
        crab = events[events["MC_ID"] == 1]
        mean = expected_counts(run, CRAB, north(90.0 - run.alt_deg))
        assert 0.75 * mean < len(crab) < mean + 4 * np.sqrt(mean)  # cut at 50 GeV
        middle = np.array([np.median(crab["RA"]), np.median(crab["DEC"])])
        assert middle == pytest.approx([83.633, 22.014], abs=0.02)


@pytest.mark.parametrize("response", [north(20.0), south(45.0)])
def test_the_point_spread_function_holds_one_event(response: object) -> None:
    assert isinstance(response, type(north(0.0)))
    rad = np.linspace(0.0, 5.0, 20001)
    value = response.psf_per_sr(rad, np.array(1.0), np.array(0.5))
    ring = 2.0 * np.pi * np.radians(rad) * value
    assert np.trapezoid(ring, np.radians(rad)) == pytest.approx(1.0, rel=1e-4)


def test_the_indexes_name_every_table(demo: Path) -> None:
    observations = Table.read(demo / "obs-index.fits.gz")
    hdus = Table.read(demo / "hdu-index.fits.gz")
    assert len(observations) == 17
    assert len(hdus) == 17 * 6
    assert set(hdus["HDU_CLASS"]) == {
        *("events", "gti", "aeff_2d", "edisp_2d"),
        *("psf_3gauss", "psf_table", "bkg_2d", "bkg_3d"),
    }
    for row in hdus:
        path = demo / str(row["FILE_DIR"]) / str(row["FILE_NAME"])
        assert fits.getheader(path, str(row["HDU_NAME"]))["EXTNAME"] == row["HDU_NAME"]
    blank = observations[observations["OBJECT"] == "Blank field"]
    assert np.isnan(np.asarray(blank["RA_OBJ"].filled(np.nan))).all()


def test_metadata_only_makes_many_small_runs_with_shared_responses(
    tmp_path: Path,
) -> None:
    simulate(tmp_path / "meta", runs=60, metadata_only=True)
    made = files(tmp_path / "meta")
    assert len(made) == 60
    assert max(path.stat().st_size for path in made) < 40_000
    hdus = Table.read(tmp_path / "meta" / "hdu-index.fits.gz")
    assert len(hdus) == 60 * 6
    shared = [row for row in hdus if row["HDU_TYPE"] == "psf"]
    assert {row["FILE_NAME"] for row in shared} == {
        "sim_irf_north.fits",
        "sim_irf_south.fits",
    }
    for row in shared[:3]:
        fits.getheader(
            tmp_path / "meta" / row["FILE_DIR"] / row["FILE_NAME"], row["HDU_NAME"]
        )
    assert len({run.field.name for run in survey(60, 1)}) == 60


def test_a_run_of_metadata_only_is_the_same_in_a_longer_set(tmp_path: Path) -> None:
    for name, runs, seed in (("short", 3, 1), ("long", 9, 1), ("other", 3, 2)):
        simulate(tmp_path / name, runs=runs, seed=seed, metadata_only=True)
    short, other = digests(tmp_path / "short"), digests(tmp_path / "other")
    long = digests(tmp_path / "long")
    for name in ("data/sim_001001.fits", "data/sim_001003.fits"):
        assert long[name] == short[name]
        assert other[name] != short[name]


def test_fields_of_metadata_only_lie_evenly_over_the_sky() -> None:
    made = survey(2000, seed=1)
    heights = np.sin(np.radians([run.field.dec_deg for run in made])) / 0.97
    turns = np.array([run.field.ra_deg for run in made]) / 180.0 - 1.0
    for values in (heights, turns):
        assert np.abs(values).max() < 1.0
        counts = np.histogram(values, bins=10, range=(-1.0, 1.0))[0]
        assert np.sum((counts - 200.0) ** 2) / 200.0 < 27.9  # chi2 of 9, 0.1 %
    assert abs(np.corrcoef(heights, turns)[0, 1]) < 0.1


def test_streams_are_those_that_a_run_spawns() -> None:
    spawned = np.random.SeedSequence([7, 1001]).spawn(3)
    for use, child in enumerate(spawned):
        wanted = np.random.Generator(np.random.PCG64(child)).random(4)
        assert np.array_equal(stream(7, 1001, use).random(4), wanted)


@pytest.mark.parametrize("metadata_only", [False, True])
def test_a_shorter_set_leaves_nothing_of_a_longer_one(
    tmp_path: Path, *, metadata_only: bool
) -> None:
    simulate(tmp_path / "set", runs=4, seed=2, metadata_only=True)
    simulate(tmp_path / "set", runs=2, metadata_only=metadata_only)
    simulate(tmp_path / "new", runs=2, metadata_only=metadata_only)
    assert digests(tmp_path / "set") == digests(tmp_path / "new")


def test_a_set_that_was_cut_off_is_of_one_seed_and_has_no_index(
    tmp_path: Path,
) -> None:
    """A stop in the middle leaves what it made, and nothing of the set before."""
    simulate(tmp_path / "set", runs=4, metadata_only=True)
    simulate(tmp_path / "new", runs=4, seed=2, metadata_only=True)

    def stop(done: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(tmp_path / "set", runs=4, seed=2, metadata_only=True, report=stop)
    left, whole = digests(tmp_path / "set"), digests(tmp_path / "new")
    assert left.items() <= whole.items()
    assert whole.keys() - left.keys() == {
        *("data/sim_001003.fits", "data/sim_001004.fits"),
        *("hdu-index.fits.gz", "obs-index.fits.gz"),
    }
    simulate(tmp_path / "set", runs=4, seed=2, metadata_only=True)
    assert digests(tmp_path / "set") == whole


def test_what_a_kill_left_half_written_is_removed(tmp_path: Path) -> None:
    simulate(tmp_path / "new", runs=1)
    left = (
        *(".README.txt.ab12_xyz", ".hdu-index.fits.gz.ab12_xyz"),
        *("data/.sim_001001.fits.ab12_xyz", "irf/.sim_irf_north.fits.ab12_xyz"),
    )
    for name in left:
        path = tmp_path / "set" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
        if name == left[0]:
            simulate(tmp_path / "set", runs=1)
    simulate(tmp_path / "set", runs=1)
    assert digests(tmp_path / "set") == digests(tmp_path / "new")


def test_files_of_others_beside_a_simulation_are_left_alone(tmp_path: Path) -> None:
    simulate(tmp_path / "set", runs=1)
    theirs = (
        *("sim_001002.fits", "notes.txt", ".notes.txt.ab12_xyz", "raw/sim_001002.fits"),
        *("data/sim_1002.fits", "data/sim_0001002.fits", "data/sim_000007.fits"),
        *("data/sim_9999999.fits", "data/sim_001002.fits.gz", "data/my_001002.fits"),
        *("data/old/sim_001002.fits", "irf/sim_irf_west.fits", "irf/sim_001002.fits"),
    )
    for name in theirs:
        path = tmp_path / "set" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("theirs")
    (tmp_path / "set" / "data" / "sim_001003.fits").mkdir()
    link = tmp_path / "set" / "data" / "sim_001004.fits"
    link.symlink_to(tmp_path / "set" / "notes.txt")
    simulate(tmp_path / "set", runs=1, seed=2)
    for name in theirs:
        assert (tmp_path / "set" / name).read_text() == "theirs", name
    assert link.is_symlink()
    assert (tmp_path / "set" / "data" / "sim_001003.fits").is_dir()


def test_the_command_says_what_it_made(tmp_path: Path) -> None:
    result = CliRunner().invoke(command, [str(tmp_path / "new"), "--runs", "1"])
    assert result.exit_code == 0
    assert "1 simulated runs in" in result.output


@pytest.mark.parametrize(
    ("runs", "seed", "words"),
    [
        (0, 1, "--runs: 0 is not between 1 and"),
        (1, -1, "--seed: -1 is negative"),
    ],
)
def test_numbers_out_of_range_are_refused(
    tmp_path: Path, runs: int, seed: int, words: str
) -> None:
    with pytest.raises(BadParameter) as caught:
        simulate(tmp_path / "new", runs=runs, seed=seed)
    assert words in caught.value.text


def test_a_place_that_cannot_be_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("x")
    for place, why in (
        (tmp_path / "file" / "set", "Not a directory"),
        (tmp_path / ("n" * 300), "File name too long"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(["simulate", str(place), "--runs", "1"])
        assert ended.value.code == 1
        told = capsys.readouterr()
        assert told.out == ""
        assert told.err.startswith(f"distiller: U100 DIR: cannot use {place}")
        assert told.err.endswith(f": {why} (name a folder that can be written)\n")
        assert told.err.count("\n") == 1


@contextmanager
def somebody_else() -> Iterator[None]:
    """Root may write anywhere: be another user for a while."""
    own = os.geteuid()
    if own == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(own)


@pytest.mark.parametrize(
    ("shut", "mode", "named"),
    [
        (".", 0o555, "set/README.txt"),
        ("set", 0o555, "set"),
        ("set", 0o111, "set"),
    ],
)
def test_a_folder_that_may_not_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shut: str, mode: int, named: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if shut != ".":
        simulate(Path("set"), runs=1)
    before = digests(tmp_path)
    Path(shut).chmod(mode)
    with somebody_else(), pytest.raises(BadParameter) as caught:
        simulate(Path("set"), runs=1, seed=2)
    Path(shut).chmod(0o755)
    assert f"DIR: cannot use {named}: Permission denied" in caught.value.text
    assert digests(tmp_path) == before


@pytest.mark.parametrize("after", [0, 3])
def test_a_full_disk_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    made = tempfile.mkstemp
    opened: list[str] = []

    def full(*, dir: Path, prefix: str) -> tuple[int, str]:  # noqa: A002 - its name
        opened.append(prefix)
        if len(opened) > after:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(dir))
        return made(dir=dir, prefix=prefix)

    monkeypatch.setattr(tempfile, "mkstemp", full)
    with pytest.raises(NoSpace, match="no space left to write") as caught:
        simulate(tmp_path / "set", runs=17, metadata_only=True)
    assert str(tmp_path / "set") in caught.value.text
    assert not (tmp_path / "set" / "obs-index.fits.gz").exists()


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("do not touch")
    with pytest.raises(BadParameter) as caught:
        simulate(tmp_path, runs=1)
    assert "not empty and holds no simulation" in caught.value.text
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
