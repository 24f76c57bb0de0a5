"""The job services of a real server, with real jobs, over HTTP."""

from __future__ import annotations

import hashlib
import io
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
import yaml
from astropy.io import fits

from distiller.jobs.registration import product_id

from .conftest import MAP, xpath

if TYPE_CHECKING:
    from lxml import etree

pytestmark = pytest.mark.slow


def test_from_submission_to_the_files(each_uws: Any) -> None:
    uws = each_uws
    path = uws.submit(RUNID="first")
    document = uws.finish(path)
    assert xpath(document, "string(//u:phase)") == "COMPLETED"
    for name in ("startTime", "endTime", "destruction"):
        assert xpath(document, f"string(//u:{name})").endswith("Z")
    links = xpath(document, "//u:result/@xlink:href")
    assert [link.rpartition("/")[2] for link in links] == [
        "product", "plot", "configuration", "plot_svg", "recipe",
    ]  # fmt: skip
    sizes = [int(n) for n in xpath(document, "//u:result/@size")]
    types = xpath(document, "//u:result/@mime-type")
    for link, size, kind in zip(links, sizes, types, strict=True):
        answer = httpx.get(link)
        assert answer.status_code == 200
        assert len(answer.content) == size
        assert answer.headers["Content-Type"] == kind
        head = httpx.head(link)
        assert head.headers["Content-Length"] == str(size)
        assert head.content == b""
    with fits.open(io.BytesIO(httpx.get(links[0]).content)) as hdus:
        assert hdus[0].data.shape == (250, 250)
        assert hdus[0].data.sum() == hdus[0].header["NEVENTS"]
        assert np.isfinite(hdus[0].data).all()
    assert httpx.get(links[1]).content.startswith(b"\x89PNG")
    assert yaml.safe_load(httpx.get(links[2]).text)["task"] == "count_map"
    shown = ("attachment", "inline", "inline", "attachment", "attachment")
    for link, how in zip(links, shown, strict=True):
        named = httpx.head(link).headers["Content-Disposition"]
        assert named.startswith(f'{how}; filename="count_map_')
    begin = httpx.get(links[0], headers={"Range": "bytes=0-8"})
    assert (begin.status_code, begin.content) == (206, b"SIMPLE  =")


def test_a_job_from_the_page(each_uws: Any) -> None:
    uws = each_uws
    with httpx.Client(
        base_url=f"http://127.0.0.1:{uws.port}", follow_redirects=True, timeout=60
    ) as browser:
        form = browser.get("/jobs/new/count_map/", params={"obs": "1001,1002"})
        assert form.status_code == 200
        (token,) = set(re.findall(r'csrfmiddlewaretoken" value="(\w+)"', form.text))
        fields = {**MAP, "e_min": "0.6", "csrfmiddlewaretoken": token}
        page = browser.post("/jobs/new/count_map/", data=fields)
        assert page.status_code == 200, page.text
        (job_id,) = re.findall(r"/jobs/([\w-]+)/$", str(page.url))
        document = uws.finish(f"/{job_id}")
        assert xpath(document, "string(//u:phase)") == "COMPLETED"
        shown = browser.get(f"/jobs/{job_id}/").text
        assert "Download FITS" in shown
        product = browser.get(f"/products/{product_id(job_id)}/")
        assert product.status_code == 200
        assert "1001" in product.text


def test_an_exclusion_file_from_submission_to_the_recipe(uws: Any) -> None:
    """Sent in multipart; the same content again is given the product, another not."""
    url = uws.url.replace("count_map", "significance_map")
    fields = {**MAP, "width": "2", "binsz": "0.05", "PHASE": "RUN"}
    region, other = (f"fk5\ncircle(84.2,22.5,{size})\n" for size in (0.4, 0.3))

    def asked(**more: Any) -> str:
        answer = httpx.post(url, data=fields, timeout=60, **more)
        assert answer.status_code == 303, answer.text
        return str(answer.headers["Location"]).removeprefix(url)

    def phase_of(path: str) -> str:
        return httpx.get(f"{url}{path}/phase").text

    first = asked(files={"exclusion_file": ("mine.reg", region.encode())})
    while phase_of(first) in {"QUEUED", "EXECUTING"}:
        httpx.get(f"{url}{first}", params={"WAIT": "30"}, timeout=60)
    document = httpx.get(f"{url}{first}").content
    assert xpath(document, "string(//u:phase)") == "COMPLETED", document
    links = {
        link.rpartition("/")[2]: link
        for link in xpath(document, "//u:result/@xlink:href")
    }
    assert httpx.get(links["exclusion_file"]).text == region
    assert httpx.get(f"{url}{first}/parameters/exclusion_file").text == region
    record = yaml.safe_load(httpx.get(links["configuration"]).text)
    named = record["files"]["exclusion_file"]
    assert named["sha256"] == hashlib.sha256(region.encode()).hexdigest()
    with fits.open(io.BytesIO(httpx.get(links["product"]).content)) as hdus:
        assert (hdus["EXCLUSION"].data == 0).any()
    # The file went into it, says its provenance.
    base = uws.url.removesuffix("/uws/count_map")
    state = named["sha256"][:16]
    query = f"SELECT role FROM provenance.used WHERE entity_id LIKE '%{state}'"
    words = {"LANG": "ADQL", "QUERY": query, "RESPONSEFORMAT": "csv"}
    answer = httpx.get(f"{base}/tap/sync", params=words)
    assert answer.text.split() == ["role", "exclusion_file"]
    # By its content, whatever its name; or by its checksum.
    again = asked(files={"exclusion_file": ("x", region.encode())})
    assert phase_of(again) == "COMPLETED"
    fields["exclusion_file"] = named["sha256"]
    assert phase_of(asked()) == "COMPLETED"
    del fields["exclusion_file"]
    changed = asked(files={"exclusion_file": ("mine.reg", other.encode())})
    assert phase_of(changed) in {"QUEUED", "EXECUTING"}
    for path in (first, again, changed):
        httpx.delete(f"{url}{path}")
    # The product keeps the file: it is there for a job of it once more.
    fields |= {"exclusion_file": named["sha256"], "CACHE": "no"}
    once_more = asked()
    assert phase_of(once_more) in {"QUEUED", "EXECUTING"}
    httpx.delete(f"{url}{once_more}")


