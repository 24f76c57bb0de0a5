"""Tables that come with a query: found, read, and named for ADQL."""

from __future__ import annotations

import contextlib
import re
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from distiller.archive.protocol import Given
from distiller.core.columns import Table
from distiller.core.errors import BadParameter, PassingError, UserError
from distiller.queries import tables
from distiller.queries.fetch import Patience, fetch
from distiller.vo.tap import UPLOAD_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from distiller.core.settings import Settings
    from distiller.queries.tables import Brought
    from distiller.vo.tap import Upload

_STORED = "upload_"
"""Before the numbers of uploaded tables in the database."""
_OLD_S: Final = 86_400
"""After so long nobody reads a file any more, s."""


@dataclass(frozen=True, slots=True)
class Uploads:
    """The tables of one query.

    Attributes
    ----------
    catalog
        As ADQL knows them.
    given
        As the database gets them, by the same names.
    words
        What is to be said of them in the answer.
    """

    catalog: dict[str, Table] = field(default_factory=dict)
    given: dict[str, Given] = field(default_factory=dict)
    words: tuple[str, ...] = ()

    def used(self, names: Collection[str]) -> Iterator[Given]:
        """Yield those that a query names."""
        for name, table in self.given.items():
            if name in names:
                yield table


def named(uploads: Sequence[Upload], query: str) -> tuple[Upload, ...]:
    """Return those that a query may name; nobody has to read others.

    >>> from distiller.vo.tap import Upload
    >>> two = Upload("a1", "param:x"), Upload("b", "param:y")
    >>> [upload.name for upload in named(two, "SELECT * FROM tap_upload.A1")]
    ['a1']
    """
    words = {word.lower() for word in _WORD.findall(query)}
    return tuple(upload for upload in uploads if upload.name in words)


_WORD = re.compile(r"[A-Za-z0-9_]+")


def gather(
    uploads: Sequence[Upload],
    files: Mapping[str, Path],
    settings: Settings,
    patience: Patience | None = None,
) -> Uploads:
    """Read the tables that come with a query; nothing of them is kept.

    What one table may have, all may have together, and each file is read once.

    Parameters
    ----------
    files
        The files of the request, by the name that ``param:`` gives them.
    patience
        With URLs.

    Raises
    ------
    BadParameter
        Naming the table that cannot be had, or read, and why.
    PassingError
        If a URL does not answer in time, or nobody waits any more.
    """
    patience = patience or Patience(settings.upload_url_timeout_s)
    found = Uploads()
    words: list[str] = []
    limits = tables.Limits.of(settings)
    read: dict[str, _Source] = {}
    with contextlib.ExitStack() as stack:
        room = limits
        # All URLs first, so that reading takes nothing of their time.
        for upload in uploads:
            if upload.uri in read:
                continue
            with _about(upload):
                if upload.part is not None:
                    path = _part(upload, files)
                else:
                    fetched = _fetched(upload.uri, settings, room, patience)
                    path = stack.enter_context(fetched)
                    room = room.after(path.stat().st_size, 0)
            read[upload.uri] = _Source(path)
        for number, upload in enumerate(uploads, 1):
            patience.check()
            with _about(upload):
                brought = read[upload.uri].brought(limits, folder_of(settings))
            limits = limits.after(brought.rows.nbytes, brought.rows.num_rows)
            name = f"{UPLOAD_SCHEMA}.{upload.name}"
            # PostgreSQL cuts long names, and then two may be one.
            stored = f"{_STORED}{number}"
            found.catalog[name] = Table(
                name, brought.columns, brought.description, stored=stored
            )
            found.given[name] = Given(stored, brought.columns, brought.rows)
            words += [f"{upload.name}: {word}" for word in brought.words]
    return Uploads(found.catalog, found.given, tuple(words))


@contextlib.contextmanager
def _about(upload: Upload) -> Iterator[None]:
    """Say of what goes wrong which table it is."""
    try:
        yield
    except BadParameter:
        raise
    except UserError as error:
        words = f"{upload.name}: {error.message}"
        raise BadParameter("UPLOAD", words, hint=error.hint) from error
    except PassingError as error:
        error.message = f"UPLOAD: {upload.name}: {error.message}"
        raise


class _Source:
    """One file, which may be the table of several names."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._brought: Brought | None = None

    def brought(self, limits: tables.Limits, folder: Path) -> Brought:
        """Return its table, read at the first time; each name counts."""
        if self._brought is None:
            self._brought = tables.read(self.path, limits, folder)
        else:
            limits.check_size(self._brought.rows.nbytes)
            limits.check_rows(self._brought.rows.num_rows)
        return self._brought


def _part(upload: Upload, files: Mapping[str, Path]) -> Path:
    path = files.get(upload.part or "")
    if path is None:
        raise UserError(
            f"the request has no file {upload.part!r}",
            hint="send it as a part of that name, as multipart/form-data",
        )
    return path


@contextlib.contextmanager
def _fetched(
    url: str, settings: Settings, limits: tables.Limits, patience: Patience
) -> Iterator[Path]:
    with tempfile.NamedTemporaryFile(dir=folder_of(settings)) as file:
        fetch(url, file, settings, limits, patience)
        file.flush()
        yield Path(file.name)


def folder_of(settings: Settings) -> Path:
    """Return the private folder for files of tables while they are read."""
    folder = settings.uploads_path
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def sweep(settings: Settings) -> None:
    """Remove files that were left by a process that was killed.

    Of those it takes only old ones: a ``distiller runner`` may be reading others.
    """
    for left in folder_of(settings).iterdir():
        with contextlib.suppress(FileNotFoundError):  # its reader is done with it
            if time.time() - left.stat().st_mtime > _OLD_S:
                left.unlink()
