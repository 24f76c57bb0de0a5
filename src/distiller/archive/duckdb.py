"""The embedded archive: one DuckDB file, owned by one process."""

from __future__ import annotations

import os
import threading
import time
import uuid
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import duckdb

from distiller.archive import functions, health, install, refusals
from distiller.archive.compare import digest, dump
from distiller.archive.faults import translated
from distiller.archive.query import BATCH_ROWS, Watchdog, stream
from distiller.archive.store import Writer, duplicates
from distiller.core.errors import IllegalState, NotFound
from distiller.core.files import sync_folder
from distiller.model import load_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Self

    from distiller.archive.protocol import Outcome, Parameters
    from distiller.archive.query import ArrowResult
    from distiller.core.bundle import Bundle, Stored
    from distiller.core.columns import Catalog
    from distiller.core.refusal import Refusal
    from distiller.core.settings import Settings
    from distiller.model import Model

_LOOK_UP_S = 60.0
_CUT_OFF_S = 3600.0
_FILES = (
    'SELECT f.path, f.checksum, f."size", f.mtime, f.role, p.publisher_did '
    "FROM cta.product_file f "
    "JOIN cta.product p ON p.product_id = f.product_id "
    "ORDER BY p.publisher_did, f.path"
)


class Archive:
    """The archive of a home, open in this process; use it from any thread.

    Use `Archive.open`. Readers have a cursor each and see the archive as it was when
    they began; writers wait for each other.
    """

    def __init__(
        self,
        settings: Settings,
        connection: duckdb.DuckDBPyConnection,
        model: Model,
    ) -> None:
        self._settings = settings
        self._connection = connection
        self._model = model
        self._base_url = settings.base_url
        self._writing = threading.RLock()
        self._watchdog = Watchdog()
        self._writer = Writer(
            connection.cursor(), model, settings, lambda: self._base_url
        )
        self._closed = False

    @classmethod
    def open(cls, settings: Settings, *, create: bool = True) -> Self:
        """Open the archive of a home, and make it where there is none.

        Raises
        ------
        NotFound
            If there is none and ``create`` is False.
        Busy
            If another process has it open.
        IllegalState
            If it is of another data model.
        """
        path = settings.archive_path
        model = load_model()
        if not path.exists():
            if not create:
                raise NotFound(
                    f"there is no archive in {settings.home}",
                    hint="make one with `distiller init`, or name another --home",
                )
            settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
            _make(path, settings, model)
        _sweep(path)
        connection = _connect(path, settings)
        try:
            with translated(f"opening {path}"):
                install.install(connection, model)
                archive = cls(settings, connection, model)
                archive.set_base_url(settings.base_url)
        except BaseException:
            connection.close()
            raise
        return archive

    @property
    def catalog(self) -> Catalog:
        """Every table that ADQL may name."""
        return self._model.catalog

    @property
    def model(self) -> Model:
        """The data model that the archive was made from."""
        return self._model

    def close(self) -> None:
        """Close the archive; queries that still run are interrupted."""
        with self._writing:
            if self._closed:
                return
            self._closed = True
            self._watchdog.close()
            self._writer.close()
            functions.unregister(self._connection)
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def store(self, bundle: Bundle) -> Outcome:
        """Take in one dataset, whole or not at all, in one transaction.

        Equal checksum means nothing to do. Rows of the dataset that were there before
        are replaced; rows that datasets share are added where absent, and must be
        equal where not. ``ivoa.obscore`` is filled by the mapping.

        Raises
        ------
        IllegalState
            If a shared row differs from the one that is there.
        InternalError
            If rows do not fit the tables, or refer to rows that are absent.
        NoSpace
            If the disk is full; nothing was stored then.
        """
        with self._changing(f"storing {bundle.publisher_did}"):
            return self._writer.store([bundle])[0]

    def store_many(self, bundles: Sequence[Bundle]) -> tuple[Outcome, ...]:
        """Take in several datasets in one transaction: all of them or none.

        Ten times quicker than one by one. Errors are those of `store`; to learn which
        dataset is at fault, store them one by one then.
        """
        if not bundles:
            return ()
        if twice := duplicates(bundles):
            raise IllegalState(
                f"{min(twice)}: the dataset is there twice in one transaction"
            )
        doing = f"storing {len(bundles)} datasets from {bundles[0].publisher_did} on"
        with self._changing(doing):
            return self._writer.store(bundles)

    def remove(self, publisher_did: str, *, note: str | None = None) -> bool:
        """Take a dataset out, with all rows of its own; False where there is none.

        Parameters
        ----------
        note
            Why, for the history of the dataset.
        """
        del note
        with self._changing(f"removing {publisher_did}"):
            return self._writer.remove(publisher_did)

    def refusals(self, collection: str | None = None) -> list[Refusal]:
        """Return what ingests refused, of one collection or of all."""
        with self._changing("looking up what was refused"):
            return refusals.refusals(self._connection, collection)

    def record_refusals(self, added: Sequence[Refusal], cleared: Sequence[str]) -> None:
        """Remember what was refused, and forget the refusals with these keys."""
        with self._changing("remembering what was refused"):
            refusals.record(self._connection, added, cleared)

    def stored(self, collection: str) -> Mapping[str, Stored]:
        """Return what is there of a collection, by publisher DID."""
        with self._changing(f"looking up {collection}"):
            return self._writer.stored(collection)

    @contextmanager
    def query(
        self,
        sql: str,
        params: Parameters = (),
        *,
        timeout_s: float,
        max_rows: int | None = None,
        batch_rows: int = BATCH_ROWS,
    ) -> Iterator[ArrowResult]:
        """Run one SELECT, read-only, and stream its rows; see `query.stream`."""
        with stream(
            self._cursor(),
            self._watchdog,
            sql,
            params,
            timeout_s=timeout_s,
            max_rows=max_rows,
            batch_rows=batch_rows,
        ) as result:
            yield result

    def rows(self, sql: str, params: Parameters = ()) -> list[dict[str, Any]]:
        """Return all rows of a small look-up, by column name."""
        with self.query(sql, params, timeout_s=_LOOK_UP_S) as result:
            return [row for batch in result.batches for row in batch.to_pylist()]

    def set_base_url(self, url: str) -> None:
        """Say under which URL files are reached; ivoa.obscore follows."""
        with self._changing("filling ivoa.obscore"):
            self._base_url = url
            cursor = self._connection.cursor()
            try:
                install.apply_mapping(cursor, self._model, self._settings, url)
            finally:
                cursor.close()

    def check(self) -> list[str]:
        """Return what is wrong in the archive, one sentence each; empty is well."""
        cursor = self._cursor()
        try:
            with translated("checking the archive"):
                return list(
                    health.findings(
                        cursor,
                        self._model,
                        install.mapping_parameters(self._settings, self._base_url),
                    )
                )
        finally:
            cursor.close()

    def files(self) -> Iterator[dict[str, Any]]:
        """Yield path, checksum, size, mtime, role and publisher_did of every file."""
        with self.query(_FILES, timeout_s=_LOOK_UP_S) as result:
            for batch in result.batches:
                yield from batch.to_pylist()

    def dump(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield table and row of every row in canonical order, clock columns left out.

        Two archives that hold the same yield the same.
        """
        cursor = self._cursor()
        try:
            yield from dump(cursor, self._model)
        finally:
            cursor.close()

    def digest(self) -> str:
        """Return the SHA-256 over what `dump` yields."""
        return digest(self.dump())

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        if self._closed:
            raise IllegalState("the archive is closed")
        return self._connection.cursor()

    @contextmanager
    def _changing(self, doing: str) -> Iterator[None]:
        with self._writing:
            if self._closed:
                raise IllegalState(f"{doing}: the archive is closed")
            with translated(doing):
                yield


def _connect(path: Path, settings: Settings) -> duckdb.DuckDBPyConnection:
    with translated(f"opening {path}"):
        connection = duckdb.connect(str(path), config=_configuration(settings))
        functions.register(connection)
        # Given to `connect` it has no effect: the folder is not there yet.
        most = f"{settings.query_spill_mb}MB"
        connection.execute(f"SET max_temp_directory_size = '{most}'")
        connection.execute("SET lock_configuration = true")
    return connection


def _make(path: Path, settings: Settings, model: Model) -> None:
    """Make the file of an archive, whole or not at all.

    DuckDB writes a new file in several steps, and one that is cut off in between is
    no database for ever. So it is made under another name and linked at the end,
    which fails if another process was quicker.
    """
    made = path.with_name(f".{path.name}-{uuid.uuid4().hex[:8]}")
    try:
        connection = _connect(made, settings)
        try:
            with translated(f"making {path}"):
                install.install(connection, model)
                connection.execute("CHECKPOINT")
        finally:
            functions.unregister(connection)
            connection.close()
        made.chmod(0o600)
        with made.open("rb") as stream:
            os.fsync(stream.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(made)
        sync_folder(path.parent)
    finally:
        for leftover in path.parent.glob(f"{made.name}*"):
            leftover.unlink(missing_ok=True)


def _sweep(path: Path) -> None:
    """Remove what was left of archives whose making was cut off."""
    for leftover in path.parent.glob(f".{path.name}-*"):
        if time.time() - leftover.stat().st_mtime > _CUT_OFF_S:
            leftover.unlink(missing_ok=True)


def _configuration(
    settings: Settings,
) -> dict[str, str | bool | int | float | list[str]]:
    """Return what the database may do: no files but its own, bounded memory."""
    return {
        "memory_limit": f"{settings.query_memory_mb}MB",
        "threads": settings.query_threads,
        "enable_external_access": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
