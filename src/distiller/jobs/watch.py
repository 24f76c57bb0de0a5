"""Tells this process of changes that others made in the job table, almost at once.

Where a server and a runner are two processes, each would see what the other did at its
next look only. A sign that the table was changed costs much less than a look.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from distiller.jobs.store import JobStore

_EVERY_S: Final = 0.02
_PAUSE_S: Final = 0.03
"""Between two changes that are told: whoever listens looks at the table each time."""


class Watcher:
    """Watches in a thread from entering to leaving.

    Parameters
    ----------
    every_s
        How often to look for the sign.
    """

    def __init__(self, store: JobStore, *, every_s: float = _EVERY_S) -> None:
        self._store = store
        self._every_s = every_s
        self._leaving = threading.Event()
        self._seen: object = None
        self._thread = threading.Thread(
            target=self._watch, name="job-watch", daemon=True
        )

    def __enter__(self) -> Self:
        # Here, so that no change of who comes after is missed.
        self._seen = self._store.sign()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leaving.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._leaving.wait(self._every_s):
            present = self._store.sign()
            if present != self._seen:
                self._seen = present
                self._store.changes.tell("")
                self._leaving.wait(_PAUSE_S)
