"""The documented questions have the right answers, on both engines.

The archive is the simulated set with one count map in it. What is expected is counted
from the plan of the simulation and from the files, not from the archive.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from astropy.io import fits
from astropy.time import Time

from distiller.adql import translate
from distiller.analysis.products import InputDataset, ProductDescription, ProductFile
from distiller.analysis.simulate import simulate
from distiller.analysis.simulate.headers import VERSION
from distiller.analysis.simulate.schedule import programme
from distiller.archive import open_archive
from distiller.core.files import sha256
from distiller.core.identifiers import key
from distiller.ingest.load import Options, ingest
from distiller.jobs import registration
from distiller.jobs.ends import End
from distiller.jobs.spec import Heritage, JobSpec
from distiller.model.examples import examples

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from distiller.archive import Archive
    from distiller.core.settings import Settings

pytestmark = pytest.mark.slow

RUNS = 17
QUERIES = {one.name: one.adql for one in examples()}
DID = "ivo://org.example/simulated?"
DATES = (
    *("1901-01-01", "1999-12-31", "2000-01-31", "2000-02-29", "2000-03-01"),
    *("2023-02-28", "2024-02-29", "2024-03-01", "2100-02-28"),
)
CRAB = ("1001", "1002")
"""Runs that the count map was made from."""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("questions") / "simulated"
    simulate(path, runs=RUNS)
    return path


@pytest.fixture(scope="session")
def headers(folder: Path) -> dict[str, Any]:
    """Return the header of each event list by obs_id."""
    paths = sorted((folder / "data").glob("*.fits"))
    found = [fits.getheader(path, "EVENTS") for path in paths]
    return {str(header["OBS_ID"]): header for header in found}


@pytest.fixture
def archive(installed_home: Settings, folder: Path) -> Iterator[Archive]:
    with open_archive(installed_home) as opened:
        ingest([folder], opened, "org.example", Options(collection="simulated"))
        opened.store(count_map(installed_home, folder))
        yield opened


def count_map(settings: Settings, folder: Path) -> Any:
    """Return the bundle of a count map of two Crab runs, as a job registers it."""
    target = settings.home / "product"
    target.mkdir()
    (target / "product.fits").write_bytes(b"a map")
    (target / "configuration.yaml").write_text("software: {gammapy: '2.1'}\n")
    paths = {obs_id: folder / "data" / f"sim_00{obs_id}.fits" for obs_id in CRAB}
    spec = JobSpec(
        job_id="a job",
        task="count_map",
        task_version="1",
        owner="marie",
        parameters={"obs": list(CRAB), "ra": 83.6, "dec": 22.0, "e_min": 0.1},
        inputs=tuple(
            InputDataset(
                did=f"{DID}{obs_id}",
                obs_id=obs_id,
                collection="simulated",
                path=path,
                checksum=sha256(path),
            )
            for obs_id, path in paths.items()
        ),
        heritage=Heritage(
            collection="simulated",
            collection_id=key("collection", "simulated"),
            rights="public",
            release_date=None,
            access_group=None,
            facility_name="SIMULATED",
            instrument_name=None,
            target_name="Crab Nebula",
        ),
        duration_s=60,
        memory_mb=100,
    )
    product = ProductDescription(
        title="Count map of the Crab",
        description="Raw counts.",
        product_type="image",
        product_subtype="count-map",
        files=tuple(
            ProductFile(result_id=role, role=role, name=name, media_type=kind)
            for role, name, kind in (
                ("product", "product.fits", "application/fits"),
                ("configuration", "configuration.yaml", "application/yaml"),
            )
        ),
        simulated=True,
    )
    end = End(
        phase="COMPLETED",
        error=None,
        started=datetime(2026, 1, 2),
        ended=datetime(2026, 1, 2, 0, 1),
        product=product,
    )
    return registration.bundle(spec, product, end, target, settings)


def answer(archive: Archive, name: str) -> list[tuple[Any, ...]]:
    found = translate(QUERIES[name], archive.catalog, target=archive.target)
    return [tuple(row.values()) for row in archive.rows(found.sql)]


MAP = registration.product_id("a job")


def test_datasets_of_a_run(archive: Archive) -> None:
    rows = answer(archive, "datasets-of-a-run")
    assert [(row[0], row[1], row[2]) for row in rows] == [
        (f"{DID}1001", "DL3", "event-list"),
        (f"{DID}count_map/{MAP}", "DL4", "count-map"),
    ]


def test_products_of_a_pipeline_version(archive: Archive) -> None:
    assert f"'{VERSION}'" in QUERIES["products-of-a-pipeline-version"]
    rows = answer(archive, "products-of-a-pipeline-version")
    runs = {f"{DID}{run.obs_id}" for run in programme(RUNS)}
    assert {row[0] for row in rows} == runs | {f"{DID}count_map/{MAP}"}
    assert len(rows) == RUNS + 1


def test_runs_on_a_source_near_zenith(archive: Archive) -> None:
    wanted = [
        (str(run.obs_id), pytest.approx(90.0 - run.alt_deg))
        for run in sorted(programme(RUNS), key=lambda run: -run.alt_deg)
        if run.field.name == "Crab Nebula"
        and run.alt_deg > 60.0
        and len(run.site.telescopes.split(",")) >= 4
    ]
    assert len(wanted) > 1
    rows = answer(archive, "runs-on-a-source-near-zenith")
    assert [(row[0], row[2]) for row in rows] == wanted


def test_runs_by_conditions(archive: Archive, headers: dict[str, Any]) -> None:
    wanted = [
        (obs_id, header["TRGRATE"], header["MUONEFF"])
        for obs_id, header in headers.items()
        if header["TRGRATE"] > 320 and header["MUONEFF"] >= 0.84
    ]
    assert 1 < len(wanted) < RUNS
    rows = answer(archive, "runs-by-conditions")
    assert [(row[0], row[1], row[3]) for row in rows] == wanted


def test_history_of_a_product(archive: Archive, folder: Path) -> None:
    rows = answer(archive, "history-of-a-product")
    sums = [sha256(folder / "data" / f"sim_00{obs_id}.fits")[:16] for obs_id in CRAB]
    entity = rows[0][0]
    assert entity.startswith(f"{DID}count_map/{MAP}#")
    task = (entity, "Count map of the Crab", "count_map", "1")
    assert rows == [
        (*task, f"{DID}{obs_id}#{digits}", "distiller simulate", VERSION)
        for obs_id, digits in zip(CRAB, sums, strict=True)
    ]


def test_states_of_a_dataset(archive: Archive) -> None:
    ((number, entity, registered, *rest),) = answer(archive, "states-of-a-dataset")
    assert (number, rest) == (1, [None, None, None])
    assert registered is not None
    archive.remove(f"{DID}1001", note="a broken camera")
    ((_, _, _, ended, reason, note),) = answer(archive, "states-of-a-dataset")
    assert ended >= registered
    assert (reason, note) == ("removed", "a broken camera")
    # What was made from it still says so.
    used = {row[4] for row in answer(archive, "history-of-a-product")}
    assert entity in used


def test_uses_of_a_response(archive: Archive) -> None:
    rows = answer(archive, "uses-of-a-response")
    south = {r.obs_id for r in programme(RUNS) if r.site.name == "South"}
    assert {row[0] for row in rows} == {f"{DID}{obs_id}" for obs_id in south}
    north = QUERIES["uses-of-a-response"].replace("South", "North")
    found = translate(north, archive.catalog, target=archive.target)
    dids = [row["publisher_did"] for row in archive.rows(found.sql)]
    assert len(dids) == len(set(dids)) == RUNS - len(south) + 1
    assert f"{DID}count_map/{MAP}" in dids


def test_runs_of_a_proposal(archive: Archive) -> None:
    wanted = [
        str(run.obs_id)
        for run in programme(RUNS)
        if run.field.name in {"PKS 2155-304", "Mrk 421"}
    ]
    rows = answer(archive, "runs-of-a-proposal")
    assert [row[0] for row in rows] == wanted
    proposals = {
        row["obs_id"]: row["proposal_id"]
        for row in archive.rows(
            "SELECT obs_id, proposal_id FROM ivoa.obscore ORDER BY obs_id"
        )
    }
    assert [obs for obs, one in proposals.items() if one == "SIM-2024-02"] == wanted


def test_livetime_by_target_and_month(
    archive: Archive, headers: dict[str, Any]
) -> None:
    wanted: dict[tuple[str, int], list[float]] = defaultdict(list)
    for header in headers.values():
        scale = header["TIMESYS"].lower()
        met = header["TSTART"] / 86400.0
        start = Time(
            header["MJDREFI"], header["MJDREFF"] + met, format="mjd", scale=scale
        )
        month = int(start.utc.strftime("%Y%m"))
        wanted[header["OBJECT"], month].append(header["LIVETIME"])
    rows = answer(archive, "livetime-by-target-and-month")
    assert [row[:3] for row in rows] == [
        (*group, len(values)) for group, values in sorted(wanted.items())
    ]
    for row in rows:
        assert row[3] == pytest.approx(sum(wanted[row[0], row[1]]) / 3600.0)


def test_the_month_of_a_date(archive: Archive) -> None:
    """The arithmetic of the example, on the edges of months and leap years."""
    for date in DATES:
        mjd = Time(f"{date}T23:59:59", scale="tt").mjd
        query = QUERIES["livetime-by-target-and-month"].replace(
            "FLOOR(o.t_start)", f"FLOOR({mjd})"
        )
        found = translate(query, archive.catalog, target=archive.target)
        months = {row["utc_month"] for row in archive.rows(found.sql)}
        assert months == {int(date[:7].replace("-", ""))}, date


def test_high_energy_columns(archive: Archive) -> None:
    rows = answer(archive, "high-energy-columns")
    assert [row[0] for row in rows] == [str(run.obs_id) for run in programme(RUNS)]
    assert {row[5] for row in rows} == {"sidereal"}
    assert [row[3] for row in rows] == pytest.approx([1e14] * RUNS)


def test_nothing_is_wrong_with_the_archive(archive: Archive) -> None:
    assert archive.check() == []


def _rows(archive: Archive, text: str) -> list[tuple[Any, ...]]:
    found = translate(text, archive.catalog, target=archive.target)
    return [tuple(row.values()) for row in archive.rows(found.sql)]


def test_runs_are_found_by_their_good_time(archive: Archive) -> None:
    rows = _rows(
        archive,
        "SELECT cta_tmoc_has(time_moc, t_start + 1e-5) AS inside, "
        "cta_tmoc_has(time_moc, t_stop + 5e-5) AS outside, "
        "cta_tmoc_duration(time_moc) - ontime AS rest, "
        "cta_tmoc_contains(time_moc, cta_tmoc_between(t_start - 1e-4, t_stop + 1e-4)) "
        "AS within FROM cta.observation WHERE time_moc IS NOT NULL",
    )
    assert len(rows) > 0
    for inside, outside, rest, within in rows:
        assert (inside, outside, within) == (1, 0, 1)
        assert 0 <= rest < 2.2
    pairs = (
        "SELECT a.obs_id AS one, b.obs_id AS two FROM cta.observation AS a "
        "JOIN cta.observation AS b ON {} WHERE a.obs_id <= b.obs_id ORDER BY one, two"
    )
    by_times = pairs.format("1 = cta_tmoc_intersects(a.time_moc, b.time_moc)")
    by_ends = pairs.format("a.t_start <= b.t_stop AND b.t_start <= a.t_stop")
    assert _rows(archive, by_times) == _rows(archive, by_ends)
    common = "cta_tmoc_intersection(time_moc, t_intervals)"
    assert _rows(
        archive,
        f"SELECT COUNT(*) AS n FROM cta.observation AS o JOIN ivoa.obscore AS p "
        f"ON o.obs_id = p.obs_id NATURAL JOIN ivoa.obscore_hea AS h "
        f"WHERE cta_tmoc_duration({common}) <> cta_tmoc_duration(time_moc)",
    ) == [(0,)]
