"""Who wants to know when a job changes: the supervisor and those who wait."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Changes:
    """Tells listeners of this process the id of each job that changed.

    Only a short cut: another process changes jobs too, so that everybody who listens
    also looks from time to time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[int, Callable[[str], None]] = {}
        self._next = 0

    def tell(self, job_id: str) -> None:
        """Call every listener; they must be quick and may be of any thread.

        The empty id wakes up everybody, whichever job they listen for.
        """
        with self._lock:
            listeners = tuple(self._listeners.values())
        for listener in listeners:
            listener(job_id)

    @contextmanager
    def listening(self, listener: Callable[[str], None]) -> Iterator[None]:
        """Call ``listener`` with job ids until the block ends."""
        with self._lock:
            self._next += 1
            number = self._next
            self._listeners[number] = listener
        try:
            yield
        finally:
            with self._lock:
                del self._listeners[number]
