"""What the pages of jobs say of asynchronous queries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.shortcuts import redirect
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from distiller.core.errors import BadParameter
from distiller.jobs.store import QUERY
from distiller.web import access, site

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from distiller.vo.uws import Job

TITLE: Final = "ADQL query"
_SHORT: Final = 80


def text_of(found: Job) -> str:
    """Return the query of a job, as far as it has one."""
    texts = [value for name, value in found.parameters if name.upper() == "QUERY"]
    return texts[0] if texts else ""


def about(found: Job) -> str:
    """Return the begin of the query, in one line."""
    line = " ".join(text_of(found).split())
    return line if len(line) <= _SHORT else f"{line[: _SHORT - 1]}…"


def parameters(found: Job) -> list[tuple[str, str, str]]:
    """Return name and value of every other parameter, without a unit."""
    return [(n, v, "") for n, v in found.parameters if n.upper() != "QUERY"]


def again(found: Job) -> str:
    """Return the address at which the query may be changed and run again."""
    return f"/adql/?job={found.job_id}"


# As for the services (decision 0055): a form of another site comes without a session,
# and makes a job of nobody at most.
@csrf_exempt
@require_POST
def new(request: HttpRequest) -> HttpResponse:
    """Run a query in the background, and show its job."""
    query = str(request.POST.get("query", ""))
    if not query.strip():
        raise BadParameter("query", "missing", hint="write one on the ADQL page")
    pairs = [("LANG", "ADQL"), ("QUERY", query.replace("\r\n", "\n"))]
    made = site.current().jobs.submit(QUERY, pairs, access.visitor(request))
    return redirect("job", job_id=made.job_id)
