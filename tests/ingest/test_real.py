"""The two public sets: 105 + 4 runs, known values, and nothing that is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from astropy.io import fits
from astropy.time import Time

from distiller.archive import open_archive
from distiller.core.settings import load_settings
from distiller.ingest import Report, ingest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from distiller.archive import Archive

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def loaded(
    hess: Path, cta_1dc: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Archive, Report]]:
    home = tmp_path_factory.mktemp("real-home")
    with open_archive(load_settings(home, authority="org.example")) as archive:
        yield archive, ingest([hess, cta_1dc], archive, "org.example")


@pytest.fixture(scope="module")
def archive(loaded: tuple[Archive, Report]) -> Archive:
    return loaded[0]


def row(archive: Archive, obs_id: str, table: str = "ivoa.obscore") -> dict[str, Any]:
    (found,) = archive.rows(f"SELECT * FROM {table} WHERE obs_id = ?", [obs_id])
    return found


def test_109_runs_in_two_collections(loaded: tuple[Archive, Report]) -> None:
    archive, report = loaded
    assert report.counts["added"] == 109
    assert report.refused == 0
    rows = archive.rows(
        "SELECT obs_collection, count(*) AS n, sum(n_events) AS events "
        "FROM ivoa.obscore JOIN cta.observation USING (obs_id) "
        "GROUP BY obs_collection ORDER BY obs_collection"
    )
    assert [(r["obs_collection"], r["n"], r["events"]) for r in rows] == [
        ("cta-1dc", 4, 419_774),
        ("hess-dl3-dr1", 105, 1_046_156),
    ]
    assert archive.check() == []


def test_ingested_again_nothing_changes(
    loaded: tuple[Archive, Report], hess: Path, cta_1dc: Path
) -> None:
    archive, _ = loaded
    before = archive.digest()
    again = ingest([hess, cta_1dc], archive, "org.example")
    assert again.counts["unchanged"] == 109
    assert archive.digest() == before


def test_the_crab_runs_are_found_by_a_cone(archive: Archive) -> None:
    rows = archive.rows(
        "SELECT obs_id FROM ivoa.obscore "
        "WHERE dst_distance(s_ra, s_dec, 83.633, 22.014) < 2 ORDER BY obs_id"
    )
    assert [r["obs_id"] for r in rows] == ["23523", "23526", "23559", "23592"]


def test_run_23523(archive: Archive) -> None:
    run = row(archive, "23523")
    assert run["t_min"] == pytest.approx(53343.921597, abs=5e-7)
    assert run["t_max"] == pytest.approx(53343.921597 + 1687 / 86400, abs=5e-7)
    assert run["t_exptime"] == 1687.0
    assert run["target_name"] == "Crab"  # TARGET_NAME; OBJECT is "Crab Nebula"
    assert run["s_ra"] == 83.633333333333
    assert run["s_dec"] == 21.514444444444
    assert run["s_fov"] == 5.0
    assert run["facility_name"] == "HESS"
    assert run["instrument_name"] == "H.E.S.S. Phase I"
    assert run["em_max"] == pytest.approx(1.239841984332e-18 / 0.870963589956081)
    assert run["em_min"] == pytest.approx(1.239841984332e-20)
    assert 200 < run["s_resolution"] < 500
    assert run["obs_publisher_did"] == "ivo://org.example/hess-dl3-dr1?23523"
    assert run["calib_level"] == 1
    assert run["dataproduct_type"] == "event"
    observation = row(archive, "23523", "cta.observation")
    assert observation["t_start_tt"] == pytest.approx(53343.922340093, abs=1e-8)
    assert observation["livetime"] == 1581.73681640625


def test_cta_1dc_takes_its_end_from_the_gti(archive: Archive) -> None:
    run = row(archive, "110380")
    start = Time("2021-01-21T11:58:51", scale="utc").mjd
    assert run["t_min"] == pytest.approx(start, abs=1.2e-5)  # cut to whole seconds
    assert run["t_max"] - run["t_min"] == pytest.approx(1800 / 86400, abs=1e-9)
    assert run["s_fov"] == 12.0
    assert run["instrument_name"] is None


def test_no_placeholder_is_stored(archive: Archive) -> None:
    """In every number of every table: none of the values that stand for `unknown`."""
    for condition in (
        (
            "cta.array_configuration WHERE n_tels = 0 OR "
            "tel_list IN ('Baseline', 'string', '')"
        ),
        (
            "cta.site WHERE altitude < 100 OR geo_lon = 0 OR geo_lat = 0 OR "
            "geo_lon > 79 OR name IS NULL"
        ),
        "cta.pointing WHERE alt = 90 OR (ra = 0 AND dec = 0)",
        "cta.target WHERE ra = 0 OR dec = 0 OR name = ''",
        (
            "cta.observation WHERE t_elapsed = 0 OR ontime = 0 OR livetime = 0 OR "
            "deadc = 0 OR observer = 'string' OR obs_mode = ''"
        ),
        (
            "cta.ambient_conditions WHERE zenith = 0 OR trigger_rate = 0 OR "
            "muon_efficiency = 0 OR nsb_level = 0 OR pressure = 0"
        ),
        "cta.response WHERE theta_max = 0 OR psf_fwhm = 0 OR energy_resolution = 0",
        (
            "ivoa.obscore WHERE s_resolution = 0 OR em_res_power = 0 OR s_fov = 0 OR "
            "t_exptime = 0 OR em_min = 0 OR em_max = 0 OR access_estsize = 0 OR "
            "target_name = '' OR instrument_name = '' OR s_xel1 = 0 OR em_xel = 0 OR "
            "isnan(s_ra) OR isnan(s_resolution)"
        ),
    ):
        (found,) = archive.rows(f"SELECT count(*) AS n FROM {condition}")
        assert found["n"] == 0, condition


def test_no_text_column_holds_an_empty_text(archive: Archive) -> None:
    for table in archive.catalog.values():
        if table.schema == "tap_schema" or table.is_view:
            continue
        for column in table.columns:
            if column.is_text:
                (found,) = archive.rows(
                    f'SELECT count(*) AS n FROM {table.name} WHERE "{column.name}" '
                    "IN ('', 'string', 'None', 'nan', 'Baseline')"
                )
                assert found["n"] == 0, (table.name, column.name)


def test_times_are_those_of_the_files(archive: Archive, hess: Path) -> None:
    """Against astropy's reading of the GTI of every tenth run."""
    for path in sorted((hess / "data").glob("*.fits.gz"))[::10]:
        header, gti = fits.getheader(path, "GTI"), fits.getdata(path, "GTI")
        start = Time(
            header["MJDREFI"],
            header["MJDREFF"] + gti["START"][0] / 86400,
            format="mjd",
            scale="tt",
        )
        run = row(archive, str(fits.getval(path, "OBS_ID", "EVENTS")))
        assert run["t_min"] == pytest.approx(start.utc.mjd, abs=1e-9)


def test_the_terms_of_use_travel_with_the_data(archive: Archive) -> None:
    (found,) = archive.rows(
        "SELECT terms, title FROM cta.collection WHERE name = 'hess-dl3-dr1'"
    )
    assert "No scientific publications may be derived" in found["terms"]
    assert found["title"].startswith("H.E.S.S. DL3 public test data release 1")


def test_the_known_faults_of_the_sets_are_found(
    loaded: tuple[Archive, Report],
) -> None:
    _, report = loaded
    runs: dict[str, set[str | None]] = {}
    for finding in report.findings:
        runs.setdefault(finding.code, set()).add(finding.obs_id)
    three = {"110380", "111140", "111159"}
    assert runs["D202"] == three  # TSTOP 8 s early
    assert runs["D205"] == three  # altitude in km
    assert runs["D208"] == three  # longitude of another continent
    assert runs["D206"] == {"111630"}  # OBS_ID as text
    assert runs["D201"] == three | {"111630"}  # N_TELS, ALT_PNT, RA_OBJ
