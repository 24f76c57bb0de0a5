"""What does not work at present: said once, and tried again after growing pauses."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from distiller.core.errors import PassingError

if TYPE_CHECKING:
    from collections.abc import Hashable

logger = logging.getLogger(__name__)

_FIRST_S: Final = 1.0
_LONGEST_S: Final = 60.0


@dataclass(slots=True)
class _Trouble:
    cause: str
    count: int = 0
    retry_at: float = 0.0


class Troubles:
    """Remembers what failed, by a key, and when to try it again.

    Parameters
    ----------
    first_s, longest_s
        The first pause, and the limit of those that follow, each twice as long.

    Examples
    --------
    >>> troubles = Troubles()
    >>> troubles.note("job 7", PassingError("the archive is away"), "job 7 waits")
    1
    >>> troubles.waits("job 7"), troubles.waits("job 8")
    (True, False)
    >>> troubles.note("job 8", PassingError("the archive is away"), "job 8 waits")
    1
    >>> troubles.over("job 7")
    >>> troubles.waits("job 7"), troubles.waits("job 8")
    (False, False)
    """

    def __init__(
        self, *, first_s: float = _FIRST_S, longest_s: float = _LONGEST_S
    ) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._known: dict[Hashable, _Trouble] = {}

    def note(self, key: Hashable, error: Exception, what: str) -> int:
        """Remember a failure, and log it unless it is the last one again.

        Returns
        -------
        How often in a row the thing has failed.
        """
        cause = _cause(error)
        trouble = self._known.setdefault(key, _Trouble(""))
        if trouble.cause != cause:
            trouble.cause = cause
            expected = is_passing(error)
            logger.log(
                logging.WARNING if expected else logging.ERROR,
                "%s, and is tried again: %s",
                what,
                error,
                exc_info=None if expected else error,
            )
        pause_s = min(self._first_s * 2.0**trouble.count, self._longest_s)
        trouble.count += 1
        trouble.retry_at = time.monotonic() + pause_s
        return trouble.count

    def waits(self, key: Hashable) -> bool:
        """Whether it is too early to try again."""
        return self.pause_s(key) > 0

    def pause_s(self, key: Hashable) -> float:
        """Return how long it is until the next try."""
        trouble = self._known.get(key)
        return 0.0 if trouble is None else max(0.0, trouble.retry_at - time.monotonic())

    def over(self, key: Hashable) -> None:
        """Forget about it: it works, or there is nothing to do any more.

        What had the same cause need not wait any longer: an archive that is back for
        one job is back for all.
        """
        ended = self._known.pop(key, None)
        if ended is None:
            return
        for trouble in self._known.values():
            if trouble.cause == ended.cause:
                trouble.retry_at = 0.0


def is_passing(error: Exception) -> bool:
    """Whether the same may work later, as on a disk that is full at present."""
    return isinstance(error, (PassingError, OSError))


def _cause(error: Exception) -> str:
    """Return what tells one cause from another; names of files may be random."""
    words = error.strerror if isinstance(error, OSError) else str(error)
    return f"{type(error).__name__}: {words}"
