"""The resources of ``/uws/<task>`` and of ``/tap/async`` (UWS 1.1 section 2.2).

Handlers translate; `distiller.jobs.service` decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from asgiref.sync import sync_to_async
from django.http import HttpResponse, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt

from distiller.analysis import tasks
from distiller.core.errors import NotFound
from distiller.core.times import dali
from distiller.jobs import cache, folders, sent_files, uploads
from distiller.jobs.limits import Times
from distiller.jobs.store import QUERY
from distiller.vo import uws_documents, votable
from distiller.web import access, site
from distiller.web.data.sending import SentFile, send
from distiller.web.errors import votable_errors
from distiller.web.requests import apart
from distiller.web.uws import requests
from distiller.web.uws.addresses import url_of
from distiller.web.uws.following import follow
from distiller.web.uws.waiting import release_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from distiller.core.rights import Reader
    from distiller.jobs.service import JobService
    from distiller.vo.uws import Job

_ABORT_WAIT_S: Final = 1.0
_READS: Final = frozenset({"GET", "HEAD"})
_AFTER_DELETE: Final = 100
_TEXT: Final = "text/plain; charset=utf-8"
_BYTES: Final = "application/octet-stream"


@csrf_exempt
@votable_errors
async def jobs(request: HttpRequest, task: str) -> HttpResponseBase:
    """List the jobs of whoever asks, or make one."""
    _require(task)
    who = await access.avisitor(request)
    service = site.current().jobs
    if request.method in _READS:
        requests.refuse_creation(request)
        wanted = requests.read_filter(request)
        found = await sync_to_async(service.list)(
            owner=who.name, task=task, wanted=wanted
        )
        return _xml(uws_documents.job_list_document(found, url_of(task)))
    if request.method != "POST":
        return _not_allowed(request, "GET", "HEAD", "POST")
    post = await _read_post(request, task, requests.read_creation)
    requests.check_creation(post)
    job = await sync_to_async(_create)(service, task, post, who)
    return _see_other(url_of(task, job.job_id))


@csrf_exempt
@votable_errors
async def job(request: HttpRequest, task: str, job_id: str) -> HttpResponseBase:
    """Show a job, perhaps once its phase changes; change or delete it."""
    service = site.current().jobs
    if request.method in _READS:
        wait = requests.read_wait(request)
        found = await (
            _visit(request, task, job_id)
            if wait is None
            else _visit_later(request, task, job_id, wait)
        )
        return _xml(uws_documents.job_document(found, url_of(task, job_id)))
    found, who = await _visit_by(request, task, job_id)
    if request.method == "DELETE":
        return await _delete(service, task, job_id)
    if request.method != "POST":
        return _not_allowed(request, "GET", "HEAD", "POST", "DELETE")
    post = await _read_post(request, task)
    requests.check_change(post)
    if post.delete:
        return await _delete(service, task, job_id)
    await _apply(service, found, post, who)
    return _see_other(url_of(task, job_id))


@csrf_exempt
@votable_errors
async def child(
    request: HttpRequest, task: str, job_id: str, child: str
) -> HttpResponseBase:
    """Show one part of a job, or change it."""
    found, who = await _visit_by(request, task, job_id)
    if child not in _CHILDREN:
        message = f"a job has no {child!r}"
        raise NotFound(message, hint="it has: " + ", ".join((*_CHILDREN, "log")))
    if request.method in _READS:
        return _part(found, child, url_of(task, job_id))
    if request.method != "POST" or child not in _CHANGED_BY:
        more = ("POST",) if child in _CHANGED_BY else ()
        return _not_allowed(request, "GET", "HEAD", *more)
    post = await _read_post(request, task)
    requests.check_part(post, child, _CHANGED_BY[child])
    await _apply(site.current().jobs, found, post, who)
    return _see_other(url_of(task, job_id))


@csrf_exempt
@votable_errors
async def result(
    request: HttpRequest, task: str, job_id: str, result_id: str
) -> HttpResponseBase:
    """Send one result."""
    found = await _visit(request, task, job_id)
    if request.method not in _READS:
        return _not_allowed(request, "GET", "HEAD")
    service = site.current().jobs
    path = await sync_to_async(service.result_path)(job_id, result_id)
    described = found.result(result_id)
    media_type = described.media_type if described else _BYTES
    name = f"{task}_{job_id[:8]}_{path.name}"
    return await send(request, SentFile(path, name, media_type))


@csrf_exempt
@votable_errors
async def log(request: HttpRequest, task: str, job_id: str) -> HttpResponseBase:
    """Send what a job has printed; with FOLLOW=1, until it ends."""
    found, who = await _visit_by(request, task, job_id)
    if request.method not in _READS:
        return _not_allowed(request, "GET", "HEAD")
    is_followed = requests.read_follow(request)
    folder = folders.job_folder(site.current().settings, job_id)
    if is_followed and request.method == "GET":
        await release_thread()
        parts = follow(site.current().jobs, found, who, folder)
        answer: HttpResponseBase = StreamingHttpResponse(parts, content_type=_TEXT)
        # Proxies that gather what they pass on are asked not to.
        answer.headers["X-Accel-Buffering"] = "no"
    else:
        text = cache.log_of(found).encode()
        if not text:
            text, _ = await sync_to_async(folders.read_log)(folder)
        answer = HttpResponse(text, content_type=_TEXT)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@csrf_exempt
@votable_errors
async def parameter(
    request: HttpRequest, task: str, job_id: str, name: str
) -> HttpResponseBase:
    """Show one parameter, or set it: the body of a PUT is its value."""
    found, _ = await _visit_by(request, task, job_id)
    service = site.current().jobs
    if request.method == "PUT":
        values = requests.read_value(request)
        await sync_to_async(service.set_parameter)(job_id, name, values)
        return _see_other(url_of(task, job_id))
    if request.method not in _READS:
        return _not_allowed(request, "GET", "HEAD", "PUT")
    values = tuple(v for n, v in found.parameters if n.lower() == name.lower())
    # What came along stands there as well (section 2.2.3.1.1).
    folder = folders.job_folder(site.current().settings, job_id)
    if values:
        sent = sent_files.of_parameter(folder, name, values)
        if sent is not None:
            return await send(request, SentFile(sent, sent.name, _BYTES))
        return HttpResponse("\n".join(values), content_type=_TEXT)
    file = uploads.find(folder).get(name)
    if file is None:
        message = f"job {job_id} has no parameter {name!r}"
        names = ", ".join(dict.fromkeys(n for n, _ in found.parameters))
        raise NotFound(message, hint=f"it has: {names}" if names else None)
    return await send(request, SentFile(file, name, _BYTES))


@csrf_exempt
@votable_errors
async def absent(request: HttpRequest, rest: str = "") -> HttpResponseBase:
    """Answer what UWS does not have, as a service."""
    del rest
    message = f"there is nothing at {request.path}"
    services = ", ".join(url_of(name) for name in (*tasks.TASKS, QUERY))
    raise NotFound(message, hint=f"lists of jobs are at {services}")


_CHILDREN: Final = (
    "phase", "executionduration", "destruction", "error", "quote", "results",
    "parameters", "owner",
)  # fmt: skip
# None stands for the parameters of the task.
_CHANGED_BY: Final[dict[str, str | None]] = {
    "phase": "PHASE",
    "executionduration": "EXECUTIONDURATION",
    "destruction": "DESTRUCTION",
    "parameters": None,
}


async def _read_post(
    request: HttpRequest,
    task: str,
    read: Callable[[HttpRequest, str], requests.Post] = requests.read_post,
) -> requests.Post:
    if request.content_type != requests.MULTIPART:
        return read(request, task)
    # Taking files apart takes its time, and others must not wait for that.
    return await apart(request, lambda given: read(given, task))


def _require(task: str) -> None:
    """Refuse tasks that there are not; the one of queries is no task of analysis."""
    if task != QUERY:
        tasks.task(task)


async def _visit(request: HttpRequest, task: str, job_id: str) -> Job:
    """Return a job that whoever asks may see."""
    found, _ = await _visit_by(request, task, job_id)
    return found


async def _visit_by(request: HttpRequest, task: str, job_id: str) -> tuple[Job, Reader]:
    """Return a job that whoever asks may see, and who asks."""
    _require(task)
    who = await access.avisitor(request)
    found = await sync_to_async(site.current().jobs.visit)(job_id, who)
    return _of_task(found, task), who


async def _visit_later(
    request: HttpRequest, task: str, job_id: str, wait: requests.Wait
) -> Job:
    """Return such a job once its phase has changed."""
    _require(task)
    who = await access.avisitor(request)
    await release_thread()
    found = await site.current().jobs.wait(
        job_id, who, timeout_s=wait.timeout_s, phase=wait.phase
    )
    return _of_task(found, task)


def _of_task(found: Job, task: str) -> Job:
    if found.task != task:
        message = f"no such job of {task}: {found.job_id}"
        raise NotFound(message, hint=f"it is one of {found.task}")
    return found


def _create(service: JobService, task: str, post: requests.Post, who: Reader) -> Job:
    times = Times(post.duration_s, post.destruction)
    given, run_id, files = post.parameters, post.run_id, post.files
    fresh = bool(post.fresh)
    if post.phase == "RUN":
        return service.submit(task, given, who, run_id, times, files=files, fresh=fresh)
    return service.create(
        task, given, who.name, run_id, times, files=files, fresh=fresh
    )


async def _delete(service: JobService, task: str, job_id: str) -> HttpResponse:
    await sync_to_async(service.delete)(job_id)
    # UWS wants to lead to the list (section 2.2.3.2), which may be long.
    return _see_other(f"{url_of(task)}?LAST={_AFTER_DELETE}")


async def _apply(
    service: JobService, found: Job, post: requests.Post, who: Reader
) -> None:
    """Do what a POST to a job or one of its parts asks for."""
    job_id = found.job_id
    await sync_to_async(_set)(service, job_id, post)
    if post.parameters or post.files:
        await sync_to_async(service.set_parameters)(job_id, post.parameters, post.files)
    if post.phase == "RUN":
        await sync_to_async(service.run)(job_id, who)
    elif post.phase == "HOLD":
        await sync_to_async(service.hold)(job_id, who)
    elif post.phase == "ABORT":
        after = await sync_to_async(service.abort)(job_id)
        # Most jobs are gone in no time; then the client sees it in its next look.
        await service.wait(job_id, who, timeout_s=_ABORT_WAIT_S, phase=after.phase)


def _set(service: JobService, job_id: str, post: requests.Post) -> None:
    if post.run_id is not None:
        service.set_run_id(job_id, post.run_id)
    if post.duration_s is not None:
        service.set_duration(job_id, post.duration_s)
    if post.destruction is not None:
        service.set_destruction(job_id, post.destruction)
    if post.fresh is not None:
        service.set_fresh(job_id, fresh=post.fresh)


def _part(found: Job, child: str, url: str) -> HttpResponse:
    if child == "parameters":
        return _xml(uws_documents.parameters_document(found.parameters))
    if child == "results":
        return _xml(uws_documents.results_document(found.results, url))
    if child == "error":
        return _error(found)
    text = {
        "phase": found.phase.value,
        "executionduration": str(found.execution_duration_s),
        "destruction": dali(found.destruction) if found.destruction else "",
        "quote": dali(found.quote) if found.quote else "",
        "owner": found.owner or "",
    }[child]
    return HttpResponse(text, content_type=_TEXT)


def _error(found: Job) -> HttpResponse:
    if found.error is None:
        words = f"job {found.job_id} ({found.phase}) has no error"
        return HttpResponse(words, content_type=_TEXT)
    return HttpResponse(
        votable.error_document(found.error.message), content_type=votable.MEDIA_TYPE
    )


def _xml(document: bytes) -> HttpResponse:
    return HttpResponse(document, content_type=uws_documents.MEDIA_TYPE)


def _see_other(url: str) -> HttpResponse:
    return HttpResponse(status=303, headers={"Location": url})


def _not_allowed(request: HttpRequest, *methods: str) -> HttpResponse:
    allowed = ", ".join(methods)
    words = f"{request.method} cannot be done to {request.path} (it takes {allowed})"
    return HttpResponse(
        votable.error_document(words),
        status=405,
        headers={"Allow": allowed},
        content_type=votable.MEDIA_TYPE,
    )
