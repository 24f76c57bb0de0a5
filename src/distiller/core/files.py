"""Whole files, or none: atomic writes and checksums."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from distiller.core.errors import NoSpace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.core.places import Place


@contextmanager
def atomic_file(
    path: Path, *, mode: int = 0o644, durable: bool = True
) -> Iterator[BinaryIO]:
    """Open a temporary file that becomes ``path`` when the block ends without error.

    The content is on disk (fsync) before the name is, and the name is before the
    block ends, so that a kill at any moment leaves the old file or the new one.

    Parameters
    ----------
    durable
        Whether that is to hold for a loss of power as well; without it nothing waits
        for the disk.

    Raises
    ------
    NoSpace
        If the disk or a quota is full.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
        temporary.chmod(mode)
        temporary.replace(path)
        if durable:
            sync_folder(path.parent)
    except BaseException as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
            message = f"no space left to write {path}"
            raise NoSpace(message, hint="free space on that disk") from error
        raise


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(
    path: Path, text: str, *, mode: int = 0o644, durable: bool = True
) -> None:
    """Write a whole text file atomically (UTF-8); parameters as `atomic_file`."""
    with atomic_file(path, mode=mode, durable=durable) as stream:
        stream.write(text.encode())


def sha256(path: Place) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits, in constant memory."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
