"""Files that are sent along with a job of analysis, kept by their content.

A parameter that is a file has the SHA-256 of the content for its value. So it makes the
product known by its content, and a file that is here already need not be sent again:
one of another job of the same owner, or one of a product that may be read.
"""

from __future__ import annotations

import hashlib
import uuid
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from distiller.analysis import tasks
from distiller.analysis.fields import files_of
from distiller.analysis.parameters import InvalidParameters
from distiller.core.errors import BadParameter, Damaged, NotFound
from distiller.core.files import atomic_file, sha256, sync_folder
from distiller.core.rights import Terms, may_read
from distiller.core.times import now
from distiller.jobs import folders, leftovers, limits, shares, uploads
from distiller.jobs.shares import Share
from distiller.jobs.store import QUERY
from distiller.vo.uws import JobFilter

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from distiller.analysis.fields import Format
    from distiller.analysis.parameters import TaskParameters
    from distiller.core.rights import Reader
    from distiller.core.settings import Settings
    from distiller.jobs.store import DatasetFinder, JobStore
    from distiller.jobs.uploads import Uploads
    from distiller.vo.uws import Job, Pairs

REGIONS_MAX_BYTES: Final = 1_000_000
"""Of a file of regions, which are text."""

_MB: Final = 10**6
_HEAD: Final = 4096
_CHUNK: Final = 1 << 20
_LOOKED_AT: Final = 1000
"""Other jobs of an owner, the newest, among which a file is looked for."""

_FITS: Final = b"SIMPLE  ="
_PACKED: Final = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"PK\x03\x04", b"\x28\xb5\x2f\xfd")
_WORDS: Final[Mapping[Format, str]] = {
    ".fits": "a FITS file",
    ".reg": "a file of regions (DS9)",
}
_OF_PRODUCTS: Final = """
SELECT f.path, p.rights, p.release_date, p.owner, p.access_group
FROM cta.product_file AS f JOIN cta.product AS p ON p.product_id = f.product_id
WHERE f.checksum = ? AND f.result_id = ?
ORDER BY p.created, f.path
"""


def find(folder: Path, name: str, checksum: str) -> Path | None:
    """Return where a file of a job lies; None if it is not there."""
    place = folder / folders.SENT
    if not place.is_dir():
        return None
    # Looked for, and not opened by a name that a request may have made.
    return next((p for p in place.iterdir() if p.stem == f"{name}-{checksum}"), None)


def of_parameter(folder: Path, name: str, values: Collection[str]) -> Path | None:
    """Return the file that a parameter of a job is; None if it is none, or not here."""
    named = _named(tuple((name, value) for value in values), (name.lower(),))
    places = (find(folder, own, checksum) for own, checksum in named)
    return next((path for path in places if path is not None), None)


def at_hand(folder: Path, parameters: TaskParameters) -> dict[str, Path]:
    """Return the files of a job that is about to run, by parameter.

    Raises
    ------
    Damaged
        If one is gone, or is another one by now.
    """
    found = {}
    for name, checksum in parameters.sent.items():
        path = find(folder, name, checksum)
        if path is None or sha256(path) != checksum:
            message = f"the file that was sent as {name} is gone or was changed"
            raise Damaged(message, hint="make the job again, with the file")
        found[name] = path
    return found


def require(folder: Path, task: str, parameters: TaskParameters) -> None:
    """Refuse parameters of a job that name a file which it does not have.

    Raises
    ------
    InvalidParameters
        Naming each of them.
    """
    lacking = tuple(n for n, c in parameters.sent.items() if not find(folder, n, c))
    if lacking:
        raise _unknown(task, lacking)


def _unknown(task: str, names: Iterable[str]) -> InvalidParameters:
    words = (
        "no file with this SHA-256 was sent with a job of yours, or belongs to a "
        "product that you may read; send the file along"
    )
    return InvalidParameters(task, tuple((name, words) for name in names))


