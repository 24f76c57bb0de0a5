"""Files in which answers wait for slow clients, and how much of the disk they take."""

from __future__ import annotations

import tempfile
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


class Spool:
    """The files of all answers, in one private folder.

    The files have no names, so nothing is left of them when the process ends; what an
    earlier one left on a file system that cannot do that is removed here.

    Parameters
    ----------
    folder
        Is made where it is absent; None for the folder of the system.
    most_bytes
        Of all files together.
    """

    def __init__(self, folder: Path | None, most_bytes: int) -> None:
        self._folder = folder
        self._most = most_bytes
        self._used = 0
        self._lock = threading.Lock()
        if folder is not None:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
            for left in folder.iterdir():
                if left.is_file():
                    left.unlink()

    @property
    def used(self) -> int:
        """Bytes in all files."""
        return self._used

    @property
    def has_room(self) -> bool:
        """Whether another part may be written."""
        return self._used < self._most

    def open(self) -> Any:
        """Return a new file."""
        return tempfile.TemporaryFile(dir=self._folder)

    def count(self, change: int) -> None:
        """Note bytes that were written, or given back where less than 0."""
        with self._lock:
            self._used += change
