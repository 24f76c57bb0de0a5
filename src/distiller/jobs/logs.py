"""The log of a job as it is written: its beginning and its latest part, never more.

What a job prints goes through a pipe to its shepherd, and from there into ``out.log``
until that is full. Then come parts named by where they begin, ``out.log.<bytes>``, of
which the last two are kept. A part is only ever added to, so that readers may follow
(`folders.read_log`), and a kill at any moment leaves all that was written. What the
disk does not take is left out like the rest; the job goes on.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from distiller.jobs import folders

if TYPE_CHECKING:
    from pathlib import Path

BEGINNING_BYTES: Final = 1 << 20
PART_BYTES: Final = 1 << 19
_PARTS: Final = 2
_CHUNK_BYTES: Final = 1 << 16
_LOWEST: Final = 19


class Recorder:
    """Copies what comes out of a pipe into the log of a folder, in a thread.

    Parameters
    ----------
    reading
        The end of the pipe to read; closed here.
    nice
        By how much the thread gives way to others: a job may print for ever.
    """

    def __init__(self, folder: Path, reading: int, *, nice: int = 0) -> None:
        self._folder = folder
        self._reading = reading
        self._nice = nice
        self._file: int | None = None
        self._offset = 0
        self._part_end = BEGINNING_BYTES
        self._parts: list[Path] = []
        self._thread = threading.Thread(target=self._copy, name="log", daemon=True)

    def start(self) -> None:
        """Begin to copy."""
        self._thread.start()

    def finish(self, timeout_s: float) -> None:
        """Wait until all is copied that was printed; whoever printed it has ended."""
        self._thread.join(timeout_s)

    def _copy(self) -> None:
        # On Linux a thread has a priority of its own.
        mine = threading.get_native_id()
        priority = os.getpriority(os.PRIO_PROCESS, mine) + self._nice
        os.setpriority(os.PRIO_PROCESS, mine, min(_LOWEST, priority))
        with suppress(OSError):
            self._open(self._folder / folders.LOG)
            if self._file is not None:
                # A shepherd that was started cold may have written there.
                self._offset = os.fstat(self._file).st_size
        with os.fdopen(self._reading, "rb", buffering=0) as pipe:
            while data := pipe.read(_CHUNK_BYTES):
                self._keep(memoryview(data))
        self._close()

    def _keep(self, data: memoryview) -> None:
        while data:
            try:
                if self._file is None or self._offset >= self._part_end:
                    self._next_part()
                count = self._write(data[: self._part_end - self._offset])
            except OSError:
                # A full disk must not stop the job. The next part shows the gap.
                self._close()
                count = len(data)
            self._offset += count
            data = data[count:]

    def _next_part(self) -> None:
        self._close()
        while len(self._parts) >= _PARTS:
            self._parts.pop(0).unlink(missing_ok=True)
        path = folders.log_part(self._folder, self._offset)
        self._open(path)
        self._parts.append(path)
        self._part_end = self._offset + PART_BYTES

    def _open(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._file = os.open(path, flags, mode=0o644)

    def _write(self, data: memoryview) -> int:
        return 0 if self._file is None else os.write(self._file, data)

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