class SentFiles:
    """Keeps the files of jobs, and finds them again."""

    def __init__(
        self, store: JobStore, archive: DatasetFinder, settings: Settings
    ) -> None:
        self._store = store
        self._archive = archive
        self._settings = settings

    @contextmanager
    def kept(
        self, job: Job, files: Uploads, reader: Reader | None = None
    ) -> Iterator[Job]:
        """Give a new job with its files at hand; they go if it does not come to be.

        Parameters
        ----------
        reader
            Who runs it; None: nobody yet.
        """
        folder = folders.job_folder(self._settings, job.job_id)
        with ExitStack() as stack:
            if files or _named_files(job):
                stack.enter_context(leftovers.making(self._settings))
            try:
                given = self.take(job, files)
                if given:
                    parameters = with_files(job.parameters, given)
                    job = replace(job, parameters=limits.bounded(parameters))
                if reader is not None:
                    self.bring(job, reader)
                yield job
            except BaseException:
                folders.remove(folder)
                raise

    def take(self, job: Job, files: Uploads) -> Pairs:
        """Keep what is sent along with a job; return the parameters that it is.

        Raises
        ------
        BadParameter
            If the task takes no such file, or it is of another format or too large.
        Forbidden
            If what the owner may have is full.
        NoSpace
            If the disk, or what all jobs may have, is full.
        """
        if job.task == QUERY:
            if files:
                self._upload(job, files)
            return ()
        known = _known(job.task, files)
        return tuple(
            (name.lower(), self._save(job, name.lower(), chunks, known[name.lower()]))
            for name, chunks in files.items()
        )

    def _upload(self, job: Job, files: Uploads) -> None:
        """Keep the uploads of a query."""
        jobs, place = self._settings.jobs_path, shares.of_queries(self._settings)
        left = place.most - shares.used(jobs, place)
        uploads.save(
            folders.job_folder(self._settings, job.job_id),
            files,
            most_bytes=place.largest,
            take=Share(self._store, jobs, job, place, left).take,
        )

    def bring(self, job: Job, reader: Reader) -> None:
        """Copy files that a job names and does not have, from where it may.

        What is not found stays missing; the job will not be specified then.
        """
        folder = folders.job_folder(self._settings, job.job_id)
        for name, checksum in _named_files(job):
            if find(folder, name, checksum) is None:
                source = self._source(name, checksum, reader)
                if source is not None:
                    formats = _known(job.task, (name,))[name]
                    self._save(job, name, _chunks(source), formats)

    def check(self, task: str, parameters: TaskParameters, reader: Reader) -> None:
        """Refuse parameters that name a file which `bring` would not find."""
        lacking = tuple(
            name
            for name, checksum in parameters.sent.items()
            if self._source(name, checksum, reader) is None
        )
        if lacking:
            raise _unknown(task, lacking)

    def look(self, task: str, files: Uploads) -> None:
        """Refuse files that `take` would not keep for what they are; keep none."""
        known = _known(task, files)
        faults = []
        for name, chunks in files.items():
            try:
                self._look(name.lower(), chunks, known[name.lower()])
            except BadParameter as error:
                faults.append((name.lower(), error.text.partition(": ")[2]))
        if faults:
            raise InvalidParameters(task, tuple(faults))

    def _look(
        self, name: str, chunks: Iterable[bytes], formats: Collection[Format]
    ) -> None:
        head, size = b"", 0
        for chunk in chunks:
            head = head or chunk[:_HEAD]
            size += len(chunk)
            self._check_size(name, size)
        _format_of(name, head, size, formats)

    def _source(self, name: str, checksum: str, reader: Reader) -> Path | None:
        """Return a file of that content which this reader may have."""
        moment = now()
        for row in self._archive.rows(_OF_PRODUCTS, [checksum, name]):
            path = Path(row["path"])
            if may_read(reader, Terms.of(row), moment) and path.is_file():
                return path
        # Those of nobody are found by their address alone, see `JobService.list`.
        if reader.name is None and not self._settings.is_local:
            return None
        wanted = JobFilter(last=_LOOKED_AT)
        for other in self._store.list(owner=reader.name, wanted=wanted):
            if (name, checksum) in _named(other.parameters, (name,)):
                folder = folders.job_folder(self._settings, other.job_id)
                found = find(folder, name, checksum)
                if found is not None:
                    return found
        return None

    def _save(
        self,
        job: Job,
        name: str,
        chunks: Iterable[bytes],
        formats: Collection[Format],
    ) -> str:
        """Keep a file, whole or not at all; return the SHA-256 of its content."""
        place = folders.job_folder(self._settings, job.job_id) / folders.SENT
        new = place / f".{uuid.uuid4().hex}"
        share = self._share(job)
        digest, head, size = hashlib.sha256(), b"", 0
        try:
            with atomic_file(new, mode=0o600) as stream:
                for chunk in chunks:
                    head = head or chunk[:_HEAD]
                    size += len(chunk)
                    self._check_size(name, size)
                    share.take(len(chunk))
                    digest.update(chunk)
                    stream.write(chunk)
            ending = _format_of(name, head, size, formats)
            checksum = digest.hexdigest()
            new.replace(place / f"{name}-{checksum}{ending}")
            sync_folder(place)
        except BaseException:
            new.unlink(missing_ok=True)
            raise
        return checksum

    def _share(self, job: Job) -> Share:
        """Return what counts a file; where little is left for it, old ones go.

        Those of jobs that have ended: their products have a file of their own. Else
        whoever sends much for jobs that fail would keep all others from sending any.
        """
        jobs, place = self._settings.jobs_path, shares.of_analysis(self._settings)
        wanted = min(place.most, place.largest)
        files = _all_files(jobs)
        left = place.most - sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if left >= wanted:
                break
            if self._has_ended(path.parents[1].name):
                path.unlink(missing_ok=True)
                left += size
        return Share(self._store, jobs, job, place, left)

    def _has_ended(self, job_id: str) -> bool:
        try:
            return self._store.get(job_id).phase.is_final
        except NotFound:
            return False  # it is being made, or removed

    def _check_size(self, name: str, size: int) -> None:
        most_mb = self._settings.job_file_mb
        if size > most_mb * _MB:
            hint = "make its pixels larger, or ask the operators: job_file_mb"
            raise BadParameter(name, f"the file has more than {most_mb} MB", hint=hint)


