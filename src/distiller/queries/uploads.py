"""Tables that come with a query: found, read, and named for ADQL."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from distiller.archive.protocol import Given
from distiller.core.columns import Table
from distiller.core.errors import BadParameter, PassingError, UserError
from distiller.queries import tables
from distiller.queries.fetch import fetch
from distiller.vo.tap import UPLOAD_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from distiller.core.settings import Settings
    from distiller.queries.tables import Brought
    from distiller.vo.tap import Upload

_STORED = "upload_"
"""Before the names of uploaded tables in the database."""


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


def gather(
    uploads: Sequence[Upload], files: Mapping[str, Path], settings: Settings
) -> Uploads:
    """Read the tables that come with a query; nothing of them is kept.

    Parameters
    ----------
    files
        The files of the request, by the name that ``param:`` gives them.

    Raises
    ------
    BadParameter
        Naming the table that cannot be had, or read, and why.
    """
    found = Uploads()
    words: list[str] = []
    limits = tables.Limits.of(settings)
    for upload in uploads:
        try:
            brought = _read(upload, files, settings, limits)
        except BadParameter:
            raise
        except UserError as error:
            raise BadParameter(
                "UPLOAD", f"{upload.name}: {error.message}", hint=error.hint
            ) from error
        name = f"{UPLOAD_SCHEMA}.{upload.name}"
        stored = f"{_STORED}{upload.name}"
        found.catalog[name] = Table(
            name, brought.columns, brought.description, stored=stored
        )
        found.given[name] = Given(stored, brought.columns, brought.rows)
        words += [f"{upload.name}: {word}" for word in brought.words]
    return Uploads(found.catalog, found.given, tuple(words))


def _read(
    upload: Upload,
    files: Mapping[str, Path],
    settings: Settings,
    limits: tables.Limits,
) -> Brought:
    if upload.part is not None:
        path = files.get(upload.part)
        if path is None:
            raise UserError(
                f"the request has no file {upload.part!r}",
                hint="send it as a part of that name, as multipart/form-data",
            )
        return tables.read(path, limits, folder_of(settings))
    with tempfile.NamedTemporaryFile(dir=folder_of(settings)) as fetched:
        try:
            fetch(upload.uri, fetched, settings, limits)
        except PassingError as error:
            error.message = f"UPLOAD: {upload.name}: {error.message}"
            raise
        fetched.flush()
        return tables.read(Path(fetched.name), limits, folder_of(settings))


def folder_of(settings: Settings) -> Path:
    """Return the private folder for files of tables while they are read."""
    folder = settings.uploads_path
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def sweep(settings: Settings) -> None:
    """Remove the files that a server which was killed has left.

    To be called by who alone serves the home, before it does.
    """
    for left in folder_of(settings).iterdir():
        left.unlink(missing_ok=True)
