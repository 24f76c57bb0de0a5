"""Pages of jobs: form, list, one job, and what may be done to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from distiller.analysis import tasks
from distiller.analysis.fields import describe
from distiller.core.errors import BadData, IllegalState
from distiller.core.times import now
from distiller.jobs.engines.queries import RESULT
from distiller.jobs.presence import has_runner
from distiller.jobs.store import QUERY, kind_of
from distiller.vo.uws import JobFilter, Phase
from distiller.web import access, site
from distiller.web.data.addresses import address_of
from distiller.web.pages import cells
from distiller.web.pages.context import jobs_under_way
from distiller.web.pages.dataset import record
from distiller.web.pages.jobs import elsewhere, form, links, queries
from distiller.web.pages.jobs.starting import typical
from distiller.web.pages.paging import page_of
from distiller.web.uws.addresses import path_of

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from distiller.vo.uws import Job, JobError
    from distiller.web.pages.adql.elsewhere import Snippet

_LOG_LINES: Final = 200
_LISTED: Final = 100
_STARTABLE_LOOK: Final = "3s"
_PICTURE: Final = "image/png"
_WORDS: Final = {
    Phase.PENDING: "not started",
    Phase.QUEUED: "waiting",
    Phase.EXECUTING: "running",
    Phase.COMPLETED: "done",
    Phase.ERROR: "failed",
    Phase.ABORTED: "aborted",
    Phase.HELD: "held",
    Phase.SUSPENDED: "suspended",
    Phase.ARCHIVED: "archived",
    Phase.UNKNOWN: "unknown",
}
_UNDER_WAY: Final = frozenset({Phase.QUEUED, Phase.EXECUTING})
_STARTABLE: Final = frozenset({Phase.PENDING, Phase.HELD})
_STOPPABLE: Final = frozenset(
    {Phase.PENDING, Phase.HELD, Phase.QUEUED, Phase.EXECUTING}
)


@require_safe
@never_cache
def job_list(request: HttpRequest) -> HttpResponse:
    """List the jobs of this user, newest first; administrators may see everybody's."""
    who = access.visitor(request)
    everybody = who.is_staff and request.GET.get("of") == "everybody"
    page = page_of(request.GET.get("page", ""))
    # One more than is shown tells whether there are older ones.
    found = site.current().jobs.list(
        owner=who.name,
        everybody=everybody,
        wanted=JobFilter(last=_LISTED + 1),
        skip=(page - 1) * _LISTED,
    )
    shown = found[:_LISTED]
    here = {"of": "everybody"} if everybody else {}
    words = {
        "here": "jobs",
        "jobs": [_line(item) for item in shown],
        "looks_again": _looks_again({item.phase for item in shown}, "1s"),
        "everybody": everybody,
        "is_staff": who.is_staff,
        "page": page,
        "address": _address(here, page),
        "newer": _address(here, page - 1) if page > 1 else "",
        "older": _address(here, page + 1) if len(found) > _LISTED else "",
    }
    part = request.headers.get("HX-Request") == "true"
    return render(request, "jobs/list_part.html" if part else "jobs/list.html", words)


def _address(query: dict[str, str], page: int) -> str:
    more = {"page": str(page)} if page > 1 else {}
    both = urlencode(query | more)
    return f"/jobs/?{both}" if both else "/jobs/"


@require_safe
@never_cache
def count(request: HttpRequest) -> HttpResponse:
    """Show how many jobs are under way (for the frame of every page)."""
    words = {"jobs_under_way": jobs_under_way(request)}
    return render(request, "jobs/live_count.html", words)


@require_safe
@never_cache
def job(request: HttpRequest, job_id: str) -> HttpResponse:
    """Show one job; while it runs, the page asks for its changing part."""
    found = _visit(request, job_id)
    part = request.headers.get("HX-Request") == "true"
    can_hold = found.phase is Phase.QUEUED and access.visitor(request).is_staff
    words = {
        "here": "jobs",
        "out_of_band": part,
        "can_hold": can_hold,
        **_words(found),
    }
    return render(request, "jobs/job_part.html" if part else "jobs/job.html", words)


@require_POST
def run(request: HttpRequest, job_id: str) -> HttpResponse:
    """Run a job that was made and not started."""
    found = _visit(request, job_id)
    try:
        site.current().jobs.run(job_id, access.visitor(request))
    except IllegalState:
        # Somebody was faster; the page says what became of it.
        if found.phase not in _STARTABLE:
            raise
    return redirect("job", job_id=job_id)


