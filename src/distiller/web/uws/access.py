"""Who asks, and which jobs may they see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from distiller.core.errors import Forbidden

if TYPE_CHECKING:
    from django.http import HttpRequest

    from distiller.vo.uws import Job


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks: an account name, or None for somebody who did not log in."""

    name: str | None
    is_staff: bool = False


async def visitor(request: HttpRequest) -> Visitor:
    """Return who asks."""
    user = await request.auser()
    if not user.is_authenticated:
        return Visitor(None)
    return Visitor(user.get_username(), user.is_staff)


def check(job: Job, who: Visitor) -> None:
    """Refuse a job, or anything below it, to others than its owner.

    A job that nobody owns may be seen and changed by whoever knows its address, which
    cannot be guessed.
    """
    if job.owner is None or job.owner == who.name or who.is_staff:
        return
    message = f"job {job.job_id} belongs to somebody else"
    raise Forbidden(message, hint=None if who.name else "log in as its owner")
