"""Pages of jobs, without anything that runs them: forms, lists, links, advice."""

from __future__ import annotations

import ast
import fcntl
import html
import re
import shlex
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import lxml.html
import pytest
import yaml
from django.test import Client
from tests.support.every_kind import EVERYTHING, Everything

from distiller.analysis import tasks
from distiller.analysis.count_map.parameters import CountMapParameters
from distiller.analysis.parameters import OBS_MAX
from distiller.jobs import presence
from distiller.vo.uws import JobError, Phase, Result
from distiller.web.pages.jobs import links, views

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
    from distiller.vo.uws import Job

pytestmark = pytest.mark.slow

__all__ = [
    "archive", "engine", "filled", "here", "home", "runs", "service", "store",
]  # fmt: skip

FORM = "/jobs/new/count_map/"


@pytest.fixture
def client(here: Any) -> Client:
    del here
    return Client()


def text_of(answer: Any) -> str:
    bare = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return " ".join(html.unescape(bare).split())


def page_of(answer: Any) -> Any:
    return lxml.html.fromstring(answer.content)


def new(here: Any, *pairs: tuple[str, str], **more: Any) -> Job:
    made: Job = here.create("count_map", pairs or tuple(MAP.items()), **more)
    return made


# Running again ---------------------------------------------------------------


def again(target: str | None, ra: float, dec: float) -> dict[str, list[str]]:
    parameters = CountMapParameters(obs=("1001",), target=target, ra=ra, dec=dec)
    record = {
        "parameters": parameters.model_dump(mode="json", exclude_none=True),
        "inputs": [{"did": "ivo://org.example/sim?1001"}],
    }
    address = links.again("count_map", yaml.safe_dump(record))
    assert address is not None
    return parse_qs(urlsplit(address).query)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("target", "ra", "dec", "kept"),
    [
        # The position came from the name, so that another name means another one.
        ("Crab", 83.6331, 22.0145, False),
        ("83.5 22.5", 83.5, 22.5, False),
        # It did not: it is part of what was asked for.
        ("Crab", 83.7, 22.0, True),
        ("my field 7", 83.6331, 22.0145, True),
        (None, 83.6331, 22.0145, True),
    ],
)
def test_a_link_has_no_position_that_the_name_gives(
    target: str | None, ra: float, dec: float, *, kept: bool
) -> None:
    query = again(target, ra, dec)
    assert query.get("target") == (None if target is None else [target])
    assert query.get("ra") == ([str(ra)] if kept else None)
    assert query.get("dec") == ([str(dec).removesuffix(".0")] if kept else None)


def test_changing_only_the_target_moves_the_map_or_is_refused(
    client: Client,
    here: Any,
) -> None:
    fields = {
        name: values[0] for name, values in again("Crab", 83.6331, 22.0145).items()
    }
    moved = client.post(FORM, {**fields, "target": "Crab"})
    assert moved.status_code == 302
    both = {**fields, "ra": "10.68", "dec": "41.27"}
    refused = client.post(FORM, both)
    assert refused.status_code == 400
    assert "Crab is at ra 83.6330 dec 22.0140" in text_of(refused)
    assert 'id="w-target"' in refused.content.decode()
    label = client.post(FORM, {**both, "target": "my field 7"})
    assert label.status_code == 302
    assert len(here.list(owner=None)) == 2


# Forms -----------------------------------------------------------------------


@pytest.mark.parametrize("method", ["get", "post"])
def test_endless_lists_of_runs_are_refused_before_they_are_looked_up(
    client: Client,
    here: Any,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
) -> None:
    asked: list[int] = []
    archive_of = here._specifier._archive
    whole = type(archive_of).rows

    def rows(self: Any, sql: str, params: Any = ()) -> Any:
        asked.append(len(params))
        return whole(self, sql, params)

    monkeypatch.setattr(type(archive_of), "rows", rows)
    many = ",".join(str(n) for n in range(100_000))
    answer = getattr(client, method)(FORM, {**MAP, "obs": many})
    assert answer.status_code == 400
    text = text_of(answer)
    assert "100,000 datasets are more than the 500 of one job" in text
    assert "99999" not in text
    assert max(asked, default=0) <= 2 * OBS_MAX


