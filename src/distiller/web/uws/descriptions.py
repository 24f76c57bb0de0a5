"""What the services of jobs say of themselves: which tasks, with which parameters.

All of it is made from the models of the parameters.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from django.http import HttpResponse, HttpResponseRedirect

from distiller.analysis import tasks
from distiller.analysis.fields import describe
from distiller.vo import descriptors, uws_service, votable
from distiller.vo.elements import Bound, InputParameter
from distiller.web import vosi
from distiller.web.requests import allowing
from distiller.web.uws.addresses import url_of

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from distiller.analysis.fields import Described, Limit
    from distiller.analysis.tasks import Task

_JSON: Final = "application/json"
_SCHEMA: Final = "application/schema+json"
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_PAGE: Final = "/jobs/new/"
_DATATYPES: Final = {
    "number": "double",
    "whole": "long",
    "flag": "boolean",
    "circle": "double",
    "text": "char",
    "file": "char",
}
_CIRCLE_PARTS: Final = "3"


@allowing("GET")
async def index(request: HttpRequest) -> HttpResponseBase:
    """List the tasks; a browser is led to the page that does."""
    listed = [_entry(task) for task in tasks.TASKS.values()]
    document = {"tasks": listed, "capabilities": vosi.address("/uws/capabilities")}
    is_browser = request.get_preferred_type([_JSON, "text/html"]) == "text/html"
    answer = HttpResponseRedirect(_PAGE) if is_browser else _json(document, _JSON)
    answer.headers["Vary"] = "Accept"
    return answer


@allowing("GET")
async def capabilities(request: HttpRequest) -> HttpResponseBase:
    """Say which lists of jobs there are (VOSI)."""
    del request
    lists = [
        uws_service.JobList(
            url_of(task.name), f"{task.title}. {task.description}", inputs_of(task)
        )
        for task in tasks.TASKS.values()
    ]
    return vosi.xml(uws_service.capabilities(vosi.address("/uws"), lists))


@allowing("GET")
async def schema(request: HttpRequest, task: str) -> HttpResponseBase:
    """Describe the parameters of a task as a JSON schema.

    Values are as in a configuration file; in a request they are text.
    """
    del request
    return _json(schema_of(tasks.task(task)), _SCHEMA)


@allowing("GET")
async def descriptor(request: HttpRequest, task: str) -> HttpResponseBase:
    """Describe a task as a service descriptor (DataLink 1.1 section 4)."""
    del request
    chosen = tasks.task(task)
    described = descriptors.descriptor(
        chosen.name,
        uws_service.STANDARD,
        url_of(chosen.name),
        inputs_of(chosen),
        words=f"{chosen.title}. {chosen.description}",
    )
    return HttpResponse(
        descriptors.document(described), content_type=votable.MEDIA_TYPE
    )


def schema_of(task: Task) -> dict[str, Any]:
    """Return the JSON schema of the parameters of a task."""
    made = task.parameters.model_json_schema()
    words = {"title": task.title, "description": task.description}
    address = f"{url_of(task.name)}/schema.json"
    return {"$schema": _DIALECT, "$id": address, **made, **words}


def inputs_of(task: Task) -> tuple[InputParameter, ...]:
    """Return the parameters of a task in the words of VOTable."""
    return tuple(_input(one) for one in describe(task.parameters))


def _input(one: Described) -> InputParameter:
    words = [one.description]
    if one.is_required:
        words.append("Required.")
    if one.is_repeatable:
        words.append("May be repeated.")
    if one.files:
        words.append(
            "Sent along as a file (multipart/form-data); as text, the SHA-256 of one "
            "that was sent before."
        )
    if one.unset:
        words.append(f"Without it: {one.unset}.")
    datatype = _DATATYPES[one.kind]
    is_circle = one.kind == "circle"
    parts = one.parts
    if datatype == "char" or (parts is None and not is_circle):
        arraysize: str | None = "*"
    elif is_circle:
        arraysize = _CIRCLE_PARTS
    else:
        arraysize = None if parts == 1 else str(parts)
    value = one.default[0] if one.default else ""
    return InputParameter(
        one.name,
        " ".join(words),
        datatype,
        arraysize,
        "circle" if is_circle else None,
        one.unit or None,
        one.is_required,
        one.ucd,
        value if datatype == "char" else value.replace(",", " "),
        _bound(one.low),
        _bound(one.high),
        () if one.kind == "flag" else one.choices,
    )


def _bound(limit: Limit | None) -> Bound | None:
    return None if limit is None else Bound(f"{limit.value:.10g}", limit.inclusive)


def _entry(task: Task) -> dict[str, str]:
    jobs = url_of(task.name)
    return {
        "name": task.name,
        "version": task.version,
        "title": task.title,
        "description": task.description,
        "jobs": jobs,
        "schema": f"{jobs}/schema.json",
        "descriptor": f"{jobs}/descriptor",
        "form": vosi.address(f"{_PAGE}{task.name}/"),
    }


def _json(document: object, media_type: str) -> HttpResponse:
    text = json.dumps(document, indent=2, ensure_ascii=False)
    return HttpResponse(f"{text}\n", content_type=media_type)
