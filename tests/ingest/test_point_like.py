"""Point-like sets as MAGIC and VERITAS give them, from files to ObsCore."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from astropy.time import Time, TimeDelta
from gammapy.data import DataStore
from tests.ingest.point_like import (
    CUT_DEG,
    FIRST_BIN,
    RECONSTRUCTED_TEV,
    TRUE_TEV,
    PointLike,
    magic_plan,
    write_magic,
    write_veritas,
)

from distiller.analysis.count_map.parameters import CountMapParameters
from distiller.analysis.count_map.run import count
from distiller.analysis.products import InputDataset
from distiller.archive import open_archive
from distiller.core.files import sha256
from distiller.ingest import Options, Report, ingest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.ingest.conftest import RunPlan

    from distiller.archive import Archive
    from distiller.core.settings import Settings
    from distiller.ingest.run import Run

    Judge = Callable[[RunPlan], Run]

pytestmark = pytest.mark.slow

METRES_TEV = 1.239841984332e-18  # wavelength times energy


@pytest.fixture
def archive(installed_home: Settings) -> Iterator[Archive]:
    with open_archive(installed_home) as opened:
        yield opened


def load(archive: Archive, path: Path) -> Report:
    return ingest([path], archive, "org.example", Options())


def stored(archive: Archive, code: str) -> set[str]:
    rows = archive.rows("SELECT code, message FROM cta.finding")
    return {row["message"] for row in rows if row["code"] == code}


def codes(run: Run) -> list[str]:
    return sorted({one.code for one in run.findings})


def said(run: Run, code: str) -> str:
    return next(one.message for one in run.findings if one.code == code)


def test_a_set_like_magics(archive: Archive, tmp_path: Path) -> None:
    report = load(archive, write_magic(tmp_path / "magic"))
    assert report.counts["added"] == 2
    assert archive.check() == []
    assert [f.code for f in report.findings if f.severity != "note"] == []

    rows = archive.rows("SELECT * FROM cta.response ORDER BY response_type")
    assert len(rows) == 6
    assert {row["enclosure"] for row in rows} == {"POINT-LIKE"}
    by_type = {row["response_type"]: row for row in rows}
    assert by_type.keys() == {"aeff", "edisp", "rad_max"}
    cut = by_type["rad_max"]
    assert (cut["gadf_class"], cut["hdu_name"]) == ("RAD_MAX_2D", "RAD_MAX")
    assert cut["energy_min"] == pytest.approx(RECONSTRUCTED_TEV[0])
    assert cut["energy_max"] == pytest.approx(RECONSTRUCTED_TEV[-1])
    assert cut["rad_max"] is None  # it depends on the energy
    assert by_type["aeff"]["energy_min"] == pytest.approx(0.01)
    assert by_type["aeff"]["theta_max"] is None
    assert by_type["edisp"]["energy_resolution"] == pytest.approx(0.2, rel=0.02)

    meaning = (
        "point-like responses: aeff, edisp, rad_max, cut at 0.1-0.25 deg; spectra and "
        "light curves of a source at 0.4 deg off axis are valid, maps of flux are not"
    )
    assert stored(archive, "D221") == {meaning}
    assert stored(archive, "D233") == {
        "field of view unknown: the responses are for 0.4 deg off axis only"
    }
    assert stored(archive, "D234") == {"no PSF table: only aeff, edisp, rad_max"}


def test_what_is_not_known_of_it_is_null(archive: Archive, tmp_path: Path) -> None:
    load(archive, write_magic(tmp_path / "magic"))
    low, high = TRUE_TEV[FIRST_BIN], TRUE_TEV[-1]
    for row in archive.rows("SELECT * FROM cta.product"):
        assert row["s_fov"] is None
        assert row["s_region"] is None
        assert row["s_resolution"] is None
        assert (row["s_ra"], row["s_dec"]) == (83.633, 22.414)
        assert row["energy_min"] == pytest.approx(low)
        assert row["energy_max"] == pytest.approx(high)
    for row in archive.rows("SELECT * FROM ivoa.obscore"):
        assert row["s_fov"] is row["s_region"] is row["s_resolution"] is None
        assert row["em_min"] == pytest.approx(METRES_TEV / high)
        assert row["em_max"] == pytest.approx(METRES_TEV / low)
        assert row["em_res_power"] == pytest.approx(1 / (2.3548 * 0.2), rel=0.02)
        assert row["facility_name"] == "MAGIC"
    for row in archive.rows("SELECT * FROM ivoa.obscore_hea"):
        assert row["s_ref_energy"] is row["s_ref_oaa"] is None
        assert row["energy_min"] == pytest.approx(1e12 * low)
        assert row["energy_max"] == pytest.approx(1e12 * high)
    assert stored(archive, "D232") == {
        "energy range of the effective area: 0.0631-100 TeV"
    }


def test_times_of_a_utc_reference(archive: Archive, tmp_path: Path) -> None:
    folder = write_magic(tmp_path / "magic")
    load(archive, folder)
    reference = Time(56569, 0.5, format="mjd", scale="utc")
    obscore = archive.rows("SELECT obs_id, t_min, t_max FROM ivoa.obscore")
    observed = {r["obs_id"]: r for r in archive.rows("SELECT * FROM cta.observation")}
    for row in obscore:
        start = reference + TimeDelta(900.0 * int(row["obs_id"]), format="sec")
        stop = start + TimeDelta(1800.0, format="sec")
        assert row["t_min"] == pytest.approx(start.utc.mjd, abs=2e-8)
        assert row["t_max"] == pytest.approx(stop.utc.mjd, abs=2e-8)
        own = observed[row["obs_id"]]
        assert own["time_system"] == "UTC"
        assert own["t_start_tt"] == pytest.approx(start.tt.mjd, abs=2e-8)
        gti = DataStore.from_dir(folder).obs(int(row["obs_id"]), "point-like").gti
        assert own["t_start_tt"] == pytest.approx(gti.time_start[0].tt.mjd, abs=2e-8)
    assert len(obscore) == 2


def test_a_set_like_veritas_with_an_absent_file(
    archive: Archive, tmp_path: Path
) -> None:
    report = load(archive, write_veritas(tmp_path / "veritas"))
    assert report.counts["added"] == 2
    bad = [f for f in report.findings if f.severity == "error"]
    assert [(f.code, f.obs_id, Path(f.path).name) for f in bad] == [
        ("D102", "13", "13.anasum.fits")
    ]
    rows = archive.rows("SELECT response_type, enclosure, rad_max FROM cta.response")
    assert {(r["response_type"], r["enclosure"]) for r in rows} == {
        (kind, "POINT-LIKE") for kind in ("aeff", "edisp", "bkg")
    }
    cuts = {r["response_type"]: r["rad_max"] for r in rows}
    assert cuts == {"aeff": 0.1, "edisp": 0.1, "bkg": None}
    for row in archive.rows("SELECT * FROM cta.product"):
        assert row["s_fov"] is row["s_region"] is row["s_resolution"] is None
        assert (row["energy_min"], row["energy_max"]) == (0.15, 30.0)
    assert stored(archive, "D232") == stored(archive, "D235") == set()
    assert stored(archive, "D233") == {
        "field of view unknown: the responses are for 0.5 deg off axis only"
    }
    assert archive.check() == []


def test_a_set_without_index(archive: Archive, tmp_path: Path) -> None:
    folder = write_magic(tmp_path / "magic")
    load(archive, folder)
    digest = archive.rows("SELECT * FROM cta.response ORDER BY response_id")
    for name in ("hdu-index.fits.gz", "obs-index.fits.gz"):
        (folder / name).unlink()
    report = load(archive, folder)
    assert report.counts["added"] == 0
    assert report.counts["refused"] == 0
    again = archive.rows("SELECT * FROM cta.response ORDER BY response_id")
    assert again == digest
    files = sorted(folder.glob("*.fits"))
    opened = DataStore.from_events_files(files, files)
    assert len(opened.get_observations(required_irf="point-like")) == 2


@pytest.mark.parametrize(
    ("write", "cuts_deg"), [(write_magic, CUT_DEG), (write_veritas, [0.1])]
)
def test_gammapy_opens_what_the_tests_make(
    tmp_path: Path, write: Callable[[Path], Path], cuts_deg: Any
) -> None:
    store = DataStore.from_dir(write(tmp_path / "set"))
    ids = [n for n in store.obs_ids if n != 13]
    observations = store.get_observations(ids, required_irf="point-like")
    assert len(observations) == 2
    for one in observations:
        assert one.aeff.is_pointlike
        assert one.edisp.is_pointlike
        assert one.psf is None
        assert len(one.events.table) == 8
        cut = np.ravel(one.rad_max.quantity.to_value("deg"))
        np.testing.assert_allclose(cut, cuts_deg, rtol=1e-6)


def test_a_range_of_offsets_is_a_field_of_view(judged: Judge) -> None:
    run = judged(magic_plan(1, PointLike(theta=(0.0, 1.0, 1.75), table=True)))
    assert run.performance.fov_deg == 3.5
    assert "at the offsets of the table" in said(run, "D221")
    assert "D233" not in codes(run)


@pytest.mark.parametrize("theta", [(0.4, 0.4), (0.3, 0.5)])
def test_one_bin_around_an_offset_is_none(
    judged: Judge, theta: tuple[float, float]
) -> None:
    run = judged(magic_plan(1, PointLike(theta=theta, table=True)))
    assert run.performance.fov_deg is None
    assert said(run, "D233") == "the responses are for 0.4 deg off axis only"


def test_one_bin_from_the_axis_on_is_a_field_of_view(judged: Judge) -> None:
    run = judged(magic_plan(1, PointLike(theta=(0.0, 2.5), table=True)))
    assert run.performance.fov_deg == 5.0


def test_the_cut_as_a_column(judged: Judge) -> None:
    run = judged(magic_plan(1, PointLike(column=True)))
    assert "cut at 0.15 deg" in said(run, "D221")
    assert "D235" not in codes(run)


@pytest.mark.parametrize("cut", [None, 0.0, -1.0, "unknown"])
def test_a_missing_cut_is_named(judged: Judge, cut: Any) -> None:
    run = judged(magic_plan(1, PointLike(fixed_cut=cut, edisp=False)))
    assert said(run, "D235") == (
        "there is no edisp and no RAD_MAX (neither table, column nor keyword)"
    )
    assert "cut at" not in said(run, "D221")
    assert run.performance.resolving_power is None


def test_a_count_map_needs_no_responses(tmp_path: Path) -> None:
    files = sorted(write_magic(tmp_path / "magic").glob("*.fits"))
    inputs = [
        InputDataset(
            did=f"ivo://org.example/magic?{number}",
            obs_id=str(number),
            collection="magic",
            path=path,
            checksum=sha256(path),
            simulated=False,
        )
        for number, path in enumerate(files, start=1)
    ]
    asked = CountMapParameters.model_validate(
        {"obs": ["1", "2"], "ra": 4.0, "dec": 4.0, "width": 12, "binsz": 0.5}
    )
    counts, _ = count(asked, inputs)
    assert counts.data.sum() > 0
