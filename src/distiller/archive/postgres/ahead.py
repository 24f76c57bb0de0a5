"""The next batches are read while the last one is still worked on.

The server fills a socket and then waits until somebody reads. A thread that reads ahead
keeps it, and the driver that makes columns of its rows, at work meanwhile.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

_MOST: Final = 3
"""Batches that may wait."""


class Ahead:
    """Reads in a thread of its own, until what it calls raises.

    Parameters
    ----------
    read
        Returns the next batch, or raises StopIteration or what went wrong; from now on
        nobody else calls it.
    """

    def __init__(self, read: Callable[[], pa.RecordBatch]) -> None:
        self._read = read
        self._change = threading.Condition()
        self._waiting: deque[pa.RecordBatch] = deque()
        self._end: BaseException | None = None
        self._thread = threading.Thread(
            target=self._run, name="read-ahead", daemon=True
        )
        self._thread.start()

    def next(self) -> pa.RecordBatch:
        """Return the next batch, or raise what ended the reading."""
        with self._change:
            self._change.wait_for(lambda: self._waiting or self._end is not None)
            if self._waiting:
                batch = self._waiting.popleft()
                self._change.notify_all()
                return batch
            end = self._end
        self._thread.join()
        assert end is not None  # noqa: S101 - else there would be a batch
        raise end

    def _run(self) -> None:
        try:
            while True:
                batch = self._read()
                with self._change:
                    self._waiting.append(batch)
                    self._change.notify_all()
                    self._change.wait_for(lambda: len(self._waiting) < _MOST)
        except BaseException as end:  # noqa: BLE001 - who asks for the next gets it
            with self._change:
                self._end = end
                self._change.notify_all()