@require_POST
def anew(request: HttpRequest, job_id: str) -> HttpResponse:
    """Make a job that computes what this one was given."""
    found = _visit(request, job_id)
    if found.reused is None:
        message = f"job {job_id} was given no product that was there"
        raise IllegalState(message, hint="run it again with changes")
    who = access.visitor(request)
    made = site.current().jobs.submit(found.task, found.parameters, who, fresh=True)
    return redirect("job", job_id=made.job_id)


@require_POST
def hold(request: HttpRequest, job_id: str) -> HttpResponse:
    """Take a job that waits out of the queue; for administrators."""
    _visit(request, job_id)
    try:
        site.current().jobs.hold(job_id, access.visitor(request))
    except IllegalState:
        # It has begun meanwhile, or somebody was faster; the page says so.
        if site.current().jobs.get(job_id).phase is Phase.PENDING:
            raise
    return redirect("job", job_id=job_id)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def abort(request: HttpRequest, job_id: str) -> HttpResponse:
    """Ask whether to abort a job, and abort it."""
    jobs = site.current().jobs
    found = _visit(request, job_id)
    if request.method == "POST":
        try:
            jobs.abort(job_id)
        except IllegalState:
            if not jobs.get(job_id).phase.is_final:
                raise
        return redirect("job", job_id=job_id)
    words = {
        "here": "jobs",
        "job": _line(found),
        "verb": "Abort",
        "effect": "It is stopped; what it has done so far is lost.",
        "possible": found.phase in _STOPPABLE,
    }
    return render(request, "jobs/confirm.html", words)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def delete(request: HttpRequest, job_id: str) -> HttpResponse:
    """Ask whether to delete a job, and delete it."""
    jobs = site.current().jobs
    found = _visit(request, job_id)
    if request.method == "POST":
        jobs.delete(job_id)
        return redirect("jobs")
    words = {
        "here": "jobs",
        "job": _line(found),
        "verb": "Delete",
        "effect": "The job, its result and its place in your list go."
        if found.task == QUERY
        else (
            "The job, its log and its place in your list go. "
            "A product that it made stays in the archive; it has a page of its own."
        ),
        "possible": True,
    }
    return render(request, "jobs/confirm.html", words)


def _visit(request: HttpRequest, job_id: str) -> Job:
    """Return a job that whoever asks may see."""
    return site.current().jobs.visit(job_id, access.visitor(request))


def _line(found: Job) -> dict[str, Any]:
    """Return what list and page of a job say of it."""
    pairs = {name.lower(): value for name, value in found.parameters}
    runs = form.split(v for n, v in found.parameters if n.lower() == "obs")
    is_query = found.task == QUERY
    result = found.result(RESULT) if is_query else None
    return {
        "id": found.job_id,
        "owner": found.owner or "",
        "task": found.task,
        "title": _title(found.task),
        "about": queries.about(found)
        if is_query
        else pairs.get("target") or _position(pairs),
        "is_query": is_query,
        "runs": "" if is_query else len(runs),
        "answer": result and _result_url(found, result.id, result.name),
        "phase": found.phase,
        "phase_class": found.phase.lower(),
        "phase_words": _WORDS[found.phase],
        "created": cells.instant(found.creation_time),
        "took": _took(found),
        "percent": round(100 * found.progress.fraction) if found.progress else None,
        "product_id": found.product_id,
        "looks_again": _looks_again({found.phase}, "600ms"),
    }


def _looks_again(phases: set[Phase], usual: str) -> str:
    """Return after how long a page asks again; empty if nothing is to come.

    One that is held or not started yet goes on by what is done elsewhere: by an
    administrator, or a program.
    """
    if phases & {Phase.QUEUED, Phase.EXECUTING, Phase.SUSPENDED}:
        return usual
    return _STARTABLE_LOOK if phases & _STARTABLE else ""


def _title(task: str) -> str:
    if task == QUERY:
        return queries.TITLE
    return tasks.TASKS[task].title if task in tasks.TASKS else task