def test_a_page_lists_the_tasks_with_what_was_chosen(client: Client) -> None:
    page = page_of(client.get("/jobs/new/", {"obs": ["1001", "1002,7"]}))
    assert "With 3 chosen runs." in " ".join(page.text_content().split())
    for name, task in tasks.TASKS.items():
        (section,) = page.xpath(f"//section[@aria-labelledby='t-{name}']")
        assert task.description in section.text_content()
        addresses = section.xpath(".//a/@href")
        assert addresses == [
            f"/help/{name}/", f"/jobs/new/{name}/?obs=1001&obs=1002%2C7",
        ]  # fmt: skip
        for address in addresses:
            assert client.get(address).status_code == 200
    assert page_of(client.get("/jobs/")).xpath("//a[@href='/jobs/new/']")


def test_a_job_is_shown_as_commands(client: Client, here: Any) -> None:
    nasty = "O'Brien's \"$(rm -rf ~)\" \\"
    told = (("obs", "1001"), ("target", nasty), ("e_min", "0.5"))
    job = new(here, *told, ("a@/etc/passwd", "x"))
    page = page_of(client.get(f"/jobs/{job.job_id}/"))
    shown = {pre.get("aria-label"): pre.text for pre in page.xpath("//details//pre")}
    assert list(shown) == ["pyVO", "curl"]
    (call,) = [
        node
        for node in ast.walk(ast.parse(shown["pyVO"]))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "requests.post"
    ]
    assert ast.literal_eval(call.keywords[0].value) == list(told)
    made = shown["curl"].partition("\n  -d PHASE")[0].removesuffix(" \\")
    words = shlex.split(made.removeprefix("job=$(").replace("\\\n", ""))
    assert words[6:] == [
        "http://127.0.0.1:8000/uws/count_map", "-d", "obs=1001",
        "--data-urlencode", f"target={nasty}", "-d", "e_min=0.5",
    ]  # fmt: skip


@pytest.fixture
def everything(monkeypatch: pytest.MonkeyPatch) -> str:
    """Add a task with every kind of parameter; give the address of its form."""
    every = {**tasks.TASKS, EVERYTHING.name: EVERYTHING}
    monkeypatch.setattr(tasks, "TASKS", every)
    return "/jobs/new/everything/"


def test_a_form_has_a_control_for_every_kind(client: Client, everything: str) -> None:
    page = page_of(client.get(everything))
    groups = [h.text for h in page.xpath("//main//form//h3")]
    assert groups == ["Place", "Time", "Method"]
    (contain,) = page.xpath("//select[@name='contain']")
    assert contain.xpath("option/@value") == ["true", "false"]
    assert contain.value == "true"
    (method,) = page.xpath("//select[@name='method']")
    assert method.xpath("option/text()") == ["by the field", "ring", "fov"]
    assert method.value == ""
    assert page.xpath("//input[@name='models' and @checked]/@value") == ["pl", "lp"]
    assert page.xpath("//textarea[@name='exclude']")
    (offset,) = page.xpath("//input[@name='offset']")
    assert offset.get("placeholder") == "from the data"
    for control in page.xpath("//main//*[@name and (self::input or self::select)]"):
        if control.get("type") not in {"hidden", "checkbox"}:
            assert page.xpath(f"//label[@for='{control.get('id')}']")
            assert page.xpath(f"//*[@id='{control.get('aria-describedby')}']") or (
                control.get("name") == "obs"
            )


