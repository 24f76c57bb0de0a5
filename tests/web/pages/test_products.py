"""Pages of products, and of the jobs that have them: numbers, limits, files."""

from __future__ import annotations

import html
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from tests.jobs import made_products
from tests.web.jobs.filed import file_product

from distiller.core.rights import Reader
from distiller.vo.uws import Phase

from ..jobs.conftest import (  # noqa: TID252
    archive,
    each_engine,
    engine,
    filled,
    filled_database,
    home,
    runs,
    service,
    store,
)
from ..uws.conftest import MAP, here  # noqa: TID252

if TYPE_CHECKING:
    from collections.abc import Callable

    from distiller.vo.uws import Job

    File = Callable[[str], str]

pytestmark = pytest.mark.slow

__all__ = [
    "archive", "engine", "filled", "filled_database", "here", "home", "runs",
    "service", "store",
]  # fmt: skip


@pytest.fixture
def client(here: Any) -> Client:
    del here
    return Client()


@pytest.fixture
def file(here: Any, archive: Any, home: Any) -> File:
    """Return what files a product that `MAP` is said to have made."""
    pairs = tuple(MAP.items())
    return lambda kind: file_product(here, archive, home, pairs, kind=kind)


@pytest.fixture
def given(here: Any) -> Callable[[], Job]:
    """Return what makes a job that is given that product."""

    def act() -> Job:
        made: Job = here.submit("count_map", tuple(MAP.items()))
        assert made.phase is Phase.COMPLETED
        return made

    return act


def text_of(answer: Any) -> str:
    assert answer.status_code == 200, answer.content
    bare = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return " ".join(html.unescape(bare).split())


def table_of(answer: Any, group: str) -> list[list[str]]:
    """Return the cells of one group of a page, its heads first."""
    page = answer.content.decode().replace("<wbr>", "")
    part = page.partition(f'id="g-{group}"')[2].partition("</section>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", part, re.DOTALL)
    cells = [re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]
    return [[re.sub(r"<[^>]+>", " ", c).strip() for c in row] for row in cells]


def pages(client: Client, product: str, job: Job) -> list[Any]:
    """Return the page of a product and that of a job that has it."""
    addresses = (f"/products/{product}/", f"/jobs/{job.job_id}/")
    return [client.get(address) for address in addresses]


@each_engine
def test_the_numbers_of_a_fit(
    client: Client, file: File, given: Callable[[], Job]
) -> None:
    for page in pages(client, file("spectrum"), given()):
        heads, preferred, other = table_of(page, "spectrum")
        named = dict(zip((h.split()[0] for h in heads), preferred, strict=True))
        assert named["spectral_model"] == "pl"
        assert named["preferred"] == "yes"
        assert (named["n_on"], named["n_off"]) == ("459.0", "550.0")
        assert (named["excess"], named["significance"]) == ("431.5", "41.80")
        assert (named["statistic"], named["degrees_of_freedom"]) == ("23.50", "22")
        assert other[0] == "lp"
        rows = table_of(page, "spectral_parameter")
        # Which model each is of, the preferred one first.
        assert [row[:4] for row in rows[1:]] == [
            ["pl", "amplitude", "4.500e-11", "2.000e-12"],
            ["pl", "index", "2.630", "0.05000"],
            ["pl", "reference", "1.000", ""],
            ["lp", "beta", "0.1000", "0.06000"],
        ]
        points = table_of(page, "flux_point")
        assert len(points) == 3
        assert "4.400e-11" in points[1]
        assert "1.000e-14" in points[2]


def test_the_numbers_of_a_light_curve(
    client: Client, file: File, given: Callable[[], Job]
) -> None:
    for page in pages(client, file("light_curve"), given()):
        facts = {row[0]: row[1] for row in table_of(page, "light_curve")[1:]}
        assert facts["binning"] == "night"
        assert facts["mean_flux"].startswith("2.200e-11")
        assert facts["chi_square"] == "1.700"
        assert facts["probability"] == "0.1900"
        assert facts["fractional_variability"] == "0.05000"
        points = table_of(page, "light_curve_point")
        assert [row[0].split()[0] for row in points[1:]] == [
            "2003-12-27", "2003-12-28",
        ]  # fmt: skip


