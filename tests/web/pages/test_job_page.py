"""The page of a job, and what its form says before there is one."""

from __future__ import annotations

import html
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import lxml.html
import pytest
from django.test import Client

from distiller.core.bundle import Bundle
from distiller.vo.uws import JobError, Phase

from ..jobs.conftest import (  # noqa: TID252
    archive,
    engine,
    filled,
    home,
    runs,
    service,
    store,
)
from ..uws.conftest import MAP, here  # noqa: TID252

if TYPE_CHECKING:
    from distiller.core.bundle import Row
    from distiller.vo.uws import Job

pytestmark = pytest.mark.slow

__all__ = [
    "archive", "engine", "filled", "here", "home", "runs", "service", "store",
]  # fmt: skip

FORM = "/jobs/new/count_map/"
TAKES = "It takes some 1 h 02 min, as past runs did."


def text_of(answer: Any) -> str:
    bare = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return " ".join(html.unescape(bare).split())


def submitted(here: Any, **more: str) -> Job:
    made: Job = here.submit("count_map", tuple({**MAP, **more}.items()))
    return made


def moved(here: Any, job: Job, to: Phase, **update: Any) -> None:
    assert here._store.update(job.job_id, set(Phase), update, to=to)


def test_form_and_page_say_how_long_it_takes(here: Any) -> None:
    client = Client()
    past, job = submitted(here), submitted(here, e_min="0.7")
    address = f"/jobs/{job.job_id}/"
    for where in (FORM, address):  # nobody knows yet
        assert "as past runs did" not in text_of(client.get(where))
    began = datetime(2026, 1, 1)
    ended = began + timedelta(hours=1, minutes=2, seconds=30)
    moved(here, past, Phase.COMPLETED, start_time=began, end_time=ended)
    assert TAKES in text_of(client.get(FORM))
    assert TAKES in text_of(client.get(address))
    moved(here, job, Phase.EXECUTING)
    assert TAKES in text_of(client.get(address))
    moved(here, job, Phase.COMPLETED, start_time=began, end_time=ended)
    assert "as past runs did" not in text_of(client.get(address))


@pytest.mark.parametrize("phase", [Phase.ERROR, Phase.ABORTED])
def test_a_job_that_ended_early_shows_no_progress(here: Any, phase: Phase) -> None:
    client, job = Client(), submitted(here)
    address = f"/jobs/{job.job_id}/"
    page: Any = lxml.html.fromstring(client.get(address).content)
    assert page.xpath("//progress/@value") == ["0"]
    moved(here, job, phase, error=JobError("aborted by its user", "fatal"))
    answer = client.get(address)
    page = lxml.html.fromstring(answer.content)
    assert not page.xpath("//progress")
    assert " 0 %" not in text_of(answer)


def test_pages_of_a_held_job_look_whether_it_goes_on(here: Any) -> None:
    """It is an administrator who holds it and lets it go, elsewhere."""
    client, job = Client(), submitted(here)
    address = f"/jobs/{job.job_id}/"

    def looks(place: str, part: str) -> list[str]:
        page: Any = lxml.html.fromstring(client.get(place).content)
        found: list[str] = page.xpath(f"//*[@id='{part}']/@hx-trigger")
        return found

    assert looks(address, "job") == ["every 600ms"]
    moved(here, job, Phase.HELD)
    assert looks(address, "job") == ["every 3s"]
    assert looks("/jobs/", "job-list") == ["every 3s"]
    said = text_of(client.get(address))
    assert "held back by an administrator" in said
    assert "An administrator lets it go on, or “Run it” does." in said
    moved(here, job, Phase.ABORTED)
    assert looks(address, "job") == looks("/jobs/", "job-list") == []


@pytest.mark.usefixtures("here")
def test_an_obs_id_of_several_collections_is_refused(archive: Any) -> None:
    """As over UWS, and before it is sent; its DID is taken."""
    rows: dict[str, tuple[Row, ...]] = {
        "cta.collection": ({"collection_id": "other", "name": "other"},),
        "cta.product": (
            {
                "product_id": "p", "publisher_did": "ivo://org.example/other?1001",
                "obs_id": "1001", "collection_id": "other", "data_level": "DL3",
                "product_type": "event", "rights": "public",
            },
        ),
    }  # fmt: skip
    archive.store(Bundle("ivo://org.example/other?1001", "1", rows))
    client, did = Client(), "ivo://org.example/sim?1001"
    words = (
        "1001 stands in several collections: ivo://org.example/other?1001, "
        f"{did} (name the one you mean by its DID)"
    )
    for answer in (
        client.get(f"{FORM}?obs=1001,1002"),
        client.post(FORM, {**MAP, "obs": "1001,1002"}),
    ):
        assert answer.status_code == 400
        page: Any = lxml.html.fromstring(answer.content)
        assert page.xpath("string(//p[@id='w-obs'])") == words
        (field,) = page.xpath("//input[@id='f-obs']")
        assert (field.get("value"), field.get("aria-invalid")) == ("1001", "true")
        # Nothing is chosen in its place.
        ticked = page.xpath("//input[@type='checkbox' and @name='obs']/@value")
        assert ticked == ["ivo://org.example/sim?1002"]
    assert client.post(FORM, {**MAP, "obs": f"{did},1002"}).status_code == 302
