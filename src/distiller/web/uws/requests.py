"""What a UWS request asks for: its control parameters, and those of the job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from astropy.time import Time

from distiller.core.errors import BadParameter
from distiller.core.times import iso_to_mjd_utc
from distiller.vo.dali import Parameters
from distiller.vo.uws import JobFilter, Pairs, Phase, read_phase, read_wait_s

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from django.http import HttpRequest, QueryDict

_CONTROL: Final = frozenset(
    {"PHASE", "RUNID", "ACTION", "EXECUTIONDURATION", "DESTRUCTION"}
)
_RUN_ID_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Post:
    """The body of a POST.

    Attributes
    ----------
    phase
        RUN or ABORT.
    parameters
        What is not UWS's own, for the job.
    """

    phase: Literal["RUN", "ABORT"] | None
    run_id: str | None
    delete: bool
    duration_s: int | None
    destruction: datetime | None
    parameters: Pairs


@dataclass(frozen=True, slots=True)
class Wait:
    """How long to wait for a change, s, and from which phase."""

    timeout_s: float
    phase: Phase | None


def read_post(request: HttpRequest) -> Post:
    """Read the body, urlencoded or multipart; the address's query is left alone.

    Raises
    ------
    BadParameter
        If a control parameter is wrong or repeated, or a file is sent along.
    """
    if request.FILES:
        name = next(iter(request.FILES))
        raise BadParameter(
            name, "no file is taken here", hint="name datasets of the archive"
        )
    pairs = tuple(_pairs(request.POST))
    control = Parameters(p for p in pairs if p[0].upper() in _CONTROL)
    phase = _word(control, "PHASE", {"RUN", "ABORT"})
    action = _word(control, "ACTION", {"DELETE"})
    run_id = control.single("RUNID")
    if run_id is not None and len(run_id) > _RUN_ID_MAX:
        raise BadParameter("RUNID", f"longer than {_RUN_ID_MAX} characters")
    destruction = control.single("DESTRUCTION")
    return Post(
        phase=phase,  # type: ignore[arg-type]  # one of these words
        run_id=run_id,
        delete=action is not None,
        duration_s=control.count("EXECUTIONDURATION"),
        destruction=None if destruction is None else _instant(destruction),
        parameters=tuple(p for p in pairs if p[0].upper() not in _CONTROL),
    )


def read_wait(request: HttpRequest) -> Wait | None:
    """Read WAIT and PHASE of a GET; None if there is nothing to wait for."""
    given = Parameters(_pairs(request.GET))
    wait = given.single("WAIT")
    if wait is None:
        return None
    phase = given.single("PHASE")
    return Wait(read_wait_s(wait), None if phase is None else read_phase(phase))


def read_filter(request: HttpRequest) -> JobFilter:
    """Read which jobs a list is to show (UWS 1.1 section 2.2.2.1)."""
    given = Parameters(_pairs(request.GET))
    after = given.single("AFTER")
    last = given.count("LAST")
    if last == 0:
        raise BadParameter("LAST", "must be at least 1")
    return JobFilter(
        phases=frozenset(read_phase(text) for text in given.many("PHASE")),
        after=None if after is None else _instant(after),
        last=last,
    )


def _pairs(query: QueryDict) -> Iterable[tuple[str, str]]:
    for name, values in query.lists():
        for value in values:
            yield name, str(value)


def _word(control: Parameters, name: str, words: set[str]) -> str | None:
    value = control.single(name)
    if value is None:
        return None
    if value.strip().upper() not in words:
        raise BadParameter(name, f"{value!r} is not {' or '.join(sorted(words))}")
    return value.strip().upper()


def _instant(text: str) -> datetime:
    moment: datetime = Time(iso_to_mjd_utc(text), format="mjd", scale="utc").datetime
    return moment