def test_limits_stand_above_in_a_neutral_tone(
    client: Client, file: File, given: Callable[[], Job]
) -> None:
    for page in pages(client, file("significance_map"), given()):
        text = text_of(page)
        for words in made_products.PRODUCTS["significance_map"].limits:
            assert words in text
        # Some are always true of the method: not all are warnings.
        box = '<section class="notice" aria-labelledby="limits"><h2 id="limits">'
        assert f"{box}Limits of this result</h2>" in page.content.decode()
        # Once, and not again in the table of the analysis.
        assert text.count("crowded field") == 1
        quantities = [row[0] for row in table_of(page, "sky_map")[1:]]
        assert quantities == ["background", "counts", "significance"]


def test_nothing_is_said_where_there_is_nothing_to_say(
    client: Client, file: File, given: Callable[[], Job]
) -> None:
    for page in pages(client, file("count_map"), given()):
        text = text_of(page)
        assert "Limits of this result" not in text
        assert 'id="g-spectrum"' not in page.content.decode()


def test_every_file_and_every_picture_is_there(
    client: Client, file: File, given: Callable[[], Job]
) -> None:
    product = file("significance_map")
    for page in pages(client, product, given()):
        content = page.content.decode()
        for one in made_products.PRODUCTS["significance_map"].files:
            assert f'<a href="/data/{product}/{one.name}">{one.name}</a>' in content
        # A page shows the PNG; the SVG is a file.
        assert re.findall(r'<img src="(/data/[^"]*)"', content) == [
            f"/data/{product}/plot.png"
        ]


def test_the_page_of_a_job_says_that_its_product_was_there(
    client: Client, here: Any, file: File, given: Callable[[], Job]
) -> None:
    product = file("count_map")
    job = given()
    address = f"/jobs/{job.job_id}/"
    text = text_of(client.get(address))
    assert "Given at once: this product was made at 2026-01-02 03:04:05 UTC" in text
    assert f"product {product} was made at 2026-01-02T03:04:05.000Z" in text  # the log
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(f"{address}anew/").status_code == 403
    assert client.get(f"{address}anew/").status_code == 405
    led = client.post(f"{address}anew/").headers["Location"]
    other = here.get(led.removeprefix("/jobs/").strip("/"))
    assert (other.phase, other.fresh) == (Phase.QUEUED, True)
    assert other.parameters == job.parameters
    # That one computes.
    assert "Given at once" not in text_of(client.get(led))
    again = client.post(f"{led}anew/")
    assert again.status_code == 403
    assert "was given no product that was there" in again.content.decode()


def test_the_page_of_a_job_whose_product_was_removed(
    client: Client, archive: Any, file: File, given: Callable[[], Job]
) -> None:
    product, job = file("spectrum"), given()
    assert archive.remove(f"ivo://org.example/sim?count_map/{product}")
    page = client.get(f"/jobs/{job.job_id}/")
    assert "Given at once" in text_of(page)
    assert 'id="g-spectrum"' not in page.content.decode()
    assert client.get(f"/data/{product}/product.fits").status_code == 404


def test_the_numbers_are_in_the_metadata(client: Client, file: File) -> None:
    answer = client.get(f"/products/{file('spectrum')}/metadata.json")
    content = json.dumps(json.loads(answer.content))
    for words in ('"nOn": 459', '"degreesOfFreedom": 22', '"upperLimit": 1e-14'):
        assert words in content, content


def test_nobody_computes_the_job_of_somebody_else_anew(
    client: Client, here: Any, file: File
) -> None:
    file("count_map")
    job = here.submit("count_map", tuple(MAP.items()), Reader("marie"))
    assert job.reused is not None
    answer = client.post(f"/jobs/{job.job_id}/anew/")
    assert answer.status_code == 403
    assert "belongs to somebody else" in answer.content.decode()
    assert len(here.list(owner=None, everybody=True)) == 1
