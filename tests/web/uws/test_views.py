"""The UWS resources, without anything that runs the jobs."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import AsyncClient, Client

from distiller.core.times import now
from distiller.jobs import folders, spec
from distiller.vo.uws import WAIT_MAX_S, Phase
from distiller.web.asgi import application
from distiller.web.jobs.models import JobRow

from .answers import BASE, SITE, made, message_of, path_of
from .conftest import MAP, xpath

if TYPE_CHECKING:
    from lxml import etree

    from distiller.vo.uws import Job
    from distiller.web.jobs.store import OrmJobStore


def test_a_post_makes_a_job_and_leads_there(client: Client) -> None:
    path = made(client, RUNID="mine")
    document = client.get(path)
    assert document.status_code == 200
    assert document.headers["Content-Type"].startswith("text/xml")
    assert xpath(document.content, "string(//u:phase)") == "PENDING"
    assert xpath(document.content, "string(//u:runId)") == "mine"
    given = xpath(document.content, "//u:parameter/@id")
    assert given == ["obs", "ra", "dec", "e_min"]


def test_phase_run_runs_at_once(client: Client) -> None:
    path = made(client, PHASE="RUN")
    assert client.get(f"{path}/phase").content == b"QUEUED"


def test_multipart_and_urlencoded_are_the_same(client: Client) -> None:
    urlencoded = client.post(
        BASE,
        "obs=1001&obs=1002&ra=83.6&dec=22",
        content_type="application/x-www-form-urlencoded",
    )
    multipart = client.post(BASE, {"obs": ["1001", "1002"], "ra": "83.6", "dec": "22"})
    pairs = []
    for answer in (urlencoded, multipart):
        document = client.get(f"{path_of(answer)}/parameters").content
        pairs.append(xpath(document, "//u:parameter/@id | //u:parameter/text()"))
    assert pairs[0] == pairs[1]
    assert pairs[0][:4] == ["obs", "1001", "obs", "1002"]


def test_what_stands_in_the_address_makes_no_job(client: Client, here: Any) -> None:
    client.get(BASE, {**MAP, "PHASE": "COMPLETED"})
    answer = client.post(f"{BASE}?e_min=7", {"obs": "1001"})
    document = client.get(path_of(answer)).content
    assert xpath(document, "//u:parameter/@id") == ["obs"]
    assert len(here.list(owner=None)) == 1
    assert here.list(owner=None)[0].phase is Phase.PENDING


def test_the_address_may_say_that_a_new_job_runs(client: Client) -> None:
    """UWS 1.1 section 2.2.3.1."""
    path = path_of(client.post(f"{BASE}?PHASE=RUN", MAP))
    assert client.get(f"{path}/phase").content == b"QUEUED"
    for address, body, message in (
        ("?PHASE=RUN", {"PHASE": "RUN"}, "given in the address and in the body"),
        ("?phase=GO", {}, "PHASE: 'GO' is not"),
        ("?PHASE=HOLD", {}, "a new job can be RUN, not HOLD"),
    ):
        answer = client.post(BASE + address, {**MAP, **body})
        assert answer.status_code == 400
        assert message in message_of(answer)
    # A job that is there is told what to do in the body alone.
    pending = made(client)
    assert client.post(f"{pending}?PHASE=RUN", {}).status_code == 400
    assert client.get(f"{pending}/phase").content == b"PENDING"


def test_parameters_accumulate_until_it_runs(client: Client) -> None:
    path = path_of(client.post(BASE, {"obs": "1001"}))
    more = {"ra": "83.6", "dec": "22"}
    assert path_of(client.post(f"{path}/parameters", more)) == path
    assert path_of(client.post(path, {"e_min": "1", "PHASE": "RUN"})) == path
    document = client.get(path).content
    assert xpath(document, "//u:parameter/@id") == ["obs", "ra", "dec", "e_min"]
    assert xpath(document, "string(//u:phase)") == "QUEUED"
    refused = client.post(f"{path}/parameters", {"n_e": "2"})
    assert refused.status_code == 403
    assert "is QUEUED and cannot take parameters" in message_of(refused)


def test_a_parameter_that_is_sent_again_is_changed(client: Client) -> None:
    """UWS 1.1 section 2.1.11: updated; those that may be repeated add up (DALI)."""
    path = made(client)
    more = {"E_MIN": "2", "obs": "1003"}
    assert path_of(client.post(f"{path}/parameters", more)) == path
    document = client.get(f"{path}/parameters").content
    given = list(
        zip(
            xpath(document, "//u:parameter/@id"),
            xpath(document, "//u:parameter/text()"),
            strict=True,
        )
    )
    assert given == [
        ("obs", "1001,1002"), ("ra", "83.633"), ("dec", "22.014"), ("E_MIN", "2"),
        ("obs", "1003"),
    ]  # fmt: skip
    # Within one request nothing replaces anything: it is wrong, and told.
    client.post(path, {"e_min": ["3", "4"], "PHASE": "RUN"})
    assert client.get(f"{path}/phase").content == b"ERROR"
    assert b"e_min: given more than once" in client.get(f"{path}/error").content


def test_one_parameter_is_read_and_put(client: Client) -> None:
    path = made(client)
    one = client.get(f"{path}/parameters/e_min")
    assert (one.content, one.headers["Content-Type"]) == (
        b"0.5",
        "text/plain; charset=utf-8",
    )

    def put(name: str, value: bytes) -> Any:
        place = f"{path}/parameters/{name}"
        return client.put(place, value, content_type="text/plain")

    assert path_of(put("E_MIN", b"0.75\n")) == path
    assert client.get(f"{path}/parameters/e_min").content == b"0.75"
    assert path_of(put("obs", b"1001\r\n1002")) == path
    assert client.get(f"{path}/parameters/obs").content == b"1001\n1002"
    assert path_of(put("e_min", b"")) == path
    gone = client.get(f"{path}/parameters/e_min")
    assert gone.status_code == 404
    assert "has no parameter 'e_min' (it has: ra, dec, obs)" in message_of(gone)
    assert put("e_min", b"\xff").status_code == 400
    assert put("e_min", b"x" * 300_000).status_code == 400
    refused = client.post(f"{path}/parameters/e_min", {"e_min": "1"})
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, HEAD, PUT")
    client.post(path, {"PHASE": "RUN"})
    assert client.get(f"{path}/phase").content == b"QUEUED"
    late = put("e_min", b"1")
    assert late.status_code == 403
    assert "is QUEUED and cannot take parameters" in message_of(late)


def test_a_job_is_held_and_run_again(client: Client, here: Any) -> None:
    path = made(client, PHASE="RUN")
    refused = client.post(f"{path}/phase", {"PHASE": "HOLD"})
    assert refused.status_code == 403
    assert "only administrators hold jobs back" in message_of(refused)
    staff = Client()
    staff.force_login(get_user_model().objects.create_user("chief", is_staff=True))
    assert path_of(staff.post(f"{path}/phase", {"PHASE": "HOLD"})) == path
    assert client.get(f"{path}/phase").content == b"HELD"
    assert here.get(path.rpartition("/")[2]).quote is None
    again = staff.post(f"{path}/phase", {"PHASE": "HOLD"})
    assert again.status_code == 403
    assert "is HELD and cannot be held" in message_of(again)
    # UWS 1.1 section 2.1.3: it is the client that asks again.
    assert path_of(client.post(f"{path}/phase", {"PHASE": "RUN"})) == path
    assert client.get(f"{path}/phase").content == b"QUEUED"
    # Where a batch system has it already, it would run all the same.
    folder = folders.job_folder(here._settings, path.rpartition("/")[2])
    folder.mkdir(parents=True)
    (folder / spec.FILE).touch()
    late = staff.post(f"{path}/phase", {"PHASE": "HOLD"})
    assert late.status_code == 403
    assert "is QUEUED and cannot be held: it is handed over" in message_of(late)
    assert client.get(f"{path}/phase").content == b"QUEUED"


def test_a_job_is_quoted_before_it_runs(
    client: Client, store: OrmJobStore, here: Any
) -> None:
    assert client.get(f"{made(client)}/quote").content == b""
    done = here.submit("count_map", tuple(MAP.items()))
    began = datetime(2026, 1, 1)
    ran: Any = {"start_time": began, "end_time": began + timedelta(seconds=30)}
    assert store.update(done.job_id, set(Phase), ran, to=Phase.COMPLETED)
    before = now()
    quote = client.get(f"{made(client)}/quote").content.decode()
    expected = datetime.fromisoformat(quote).replace(tzinfo=None) - before
    assert timedelta(seconds=29) < expected < timedelta(seconds=60)


@pytest.mark.parametrize("place", ["", "/parameters"])
def test_a_run_id_is_changed_until_it_runs(client: Client, place: str) -> None:
    path = made(client, RUNID="first")
    assert path_of(client.post(path + place, {"runId": "second"})) == path
    document = client.get(path).content
    assert xpath(document, "string(//u:runId)") == "second"
    assert len(xpath(document, "//u:parameter")) == len(MAP)
    client.post(f"{path}/phase", {"PHASE": "RUN"})
    refused = client.post(path + place, {"RUNID": "third"})
    assert refused.status_code == 403
    assert "is QUEUED and cannot change its runId" in message_of(refused)


def test_wrong_parameters_are_an_error_of_the_job(client: Client) -> None:
    path = made(client, e_mni="1", PHASE="RUN")
    document = client.get(path).content
    assert xpath(document, "string(//u:phase)") == "ERROR"
    text = xpath(document, "string(//u:errorSummary/u:message)")
    assert text.startswith("U100 e_mni: no such parameter; did you mean e_min?")
    error = client.get(f"{path}/error")
    assert "did you mean e_min?" in message_of(error)
    assert error.status_code == 200


def test_error_always_has_a_document(client: Client) -> None:
    answer = client.get(f"{made(client)}/error")
    assert answer.status_code == 200
    assert b"(PENDING) has no error" in answer.content


def test_abort_and_delete(client: Client, here: Any) -> None:
    path = made(client)
    assert path_of(client.post(f"{path}/phase", {"PHASE": "ABORT"})) == path
    assert client.get(f"{path}/phase").content == b"ABORTED"
    refused = client.post(f"{path}/phase", {"PHASE": "RUN"})
    assert refused.status_code == 403
    assert "is ABORTED and cannot run" in message_of(refused)
    assert path_of(client.post(path, {"ACTION": "DELETE"})) == f"{BASE}?LAST=100"
    assert client.get(path).status_code == 404
    other = made(client)
    assert path_of(client.delete(other)) == f"{BASE}?LAST=100"
    assert client.get(other).status_code == 404
    assert here.list(owner=None) == ()


def test_times_can_be_changed(client: Client) -> None:
    path = made(client)
    data = {"EXECUTIONDURATION": "7"}
    assert path_of(client.post(f"{path}/executionduration", data)) == path
    assert client.get(f"{path}/executionduration").content == b"7"
    data = {"DESTRUCTION": "2026-01-02T03:04:05Z"}
    assert path_of(client.post(f"{path}/destruction", data)) == path
    found = client.get(f"{path}/destruction").content
    assert found == b"2026-01-02T03:04:05.000Z"


UNKNOWN = "0b5ff3b6-5d0b-4f61-a1a4-6a3c2ba60d18"

MISSING = [
    ("/uws/skymap", "no such task: &#39;skymap&#39;"),
    (f"{BASE}/{UNKNOWN}", f"no such job: {UNKNOWN}"),
    (f"{BASE}/{UNKNOWN}/phase", f"no such job: {UNKNOWN}"),
    (f"{BASE}/../../etc", ""),
    # Queries have one address.
    ("/uws/tap", f"lists of jobs are at {SITE}/uws/count_map, {SITE}/uws/"),
    ("/uws/tap", f", {SITE}/tap/async)"),
    (f"/uws/tap/{UNKNOWN}", "there is nothing at /uws/tap/"),
    (f"/tap/async/{UNKNOWN}", f"no such job: {UNKNOWN}"),
    (f"/tap/async/{UNKNOWN}/a/b/c", "there is nothing at /tap/async/"),
    (f"{BASE}//", "there is nothing at /uws/count_map//"),
    (f"{BASE}/{UNKNOWN}/", f"no such job: {UNKNOWN}"),
    (f"{BASE}/{UNKNOWN}/phase/", f"no such job: {UNKNOWN}"),
    (f"{BASE}/{UNKNOWN}/phase/more", "there is nothing at /uws/count_map/"),
    (f"{BASE}/{UNKNOWN}/results/a/b/c", "there is nothing at /uws/count_map/"),
    (f"{BASE}/x/results/product", "no such job: x"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("path", "message"), MISSING)
def test_what_is_not_there(client: Client, path: str, message: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    text = message_of(answer).replace("'", "&#39;")
    assert message in text


@pytest.mark.parametrize("place", ["", "/phase", "/results", "/parameters"])
def test_a_last_slash_makes_no_difference(client: Client, place: str) -> None:
    path = made(client)
    assert client.get(f"{path}{place}/").content == client.get(path + place).content
    answer = client.post(f"{BASE}/", {**MAP, "PHASE": "RUN"})
    assert client.get(f"{path_of(answer)}/phase").content == b"QUEUED"
    assert len(xpath(client.get(f"{BASE}/").content, "//u:jobref")) == 2


def test_a_job_has_no_other_children(client: Client) -> None:
    path = made(client)
    answer = client.get(f"{path}/colour")
    assert answer.status_code == 404
    assert "it has: phase, executionduration" in message_of(answer)
    missing = client.get(f"{path}/results/product")
    assert missing.status_code == 404
    assert "(PENDING) has no result" in message_of(missing)


@pytest.mark.parametrize(
    ("method", "place"),
    [("put", ""), ("put", "/{}"), ("post", "/{}/owner"), ("post", "/{}/results/x")],
)
def test_other_methods_are_not_allowed(client: Client, method: str, place: str) -> None:
    job = made(client).rpartition("/")[2]
    answer = getattr(client, method)(BASE + place.format(job))
    assert answer.status_code == 405
    assert answer.headers["Allow"].startswith("GET, HEAD")
    assert f"{method.upper()} cannot be done to {BASE}" in message_of(answer)


@pytest.mark.debian("stilts")
@pytest.mark.parametrize("phase", list(Phase))
def test_what_is_served_follows_the_schema_in_every_phase(
    client: Client, uws_schema: etree.XMLSchema, phase: Phase
) -> None:
    from lxml import etree as xml  # noqa: PLC0415 - the name is a type above

    path = made(client, PHASE="RUN")
    JobRow.objects.filter(pk=path.rpartition("/")[2]).update(phase=phase.value)
    every = f"{BASE}?PHASE={phase}"
    for place in (BASE, every, path, f"{path}/parameters", f"{path}/results"):
        uws_schema.assertValid(xml.fromstring(client.get(place).content))
    document = client.get(path).content
    assert xpath(document, "string(/u:job/@version)") == "1.1"
    assert client.get(f"{path}/phase").content == phase.value.encode()
    assert xpath(client.get(every).content, "string(/u:jobs/@version)") == "1.1"
    assert xpath(client.get(every).content, "string(//u:phase)") == phase.value
    # Those that are archived are shown to whoever asks for them.
    plain = xpath(client.get(BASE).content, "count(//u:jobref)")
    assert plain == (0 if phase is Phase.ARCHIVED else 1)
    if phase not in {Phase.PENDING, Phase.QUEUED, Phase.EXECUTING}:
        # There is nothing to wait for (section 2.2.1.2): a test that hangs here fails.
        began = time.monotonic()
        assert client.get(f"{path}?WAIT=-1").status_code == 200
        assert time.monotonic() - began < WAIT_MAX_S


def test_a_full_disk_is_503_and_leaves_no_job(client: Client, here: Any) -> None:
    path = made(client)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA page_count")
        pages = cursor.fetchone()[0]
        # As much as there is, and not one page more: what a full disk is to SQLite.
        cursor.execute(f"PRAGMA max_page_count = {pages}")
    try:
        big = {"obs": "1001," * 30_000}
        for answer in (
            client.post(BASE, {**MAP, **big, "PHASE": "RUN"}),
            client.post(BASE, {**MAP, **big}),
            client.post(f"{path}/parameters", big),
        ):
            assert answer.status_code == 503
            assert "the disk of the job table is full" in message_of(answer)
            assert answer.headers["Retry-After"]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA max_page_count = 1073741823")
    assert [job.job_id for job in here.list(owner=None)] == [path.rpartition("/")[2]]


def test_a_refused_creation_leaves_no_job(
    client: Client, here: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = here._settings.model_copy(update={"jobs_per_user": 1})
    monkeypatch.setattr(here, "_settings", few)
    made(client, PHASE="RUN")
    answer = client.post(BASE, {**MAP, "PHASE": "RUN"})
    assert answer.status_code == 403
    assert "1 jobs of visitors without an account are under way" in message_of(answer)
    assert [job.phase for job in here.list(owner=None)] == [Phase.QUEUED]


def test_jobs_of_nobody_are_found_by_their_address(client: Client) -> None:
    user = get_user_model().objects.create_user("marie")
    path = made(client)
    other = Client()
    other.force_login(user)
    assert other.get(path).status_code == 200
    assert xpath(client.get(BASE).content, "count(//u:jobref)") == 1


@pytest.mark.parametrize(
    ("query", "least", "most"),
    [
        ("WAIT=1", 0.9, 3.0),
        ("wait=30&PHASE=QUEUED", 0.0, 0.9),
        ("WAIT=0", 0.0, 0.9),
    ],
)
def test_wait(client: Client, query: str, least: float, most: float) -> None:
    path = made(client)
    began = time.monotonic()
    assert client.get(f"{path}?{query}").status_code == 200
    assert least <= time.monotonic() - began < most


def test_wait_wants_a_number(client: Client) -> None:
    answer = client.get(f"{made(client)}?WAIT=long")
    assert answer.status_code == 400
    assert "WAIT: not a whole number of seconds: 'long'" in message_of(answer)


async def _asgi_get(path: str, query: str) -> tuple[int, bytes]:
    """GET through the whole ASGI application, each request in its own context."""
    sent: list[Any] = []
    first = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Any:
        if first:
            return first.pop()
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(),
        "query_string": query.encode(), "headers": [(b"host", b"127.0.0.1")],
        "http_version": "1.1", "scheme": "http", "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1), "root_path": "",
    }  # fmt: skip
    await application(scope, receive, send)
    body = b"".join(m.get("body", b"") for m in sent if m["type"].endswith("body"))
    return sent[0]["status"], body


@pytest.mark.slow
def test_many_waiting_clients_hold_no_threads(here: Any) -> None:
    job: Job = here.create("count_map", tuple(MAP.items()))
    path = f"{BASE}/{job.job_id}"

    async def story() -> tuple[int, list[tuple[int, bytes]]]:
        await _asgi_get(path, "")
        before = threading.active_count()
        waiting = [asyncio.create_task(_asgi_get(path, "WAIT=-1")) for _ in range(40)]
        await asyncio.sleep(2)
        during = threading.active_count() - before
        await sync_to_async(here.abort)(job.job_id)
        return during, await asyncio.gather(*waiting)

    during, answers = asyncio.run(story())
    assert {status for status, _ in answers} == {200}
    phases = {xpath(body, "string(//u:phase)") for _, body in answers}
    assert phases == {"ABORTED"}
    # The service's own two look for all of them.
    assert during <= 4


def test_the_asynchronous_client_works_too(here: Any) -> None:
    del here

    async def story() -> bytes:
        answer = await AsyncClient().post(BASE, MAP)
        assert answer.status_code == 303
        got = await AsyncClient().get(path_of(answer))
        return bytes(got.content)

    assert xpath(asyncio.run(story()), "string(//u:phase)") == "PENDING"
