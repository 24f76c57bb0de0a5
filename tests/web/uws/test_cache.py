"""Products that are there already, as UWS shows them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from django.test import AsyncClient, Client
from tests.web.jobs.filed import file_product

from .answers import BASE, SITE, path_of
from .conftest import MAP, xpath

if TYPE_CHECKING:
    from lxml import etree

INFO = "urn:distiller:job-info:1"


@pytest.fixture
def product(here: Any, archive: Any, home: Any) -> str:
    """Give the id of a product that `MAP` has made."""
    return file_product(here, archive, home, tuple(MAP.items()))


def phase_of(client: Client, path: str) -> str:
    return client.get(f"{path}/phase").content.decode()


@pytest.mark.debian("stilts")
@pytest.mark.parametrize("way", ["at once", "later"])
def test_a_job_that_is_given_a_product_says_so(
    way: str, client: Client, product: str, uws_schema: etree.XMLSchema
) -> None:
    from lxml import etree as xml  # noqa: PLC0415 - the name is a type above

    run = {"PHASE": "RUN"}
    path = path_of(client.post(BASE, MAP | (run if way == "at once" else {})))
    if way == "later":
        assert phase_of(client, path) == "PENDING"
        assert path_of(client.post(f"{path}/phase", run)) == path
    document = client.get(path).content
    uws_schema.assertValid(xml.fromstring(document))
    assert xpath(document, "string(//u:phase)") == "COMPLETED"
    (info,) = xpath(document, "//u:jobInfo/*")
    assert info.tag == f"{{{INFO}}}cached"
    assert info.get("product") == product
    assert info.get("made") == "2026-01-02T03:04:05.000Z"
    assert info.text == "given at once: the same configuration had made this product"
    (started,) = xpath(document, "//u:startTime")
    assert list(started.attrib.values()) == ["true"]  # it never started: nil
    results = xpath(document, "//u:result/@xlink:href")
    assert [link.rpartition("/")[2] for link in results] == [
        "product", "plot", "configuration",
    ]  # fmt: skip
    for link in results:
        assert client.head(link.removeprefix(SITE)).status_code == 200


@pytest.mark.parametrize(
    ("word", "phase"),
    [("no", "QUEUED"), ("NO", "QUEUED"), ("yes", "COMPLETED"), ("", "COMPLETED")],
)
@pytest.mark.usefixtures("product")
def test_cache_says_whether_a_product_is_taken(
    word: str, phase: str, client: Client
) -> None:
    path = path_of(client.post(BASE, {**MAP, "PHASE": "RUN", "Cache": word}))
    assert phase_of(client, path) == phase
    # It is no parameter of the task.
    given = xpath(client.get(f"{path}/parameters").content, "//u:parameter/@id")
    assert given == list(MAP)


@pytest.mark.usefixtures("product")
def test_cache_of_a_job_that_was_made_before(client: Client) -> None:
    path = path_of(client.post(BASE, {**MAP, "CACHE": "no"}))
    assert path_of(client.post(path, {"CACHE": "yes"})) == path
    assert path_of(client.post(path, {"CACHE": "no", "PHASE": "RUN"})) == path
    assert phase_of(client, path) == "QUEUED"
    answer = client.post(path, {"CACHE": "yes"})
    assert answer.status_code == 403
    assert "is QUEUED and cannot change its CACHE" in answer.content.decode()


@pytest.mark.parametrize(
    ("place", "data", "message"),
    [
        ("", {"CACHE": "maybe"}, "CACHE: 'maybe' is not NO or YES"),
        ("", {"CACHE": ["no", "no"]}, "CACHE: given 2 times"),
        ("/{}/phase", {"CACHE": "no"}, "CACHE: does not belong into phase"),
        ("/{}/parameters", {"CACHE": "no"}, "CACHE: does not belong into parameters"),
    ],
)
def test_wrong_words_for_it(
    place: str, data: dict[str, Any], message: str, client: Client
) -> None:
    job = path_of(client.post(BASE, MAP)).rpartition("/")[2]
    answer = client.post(BASE + place.format(job), data)
    assert answer.status_code == 400
    assert message in answer.content.decode()


def test_a_query_has_no_cache(client: Client) -> None:
    """What TAP does not know is ignored, and stays a parameter of the job."""
    data = {"LANG": "ADQL", "QUERY": "SELECT 1 AS n FROM ivoa.obscore", "CACHE": "?"}
    path = path_of(client.post("/tap/async", data))
    given = xpath(client.get(f"{path}/parameters").content, "//u:parameter/@id")
    assert given == list(data)


def test_a_product_that_was_removed_is_404(
    client: Client, archive: Any, product: str
) -> None:
    path = path_of(client.post(BASE, {**MAP, "PHASE": "RUN"}))
    assert archive.remove(f"ivo://org.example/sim?count_map/{product}")
    answer = client.get(f"{path}/results/product")
    assert answer.status_code == 404
    assert f"was given product {product}, which the archive" in answer.content.decode()
    assert phase_of(client, path) == "COMPLETED"


def test_its_log_says_so_too(client: Client, product: str) -> None:
    path = path_of(client.post(BASE, {**MAP, "PHASE": "RUN"}))
    text = client.get(f"{path}/log").content
    assert text.startswith(b"Given at once, nothing was computed: product ")
    assert product.encode() in text

    async def follow() -> bytes:
        answer: Any = await AsyncClient().get(f"{path}/log?FOLLOW=1")
        return b"".join([part async for part in answer.streaming_content])

    assert asyncio.run(follow()) == text
