"""What the pages of jobs say of asynchronous queries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
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
