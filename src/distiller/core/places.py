"""Where bytes lie: a path of this machine, or a URL of a store (fsspec).

`place` makes one from what a person wrote; `Path` and `Url` then answer to the same
names as far as reading goes. Credentials come from the environment of the process, as
the store's own tools read them; a URL never holds any.
"""

from __future__ import annotations

import errno
import importlib
import io
import os
import posixpath
import re
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import urlsplit

import fsspec

from distiller.core.errors import BadParameter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

STORES: Final = ("s3", "https", "http", "memory")
"""Kinds of stores whose URLs are taken; ``file`` is a path."""

_URL = re.compile(r"(?P<kind>[A-Za-z][A-Za-z0-9+.-]+)://")
_BLOCK: Final = 4 << 20
_CONNECT_S: Final = 20
_READ_S: Final = 60
_DENIED: Final = (401, 403)
_MISSING: Final = (404, 410)


class Unanswered(OSError):  # noqa: N818 - named as the condition
    """A store does not answer, or not to the end: it may later."""


@dataclass(frozen=True, slots=True, order=True)
class Url:
    """A file or folder of a store; only read, never written.

    Parameters
    ----------
    kind
        One of `STORES`.
    location
        What follows ``://``: host or bucket, and path; without a last slash.
    """

    kind: str
    location: str

    def __str__(self) -> str:
        return f"{self.kind}://{self.location}"

    @property
    def parts(self) -> tuple[str, ...]:
        """The store and every folder, as `Path.parts`."""
        return tuple(part for part in self.location.split("/") if part)

    @property
    def name(self) -> str:
        """The last part."""
        return self.parts[-1] if self.parts else ""

    @property
    def suffix(self) -> str:
        """The ending of the name, with its dot."""
        return posixpath.splitext(self.name)[1]

    @property
    def parent(self) -> Url:
        """The folder that it lies in; that of a bucket is the bucket."""
        above, slash, _ = self.location.rpartition("/")
        return Url(self.kind, above) if slash else self

    @property
    def parents(self) -> Sequence[Url]:
        """Every folder above it, the nearest first."""
        found: list[Url] = []
        below = self
        while (above := below.parent) != below:
            found.append(above)
            below = above
        return found

    def __truediv__(self, name: str) -> Url:
        r"""Return what lies below; ``..`` never leads out of the store.

        >>> str(Url("s3", "bucket/a/b") / "../c.fits")
        's3://bucket/a/c.fits'
        >>> str(Url("s3", "bucket/a") / "/../../../other")
        's3://bucket/other'
        """
        root, _, rest = self.location.partition("/")
        joined = posixpath.normpath(f"/{rest}/{name}").lstrip("/")
        return Url(self.kind, f"{root}/{joined}" if joined else root)

    def resolve(self) -> Url:
        """Return itself: a store has no links."""
        return self

    def is_file(self) -> bool:
        """Whether there is such a file."""
        try:
            return bool(self.info()["type"] == "file")
        except FileNotFoundError:
            return False

    def open(self, mode: str = "rb") -> io.BufferedReader:
        """Open it for reading, block by block.

        Raises
        ------
        OSError
            Whatever the store says; `Unanswered` where it may do later.
        """
        if mode != "rb":
            raise OSError(errno.EROFS, "files of a store are only read")
        with _translated():
            inner = self._store().open(
                self._key(), "rb", block_size=_BLOCK, cache_type="readahead"
            )
        return io.BufferedReader(_Stream(inner), _BLOCK)

    def info(self) -> dict[str, Any]:
        """Return what the store says of it: type, size and more."""
        with _translated():
            found: dict[str, Any] = self._store().info(self._key())
        return found

    def files(self) -> Iterator[Url]:
        """Yield every file below a folder in the order of names."""
        with _translated():
            found = self._store().find(self._key())
        for name in sorted(found):
            plain = str(name)
            kind, mark, rest = plain.partition("://")
            yield Url(self.kind, (rest if mark else kind).strip("/"))

    def _key(self) -> str:
        """Return it as fsspec's store of its kind wants it."""
        if self.kind in {"http", "https"}:
            return str(self)
        return f"/{self.location}" if self.kind == "memory" else self.location

    def _store(self) -> Any:
        with _translated():
            return fsspec.filesystem(self.kind, **_options(self.kind))


Place: TypeAlias = Path | Url


def _options(kind: str) -> dict[str, Any]:
    """Return how stores of a kind are asked: anew each time, and not for ever."""
    if kind == "s3":
        limits = {"connect_timeout": _CONNECT_S, "read_timeout": _READ_S}
        return {"use_listings_cache": False, "config_kwargs": limits}
    if kind in {"http", "https"}:
        aiohttp = importlib.import_module("aiohttp")
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=_CONNECT_S, sock_read=_READ_S
        )
        return {"use_listings_cache": False, "client_kwargs": {"timeout": timeout}}
    return {}


@dataclass(frozen=True, slots=True)
class Stamp:
    """What changes when a file is written or replaced.

    Attributes
    ----------
    mtime_ns
        When it was written, ns since 1970; 0 where a store does not say.
    mark
        Number of the file on its disk, or the ETag of a store.
    """

    size: int
    mtime_ns: int
    mark: str

    @property
    def mtime(self) -> datetime | None:
        """When it was written, UTC; None where a store does not say."""
        if not self.mtime_ns:
            return None
        return datetime.fromtimestamp(self.mtime_ns / 1e9, UTC).replace(tzinfo=None)


