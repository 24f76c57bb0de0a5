"""What a UWS request asks for: its control parameters, and those of the job."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal

from django.core.exceptions import SuspiciousOperation

from distiller.core.errors import BadParameter
from distiller.jobs.limits import PARAMETERS_MAX, PARAMETERS_MAX_BYTES
from distiller.jobs.store import QUERY
from distiller.vo.dali import Parameters
from distiller.vo.uws import JobFilter, Pairs, Phase, read_phase, read_wait_s
from distiller.web import bodies
from distiller.web.requests import require_form

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from django.http import HttpRequest, QueryDict

    from distiller.jobs.uploads import Uploads

LISTED: Final = 1000
"""Jobs in a list where LAST is not given, and the most that LAST may ask for:"""

LISTED_MAX: Final = 10_000

_CONTROL: Final = frozenset(
    {"PHASE", "RUNID", "ACTION", "EXECUTIONDURATION", "DESTRUCTION"}
)
_CACHE: Final = "CACHE"
"""Control parameter of ours, for jobs that make products."""

_PHASES: Final = frozenset({"RUN", "ABORT", "HOLD"})
MULTIPART: Final = "multipart/form-data"
_RUN_ID_MAX: Final = 200
_TIMESTAMP: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d):(\d\d)(\.\d+)?Z?)?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Post:
    """The body of a POST.

    Attributes
    ----------
    phase
        RUN, ABORT, or HOLD, which is ours: UWS leaves open how a job gets HELD.
    fresh
        Whether products that are there are not to be taken (CACHE=no); None: not said.
    parameters
        What is not UWS's own, for the job.
    files
        What came along, by name, in chunks.
    """

    phase: Literal["RUN", "ABORT", "HOLD"] | None
    run_id: str | None
    delete: bool
    duration_s: int | None
    destruction: datetime | None
    fresh: bool | None
    parameters: Pairs
    files: Uploads

    @property
    def names(self) -> tuple[str, ...]:
        """What is given, each control parameter by its name."""
        controls = {
            "PHASE": self.phase,
            "RUNID": self.run_id,
            "ACTION": self.delete or None,
            "EXECUTIONDURATION": self.duration_s,
            "DESTRUCTION": self.destruction,
            _CACHE: self.fresh,
        }
        found = tuple(name for name, value in controls.items() if value is not None)
        return (*found, *self.own_names)

    @property
    def own_names(self) -> tuple[str, ...]:
        """The names of what is for the job."""
        return (*(name for name, _ in self.parameters), *self.files)


@dataclass(frozen=True, slots=True)
class Wait:
    """How long to wait for a change, s, and from which phase."""

    timeout_s: float
    phase: Phase | None


def read_creation(request: HttpRequest, task: str) -> Post:
    """Read the body of a POST that makes a job; PHASE may stand in the address.

    UWS 1.1 section 2.2.3.1 has ``?PHASE=RUN`` there. Raises as `read_post`.
    """
    post = read_post(request, task)
    there = Parameters(_pairs(request, "GET"))
    phase = _word(there, "PHASE", _PHASES)
    if phase is not None and post.phase is not None:
        raise BadParameter("PHASE", "given in the address and in the body")
    return replace(post, phase=post.phase or phase)  # type: ignore[arg-type]  # as there


def read_value(request: HttpRequest) -> tuple[str, ...]:
    """Read the body of a PUT to a parameter: its value, or several on their lines.

    Raises
    ------
    BadParameter
        If it is too long, or no text.
    """
    body = request.read(PARAMETERS_MAX_BYTES + 1)
    if len(body) > PARAMETERS_MAX_BYTES:
        most = f"{PARAMETERS_MAX_BYTES:,} bytes"
        raise BadParameter("request", f"the value has more than {most}")
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise BadParameter("request", "the value is no text in UTF-8") from error
    return tuple(line.strip() for line in text.split("\n") if line.strip())


def read_post(request: HttpRequest, task: str) -> Post:
    """Read the body, urlencoded or multipart; the address's query is left alone.

    Raises
    ------
    BadParameter
        If it is of another kind, or a control parameter is wrong or repeated.
    """
    require_form(request)
    bodies.measure(request)
    pairs = _pairs(request, "POST")
    # A query has no product, and what TAP does not know is ignored.
    controls = _CONTROL if task == QUERY else _CONTROL | {_CACHE}
    control = Parameters(p for p in pairs if p[0].upper() in controls)
    cache = _word(control, _CACHE, {"YES", "NO"})
    phase = _word(control, "PHASE", _PHASES)
    action = _word(control, "ACTION", {"DELETE"})
    run_id = control.single("RUNID")
    if run_id is not None and len(run_id) > _RUN_ID_MAX:
        raise BadParameter("RUNID", f"longer than {_RUN_ID_MAX} characters")
    return Post(
        phase=phase,  # type: ignore[arg-type]  # one of these words
        run_id=run_id,
        delete=action is not None,
        duration_s=control.count("EXECUTIONDURATION"),
        destruction=_instant(control, "DESTRUCTION"),
        fresh=None if cache is None else cache == "NO",
        parameters=tuple(p for p in pairs if p[0].upper() not in controls),
        files=files_of(request),
    )


def files_of(request: HttpRequest) -> Uploads:
    """Return what came along with a request, by name; each may be read once.

    Raises
    ------
    BadParameter
        If two files have one name.
    """
    return {name: _chunks(request, name) for name in request.FILES}


def _chunks(request: HttpRequest, name: str) -> Iterable[bytes]:
    """Return the content of a file that came along, once."""
    sent = request.FILES.getlist(name)
    if len(sent) > 1:
        raise BadParameter(name, f"{len(sent)} files have this name")
    return sent[0].chunks()


def refuse_creation(request: HttpRequest) -> None:
    """Refuse a GET that looks as if it were to make a job."""
    if Parameters(_pairs(request, "GET")).many("QUERY"):
        raise BadParameter(
            "QUERY", "a job is made by POST, not by GET", hint="or ask /tap/sync"
        )


def check_creation(post: Post) -> None:
    """Refuse what a new job cannot be asked for."""
    if post.phase not in {None, "RUN"}:
        raise BadParameter("PHASE", f"a new job can be RUN, not {post.phase}")
    if post.delete:
        raise BadParameter("ACTION", "there is no job yet that could be deleted")


def check_change(post: Post) -> None:
    """Refuse what a job that is there cannot be asked for."""
    if not post.names:
        raise BadParameter(
            "PHASE",
            "is missing, and nothing else to change is given",
            hint="give PHASE, EXECUTIONDURATION, DESTRUCTION, RUNID, CACHE, ACTION or "
            "parameters",
        )


def check_part(post: Post, child: str, wanted: str | None) -> None:
    """Refuse a change of one part of a job that is none, or is of another.

    Parameters
    ----------
    wanted
        The control parameter that changes this part; None for those of the task, to
        which TAP counts RUNID (TAP 1.1 section 2.7.5).
    """
    given = (*post.own_names, "RUNID") if wanted is None else (wanted,)
    others = [name for name in post.names if name not in given]
    if others:
        raise BadParameter(
            others[0], f"does not belong into {child}", hint="send it to the job itself"
        )
    if not post.names:
        name = wanted or "parameters"
        raise BadParameter(name, "is missing", hint=f"send it in the body to {child}")


def read_wait(request: HttpRequest) -> Wait | None:
    """Read WAIT and PHASE of a GET; None if there is nothing to wait for."""
    given = Parameters(_pairs(request, "GET"))
    wait = given.single("WAIT")
    if wait is None:
        return None
    phase = given.single("PHASE")
    return Wait(read_wait_s(wait), None if phase is None else read_phase(phase))


def read_follow(request: HttpRequest) -> bool:
    """Read whether a log is to be sent until its job ends: FOLLOW=1."""
    follow = Parameters(_pairs(request, "GET")).single("FOLLOW")
    if follow not in {None, "0", "1"}:
        raise BadParameter("FOLLOW", f"{follow!r} is not 0 or 1")
    return follow == "1"


def read_filter(request: HttpRequest) -> JobFilter:
    """Read which jobs a list is to show (UWS 1.1 section 2.2.2.1).

    The newest `LISTED`, or as many as LAST asks for, and never above `LISTED_MAX`.
    """
    given = Parameters(_pairs(request, "GET"))
    last = given.count("LAST")
    if last == 0:
        raise BadParameter("LAST", "must be at least 1")
    return JobFilter(
        phases=frozenset(read_phase(text) for text in given.many("PHASE")),
        after=_instant(given, "AFTER"),
        last=LISTED if last is None else min(last, LISTED_MAX),
    )


def _pairs(
    request: HttpRequest, where: Literal["GET", "POST"]
) -> tuple[tuple[str, str], ...]:
    try:
        query: QueryDict = request.GET if where == "GET" else request.POST
    except SuspiciousOperation as error:
        # Django's own words name settings of ours and not what to do.
        message = f"there are more than {PARAMETERS_MAX:,} fields, or it is too large"
        hint = "send fewer and shorter ones; values of obs may be separated by commas"
        raise BadParameter("request", message, hint=hint) from error
    return tuple(_flat(query))


def _flat(query: QueryDict) -> Iterable[tuple[str, str]]:
    for name, values in query.lists():
        for value in values:
            yield name, str(value)


def _word(control: Parameters, name: str, words: Collection[str]) -> str | None:
    value = control.single(name)
    if value is None:
        return None
    if value.strip().upper() not in words:
        raise BadParameter(name, f"{value!r} is not {' or '.join(sorted(words))}")
    return value.strip().upper()


def _instant(given: Parameters, name: str) -> datetime | None:
    text = given.single(name)
    if text is None:
        return None
    try:
        return _datetime(text.strip())
    except ValueError as error:
        raise BadParameter(
            name, f"not a time: {text[:60]!r}", hint="write 2026-12-04T22:08:10Z (UTC)"
        ) from error


def _datetime(text: str) -> datetime:
    """Read a DALI timestamp (DALI 1.1 section 3.3.3), UTC; `ValueError` if it is none.

    >>> _datetime("2016-12-31T23:59:60Z")
    datetime.datetime(2016, 12, 31, 23, 59, 59, 999000)
    """
    parts = _TIMESTAMP.fullmatch(text)
    if parts is None:
        raise ValueError(text)
    date, minute, second, fraction = parts.groups(default="")
    if second == "60":
        # A leap second has no place in a datetime; the moment before is as good.
        second, fraction = "59", ".999"
    time = f"T{minute}:{second}{fraction[:4]}" if minute else ""
    return datetime.fromisoformat(date + time)
