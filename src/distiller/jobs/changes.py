"""Who wants to know when a job changes: those who run jobs, and those who wait."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Listener = Callable[[str], None]


class Changes:
    """Tells listeners of this process the id of each job that changed.

    Only a short cut: another process changes jobs too, so that everybody who listens
    also looks from time to time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[int, tuple[Listener, bool]] = {}
        self._next = 0

    def tell(self, job_id: str, *, is_due: bool = True) -> None:
        """Call every listener; they must be quick and may be of any thread.

        The empty id wakes up everybody, whichever job they listen for.

        Parameters
        ----------
        is_due
            Whether something is to be done now by whoever runs the job.
        """
        with self._lock:
            listeners = tuple(self._listeners.values())
        for listener, only_due in listeners:
            if is_due or not only_due:
                listener(job_id)

    @contextmanager
    def listening(
        self, listener: Listener, *, only_due: bool = False
    ) -> Iterator[None]:
        """Call ``listener`` with job ids until the block ends.

        Parameters
        ----------
        only_due
            Whether to leave out changes after which there is nothing to do.
        """
        with self._lock:
            self._next += 1
            number = self._next
            self._listeners[number] = (listener, only_due)
        try:
            yield
        finally:
            with self._lock:
                del self._listeners[number]