def place(text: str | Path) -> Place:
    """Return the place that a person or the archive means.

    Raises
    ------
    BadParameter
        If it is a URL of another kind, or holds a password or a signature.

    >>> place("s3://bucket/folder/")
    Url(kind='s3', location='bucket/folder')
    >>> place("file:///data/run.fits")
    PosixPath('/data/run.fits')
    """
    if isinstance(text, Path):
        return text
    match = _URL.match(text)
    if match is None:
        return Path(text)
    kind, rest = match["kind"].lower(), text[match.end() :]
    if kind == "file":
        return Path("/" + rest.partition("/")[2])
    if kind not in STORES:
        known = ", ".join(f"{one}://" for one in STORES)
        raise BadParameter("PATH", f"{kind}:// is not read", hint=f"known: {known}")
    shown = f"{kind}://{re.split('[?#]', rest.rpartition('@')[2])[0]}"
    if "@" in rest.partition("/")[0] or "?" in rest or "#" in rest:
        raise BadParameter(
            "PATH",
            f"{shown}: a URL here has no password, no query and no fragment",
            hint="give credentials in the environment, as docs/howto/ingest.md says",
        )
    if not urlsplit(text).netloc:
        raise BadParameter("PATH", f"{shown}: names no host or bucket")
    return Url(kind, re.sub("/{2,}", "/", rest).strip("/"))


def stamp_of(where: Place) -> Stamp:
    """Return the stamp of a file.

    Raises
    ------
    OSError
        If there is none, or it cannot be asked for.
    """
    if isinstance(where, Path):
        status = where.stat()
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        return Stamp(status.st_size, status.st_mtime_ns, str(status.st_ino))
    info = where.info()
    if info["type"] != "file":
        raise OSError(errno.EINVAL, "it is no regular file")
    written = next(
        (info[name] for name in ("LastModified", "mtime", "created") if name in info),
        None,
    )
    seconds = written.timestamp() if isinstance(written, datetime) else 0.0
    mark = str(info.get("ETag") or "")
    return Stamp(int(info["size"] or 0), int(seconds * 1e9), mark)


def is_folder(where: Place) -> bool:
    """Whether a place is a folder; else it is a file.

    Raises
    ------
    OSError
        If there is no such place.
    """
    if isinstance(where, Path):
        return stat.S_ISDIR(where.stat().st_mode)
    info = where.info()
    is_page = info.get("mimetype") == "text/html" and not where.suffix
    return info["type"] == "directory" or is_page


def files_below(folder: Place, note: Callable[[OSError], None]) -> Iterator[Place]:
    """Yield the files below a folder; hidden ones and folders are passed over.

    Links are followed, but in no circle. What cannot be listed is told to ``note``.
    """
    if isinstance(folder, Url):
        depth = len(folder.parts)
        try:
            for file in folder.files():
                if not any(part.startswith(".") for part in file.parts[depth:]):
                    yield file
        except OSError as error:
            note(error)
        return
    seen: set[tuple[int, int]] = set()
    for where, folders, names in os.walk(folder, onerror=note, followlinks=True):
        try:
            status = Path(where).stat()
        except OSError as error:
            note(error)
            continue
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            if not name.startswith("."):
                yield Path(where) / name


class _Stream(io.RawIOBase):
    """A file of a store whose errors are those of the operating system."""

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self._inner = inner

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with _translated():
            content = self._inner.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        with _translated():
            return int(self._inner.seek(offset, whence))

    def tell(self) -> int:
        return int(self._inner.tell())

    def close(self) -> None:
        if not self.closed:
            self._inner.close()
        super().close()


class _translated:  # noqa: N801 - reads as a word of the language
    """Turns what a store's library raises into an error of the operating system.

    The texts of those libraries are left out: they may hold addresses with signatures.
    """

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if error is None or not isinstance(error, Exception):
            return
        if isinstance(error, (Unanswered, MemoryError)):
            return
        raise _as_os_error(error) from None


def _as_os_error(error: Exception) -> OSError:
    status = _status(error)
    cause = error.__cause__
    if isinstance(error, FileNotFoundError) and isinstance(cause, Exception):
        return _as_os_error(cause)  # of http, which calls every failure so
    if isinstance(error, FileNotFoundError) or status in _MISSING:
        return FileNotFoundError(errno.ENOENT, "there is no such file in the store")
    if isinstance(error, PermissionError) or status in _DENIED:
        return PermissionError(errno.EACCES, "the store denies access")
    if isinstance(error, ImportError):
        hint = "the package for such stores is missing: install the extra `stores`"
        return OSError(errno.ENOSYS, hint)
    if type(error).__name__ == "NoCredentialsError":
        return PermissionError(errno.EACCES, "the store wants credentials")
    what = f"the store does not answer ({type(error).__name__})"
    return Unanswered(errno.EIO, what)


def _status(error: Exception) -> int | None:
    """Return the HTTP status in an error of aiohttp or botocore, if there is one."""
    status = getattr(error, "status", None)
    if status is None:
        answer = getattr(error, "response", None)
        if isinstance(answer, dict):
            status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return status if isinstance(status, int) else None