def _words(found: Job) -> dict[str, Any]:
    jobs = site.current().jobs
    line = _line(found)
    is_gone = bool(found.product_id) and not record.is_there(str(found.product_id))
    results = [
        {
            "id": r.id,
            "name": r.name,
            "media_type": r.media_type,
            "size": cells.size(r.size),
            "url": _result_url(found, r.id, r.name),
        }
        for r in (() if is_gone else found.results)
    ]
    by_id = {result["id"]: result for result in results}
    return {
        "job": line,
        "is_gone": is_gone,
        "found": found,
        "place": jobs.place(found) if found.phase is Phase.QUEUED else None,
        "unattended": _is_unattended(found),
        "percent": _percent(found),
        "typical": typical(found.task) if found.phase in _UNDER_WAY else "",
        "doing": _doing(found),
        "log": jobs.log_tail(found.job_id, _LOG_LINES),
        "log_address": f"{path_of(found.task, found.job_id)}/log",
        "results": results,
        "plots": [r for r in results if r["media_type"] == _PICTURE],
        "came_out": record.results_of(found.product_id) if found.product_id else None,
        "reused": found.reused and cells.instant(found.reused),
        "product": by_id.get("product"),
        "answer": by_id.get(RESULT) if line["is_query"] else None,
        "query": queries.text_of(found) if line["is_query"] else "",
        "configuration": by_id.get("configuration"),
        "parameters": _parameters(found),
        "again": _again(found),
        "snippets": _snippets(found),
        "advice": found.error and _advice(found.error),
        "can_run": found.phase in _STARTABLE,
        "can_abort": found.phase in _STOPPABLE,
        "destruction": found.destruction and cells.instant(found.destruction),
        "started": found.start_time and cells.instant(found.start_time),
        "ended": found.end_time and cells.instant(found.end_time),
    }


def _percent(found: Job) -> int | None:
    """Return how far a job is; None if it ended before it was done."""
    if found.phase in {Phase.ERROR, Phase.ABORTED}:
        return None
    if found.phase is Phase.COMPLETED:
        return 100
    return round(100 * found.progress.fraction) if found.progress else 0


def _result_url(found: Job, result_id: str, name: str) -> str:
    if found.product_id:
        return address_of(found.product_id, name)
    return f"{path_of(found.task, found.job_id)}/results/{result_id}"


def _again(found: Job) -> str:
    if found.task == QUERY:
        return queries.again(found)
    return links.form_address(found.task, found.parameters)


def _snippets(found: Job) -> list[Snippet]:
    if found.task == QUERY:  # the ADQL page has them
        return []
    base_url = site.current().settings.base_url
    return elsewhere.snippets(found.task, found.parameters, base_url)


def _doing(found: Job) -> str:
    if found.phase is Phase.EXECUTING:
        return found.progress.text if found.progress else "starting"
    return {
        Phase.QUEUED: "waiting for its turn",
        Phase.PENDING: "not started yet",
        Phase.COMPLETED: "done",
        Phase.ERROR: "ended with an error",
        Phase.ABORTED: "was aborted",
        Phase.HELD: "held back by an administrator",
    }.get(found.phase, _WORDS[found.phase])


def _is_unattended(found: Job) -> bool:
    """Whether a job waits for a runner that is not there."""
    settings = site.current().settings
    kind = kind_of(found.task)
    return found.phase is Phase.QUEUED and not has_runner(settings, kind)


def _advice(error: JobError) -> str:
    """Return what to do about an error: a key of the words in the template."""
    code = error.message.partition(" ")[0]
    if error.type == "transient":
        return "wait"
    if code.startswith("I"):
        return "tell"
    if code.startswith(BadData.code):
        return "data"
    return "change" if code.startswith("U") else "again"


def _parameters(found: Job) -> list[tuple[str, str, str]]:
    """Return name, value and unit of every parameter, datasets joined."""
    if found.task == QUERY:
        return queries.parameters(found)
    model = tasks.TASKS[found.task].parameters if found.task in tasks.TASKS else None
    units = {one.name: one.unit or "" for one in describe(model)} if model else {}
    runs = form.split(v for n, v in found.parameters if n.lower() == "obs")
    lower = [(n.lower(), v) for n, v in found.parameters]
    rest = [(n, v) for n, v in lower if n != "obs" and v.strip()]
    return [("obs", ", ".join(runs), ""), *((n, v, units.get(n, "")) for n, v in rest)]


def _position(pairs: dict[str, str]) -> str:
    ra, dec = pairs.get("ra", ""), pairs.get("dec", "")
    return f"{ra} {dec}" if ra and dec else ""


def _took(found: Job) -> str:
    if found.start_time is None:
        return ""
    end = found.end_time or now()
    return cells.duration(max(0.0, (end - found.start_time).total_seconds()))
