"""Files that come with an asynchronous query, kept in its job's folder until it ran."""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING, Final

from distiller.core.errors import BadParameter
from distiller.core.files import atomic_file
from distiller.jobs import folders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    Uploads = Mapping[str, Iterable[bytes]]

MOST_FILES: Final = 100
"""Files of one job."""

_LONGEST_NAME: Final = 60
# What a request calls a file may be anything, and longer than a name of the disk.
_PREFIX: Final = "file-"
_NAME: Final = ".name"
"""Ends the name of the small file beside one, which holds what a request calls it."""


def find(folder: Path) -> dict[str, Path]:
    """Return the files of a job by the names that ``param:`` gives them."""
    place = folder / folders.UPLOADS
    if not place.is_dir():
        return {}
    names = sorted(place.glob(f"{_PREFIX}*{_NAME}"))
    # A file whose name alone was written before a kill is none.
    return {
        name.read_text(encoding="utf-8"): path
        for name in names
        if (path := name.with_suffix("")).exists()
    }


def save(
    folder: Path, files: Uploads, *, most_bytes: int, take: Callable[[int], object]
) -> None:
    """Keep files, each whole or not at all; one of the same name is replaced.

    Parameters
    ----------
    most_bytes
        That the files of this job may have.
    take
        Told of the bytes that come before they are written, and may refuse them
        (`distiller.jobs.shares.Share.take`).

    Raises
    ------
    BadParameter
        If there are too many, or they are too large: those that are kept already
        count too. None of these is kept then.
    NoSpace
        If the disk is full.
    """
    present = find(folder)
    both = {*present, *files}
    if len(both) > MOST_FILES:
        words = f"{len(both)} files are more than the {MOST_FILES} of one job"
        raise BadParameter("UPLOAD", words)
    for name in files:
        if len(name) > _LONGEST_NAME:
            words = f"the name of a file has more than {_LONGEST_NAME} characters"
            raise BadParameter("UPLOAD", words)
    used = sum(p.stat().st_size for name, p in present.items() if name not in files)
    new: list[Path] = []
    try:
        for name, chunks in files.items():
            path = folder / folders.UPLOADS / f"{_PREFIX}{_digest(name)}"
            beside = path.with_name(f"{path.name}{_NAME}")
            if name not in present:
                new += [path, beside]
                with atomic_file(beside, mode=0o600) as stream:
                    stream.write(name.encode())
            with atomic_file(path, mode=0o600) as stream:
                for chunk in chunks:
                    used += len(chunk)
                    _check(used, most_bytes)
                    take(len(chunk))
                    stream.write(chunk)
    except BaseException:
        for path in new:
            path.unlink(missing_ok=True)
        raise


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def _check(used: int, most_bytes: int) -> None:
    if used > most_bytes:
        raise BadParameter(
            "UPLOAD",
            f"the files of a job may have {most_bytes // 10**6} MB together",
            hint="take fewer columns or rows, or ask the operators: upload_mb",
        )


def forget(folder: Path) -> None:
    """Remove the files of a job."""
    shutil.rmtree(folder / folders.UPLOADS, ignore_errors=True)