def _known(task: str, files: Iterable[str]) -> Mapping[str, tuple[Format, ...]]:
    """Return the parameters of a task that are files, by name, with their formats.

    Raises
    ------
    BadParameter
        If one of these files is none of them.
    """
    known = files_of(tasks.task(task).parameters)
    for name in files:
        if name.lower() not in known:
            hint = f"send it as {' or '.join(known)}" if known else _no_files(task)
            raise BadParameter(name, "no file is taken here", hint=hint)
    return known


def with_files(parameters: Pairs, files: Pairs) -> Pairs:
    """Return parameters with files in place of what they had as text.

    >>> with_files((("obs", "7"), ("Mask", "ab")), (("mask", "cd"),))
    (('obs', '7'), ('mask', 'cd'))
    """
    names = {name for name, _ in files}
    return (*(pair for pair in parameters if pair[0].lower() not in names), *files)


def _named(parameters: Pairs, names: Collection[str]) -> list[tuple[str, str]]:
    """Return names and checksums of the files that parameters name."""
    lower = [
        (name.strip().lower(), value.strip().lower()) for name, value in parameters
    ]
    # Anything else is no part of the name of a file.
    return [(n, v) for n, v in lower if n in names and len(v) == 64 and v.isalnum()]  # noqa: PLR2004 - digits of a SHA-256


def _named_files(job: Job) -> list[tuple[str, str]]:
    """Return names and checksums of the files that a job of analysis names."""
    if job.task == QUERY:
        return []
    return _named(job.parameters, files_of(tasks.task(job.task).parameters))


def _no_files(task: str) -> str:
    return f"name datasets of the archive; {task} has no parameter that is a file"


def _format_of(
    name: str, head: bytes, size: int, formats: Collection[Format]
) -> Format:
    """Return what a file begins like; what it holds, only its job looks at.

    Raises
    ------
    BadParameter
        If it is none of these formats, or too large for it.
    """
    if not head:
        raise BadParameter(name, "the file is empty")
    if head.startswith(_PACKED):
        raise BadParameter(name, "the file is compressed", hint="send it unpacked")
    found: Format | None = ".fits" if head.startswith(_FITS) else None
    if found is None and _is_text(head):
        found = ".reg"
    if found is None or found not in formats:
        words = " nor ".join(_WORDS[one] for one in formats)
        raise BadParameter(name, f"the file is neither {words}")
    if found == ".reg" and size > REGIONS_MAX_BYTES:
        most = f"{REGIONS_MAX_BYTES // _MB} MB"
        raise BadParameter(name, f"a file of regions has {most} at most")
    return found


def _is_text(head: bytes) -> bool:
    """Whether a file begins as text; its last character may be cut off there."""
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return len(head) == _HEAD and error.reason == "unexpected end of data"
    return b"\0" not in head


def _all_files(jobs: Path) -> list[tuple[float, int, Path]]:
    """Return the files of all jobs: when they were written, bytes, where they lie."""
    found = []
    for path in jobs.glob(f"*/{folders.SENT}/*"):
        with suppress(FileNotFoundError):  # its job was removed meanwhile
            status = path.stat()
            found.append((status.st_mtime, status.st_size, path))
    return found


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk
