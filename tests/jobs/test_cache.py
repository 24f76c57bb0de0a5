"""The key of a product, and who is given one that is there."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.jobs import made_products

from distiller.analysis.count_map.parameters import CountMapParameters
from distiller.analysis.products import GoodTimeFile, HeaderCorrection, ResponseTable
from distiller.archive import open_archive
from distiller.core.rights import NOBODY, Reader
from distiller.jobs import cache
from distiller.jobs.registration import bundle, product_id
from distiller.jobs.spec import JobSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.analysis.products import InputDataset
    from distiller.archive import Archive
    from distiller.core.settings import Settings

DIDS = ("ivo://org.example/set?7", "ivo://org.example/set?8")


def spec(task: str = "spectrum", number: int = 1, **given: Any) -> JobSpec:
    return made_products.specification(task, number, **given)


def key(of: JobSpec, version: str = "1", **software: str) -> str | None:
    return cache.configuration_key(of, version, made_products.SOFTWARE | software)


def run(**given: Any) -> InputDataset:
    """Return the first input with everything that an input may have, and changes."""
    values: dict[str, Any] = {
        "events_hdu": "EVENTS",
        "gti_hdu": "GTI",
        "gti_file": GoodTimeFile(path=Path("/data/gti.fits"), checksum="9" * 64),
        "responses": (
            ResponseTable(
                kind="aeff",
                gadf_class="aeff_2d",
                path=Path("/data/irf.fits"),
                checksum="8" * 64,
                hdu="AEFF",
            ),
        ),
        "corrections": (
            HeaderCorrection(
                file="run_7.fits",
                hdu="EVENTS",
                header="EVENTS",
                keyword="RA_PNT",
                value=83.6,
                former="0",
                reason="placeholder",
            ),
        ),
    }
    return spec().inputs[0].model_copy(update=values | given)


def with_run(**given: Any) -> JobSpec:
    return spec(inputs=(run(**given), spec().inputs[1]))


def test_the_key_outlives_what_does_not_make_the_product() -> None:
    own = key(spec())
    assert own is not None
    assert len(own) == 64
    assert own == key(
        spec(number=2, owner="ada", duration_s=7, memory_mb=9, task_version="0")
    )
    # The same runs in another order and under other names.
    other = spec().parameters | {"obs": [*reversed(DIDS)]}
    assert own == key(spec(parameters=other, inputs=tuple(reversed(spec().inputs))))
    # What was queued is written down and read again.
    assert own == key(JobSpec.read(spec().model_dump_json()))
    moved = tuple(
        item.model_copy(update={"path": Path("/elsewhere/x.fits"), "url": "s3://a/x"})
        for item in spec().inputs
    )
    assert own == key(spec(inputs=moved))


def test_defaults_and_spellings_of_parameters_are_one() -> None:
    pairs = [
        [("obs", "7,8"), ("ra", "83.633"), ("dec", "0")],
        [("dec", "-0.0"), ("ra", "83.6330"), ("OBS", "7"), ("obs", "8")],
        [("obs", "7,8"), ("ra", "83.633"), ("dec", "0"), ("width", "5"),
         ("e_min", "0.10")],
        [("obs", "7,8"), ("ra", "83.633"), ("dec", "0"), ("width", "5.0,5"),
         ("proj", "TAN"), ("t_min", "")],
    ]  # fmt: skip
    read = [CountMapParameters.from_pairs("count_map", given) for given in pairs]
    keys = {
        key(spec("count_map", parameters=each.model_dump(mode="json"))) for each in read
    }
    assert len(keys) == 1


CHANGES: dict[str, JobSpec] = {
    "nothing": with_run(),
    "events": with_run(checksum="f" * 64),
    "dataset": with_run(did="ivo://org.example/set?9"),
    "simulated": with_run(simulated=True),
    "events table": with_run(events_hdu="+2"),
    "table of good times": with_run(gti_hdu="+3"),
    "good times": with_run(
        gti_file=GoodTimeFile(path=Path("/data/gti.fits"), checksum="a" * 64)
    ),
    "no response": with_run(responses=()),
    "response": with_run(
        responses=(run().responses[0].model_copy(update={"checksum": "a" * 64}),)
    ),
    "table of a response": with_run(
        responses=(run().responses[0].model_copy(update={"hdu": "AEFF2"}),)
    ),
    "no correction": with_run(corrections=()),
    "correction": with_run(
        corrections=(run().corrections[0].model_copy(update={"value": 83.7}),)
    ),
    "one input less": spec(inputs=(run(),)),
    "task": spec("count_map", inputs=with_run().inputs),
    "parameter": spec(
        parameters=spec().parameters | {"radius": 0.12}, inputs=with_run().inputs
    ),
    "label": spec(
        parameters=spec().parameters | {"target": "Crab"}, inputs=with_run().inputs
    ),
    "collection": spec(
        heritage=spec().heritage.model_copy(update={"collection": "other"}),
        inputs=with_run().inputs,
    ),
}


def test_whatever_changes_the_product_changes_the_key() -> None:
    keys = {name: key(each) for name, each in CHANGES.items()}
    keys["version of the task"] = key(with_run(), "2")
    keys["library"] = key(with_run(), numpy="2.1")
    keys["another library"] = key(with_run(), gammapy="2.1")
    assert None not in keys.values()
    assert len(set(keys.values())) == len(keys)


@pytest.mark.parametrize(
    "given",
    [
        {"checksum": ""},
        {"gti_file": GoodTimeFile(path=Path("/data/gti.fits"), checksum="")},
        {"responses": (run().responses[0].model_copy(update={"checksum": ""}),)},
    ],
)
def test_without_a_checksum_no_product_is_known(given: dict[str, Any]) -> None:
    assert key(with_run(**given)) is None


@pytest.fixture
def archive(installed_home: Settings) -> Iterator[Archive]:
    with open_archive(installed_home) as found:
        yield found


class House:
    """An archive with products, and their folders."""

    def __init__(self, archive: Archive, settings: Settings, folder: Path) -> None:
        self.archive = archive
        self.settings = settings
        self.folder = folder

    def file(self, number: int = 1, *, year: int = 2026, **given: Any) -> str:
        """File a product of one and the same configuration; return its id."""
        made = spec(number=number, **given)
        product = made_products.PRODUCTS["spectrum"]
        target = made_products.write(product, self.folder / str(number))
        when = datetime(year, 1, 2)
        end = made_products.end(product).model_copy(update={"ended": when})
        self.archive.store(bundle(made, product, end, target, self.settings))
        return product_id(made.job_id)

    def find(self, reader: Reader = NOBODY, of: JobSpec | None = None) -> str | None:
        """Return the product that somebody is given."""
        kept = cache.find(self.archive, key(of or spec()), reader)
        return None if kept is None else kept.product_id


@pytest.fixture
def house(archive: Archive, installed_home: Settings, tmp_path: Path) -> House:
    return House(archive, installed_home, tmp_path / "products")


def test_a_product_is_found_with_its_results(house: House) -> None:
    assert house.find() is None
    made = house.file()
    kept = cache.find(house.archive, key(spec()), NOBODY)
    assert kept is not None
    assert (kept.product_id, kept.made) == (made, datetime(2026, 1, 2))
    assert [(r.id, r.name, r.media_type) for r in kept.results] == [
        ("product", "product.fits", "application/fits"),
        ("plot", "plot.png", "image/png"),
        ("configuration", "configuration.yaml", "application/yaml"),
        ("table", "table.ecsv", "text/x-ecsv"),
        ("ogip", "ogip.zip", "application/zip"),
        ("fit", "fit.json", "application/json"),
        ("models", "models.yaml", "application/yaml"),
        ("recipe", "recipe.py", "text/x-python"),
    ]
    for result in kept.results:
        path = cache.path_of(house.archive, made, result.name)
        assert path == house.folder / "1" / result.name
        assert path.stat().st_size == result.size
    assert house.find(of=spec("count_map")) is None
    assert cache.find(house.archive, None, NOBODY) is None


def test_the_oldest_is_given(house: House) -> None:
    house.file(1, year=2027)
    older = house.file(2)
    house.file(3, year=2028)
    assert house.find() == older


@pytest.mark.parametrize("harm", ["gone", "longer", "folder", "no folder"])
def test_a_product_whose_files_are_not_whole_is_not_given(
    harm: str, house: House
) -> None:
    house.file(1)
    whole = house.file(2, year=2027)
    path = house.folder / "1" / "table.ecsv"
    if harm == "gone":
        path.unlink()
    elif harm == "longer":
        path.write_text("something else")
    elif harm == "folder":
        shutil.rmtree(path.parent)
    else:
        shutil.rmtree(path.parent)
        path.parent.write_text("a file")
    assert house.find() == whole


def test_a_product_that_was_removed_is_not_given(house: House) -> None:
    made = house.file()
    did = f"ivo://org.example/set?spectrum/{made}"
    assert house.archive.remove(did)
    assert house.find() is None
    assert cache.path_of(house.archive, made, "product.fits") is None


def test_a_product_is_given_to_those_who_may_read_it(house: House) -> None:
    closed = spec().heritage.model_copy(
        update={"rights": "proprietary", "access_group": "hess"}
    )
    secret = house.file(1, heritage=closed, owner="marie")
    assert house.find() is None
    assert house.find(Reader("pierre")) is None
    assert house.find(Reader("marie")) == secret
    assert house.find(Reader("pierre", groups=frozenset({"hess"}))) == secret
    assert house.find(Reader("chief", is_staff=True)) == secret
    # Who may not read the oldest one is given the next.
    public = house.file(2, year=2027)
    assert house.find() == public
    assert house.find(Reader("marie")) == secret


def test_a_product_is_given_once_it_is_released(house: House) -> None:
    released = spec().heritage.model_copy(
        update={"rights": "proprietary", "release_date": datetime(2026, 1, 1)}
    )
    made = house.file(1, heritage=released)
    assert house.find() == made


def test_the_key_is_of_what_has_made_the_product(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have been queued by another version than the one that made it."""
    text = "task_version: '2'\n" + made_products.CONFIGURATION
    monkeypatch.setattr(made_products, "CONFIGURATION", text)
    made = house.file()
    assert house.find() is None
    kept = cache.find(house.archive, key(spec(), "2"), NOBODY)
    assert kept is not None
    assert kept.product_id == made
