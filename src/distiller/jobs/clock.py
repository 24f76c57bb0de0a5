"""Whether the clock of the machine can be believed: what is removed does not come back.

How long something takes is measured by a clock that nobody sets. Only the destruction
of jobs needs the time of day.
"""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from distiller.core.times import now

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

logger = logging.getLogger(__name__)

JUMP: Final = timedelta(minutes=10)
"""Nobody sets a clock that was right by more. Winter and summer are the same in UTC."""

TRUST_S: Final = 3600.0
"""After so long the operators have seen to a wrong clock: a new time is believed."""


def _boot_s() -> float:
    # It goes on while the machine sleeps, and nobody sets it.
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Clock:
    """Compares the time of day with the time since the machine was started.

    Parameters
    ----------
    today, elapsed_s
        The two clocks.
    """

    def __init__(
        self,
        today: Callable[[], datetime] = now,
        elapsed_s: Callable[[], float] = _boot_s,
    ) -> None:
        self._today = today
        self._elapsed_s = elapsed_s
        self._seen = today(), elapsed_s()
        self._trusted_at = 0.0

    def has_jumped(self) -> bool:
        """Whether the time of day was set in the last hour, by more than a correction.

        It compares with what it saw the last time.
        """
        today, elapsed_s = self._today(), self._elapsed_s()
        before, before_s = self._seen
        self._seen = today, elapsed_s
        jump = today - before - timedelta(seconds=elapsed_s - before_s)
        if abs(jump) > JUMP:
            self._trusted_at = elapsed_s + TRUST_S
            logger.warning(
                "the clock of this machine was set from %s to %s: no job is removed "
                "for an hour, so that it can be put right",
                before,
                today,
            )
        return elapsed_s < self._trusted_at