def test_a_form_keeps_what_was_sent(client: Client, everything: str) -> None:
    sent = {
        "obs": "1001",
        "ra": "83.6",
        "dec": "22",
        "contain": "false",
        "models": ["lp", "ecpl"],
        "exclude": "83.6,22,0.5\r\n84,21\r\n",
        "method": "fov",
    }
    answer = client.post(everything, sent)
    assert answer.status_code == 400
    assert "must be ra,dec,radius in deg, not '84,21'" in text_of(answer)
    page = page_of(answer)
    assert page.xpath("//textarea[@name='exclude']/@aria-invalid") == ["true"]
    lines = page.xpath("//textarea[@name='exclude']")[0].value.split()
    assert lines == ["83.6,22,0.5", "84,21"]
    checked = page.xpath("//input[@name='models' and @checked]/@value")
    assert checked == ["lp", "ecpl"]
    assert page.xpath("//select[@name='contain']")[0].value == "false"
    assert page.xpath("//select[@name='method']")[0].value == "fov"


def test_a_link_fills_a_form_of_every_kind(client: Client, everything: str) -> None:
    pairs = Everything.from_pairs(
        "everything",
        [
            ("obs", "1001"), ("target", "Crab"), ("contain", "false"),
            ("models", "ecpl"), ("exclude", "83.6,22,0.5"), ("exclude", "84,21,1"),
            ("edges", "1,2"),
        ],
    ).to_pairs()  # fmt: skip
    answer = client.get(f"{everything}?{urlencode(pairs)}")
    page = page_of(answer)
    assert page.xpath("//select[@name='contain']")[0].value == "false"
    checked = page.xpath("//input[@name='models' and @checked]/@value")
    assert checked == ["ecpl"]
    lines = page.xpath("//textarea[@name='exclude']")[0].value.split()
    assert lines == ["83.6,22,0.5", "84,21,1"]
    assert page.xpath("//input[@name='edges']/@value") == ["1,2"]
    # And what it holds is taken as it stands.
    (form,) = page.xpath("//main//form")
    fields = [(n, v) for n, v in form.form_values() if n != "csrfmiddlewaretoken"]
    again = Everything.from_pairs("everything", fields).to_pairs()
    assert again == (("obs", "ivo://org.example/sim?1001"), *pairs[1:])


def test_a_fault_without_a_field_is_told_above(client: Client) -> None:
    answer = client.post(FORM, {**MAP, "e_mim": "1"})
    assert answer.status_code == 400
    text = text_of(answer)
    assert "e_mim: no such parameter; did you mean e_min?" in text
    assert "marked below" not in text
    both = text_of(client.post(FORM, {**MAP, "e_mim": "1", "binsz": "x"}))
    assert "e_mim: no such parameter" in both
    wrong = text_of(client.post(FORM, {**MAP, "binsz": "x"}))
    assert "Mend the field marked below." in wrong


def test_control_characters_are_refused_at_the_field(client: Client) -> None:
    answer = client.post(FORM, {**MAP, "target": "Crab\nNebula"})
    assert answer.status_code == 400
    assert "has a character that cannot be printed (U+000A)" in text_of(answer)


