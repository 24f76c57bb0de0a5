"""How a job is started from the pages: the choice of a task, and its form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from distiller.analysis import tasks
from distiller.analysis.parameters import OBS_MAX, InvalidParameters
from distiller.core.errors import NotFound, PassingError, UserError
from distiller.core.times import now
from distiller.jobs import notices
from distiller.jobs.store import QUERY
from distiller.web import access, site
from distiller.web.errors import headers_of, status_of
from distiller.web.pages import cells
from distiller.web.pages.jobs import form, links
from distiller.web.uws.requests import files_of

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@require_safe
def choose(request: HttpRequest) -> HttpResponse:
    """Show the tasks; what the address gives of runs and place goes on to the form."""
    pairs = _pairs(request)
    listed = [
        {"task": task, "form": links.form_address(task.name, pairs)}
        for task in tasks.TASKS.values()
    ]
    runs = form.split(value for name, value in pairs if name.lower() == "obs")
    words = {"here": "jobs", "tasks": listed, "chosen": len(runs)}
    return render(request, "jobs/tasks.html", words)


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, task: str) -> HttpResponse:
    """Show the form of a task, or make and run a job from it."""
    chosen = tasks.task(task)
    pairs = _pairs(request)
    if request.method != "POST":
        shown = form.prepare(chosen, pairs, access.visitor(request))
        return _show_form(request, shown, status=400 if shown.faults else 200)
    jobs, who = site.current().jobs, access.visitor(request)
    try:
        _check_number(task, pairs)
        files = files_of(request)
        # A file that is chosen takes the place of one that was sent before.
        names = {name.lower() for name in files}
        own = [pair for pair in pairs if pair[0].lower() not in names]
        jobs.check(task, own, who)
        made = jobs.submit(task, own, who, files=files)
    except (UserError, PassingError) as error:
        pairs = _with_names(request, pairs)
        faults = form.faults_of(error) | form.to_choose_again(chosen, pairs)
        for name, text in _faults_of_files(request, task).items():
            # What is wrong with it comes first; then, that it is not here any more.
            faults[name] = "; ".join(dict.fromkeys((text, faults.get(name, text))))
        wrong = form.prepare(chosen, pairs, who, faults)
        # The page is there; it is the form that names what is not.
        status = 400 if isinstance(error, NotFound) else status_of(error)
        answer = _show_form(request, wrong, status=status)
        for name, value in headers_of(error).items():
            answer.headers[name] = value
        return answer
    return redirect("job", job_id=made.job_id)


def _pairs(request: HttpRequest) -> list[tuple[str, str]]:
    """Return the parameters that the form was sent with, or is to be filled with."""
    given = request.POST if request.method == "POST" else request.GET
    return [
        (name, str(value))
        for name, values in given.lists()
        if name != "csrfmiddlewaretoken"
        for value in values
    ]


def _with_names(
    request: HttpRequest, pairs: list[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Return the parameters with the names of files in place of their content.

    No file is kept for a job that is not made, and a browser keeps none. A name is
    what no job takes for a file: it cannot be lost before the user says so.
    """
    names = {
        name.lower(): getattr(one, "name", None) or "file"
        for name, one in request.FILES.items()
    }
    return [*(pair for pair in pairs if pair[0].lower() not in names), *names.items()]


def _faults_of_files(request: HttpRequest, task: str) -> dict[str, str]:
    """Return what is wrong with the files that came along."""
    try:
        site.current().jobs.check_files(task, files_of(request))
    except UserError as error:
        return form.faults_of(error)
    return {}


def _check_number(task: str, pairs: list[tuple[str, str]]) -> None:
    """Refuse more datasets than a job takes before any is looked up."""
    chosen = form.split(v for n, v in pairs if n.lower() == "obs")
    if len(chosen) > OBS_MAX:
        raise InvalidParameters(task, (("obs", form.too_many(len(chosen))),))


def _show_form(
    request: HttpRequest, shown: form.TaskForm, status: int = 200
) -> HttpResponse:
    runs = [
        {
            **row,
            "start": cells.mjd(row["t_min"]),
            "exposure": _minutes(row["t_exptime"]),
        }
        for row in shown.runs
    ]
    total_s = sum(row["t_exptime"] or 0.0 for row in shown.runs)
    possible = notices.possible(site.current().settings)
    wanted = notices.ways(_pairs(request))
    words = {
        "here": "jobs",
        "task": shown.task,
        "form": shown,
        "runs": runs,
        "total": _minutes(total_s),
        "typical": typical(shown.task.name),
        "can_mail": "mail" in possible and bool(getattr(request.user, "email", "")),
        "wants_mail": "mail" in wanted,
        "can_call": "webhook" in possible,
        "wants_call": "webhook" in wanted,
    }
    return render(request, "jobs/new.html", words, status=status)


def typical(task: str) -> str:
    """Return how long a job of a task takes, as past ones did; empty if unknown."""
    done = None if task == QUERY else site.current().jobs.quote(task)
    return "" if done is None else cells.duration((done - now()).total_seconds())


def _minutes(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds / 60:.1f}"