def test_the_product_is_in_obscore(each_uws: Any) -> None:
    uws = each_uws
    path = uws.submit()
    uws.finish(path)
    base = uws.url.removesuffix("/uws/count_map")
    query = (
        "SELECT dataproduct_subtype, calib_level FROM ivoa.obscore "
        f"WHERE obs_id = 'count_map/{product_id(path.removeprefix('/'))}'"
    )
    answer = httpx.get(
        f"{base}/tap/sync",
        params={"LANG": "ADQL", "QUERY": query, "RESPONSEFORMAT": "csv"},
    )
    assert answer.text.split()[1:] == ["count-map,3"]
    used = (
        "SELECT count(*) AS n FROM provenance.used AS u "
        "JOIN provenance.was_generated_by AS g ON g.activity_id = u.activity_id "
        "WHERE g.entity_id LIKE "
        f"'%count_map/{product_id(path.removeprefix('/'))}%'"
    )
    answer = httpx.get(
        f"{base}/tap/sync",
        params={"LANG": "ADQL", "QUERY": used, "RESPONSEFORMAT": "csv"},
    )
    assert int(answer.text.split()[1]) >= 2, answer.text


@pytest.mark.debian("stilts")
def test_a_running_and_an_ended_job_follow_the_schema(
    uws: Any, uws_schema: etree.XMLSchema
) -> None:
    from lxml import etree as xml  # noqa: PLC0415 - the name is a type above

    path = uws.submit()
    phase = "QUEUED"
    while phase in {"QUEUED", "EXECUTING"}:
        document = uws.get(path).content
        uws_schema.assertValid(xml.fromstring(document))
        phase = xpath(document, "string(//u:phase)")
    assert phase == "COMPLETED"


def test_waiting_sees_each_change(uws: Any) -> None:
    path = uws.submit()
    seen = [uws.get(f"{path}/phase").text]
    while seen[-1] in {"QUEUED", "EXECUTING"}:
        began = time.monotonic()
        document = uws.get(path, WAIT="-1", PHASE=seen[-1]).content
        assert time.monotonic() - began < 20
        seen.append(xpath(document, "string(//u:phase)"))
    assert seen[-1] == "COMPLETED"
    assert len(seen) == len(set(seen))


def test_an_aborted_job(uws: Any) -> None:
    paths = [uws.submit(binsz="0.005") for _ in range(4)]
    answer = uws.post(f"{paths[-1]}/phase", PHASE="ABORT")
    assert answer.status_code == 303
    document = uws.finish(paths[-1])
    assert xpath(document, "string(//u:phase)") == "ABORTED"
    message = xpath(document, "string(//u:errorSummary/u:message)")
    assert message.startswith("aborted by its user")
    assert "aborted by its user" in uws.get(f"{paths[-1]}/error").text
    for path in paths[:-1]:
        assert uws.post(path, ACTION="DELETE").status_code == 303
        assert uws.get(path).status_code == 404


def test_no_events_in_the_field(uws: Any) -> None:
    document = uws.finish(uws.submit(ra="200", dec="-60"))
    assert xpath(document, "string(//u:phase)") == "ERROR"
    assert xpath(document, "string(//u:errorSummary/@type)") == "fatal"
    message = xpath(document, "string(//u:errorSummary/u:message)")
    assert "no events in the field" in message
    assert "the nearest pointing is" in message


def test_an_unknown_target(uws: Any) -> None:
    answer = uws.post(obs="1001", target="Planet Vulcan", PHASE="RUN")
    document = uws.finish(answer.headers["Location"].removeprefix(uws.url))
    assert xpath(document, "string(//u:phase)") == "ERROR"
    message = xpath(document, "string(//u:errorSummary/u:message)")
    assert "target" in message
    assert "Planet Vulcan" in message


def test_a_known_target(uws: Any) -> None:
    answer = uws.post(obs="1001", target="M 1", PHASE="RUN")
    document = uws.finish(answer.headers["Location"].removeprefix(uws.url))
    assert xpath(document, "string(//u:phase)") == "COMPLETED"


def test_those_who_wait_are_answered_when_the_server_stops(uws: Any) -> None:
    path = uws.post(obs="1001").headers["Location"].removeprefix(uws.url)
    with ThreadPoolExecutor(20) as threads:
        waiting = [threads.submit(uws.get, path, WAIT="-1") for _ in range(20)]
        time.sleep(1.5)
        assert not any(one.done() for one in waiting)
        assert uws.process.poll() is None
        uws.process.send_signal(signal.SIGTERM)
        answers = [one.result() for one in waiting]
    assert {answer.status_code for answer in answers} == {200}
    phases = {xpath(a.content, "string(//u:phase)") for a in answers}
    assert phases == {"PENDING"}
    with uws.process:
        assert uws.process.wait(30) == 0
    uws.start()
    assert uws.get(f"{path}/phase").text == "PENDING"
