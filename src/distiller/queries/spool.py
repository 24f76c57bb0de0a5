"""Files in which answers wait, and how much of the disk they take."""

from __future__ import annotations

import errno
import io
import tempfile
import threading
from typing import TYPE_CHECKING, Any

from distiller.core.errors import NoSpace

if TYPE_CHECKING:
    from pathlib import Path

    from _typeshed import ReadableBuffer, WriteableBuffer


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

    def scratch(self, most_bytes: int) -> ScratchFile:
        """Return a new file of so many bytes at most, which counts what it takes."""
        return ScratchFile(self, most_bytes)

    def count(self, change: int) -> None:
        """Note bytes that were written, or given back where less than 0."""
        with self._lock:
            self._used += change


class ScratchFile(io.RawIOBase):
    """A file without a name that is written from end to end once, then read.

    Parameters
    ----------
    spool
        Whose disk it takes; all is given back when it is closed.
    most_bytes
        That it may take.
    """

    def __init__(self, spool: Spool, most_bytes: int) -> None:
        super().__init__()
        self._spool = spool
        self._most = most_bytes
        self._file = spool.open()
        self._size = 0

    def writable(self) -> bool:
        """Return true."""
        return True

    def readable(self) -> bool:
        """Return true."""
        return True

    def seekable(self) -> bool:
        """Return true."""
        return True

    def write(self, data: ReadableBuffer) -> int:
        """Append bytes.

        Raises
        ------
        NoSpace
            If they are too many, or the disk is full.
        """
        count = memoryview(data).nbytes
        if self._size + count > self._most or not self._spool.has_room:
            raise NoSpace(
                "the answer takes more of the disk of this server than there is for "
                "answers",
                hint="ask for fewer rows, or for VOTable, which needs none",
            )
        try:
            self._file.write(data)
        except OSError as error:
            if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
                raise
            raise NoSpace(
                "no space left for the rows of this answer",
                hint="ask for fewer rows, or for VOTable, which needs none",
            ) from error
        self._size += count
        self._spool.count(count)
        return count

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read bytes from where the file was sought to."""
        return int(self._file.readinto(buffer))

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        """Return the place."""
        return int(self._file.tell())

    def close(self) -> None:
        """Give the disk back."""
        if not self.closed:
            self._file.close()
            self._spool.count(-self._size)
        super().close()
