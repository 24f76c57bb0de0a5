"""Products of every kind in the archive: their numbers, and their ObsCore rows."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.ingest.conftest import RunPlan
from tests.jobs import made_products

from distiller.analysis.products import ProductDescription, ResponseTable
from distiller.archive import open_archive
from distiller.core.errors import BadParameter
from distiller.core.rights import NOBODY
from distiller.ingest import ingest
from distiller.jobs.inputs import resolve
from distiller.jobs.registration import bundle, product_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from distiller.archive import Archive
    from distiller.core.bundle import Bundle
    from distiller.core.settings import Settings
    from distiller.jobs.spec import JobSpec

    File = Callable[..., str]

HC_M_TEV = 1.239841984332e-18


@pytest.fixture
def archive(installed_home: Settings) -> Iterator[Archive]:
    with open_archive(installed_home) as found:
        yield found


@pytest.fixture
def file(archive: Archive, installed_home: Settings, tmp_path: Path) -> File:
    """Return what files the product of a task and returns its id."""

    def act(task: str, number: int = 1, **given: Any) -> str:
        spec = made_products.specification(task, number, **given)
        rows = made(spec, tmp_path / str(number), installed_home)
        assert archive.store(rows) == "added"
        return product_id(spec.job_id)

    return act


def made(spec: JobSpec, folder: Path, settings: Settings) -> Bundle:
    """Return the rows of the product of a job."""
    product = made_products.PRODUCTS[spec.task]
    target = made_products.write(product, folder)
    return bundle(spec, product, made_products.end(product), target, settings)


def obscore(archive: Archive, made: str) -> dict[str, Any]:
    """Return the row of a product."""
    sql = """
    SELECT o.* FROM ivoa.obscore AS o
    JOIN cta.product AS p ON p.publisher_did = o.obs_publisher_did
    WHERE p.product_id = ?
    """
    (row,) = archive.rows(sql, [made])
    return row


OBSCORE = {
    "count_map": {
        "dataproduct_type": "image", "dataproduct_subtype": "count-map",
        "calib_level": 3, "s_xel1": 100, "s_xel2": 100, "s_pixel_scale": 72.0,
        "s_fov": 2.8, "em_xel": 1, "t_xel": None, "o_ucd": "phot.count",
        "em_ucd": None,
    },
    "significance_map": {
        "dataproduct_type": "image", "dataproduct_subtype": "significance-map",
        "calib_level": 3, "s_xel1": 100, "s_xel2": 100, "s_pixel_scale": 72.0,
        "s_fov": 2.8, "em_xel": 1, "t_xel": None, "o_ucd": "stat.snr",
        "em_ucd": None,
    },
    "spectrum": {
        "dataproduct_type": "sed", "dataproduct_subtype": "flux-points",
        "calib_level": 3, "s_xel1": None, "s_xel2": None, "s_pixel_scale": None,
        "s_fov": 0.22, "em_xel": 2, "t_xel": None,
        "o_ucd": "phot.flux.density;em.gamma", "em_ucd": "em.energy",
    },
    "light_curve": {
        "dataproduct_type": "timeseries", "dataproduct_subtype": "light-curve",
        "calib_level": 3, "s_xel1": None, "s_xel2": None, "s_pixel_scale": None,
        "s_fov": 0.22, "em_xel": 1, "t_xel": 2, "o_ucd": "phot.flux;em.gamma",
        "em_ucd": None,
    },
    "select_events": {
        "dataproduct_type": "event", "dataproduct_subtype": "selected-events",
        "calib_level": 1, "s_xel1": None, "s_xel2": None, "s_pixel_scale": None,
        "s_fov": 5.0, "em_xel": None, "t_xel": None, "o_ucd": None,
        "em_ucd": "em.energy", "obs_creator_did": None,
    },
}  # fmt: skip


@pytest.mark.parametrize("task", OBSCORE)
def test_the_obscore_row_of_a_product(task: str, archive: Archive, file: File) -> None:
    product = file(task, owner="ada")
    row = obscore(archive, product)
    assert {name: row[name] for name in OBSCORE[task]} == OBSCORE[task]
    assert row["obs_id"] == f"{task}/{product}"
    assert row["obs_publisher_did"] == f"ivo://org.example/set?{task}/{product}"
    assert (row["s_ra"], row["s_dec"]) == (83.633, 22.014)
    assert (row["t_min"], row["t_max"], row["t_exptime"]) == (53000.9, 53002.1, 6742.0)
    # The highest energy is the shortest wavelength.
    assert row["em_min"] == pytest.approx(HC_M_TEV / 10.0)
    assert row["em_max"] == pytest.approx(HC_M_TEV / 1.0)
    assert row["access_format"] == "application/fits"
    assert row["access_url"].endswith(f"/data/{product}/product.fits")
    assert (row["target_name"], row["obs_creator_name"]) == ("Crab Nebula", "ada")
    assert (row["facility_name"], row["data_rights"]) == ("TESTSCOPE", "public")
    assert archive.check() == []


def test_products_of_every_kind_stand_together(archive: Archive, file: File) -> None:
    for number, task in enumerate(OBSCORE):
        file(task, number + 1)
    assert archive.check() == []
    types = archive.rows("SELECT dataproduct_type AS t FROM ivoa.obscore ORDER BY t")
    assert [row["t"] for row in types] == [
        "event", "image", "image", "sed", "timeseries",
    ]  # fmt: skip


def test_the_maps_of_a_product_each_have_a_row(archive: Archive, file: File) -> None:
    file("significance_map")
    sql = """
    SELECT quantity, unit, total_value, maximum_value, off_mean, off_width, n_pixels_1
    FROM cta.sky_map ORDER BY quantity
    """
    assert [tuple(row.values()) for row in archive.rows(sql)] == [
        ("background", "count", 21000.0, 60.0, None, None, 100),
        ("counts", "count", 22105.0, 99.0, None, None, 100),
        ("significance", None, None, 41.8, 0.02, 1.5, 100),
    ]


def test_the_numbers_of_a_spectrum(archive: Archive, file: File) -> None:
    file("spectrum")
    sql = """
    SELECT spectral_model, preferred, n_on, n_off, alpha, excess, significance,
           statistic, degrees_of_freedom, energy_min, energy_max
    FROM cta.spectrum ORDER BY preferred DESC
    """
    assert [tuple(row.values()) for row in archive.rows(sql)] == [
        ("pl", True, 459.0, 550.0, 0.05, 431.5, 41.8, 23.5, 22, 0.7, 30.0),
        ("lp", False, None, None, None, None, None, 20.1, 21, None, None),
    ]
    sql = """
    SELECT s.spectral_model, p.name, p.parameter_value, p.parameter_error, p.unit,
           p.frozen
    FROM cta.spectral_parameter AS p
    JOIN cta.spectrum AS s ON s.spectrum_id = p.spectrum_id ORDER BY p.name
    """
    assert [tuple(row.values()) for row in archive.rows(sql)] == [
        ("pl", "amplitude", 4.5e-11, 2e-12, "cm-2 s-1 TeV-1", False),
        ("lp", "beta", 0.1, 0.06, None, False),
        ("pl", "index", 2.63, 0.05, None, False),
        ("pl", "reference", 1.0, None, "TeV", True),
    ]
    sql = """
    SELECT energy, energy_min, energy_max, flux, flux_error, flux_error_low,
           flux_error_high, upper_limit, significance
    FROM cta.flux_point ORDER BY energy
    """
    assert [tuple(row.values()) for row in archive.rows(sql)] == [
        (1.0, 0.7, 1.4, 4.4e-11, 3e-12, 2.9e-12, 3.1e-12, None, 30.0),
        (20.0, 14.0, 30.0, None, None, None, None, 1e-14, 0.4),
    ]


def test_the_numbers_of_a_light_curve(archive: Archive, file: File) -> None:
    file("light_curve")
    sql = """
    SELECT binning, energy_min, energy_max, mean_flux, mean_flux_error, chi_square,
           degrees_of_freedom, probability, fractional_variability,
           fractional_variability_error
    FROM cta.light_curve
    """
    assert [tuple(row.values()) for row in archive.rows(sql)] == [
        ("night", 1.0, 10.0, 2.2e-11, 1e-12, 1.7, 1, 0.19, 0.05, 0.03)
    ]
    sql = """
    SELECT t_start, t_stop, energy_min, energy_max, flux, flux_error, upper_limit,
           significance
    FROM cta.light_curve_point ORDER BY t_start
    """
    assert [tuple(row.values()) for row in archive.rows(sql)] == [
        (53000.9, 53001.1, 1.0, 10.0, 2.1e-11, 1.2e-12, None, 25.0),
        (53001.9, 53002.1, None, None, None, None, 3e-11, None),
    ]


@pytest.mark.parametrize("task", OBSCORE)
def test_the_same_job_gives_the_same_rows_again(
    task: str, tmp_home: Settings, tmp_path: Path
) -> None:
    spec = made_products.specification(task)
    once, again = (dict(made(spec, tmp_path, tmp_home).rows) for _ in range(2))
    (first,), (second,) = once.pop("cta.product"), again.pop("cta.product")
    assert {**first, "ingested": None} == {**second, "ingested": None}
    files = [rows.pop("cta.product_file") for rows in (once, again)]
    # The test writes them twice, perhaps in two seconds.
    timeless = [[{**row, "mtime": None} for row in rows] for rows in files]
    assert timeless[0] == timeless[1]
    assert once == again
    for table in (name for name in once if name.startswith("cta.")):
        keys = [next(iter(row.values())) for row in once[table]]
        assert len(set(keys)) == len(keys)


def test_the_limits_of_a_product_stand_with_it(archive: Archive, file: File) -> None:
    file("significance_map")
    (row,) = archive.rows("SELECT limitations FROM cta.analysis")
    assert row["limitations"].splitlines() == list(
        made_products.PRODUCTS["significance_map"].limits
    )


def test_all_files_of_a_product_are_kept_with_their_roles(
    archive: Archive, file: File
) -> None:
    file("spectrum")
    rows = archive.rows("SELECT role FROM cta.product_file ORDER BY role")
    assert [row["role"] for row in rows] == [
        "configuration", "fit", "models", "ogip", "plot", "product", "recipe", "table",
    ]  # fmt: skip


def test_a_record_of_one_map_of_an_earlier_version_is_read() -> None:
    record = made_products.PRODUCTS["count_map"].model_dump(mode="json")
    (only,) = record.pop("maps")
    former = {name: only[name] for name in only if name not in {"unit", "off_mean"}}
    read = ProductDescription.model_validate(record | {"sky_map": former})
    assert read == made_products.PRODUCTS["count_map"]


def test_no_task_takes_selected_events(archive: Archive, file: File) -> None:
    did = f"ivo://org.example/set?select_events/{file('select_events')}"
    with pytest.raises(BadParameter) as caught:
        resolve(archive, [did], NOBODY)
    assert str(caught.value) == (
        f"obs: {did} is a list of selected events, which no task takes (name the runs "
        "that it was made from: ivo://org.example/set?7, ivo://org.example/set?8)"
    )


# Provenance --------------------------------------------------------------------


def entities(rows: Bundle, role: str, table: str = "was_generated_by") -> list[str]:
    """Return the entities that the activity of a product made, or used, in a role."""
    told = rows.rows[f"provenance.{table}"]
    return [str(row["entity_id"]) for row in told if row["role"] == role]


def test_every_file_that_came_out_is_an_entity(
    tmp_home: Settings, tmp_path: Path
) -> None:
    rows = made(made_products.specification("spectrum"), tmp_path, tmp_home)
    (own,) = entities(rows, "product")
    roles = [r["role"] for r in rows.rows["provenance.was_generated_by"]]
    assert roles == [
        "product", "plot", "table", "ogip", "fit", "models", "recipe",
    ]  # fmt: skip
    assert entities(rows, "table") == [f"{own}/table.ecsv"]
    known = {
        row["entity_id"]: row["location"] for row in rows.rows["provenance.entity"]
    }
    assert known[f"{own}/recipe.py"] == "recipe.py"
    # The configuration went in.
    names = [row["name"] for row in rows.rows["provenance.config_file"]]
    assert names == ["configuration.yaml"]


def test_two_pictures_are_two_entities(tmp_home: Settings, tmp_path: Path) -> None:
    rows = made(made_products.specification("significance_map"), tmp_path, tmp_home)
    (own,) = entities(rows, "product")
    assert entities(rows, "plot") == [f"{own}/plot.png", f"{own}/plot.svg"]


def test_the_responses_that_were_used_are_those_of_the_ingest(
    archive: Archive, installed_home: Settings, tmp_path: Path
) -> None:
    RunPlan(obs_id=7).write(tmp_path / "set" / "run_7.fits")
    ingest([tmp_path / "set"], archive, "org.example")
    told = archive.rows("SELECT entity_id FROM provenance.entity ORDER BY entity_id")
    did = "ivo://org.example/set?7"
    inputs, heritage = resolve(archive, [did], NOBODY, responses=True)
    spec = made_products.specification("spectrum", inputs=inputs, heritage=heritage)
    rows = made(spec, tmp_path / "made", installed_home)
    (used,) = entities(rows, "response", "used")
    assert {"entity_id": used} in told
    assert entities(rows, "events", "used") == [used.removesuffix("/irf")]
    assert archive.store(rows) == "added"
    assert archive.check() == []
    # What the ingest said of them stays.
    sql = "SELECT name FROM provenance.entity WHERE entity_id = ?"
    assert archive.rows(sql, [used]) == [{"name": "Instrument responses of run 7"}]


def test_responses_that_runs_share_are_one_entity(
    tmp_home: Settings, tmp_path: Path
) -> None:
    table = ResponseTable(
        kind="aeff",
        gadf_class="aeff_2d",
        path=Path("/caldb/irf_file.fits"),
        checksum="ab" * 32,
        hdu="EFFECTIVE AREA",
        caldb="1dc",
        irf_name="South_z20_50h",
    )
    tables = (table, table.model_copy(update={"kind": "psf", "hdu": "PSF"}))
    plain = made_products.specification("spectrum").inputs
    inputs = tuple(item.model_copy(update={"responses": tables}) for item in plain)
    spec = made_products.specification("spectrum", inputs=inputs)
    rows = made(spec, tmp_path, tmp_home)
    assert entities(rows, "response", "used") == [
        "irf:1dc/South_z20_50h/irf_file.fits#abababababababab"
    ]


def test_a_product_of_closed_runs_is_closed(archive: Archive, file: File) -> None:
    closed = made_products.specification("spectrum").heritage.model_copy(
        update={
            "rights": "proprietary",
            "release_date": datetime(2027, 1, 1),
            "access_group": "hess",
        }
    )
    row = obscore(archive, file("spectrum", owner="ada", heritage=closed))
    assert row["data_rights"] == "proprietary"
    assert row["obs_release_date"] == datetime(2027, 1, 1)
    (terms,) = archive.rows("SELECT owner, access_group FROM cta.product")
    assert terms == {"owner": "ada", "access_group": "hess"}
