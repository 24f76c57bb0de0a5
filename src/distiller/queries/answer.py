"""One query from its parameters to the parts of its answer; nothing of HTTP.

Used by ``/tap/sync``, by downloads on the pages, by the control socket and by
``distiller query``.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import pyarrow as pa

from distiller import adql
from distiller.archive.user_tables import SCHEMA
from distiller.core.errors import DistillerError, InternalError, NotLoggedIn, QueryError
from distiller.queries import uploads
from distiller.vo.formats import Writer, format_of, writer_for
from distiller.vo.spooled import SpooledWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping
    from pathlib import Path

    from distiller.archive.protocol import ArchiveReader, Given
    from distiller.core.columns import Column
    from distiller.core.settings import Settings
    from distiller.queries.fetch import Patience
    from distiller.queries.spool import Spool
    from distiller.vo.spooled import File
    from distiller.vo.tap import RowLimit, TapParameters

BATCH_ROWS = 8192
"""Rows that are encoded at once: few, since a dozen queries may run."""

BATCH_BYTES = 8 * 2**20
"""Bytes of rows that are encoded at once, as far as rows can be cut."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A query that was understood and may be run.

    Attributes
    ----------
    sql
        For the archive, limited to one row more than the limit.
    columns
        Of the result.
    writer
        Of the format that was asked for; it serves this one answer.
    limit
        On the rows of the result.
    timeout_s
        Longest work of the database, s.
    batch_rows
        Rows that are encoded at once.
    patient
        Whether the answer waits for its first part, however long that takes.
    says_errors
        Whether the format has a proper place for an error behind the first rows.
    tables
        That came with the query and are named in it.
    """

    sql: str
    columns: tuple[Column, ...]
    writer: Writer | SpooledWriter
    limit: RowLimit
    timeout_s: float
    batch_rows: int = BATCH_ROWS
    patient: bool = False
    says_errors: bool = True
    tables: tuple[Given, ...] = ()


class Scratch:
    """Where rows wait whose format needs all of them before its first byte.

    Parameters
    ----------
    spool
        The disk for them; None for the folder of the system.
    most_bytes
        That the rows of this answer may take of it.

    Attributes
    ----------
    length
        Bytes of the whole answer, once they are known.
    """

    def __init__(self, spool: Spool | None = None, most_bytes: int = 0) -> None:
        self._spool = spool
        self._most_bytes = most_bytes
        self.length: int | None = None

    def open(self) -> File:
        """Return an empty file that is gone when it is closed, or the process ends."""
        if self._spool is None:
            return tempfile.TemporaryFile()
        return self._spool.scratch(self._most_bytes)


def prepare(  # noqa: PLR0913 - what a query is, and who asks
    parameters: TapParameters,
    archive: ArchiveReader,
    settings: Settings,
    files: Mapping[str, Path] = MappingProxyType({}),
    *,
    owner: str | None = None,
    patience: Patience | None = None,
) -> Prepared:
    """Check and translate a query; nothing runs yet.

    Parameters
    ----------
    files
        The files that came with the request, by the name that ``param:`` gives them.
    owner
        The user who asks, whose own tables may be named; None for nobody.
    patience
        With the fetching of tables, for who may want to stop it.

    Raises
    ------
    QueryError
        With every fault of the query.
    BadParameter
        If the format is unknown, or an uploaded table cannot be read.
    NotLoggedIn
        If somebody without a name asks for tables of their own.
    """
    form = format_of(parameters.responseformat)
    used = uploads.named(parameters.uploads, parameters.query)
    brought = uploads.gather(used, files, settings, patience)
    # Most queries name no table of a user, and then the archive need not be asked.
    names_own = SCHEMA in parameters.query.lower()
    own = archive.tables_of(owner) if names_own and owner is not None else {}
    more = {**brought.catalog, **own}
    try:
        translation = adql.translate(
            parameters.query,
            {**archive.catalog, **more} if more else archive.catalog,
            target=archive.target,
            keep=not more,
        )
    except QueryError as error:
        if names_own and owner is None and f"no table {SCHEMA}." in error.message:
            raise NotLoggedIn(
                f"tables of the schema {SCHEMA} are seen by their owners only",
                hint="log in, also with name and password of HTTP",
            ) from error
        raise
    limit = parameters.limit(
        default=settings.query_rows_default, most=settings.query_rows_max
    )
    infos = [("QUERY", parameters.query), ("LANG", parameters.lang)]
    if parameters.run_id:
        infos.append(("RUNID", parameters.run_id))
    infos += [("UPLOAD", word) for word in brought.words]
    infos += [
        ("UPLOAD", f"{upload.name}: not read, since the query does not name it")
        for upload in parameters.uploads
        if upload not in used
    ]
    return Prepared(
        sql=translation.limited(limit.rows + 1),  # one more shows that there are more
        columns=translation.columns,
        writer=writer_for(parameters.responseformat, translation.columns, infos=infos),
        limit=limit,
        timeout_s=settings.query_timeout_s,
        batch_rows=min(BATCH_ROWS, max(1, BATCH_BYTES // translation.row_bytes)),
        patient=form.is_spooled,
        says_errors=form.says_errors,
        tables=tuple(brought.used(translation.tables)),
    )


def parts(
    archive: ArchiveReader,
    prepared: Prepared,
    running: Callable[[Callable[[], None]], None] = lambda _: None,
    told: Callable[[str], None] = lambda _: None,
    scratch: Scratch | None = None,
) -> Generator[bytes]:
    """Run a query and yield its answer behind the head: rows, then the tail.

    Of a format that is spooled it is the whole answer, and the query has ended before
    the first part.

    Parameters
    ----------
    running
        Is told, once the database has the query, how to cancel it.
    told
        Is told, when it is known, that rows were left out.
    scratch
        Where a format that is spooled waits.

    Raises
    ------
    DistillerError
        At any moment. The tail of a format that is not spooled is then still to be
        written.
    """
    writer = prepared.writer
    if isinstance(writer, SpooledWriter):
        scratch = scratch or Scratch()
        with scratch.open() as file:
            writer.begin(file)
            overflow = yield from _rows(archive, prepared, writer.add, running)
            if overflow:
                told(overflow)
            scratch.length = writer.end(overflow)
            yield from writer.document()
    else:
        overflow = yield from _rows(archive, prepared, writer.rows, running)
        if overflow:
            told(overflow)
        yield writer.tail("OVERFLOW" if overflow else "OK", overflow)


def _rows(
    archive: ArchiveReader,
    prepared: Prepared,
    write: Callable[[pa.RecordBatch], bytes | None],
    running: Callable[[Callable[[], None]], None],
) -> Generator[bytes, None, str | None]:
    """Run a query and yield what its rows are written as; return why rows lack."""
    limit = prepared.limit
    if limit.rows == 0:
        return limit.message
    with archive.query(
        prepared.sql,
        timeout_s=prepared.timeout_s,
        max_rows=limit.rows,
        batch_rows=prepared.batch_rows,
        tables=prepared.tables,
    ) as result:
        running(result.cancel)
        for batch in result.batches:
            for part in slices(batch):
                if written := _encoded(write, part):
                    yield written
        return limit.message if result.overflow else None


def whole(
    archive: ArchiveReader,
    prepared: Prepared,
    told: Callable[[str], None] = lambda _: None,
    running: Callable[[Callable[[], None]], None] = lambda _: None,
    scratch: Scratch | None = None,
) -> Generator[bytes]:
    """Run a query and yield its whole answer, head included; see `parts`.

    Raises
    ------
    DistillerError
        Before the first part, or after a tail that says the same.
    """
    writer = prepared.writer
    body = parts(archive, prepared, running, told, scratch)
    if isinstance(writer, SpooledWriter):
        yield from body
        return
    first = next(body)  # the query has begun when the head is written
    yield writer.head() + first
    try:
        yield from body
    except Exception as error:
        text = error.text if isinstance(error, DistillerError) else "the query failed"
        yield writer.tail("ERROR", text)
        raise


def document(writer: Writer | SpooledWriter, batch: pa.RecordBatch) -> bytes:
    """Return a few rows that are there as a whole document."""
    if not isinstance(writer, SpooledWriter):
        return writer.head() + writer.rows(batch) + writer.tail("OK")
    with Scratch().open() as file:
        writer.begin(file)
        writer.add(batch)
        writer.end(None)
        return b"".join(writer.document())


def slices(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Yield rows in batches of bounded size, a single row at least.

    >>> rows = pa.record_batch({"x": ["a" * 3_000_000] * 5})
    >>> [part.num_rows for part in slices(rows)]
    [2, 2, 1]
    """
    per_row = batch.nbytes / max(1, batch.num_rows)
    step = max(1, int(BATCH_BYTES / max(1.0, per_row)))
    for start in range(0, batch.num_rows, step):
        yield batch.slice(start, step)


def _encoded(
    write: Callable[[pa.RecordBatch], bytes | None], batch: pa.RecordBatch
) -> bytes | None:
    try:
        return write(batch)
    except pa.ArrowInvalid as error:
        # The translation promised a type that the values do not have.
        raise InternalError(
            f"a value does not fit its column: {str(error).partition(chr(10))[0]}",
            hint="cast the column to a wider type",
        ) from error
