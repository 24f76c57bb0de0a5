"""Products of every kind as their tasks describe them, with small files."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from distiller.analysis.products import (
    FluxPoint,
    InputDataset,
    LightCurvePoint,
    LightCurveResult,
    ProductDescription,
    ProductFile,
    Role,
    SkyMap,
    SpectralParameter,
    SpectrumResult,
)
from distiller.jobs.ends import End, completed
from distiller.jobs.spec import Heritage, JobSpec

STARTED: Final = datetime(2026, 1, 2, 3, 4, 5)
CENTRE: Final = {"s_ra_deg": 83.633, "s_dec_deg": 22.014, "target_name": "Crab Nebula"}
GOOD_TIME: Final = {"t_min_mjd": 53000.9, "t_max_mjd": 53002.1, "t_exptime_s": 6742.0}
SOFTWARE: Final = {"cta-data-distiller": "1", "numpy": "2"}
CONFIGURATION: Final = "software: {cta-data-distiller: '1', numpy: '2'}\n"

FITS: Final = "application/fits"
_FILES: Final[dict[str, tuple[Role, str, str]]] = {
    "product": ("product", "product.fits", FITS),
    "plot": ("plot", "plot.png", "image/png"),
    "vector": ("plot", "plot.svg", "image/svg+xml"),
    "configuration": ("configuration", "configuration.yaml", "application/yaml"),
    "table": ("table", "table.ecsv", "text/x-ecsv"),
    "ogip": ("ogip", "ogip.zip", "application/zip"),
    "fit": ("fit", "fit.json", "application/json"),
    "models": ("models", "models.yaml", "application/yaml"),
    "recipe": ("recipe", "recipe.py", "text/x-python"),
    "runs": ("runs", "runs.zip", "application/zip"),
}

SPECTRUM: Final = SpectrumResult(
    model="pl",
    reference_energy_tev=1.0,
    energy_min_tev=0.7,
    energy_max_tev=30.0,
    n_on=459,
    n_off=550,
    alpha=0.05,
    excess=431.5,
    significance=41.8,
    statistic=23.5,
    degrees_of_freedom=22,
    parameters=(
        SpectralParameter(name="index", value=2.63, error=0.05),
        SpectralParameter(
            name="amplitude", value=4.5e-11, error=2e-12, unit="cm-2 s-1 TeV-1"
        ),
        SpectralParameter(name="reference", value=1.0, unit="TeV", frozen=True),
    ),
    flux_points=(
        FluxPoint(
            energy_tev=1.0,
            energy_min_tev=0.7,
            energy_max_tev=1.4,
            flux_per_cm2_s_tev=4.4e-11,
            flux_error_per_cm2_s_tev=3e-12,
            flux_error_low_per_cm2_s_tev=2.9e-12,
            flux_error_high_per_cm2_s_tev=3.1e-12,
            significance=30.0,
        ),
        FluxPoint(
            energy_tev=20.0,
            energy_min_tev=14.0,
            energy_max_tev=30.0,
            upper_limit_per_cm2_s_tev=1e-14,
            significance=0.4,
        ),
    ),
)
OTHER: Final = SpectrumResult(
    model="lp",
    reference_energy_tev=1.0,
    statistic=20.1,
    degrees_of_freedom=21,
    parameters=(SpectralParameter(name="beta", value=0.1, error=0.06),),
)
LIGHT_CURVE: Final = LightCurveResult(
    energy_min_tev=1.0,
    energy_max_tev=10.0,
    binning="night",
    mean_flux_per_cm2_s=2.2e-11,
    mean_flux_error_per_cm2_s=1e-12,
    chi2=1.7,
    degrees_of_freedom=1,
    p_value=0.19,
    fractional_variability=0.05,
    fractional_variability_error=0.03,
    points=(
        LightCurvePoint(
            t_start_mjd=53000.9,
            t_stop_mjd=53001.1,
            energy_min_tev=1.0,
            energy_max_tev=10.0,
            flux_per_cm2_s=2.1e-11,
            flux_error_per_cm2_s=1.2e-12,
            significance=25.0,
        ),
        LightCurvePoint(
            t_start_mjd=53001.9, t_stop_mjd=53002.1, upper_limit_per_cm2_s=3e-11
        ),
    ),
)


def files(*names: str) -> tuple[ProductFile, ...]:
    """Return files by the names of their results; the configuration among them."""
    return tuple(
        ProductFile(
            result_id=name,
            role=_FILES[name][0],
            name=_FILES[name][1],
            media_type=_FILES[name][2],
        )
        for name in (*names, "configuration")
    )


def _map(quantity: str, **given: Any) -> SkyMap:
    return SkyMap(
        quantity=quantity, frame="icrs", projection="TAN", bin_size_deg=0.02, **given
    )


def _described(title: str, **given: Any) -> ProductDescription:
    return ProductDescription(
        **{
            "title": title,
            "description": f"{title} of two runs",
            "simulated": False,
            "energy_min_tev": 1.0,
            "energy_max_tev": 10.0,
            **CENTRE,
            **GOOD_TIME,
            **given,
        }
    )


_OF_THE_SKY: Final[dict[str, Any]] = {
    "s_fov_deg": 2.8,
    "s_region_deg": (84.7, 21.0, 82.5, 21.0, 82.5, 23.0, 84.7, 23.0),
    "s_xel1": 100,
    "s_xel2": 100,
    "s_pixel_scale_arcsec": 72.0,
    "em_xel": 1,
}

PRODUCTS: Final[dict[str, ProductDescription]] = {
    "count_map": _described(
        "Count map",
        product_type="image",
        product_subtype="count-map",
        files=files("product", "plot"),
        o_ucd="phot.count",
        o_unit="count",
        maps=(_map("counts", total=22105.0, maximum=99.0, unit="count"),),
        **_OF_THE_SKY,
    ),
    "significance_map": _described(
        "Significance map",
        product_type="image",
        product_subtype="significance-map",
        files=files("product", "plot", "vector", "table", "recipe"),
        o_ucd="stat.snr",
        maps=(
            _map("counts", total=22105.0, maximum=99.0, unit="count"),
            _map("background", total=21000.0, maximum=60.0, unit="count"),
            _map("significance", maximum=41.8, off_mean=0.02, off_width=1.5),
        ),
        limits=(
            "The off-source significances have a width of 1.5: crowded field.",
            "Pixels within 0.3 deg of an excluded region have few off events.",
        ),
        **_OF_THE_SKY,
    ),
    "spectrum": _described(
        "Spectrum",
        product_type="sed",
        product_subtype="flux-points",
        files=files("product", "plot", "table", "ogip", "fit", "models", "recipe"),
        s_fov_deg=0.22,
        s_region_deg=(83.633, 22.014, 0.11),
        em_xel=2,
        o_ucd="phot.flux.density;em.gamma",
        o_unit="cm**-2.s**-1.TeV**-1",
        spectrum=SPECTRUM,
        compared=(OTHER,),
        limits=("Below 1 TeV there are fewer than 10 off counts.",),
    ),
    "light_curve": _described(
        "Light curve",
        product_type="timeseries",
        product_subtype="light-curve",
        files=files("product", "plot", "table"),
        s_fov_deg=0.22,
        t_xel=2,
        em_xel=1,
        o_ucd="phot.flux;em.gamma",
        o_unit="cm**-2.s**-1",
        light_curve=LIGHT_CURVE,
    ),
    "select_events": _described(
        "Selected events",
        product_type="event",
        product_subtype="selected-events",
        data_level="DL3",
        files=files("product", "runs"),
        s_fov_deg=5.0,
        o_ucd=None,
    ),
}
"""A product of each task, by its name."""


def specification(task: str, number: int = 1, **given: Any) -> JobSpec:
    """Return the job that made a product; another number is another job."""
    inputs = tuple(
        InputDataset(
            did=f"ivo://org.example/set?{obs_id}",
            obs_id=obs_id,
            collection="set",
            path=Path(f"/data/run_{obs_id}.fits"),
            checksum=obs_id * 64,
        )
        for obs_id in ("7", "8")
    )
    heritage = Heritage(
        collection="set",
        collection_id="c",
        rights="public",
        release_date=None,
        access_group=None,
        facility_name="TESTSCOPE",
        instrument_name="Test array",
        target_name="Crab",
    )
    values: dict[str, Any] = {
        "job_id": str(UUID(int=number, version=4)),
        "task": task,
        "task_version": "1",
        "owner": None,
        "parameters": {"obs": ["7", "8"], "ra": 83.633, "dec": 22.014, "radius": 0.11},
        "inputs": inputs,
        "heritage": heritage,
        "duration_s": 60,
        "memory_mb": 1000,
    }
    return JobSpec.model_validate(values | given)


def write(product: ProductDescription, folder: Path) -> Path:
    """Write the files of a product, small."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in product.files:
        text = CONFIGURATION if file.role == "configuration" else f"{file.name}\n"
        (folder / file.name).write_text(text)
    return folder


def end(product: ProductDescription) -> End:
    """Return how its job ended."""
    return completed(product, STARTED).model_copy(update={"ended": STARTED})