def test_too_many_jobs_are_told_on_the_form(
    client: Client,
    here: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few = here._settings.model_copy(update={"jobs_per_user": 1})
    monkeypatch.setattr(here, "_settings", few)
    assert client.post(FORM, MAP).status_code == 302
    answer = client.post(FORM, MAP)
    assert answer.status_code == 403
    assert "1 jobs of visitors without an account are under way" in text_of(answer)
    assert [job.phase for job in here.list(owner=None)] == [Phase.QUEUED]


# One job ---------------------------------------------------------------------


def test_names_in_capitals_are_the_same_parameters(
    client: Client,
    here: Any,
) -> None:
    capitals = tuple((name.upper(), value) for name, value in MAP.items())
    job = here.submit("count_map", (*capitals, ("TARGET", "Crab")))
    text = text_of(client.get(f"/jobs/{job.job_id}/"))
    assert "Count map: Crab" in text
    assert "e_min 0.5 TeV" in text
    assert "obs 1001, 1002" in text
    assert "Count map " in text_of(client.get("/jobs/"))


def test_a_job_that_was_not_started_can_be_run(client: Client, here: Any) -> None:
    job = new(here)
    address = f"/jobs/{job.job_id}/"
    assert f'action="{address}run/"' in client.get(address).content.decode()
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(f"{address}run/").status_code == 403
    assert client.get(f"{address}run/").status_code == 405
    assert client.post(f"{address}run/").headers["Location"] == address
    assert here.get(job.job_id).phase is Phase.QUEUED
    assert "Run it" not in text_of(client.get(address))
    again_ = client.post(f"{address}run/")
    assert again_.status_code == 403
    assert "is QUEUED and cannot run" in text_of(again_)


def test_a_waiting_job_says_that_no_runner_runs(
    client: Client,
    here: Any,
    home: Any,
) -> None:
    job = here.run(new(here).job_id)
    address = f"/jobs/{job.job_id}/"
    text = text_of(client.get(address))
    assert "waiting for its turn: place 1 of 1 No runner is running" in text
    home.jobs_path.mkdir(exist_ok=True)
    with (home.jobs_path / presence.LOCKS["analysis"]).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "No runner" not in text_of(client.get(address))
    pending = new(here)
    assert "No runner" not in text_of(client.get(f"/jobs/{pending.job_id}/"))


@pytest.mark.parametrize(
    ("message", "kind", "advice"),
    [
        ("U100 e_min: is wrong", "fatal", "Change the settings and run it again."),
        ("U600 D901 run.fits: changed", "fatal", "The fault is in the data: choose"),
        ("I000 KeyError: x", "fatal", "This is a fault of this site, not yours"),
        ("P400 Sesame sleeps", "transient", "It may work when you run it again"),
        ("aborted by its user", "fatal", "You can run it again"),
    ],
)
def test_advice_fits_the_error(
    client: Client,
    here: Any,
    message: str,
    kind: Any,
    advice: str,
) -> None:
    job = here.run(new(here).job_id)
    failure = {"error": JobError(message, kind)}
    assert here._store.update(job.job_id, {Phase.QUEUED}, failure, to=Phase.ERROR)
    text = text_of(client.get(f"/jobs/{job.job_id}/"))
    assert advice in text
    assert ("Change the settings" in text) == message.startswith("U100")


# Lists -----------------------------------------------------------------------


def test_the_list_has_pages(
    client: Client,
    here: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(views, "_LISTED", 2)
    made = [new(here).job_id for _ in range(5)]
    shown = []
    for page in ("", "?page=2", "?page=3"):
        text = client.get(f"/jobs/{page}").content.decode()
        shown.append({job_id for job_id in made if job_id in text})
        assert ('rel="next"' in text) == (page != "?page=3")
        assert ('rel="prev"' in text) == (page != "")
    assert [len(found) for found in shown] == [2, 2, 1]
    assert set.union(*shown) == set(made)
    # While jobs run, the list asks for the page that is shown.
    for job_id in made:
        here.run(job_id)
    text = client.get("/jobs/?page=2").content.decode()
    assert 'hx-get="/jobs/?page=2"' in text
    assert client.get("/jobs/", {"page": "9" * 5000}).status_code == 200
    beyond = text_of(client.get("/jobs/?page=9"))
    assert "No jobs here" in beyond
    for nonsense in ("x", "-1", "0", "²", "9" * 40):
        assert client.get("/jobs/", {"page": nonsense}).status_code == 200


# Queries -----------------------------------------------------------------------

ADQL = "SELECT obs_id\nFROM ivoa.obscore WHERE obs_title <> '<b>'"


def ended(here: Any, job: Job, update: dict[str, Any], to: Phase) -> None:
    moving = {Phase.QUEUED, Phase.EXECUTING}
    assert here._store.update(job.job_id, moving, update, to=to)


def test_a_query_is_run_in_the_background(client: Client, here: Any) -> None:
    asked = {"query": ADQL.replace("\n", "\r\n"), "format": "fits"}
    answer = client.post("/adql/background", asked)
    assert answer.status_code == 303
    (job,) = here.list(owner=None)
    assert answer.headers["Location"] == f"/jobs/{job.job_id}/"
    assert (job.task, job.phase) == ("tap", Phase.QUEUED)
    given = {"LANG": "ADQL", "QUERY": ADQL, "RESPONSEFORMAT": "fits"}
    assert dict(job.parameters) == given
    empty = client.post("/adql/background", {"query": " "})
    assert empty.headers["Location"] == "/adql/"
    assert client.get("/adql/background").status_code == 405
    assert len(here.list(owner=None)) == 1


def test_a_query_with_faults_makes_no_job(client: Client, here: Any) -> None:
    query = "SELECT obs_idd\nFROM ivoa.obscore"
    answer = client.post("/adql/background", {"query": query, "format": "csv"})
    assert answer.status_code == 400
    page = answer.content.decode()
    assert f"{query}</textarea>" in page
    assert "SELECT <mark>obs_idd</mark>" in page
    odd = client.post("/adql/background", {"query": ADQL, "format": "odt"})
    assert odd.status_code == 400
    assert "unknown" in text_of(odd)
    assert len(here.list(owner=None)) == 0


def test_the_page_of_a_query(client: Client, here: Any) -> None:
    job = here.submit("tap", [("LANG", "ADQL"), ("QUERY", ADQL), ("MAXREC", "7")])
    page = client.get(f"/jobs/{job.job_id}/")
    assert '<pre tabindex="0" aria-labelledby="query">SELECT obs_id\nFROM' in (
        page.content.decode()
    )
    assert "&lt;b&gt;" in page.content.decode()
    text = text_of(page)
    for words in ("ADQL query", "QUEUED", "MAXREC 7", "No runner is running"):
        assert words in text
    for words in ("picture", "Download", "nothing yet", "0 %"):
        assert words not in text
    result = Result("result", "result.vot", "application/x-votable+xml", 2048)
    ended(here, job, {"results": (result,)}, Phase.COMPLETED)
    page = client.get(f"/jobs/{job.job_id}/")
    link = f"/tap/async/{job.job_id}/results/result"
    assert f'href="{link}">Download the table (2.0 kB)' in page.content.decode()
    listed = client.get("/jobs/").content.decode()
    assert f'href="{link}"' in listed
    assert "SELECT obs_id FROM ivoa.obscore WHERE obs_title" in listed
    sure = text_of(client.get(f"/jobs/{job.job_id}/delete/"))
    assert "The job, its result and its place in your list go." in sure


def test_a_query_is_run_again_from_the_adql_page(client: Client, here: Any) -> None:
    job = here.submit("tap", [("LANG", "ADQL"), ("query", ADQL)])
    page = client.get(f"/jobs/{job.job_id}/").content.decode()
    assert f'href="/adql/?job={job.job_id}"' in page
    answer = client.get(f"/adql/?job={job.job_id}")
    assert answer.status_code == 200
    assert ADQL in html.unescape(answer.content.decode())
    # It is shown, to be changed, and does not run.
    assert "Rows appear here." in text_of(answer)
    empty = here.submit("tap", [])
    assert client.get(f"/adql/?job={empty.job_id}").status_code == 200
    assert client.get("/adql/?job=7").status_code == 404
    stranger = here.create("tap", [("QUERY", ADQL)], owner="marie")
    assert client.get(f"/adql/?job={stranger.job_id}").status_code == 403


def test_faults_of_a_query_stand_on_its_page(client: Client, here: Any) -> None:
    job = here.submit("tap", [("LANG", "ADQL"), ("QUERY", "SELECT x")])
    error = JobError("U200 1:8 Q202 there is no column x", "fatal")
    ended(here, job, {"error": error}, Phase.ERROR)
    text = text_of(client.get(f"/jobs/{job.job_id}/"))
    assert "1:8 Q202 there is no column x" in text
    assert "Change the query and run it again." in text
