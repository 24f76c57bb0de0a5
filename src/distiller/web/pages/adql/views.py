"""The ADQL page, and its results alone."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from asgiref.sync import sync_to_async
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from distiller.core.errors import NotFound
from distiller.jobs.store import QUERY
from distiller.model.examples import examples
from distiller.web import access, site
from distiller.web.errors import headers_of
from distiller.web.pages.adql import elsewhere
from distiller.web.pages.adql.run import Outcome, run
from distiller.web.pages.adql.typing_check import faults_of
from distiller.web.pages.jobs import queries
from distiller.web.tap.gate import owner_of

if TYPE_CHECKING:
    from django.http import HttpRequest

    from distiller.adql.marks import Mark
    from distiller.model.examples import Example

ROWS: Final = (100, 1000)
"""How many rows can be shown at most, the default first."""

PART: Final = "X-Part"
"""Header of an answer that is no page; the script shows no other answer."""

_SEE_OTHER: Final = 303
_LINES: Final = range(10, 31)


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address or form asks for."""

    query: str
    rows: int

    @property
    def address(self) -> str:
        """The query string that shows the same again."""
        more = {} if self.rows == ROWS[0] else {"rows": self.rows}
        return urlencode({"query": self.query, **more})


def read(request: HttpRequest) -> Asked:
    """Read the fields; what is wrong is as if not given."""
    given = request.POST if request.method == "POST" else request.GET
    rows = str(given.get("rows", ""))
    known = {str(number): number for number in ROWS}
    # A form sends its lines with CR and LF; the places of faults count LF alone.
    query = str(given.get("query", "")).replace("\r\n", "\n")
    return Asked(query if query.strip() else "", known.get(rows, ROWS[0]))


# A query changes nothing, so no token guards it; cookies are not needed either.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
async def page(request: HttpRequest) -> HttpResponse:
    """Show the editor and, where there is a query, its result."""
    asked = read(request)
    if request.method == "POST" and len(asked.address) <= elsewhere.LONGEST_ADDRESS:
        target = f"/adql/?{asked.address}" if asked.query else "/adql/"
        return HttpResponseRedirect(target, status=_SEE_OTHER)
    text = asked.query or await _of_job(request) or _example(request.GET.get("example"))
    outcome = await _outcome(request, asked)
    words = _page_words(asked, text, outcome)
    return await _rendered(request, "adql/page.html", words, outcome)


@csrf_exempt
@require_http_methods(["POST"])
async def results(request: HttpRequest) -> HttpResponse:
    """Show the result alone, for the script of the page."""
    asked = read(request)
    outcome = await _outcome(request, asked)
    words = _words(asked, outcome)
    response = await _rendered(request, "adql/results.html", words, outcome)
    response.headers[PART] = "result"
    return response


async def _outcome(request: HttpRequest, asked: Asked) -> Outcome | None:
    """Run the query, if there is one, as one of those of this visitor."""
    if not asked.query:
        return None
    who = await access.avisitor(request)
    return await run(asked.query, asked.rows, await owner_of(request), who.name)


def _examples() -> tuple[Example, ...]:
    return examples(site.current().archive.model.folder)


async def _of_job(request: HttpRequest) -> str:
    """Return the query of the job that the address names, to be changed first."""
    job_id = request.GET.get("job")
    if job_id is None:
        return ""
    who = await access.avisitor(request)
    found = await sync_to_async(site.current().jobs.visit)(job_id, who)
    return queries.text_of(found)


def _example(name: str | None) -> str:
    """Return the text of an example, nothing where none is asked for."""
    if name is None:
        return ""
    found = next((e for e in _examples() if e.name == name), None)
    if found is None:
        known = ", ".join(e.name for e in _examples())
        raise NotFound(f"there is no example {name}", hint=f"there are {known}")
    return found.adql.strip()


# As for the services (decision 0055): a form of another site comes without a session,
# and makes a job of nobody at most.
@csrf_exempt
@require_http_methods(["POST"])
async def background(request: HttpRequest) -> HttpResponse:
    """Run a query as a job and lead to it; one with faults is shown with them."""
    asked = read(request)
    if not asked.query:
        return HttpResponseRedirect("/adql/", status=_SEE_OTHER)
    who = await access.avisitor(request)
    kind = str(request.POST.get("format", ""))
    faults = await asyncio.to_thread(faults_of, asked.query, who.name, kind)
    if faults:
        words = _page_words(asked, asked.query, Outcome(faults=faults))
        return await _rendered(request, "adql/page.html", words, words["outcome"])
    pairs = [("LANG", "ADQL"), ("QUERY", asked.query)]
    pairs += [("RESPONSEFORMAT", kind)] if kind else []
    made = await sync_to_async(site.current().jobs.submit)(QUERY, pairs, who)
    return HttpResponseRedirect(f"/jobs/{made.job_id}/", status=_SEE_OTHER)


def _page_words(asked: Asked, text: str, outcome: Outcome | None) -> dict[str, Any]:
    return {
        "here": "adql",
        "text": text,
        "text_lines": min(max(text.count("\n") + 2, _LINES[0]), _LINES[-1]),
        "row_choices": ROWS,
        "examples": _examples(),
        "formats": elsewhere.NAMES,
        **_words(asked, outcome),
    }


def _words(asked: Asked, outcome: Outcome | None) -> dict[str, Any]:
    words: dict[str, Any] = {"asked": asked, "outcome": outcome}
    if outcome is None:
        return words
    words["table"] = outcome.table
    words["faults"] = [_shown(asked.query, mark) for mark in outcome.faults]
    if outcome.table is not None:
        words["twins"] = elsewhere.twins(asked.query)
        base_url = site.current().settings.base_url
        words["snippets"] = elsewhere.snippets(asked.query, base_url)
        words["search_address"] = urlencode({"adql": asked.query})
        words["has_address"] = len(asked.address) <= elsewhere.LONGEST_ADDRESS
    return words


def _shown(query: str, mark: Mark) -> dict[str, Any]:
    """Cut the line of a fault into what stands before, at and behind its place."""
    begin = query.rfind("\n", 0, mark.at) + 1
    end = query.find("\n", mark.at)
    line_end = len(query) if end < 0 else end
    until = min(mark.at + mark.length, line_end)
    return {
        "fault": mark.fault,
        "before": query[begin : mark.at],
        "marked": query[mark.at : until],
        "behind": query[until:line_end],
    }


async def _rendered(
    request: HttpRequest, template: str, words: dict[str, Any], outcome: Outcome | None
) -> HttpResponse:
    status = 200 if outcome is None else outcome.status
    # The frame asks the accounts database for user and jobs.
    response = await sync_to_async(render)(request, template, words, status=status)
    response.headers["Cache-Control"] = "no-store"
    if outcome is not None and outcome.trouble is not None:
        for name, value in headers_of(outcome.trouble).items():
            response.headers[name] = value
    return response
