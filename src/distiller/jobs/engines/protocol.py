"""What the supervisor asks of an engine: whatever runs the folders of jobs.

An engine has no call-backs, and all it knows it finds again on disk or asks of those
who run the jobs: it may be killed at any moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from distiller.jobs.ends import End

Handle = TypeVar("Handle")
"""A job that was handed over; hashable."""


@dataclass(frozen=True, slots=True)
class Status:
    """What an engine knows of a job.

    Attributes
    ----------
    end
        How it ended, once nothing of it runs any more.
    has_begun
        Whether its shepherd runs; else it waits for a machine, or has ended.
    is_lost
        Whether the end is a guess: its shepherd left no word.
    is_stale
        Whether the handle means a shepherd that came second and left: the job is to be
        found anew.
    """

    end: End | None
    has_begun: bool = False
    is_lost: bool = False
    is_stale: bool = False


class Engine(Protocol[Handle]):
    """Runs the folders of jobs; used by one thread."""

    def start(self) -> None:
        """Get ready for jobs; it need not be awaited."""

    def submit(self, folder: Path) -> Handle:
        """Hand a folder over; a folder that was handed over before is only found.

        Raises
        ------
        OSError
            If that cannot be done at all; trouble that passes is waited for.
        """

    def find(self, folder: Path) -> Handle | None:
        """Return the handle of a job that was handed over, or None."""

    def poll(self, handles: Iterable[Handle]) -> dict[Handle, Status]:
        """Say which jobs run and which have ended, and how; waits for nobody.

        Raises
        ------
        Damaged
            If the record of a job's end cannot be read.
        """

    def cancel(self, handle: Handle) -> None:
        """Ask for a job's end; asking again does no harm."""

    def force(self, handle: Handle) -> None:
        """End a job whose shepherd does not do it; asking again does no harm."""

    def tend(self) -> None:
        """Look after what runs the jobs, from time to time."""

    def watch(self, handle: Handle) -> None:
        """Let the end of this job make one of `descriptors` readable."""

    def unwatch(self, handle: Handle) -> None:
        """Let it do so no more."""

    def descriptors(self) -> Iterable[int]:
        """Return what gets readable when there is something to `poll` or `tend`.

        It may be nothing: whoever needs to know looks from time to time.
        """

    def close(self) -> None:
        """Let go of everything; jobs run on and are found again."""
