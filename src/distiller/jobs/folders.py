"""Where a job and its product lie on disk.

A job's folder: ``job.json``, ``reserve``, ``lock``, ``slurm.json``, ``shepherd.json``,
``out.log`` and later parts of it (`jobs.logs`), ``progress.json``, ``fault.txt``,
``cancel``, ``sent/``, ``inputs/``, ``result/``, ``tmp/``, ``state.json``; that of a
query: ``uploads/``, ``answer/``, ``out.log``. A product's folder has the files alone.
"""

from __future__ import annotations

import json
import shutil
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from distiller.core.errors import NotFound
from distiller.core.files import atomic_file
from distiller.vo.uws import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from distiller.core.settings import Settings

LOG: Final = "out.log"
FAULT: Final = "fault.txt"
PROGRESS: Final = "progress.json"
STATE: Final = "state.json"
SHEPHERD: Final = "shepherd.json"
SLURM: Final = "slurm.json"
CANCEL: Final = "cancel"
INPUTS: Final = "inputs"
RESULT: Final = "result"
LOCK: Final = "lock"
TEMPORARY: Final = "tmp"
ANSWER: Final = "answer"
UPLOADS: Final = "uploads"
SENT: Final = "sent"
_RESERVE: Final = "reserve"
_PARTIAL: Final = ".partial-"
_TRASH: Final = ".trash-"
_RESERVE_BYTES: Final = 65536
_TAIL_BYTES: Final = 65536


def job_folder(settings: Settings, job_id: str) -> Path:
    """Return the folder of a job; the id is checked, since it comes from an address.

    Raises
    ------
    NotFound
        If the id is not a UUID in its canonical form.
    """
    try:
        canonical = str(uuid.UUID(job_id))
    except ValueError:
        canonical = ""
    if canonical != job_id:
        message = f"no such job: {job_id}"
        raise NotFound(message)
    return settings.jobs_path / job_id


def product_folder(settings: Settings, task: str, job_id: str) -> Path:
    """Return the folder of a product's files; spread, so that no folder grows huge."""
    return settings.files_path / "products" / task / job_id[:2] / job_id


def product_folders(settings: Settings, job_id: str) -> Iterator[Path]:
    """Yield where a job's product lies, of whatever task; no folder if it has none."""
    yield from (settings.files_path / "products").glob(f"*/{job_id[:2]}/{job_id}")


def reserve(folder: Path) -> None:
    """Keep some space, so that a job's end can be told even if it fills the disk."""
    path = folder / _RESERVE
    if not path.exists():
        with atomic_file(path, durable=False) as stream:
            stream.write(b"\0" * _RESERVE_BYTES)


def free_reserve(folder: Path) -> None:
    """Give the space back that was kept."""
    (folder / _RESERVE).unlink(missing_ok=True)


def tidy(folder: Path) -> None:
    """Leave the log and the records of a job that has ended; free the rest."""
    with suppress(OSError):
        free_reserve(folder)
    for name in (TEMPORARY, INPUTS, RESULT):
        shutil.rmtree(folder / name, ignore_errors=True)


def begin_anew(folder: Path, why: str) -> None:
    """Remove what a run that was killed has left, so that another may begin.

    The log stays, with a line that says why. A kill in between leaves a folder whose
    job was begun, and of which this can be done again.

    Raises
    ------
    OSError
        If something cannot be removed.
    """
    tidy(folder)
    if (folder / RESULT).exists():
        shutil.rmtree(folder / RESULT)
    (folder / PROGRESS).unlink(missing_ok=True)
    for begin, path in _log_parts(folder):
        if begin > 0:
            path.unlink(missing_ok=True)
    with (folder / LOG).open("a", encoding="utf-8") as log:
        log.write(f"{why}\n")
    (folder / SHEPHERD).unlink(missing_ok=True)


def partial(folder: Path) -> Path:
    """Return where a folder is made before it gets its name."""
    return folder.with_name(f"{_PARTIAL}{folder.name}-{uuid.uuid4().hex[:8]}")


def sweep(settings: Settings) -> None:
    """Remove what a kill left half copied or half removed, of jobs and of products.

    For the one process that copies and removes them, before it does.
    """
    places = [(settings.jobs_path, ""), (settings.files_path / "products", "*/*/")]
    for place, below in places:
        for begin in (_PARTIAL, _TRASH):
            for path in place.glob(f"{below}{begin}*"):
                shutil.rmtree(path, ignore_errors=True)


def read_json(path: Path) -> dict[str, Any] | None:
    """Read a small JSON file; None if it is not there or was cut off."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return data if isinstance(data, dict) else None


def read_progress(folder: Path) -> Progress | None:
    """Return how far a job says it is."""
    data = read_json(folder / PROGRESS)
    if data is None:
        return None
    try:
        return Progress(float(data["fraction"]), str(data["text"]))
    except (KeyError, TypeError, ValueError):
        return None


def log_part(folder: Path, start: int) -> Path:
    """Return the file of a later part of a log; it begins after so many bytes."""
    return folder / f"{LOG}.{start}"


def read_log(folder: Path, start: int = 0) -> tuple[bytes, int]:
    """Return what stands in a job's log from some place on, and the place after it.

    Parameters
    ----------
    start
        The place: so many bytes the job had printed before.

    Returns
    -------
    Text with a line that says so wherever something is left out; and the place where to
    read on. Both are of one moment: there may be more the next.
    """
    pieces: list[bytes] = []
    for begin, path in _log_parts(folder):
        try:
            with path.open("rb") as stream:
                stream.seek(max(0, start - begin))
                text = stream.read()
        except FileNotFoundError:
            continue  # later parts have taken its place since
        if text and begin > start:
            note = f"[... {begin - start:,} bytes of the log are left out here ...]"
            # A line of its own, also for who has read the last one before.
            is_fresh = bool(pieces) and pieces[-1].endswith(b"\n")
            pieces.append(f"{'' if is_fresh else chr(10)}{note}\n".encode())
        if text:
            pieces.append(text)
        start = max(start, begin) + len(text)
    return b"".join(pieces), start


def _log_parts(folder: Path) -> list[tuple[int, Path]]:
    """Return the parts of a log that there are, each with the place where it begins."""
    later = [
        (int(path.suffix[1:]), path)
        for path in folder.glob(f"{LOG}.*")
        if path.suffix[1:].isdigit()
    ]
    return [(0, folder / LOG), *sorted(later)]


def log_tail(folder: Path, lines: int) -> str:
    """Return the last lines of a job's log, or nothing."""
    end = 0
    for begin, path in _log_parts(folder):
        with suppress(FileNotFoundError):
            end = begin + path.stat().st_size
    found, _ = read_log(folder, max(0, end - _TAIL_BYTES))
    return "\n".join(found.decode("utf-8", errors="replace").splitlines()[-lines:])


def remove(folder: Path) -> None:
    """Remove a folder whole: out of sight at once, then piece by piece."""
    trash = folder.with_name(f"{_TRASH}{folder.name}-{uuid.uuid4().hex[:8]}")
    try:
        folder.replace(trash)
    except FileNotFoundError:
        return
    shutil.rmtree(trash, ignore_errors=True)
