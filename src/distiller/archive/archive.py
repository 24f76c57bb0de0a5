"""The archive of a home: what is done with it, whichever engine holds it."""

from __future__ import annotations

import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from distiller.archive import health, install, refusals
from distiller.archive.arrow import Rows
from distiller.archive.compare import digest, dump
from distiller.archive.query import BATCH_ROWS
from distiller.archive.store import Writer, duplicates
from distiller.archive.user_tables import UserTables
from distiller.core.errors import (
    Damaged,
    DistillerError,
    IllegalState,
    InternalError,
    NotFound,
)
from distiller.model import load_model

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from typing import Self

    import pyarrow as pa

    from distiller.adql import Target
    from distiller.archive.engine import Engine
    from distiller.archive.protocol import Given, Outcome, Parameters, Result
    from distiller.core.bundle import Bundle, Stored
    from distiller.core.columns import Catalog
    from distiller.core.refusal import Refusal
    from distiller.core.settings import Settings
    from distiller.model import Model

_LOADED = ("shared", "history")
_LOOK_UP_S = 60.0
_FILES = (
    'SELECT f.path, f.checksum, f."size", f.mtime, f.role, p.publisher_did '
    "FROM cta.product_file f "
    "JOIN cta.product p ON p.product_id = f.product_id "
    "ORDER BY p.publisher_did, f.path"
)


class Archive:
    """The archive of a home, open in this process; use it from any thread.

    Use `open_archive`. Readers have a connection each and see the archive as it was
    when they began; writers wait for each other.

    Attributes
    ----------
    is_new
        Whether it was made when it was opened.
    user_tables
        The tables that users keep in it.
    """

    def __init__(self, settings: Settings, engine: Engine, model: Model) -> None:
        self._settings = settings
        self._engine = engine
        self._model = model
        self._writing = threading.RLock()
        self._session = engine.session()
        self._writer = Writer(self._session, engine.name, model)
        self._closed = False
        self.user_tables = UserTables(settings, engine, self.rows)
        self.is_new = False

    @classmethod
    def open(cls, settings: Settings, engine: Engine, *, create: bool = True) -> Self:
        """Open the archive of a home, and make it where there is none.

        Raises
        ------
        NotFound
            If there is none and ``create`` is False.
        Busy
            If another process has it open, and the engine allows only one.
        IllegalState
            If it is of another data model.
        """
        model = load_model(settings.model_dir)
        try:
            existed = engine.exists()
            if not existed:
                _make(engine, model, allowed=create)
            archive = cls(settings, engine, model)
        except BaseException:
            engine.close()
            raise
        try:
            archive.prepare()
        except BaseException:
            archive.close()
            raise
        archive.is_new = not existed
        return archive

    def prepare(self) -> None:
        """Compare the archive with the model; bring what derives from it up to date."""
        with self._changing(f"opening {self._engine.place}"):
            install.install(self._engine, self._session, self._model)
            install.apply_mappings(
                self._engine,
                self._session,
                self._model,
                self._settings,
                install.base_url(self._session, self._settings),
            )

    @property
    def catalog(self) -> Catalog:
        """Every table that ADQL may name."""
        return self._model.catalog

    def tables_of(self, owner: str) -> Catalog:
        """Return the tables that a user keeps in it, which ADQL may name for them."""
        return {kept.table.name: kept.table for kept in self.user_tables.of(owner)}

    @property
    def target(self) -> Target:
        """The engine that ADQL is to be translated for."""
        return self._engine.target

    @property
    def model(self) -> Model:
        """The data model that the archive was made from."""
        return self._model

    @property
    def place(self) -> str:
        """Where the archive is, in words; without a password."""
        return self._engine.place

    def close(self) -> None:
        """Close the archive; queries that still run are interrupted."""
        with self._writing:
            if self._closed:
                return
            self._closed = True
            self._session.close()
            self._engine.close()

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
            If a shared row differs from the one that is there, or rows break a rule of
            the data model, or refer to rows that are absent.
        InternalError
            If rows do not fit the tables.
        NoSpace
            If the disk is full; nothing was stored then.
        """
        return self.store_many([bundle])[0]

    def store_many(
        self,
        bundles: Sequence[Bundle],
        refused: Sequence[Refusal] = (),
        cleared: Sequence[str] = (),
    ) -> tuple[Outcome, ...]:
        """Take in several datasets in one transaction: all of them or none.

        Ten times quicker than one by one. Errors are those of `store`; to learn which
        dataset is at fault, store them one by one then.

        Parameters
        ----------
        refused, cleared
            Refusals to remember, and keys of those to forget, if the datasets go in.
        """
        if not bundles:
            self.record_refusals(refused, cleared)
            return ()
        if twice := duplicates(bundles):
            raise IllegalState(
                f"{min(twice)}: the dataset is there twice in one transaction"
            )
        first = bundles[0].publisher_did
        doing = f"storing {first}"
        if len(bundles) > 1:
            doing = f"storing {len(bundles)} datasets from {first} on"
        try:
            with self._changing(doing):
                return self._writer.store(bundles, refused, cleared)
        except Damaged:
            raise
        except InternalError as error:
            if len(bundles) > 1:
                raise
            raise self._explained(bundles[0], error, doing) from error

    def _explained(
        self, bundle: Bundle, error: InternalError, doing: str
    ) -> DistillerError:
        """Return which rule of the model a dataset breaks, else the error itself."""
        with self._changing(doing):
            words = self._writer.broken_rule(bundle)
        if words is None:
            return error
        return IllegalState(
            f"{doing}: {words}",
            hint="mend the data, or the rule in the data model if it is too narrow",
        )

    def remove(self, publisher_did: str, *, note: str | None = None) -> bool:
        """Take a dataset out, with all rows of its own; False where there is none.

        Shared rows that only it referred to go with it.

        Parameters
        ----------
        note
            Why, for the history of the dataset.
        """
        with self._changing(f"removing {publisher_did}"):
            return self._writer.remove(publisher_did, note)

    def remove_unused(self) -> int:
        """Take out shared rows that nothing refers to; return their number.

        Archives of earlier versions may have some.
        """
        with self._changing("taking out what nothing refers to"):
            return self._writer.remove_unused()

    def catch_up_history(self) -> int:
        """Write the states of datasets that were stored before there was a history.

        Returns their number.
        """
        with self._changing("beginning the history of datasets"):
            return self._writer.catch_up_history()

    def refusals(self, collection: str | None = None) -> list[Refusal]:
        """Return what ingests refused, of one collection or of all."""
        with self._changing("looking up what was refused"):
            return refusals.refusals(self._session, collection)

    def record_refusals(self, added: Sequence[Refusal], cleared: Sequence[str]) -> None:
        """Remember what was refused, and forget the refusals with these keys."""
        with (
            self._changing("remembering what was refused"),
            self._session.transaction(),
        ):
            refusals.record(self._session, self._model, added, cleared)

    def stored(self, collection: str) -> Mapping[str, Stored]:
        """Return what was ingested of a collection, by publisher DID.

        Not what jobs made of it.
        """
        with self._changing(f"looking up {collection}"):
            return self._writer.stored(collection)

    def query(  # noqa: PLR0913 - what a query is and may
        self,
        sql: str,
        params: Parameters = (),
        *,
        timeout_s: float,
        max_rows: int | None = None,
        batch_rows: int = BATCH_ROWS,
        tables: Sequence[Given] = (),
    ) -> AbstractContextManager[Result]:
        """Run one SELECT in the SQL of the engine, read-only, and stream its rows.

        Parameters
        ----------
        tables
            Seen by this query only, and gone when it ends.

        Raises
        ------
        TimedOut
            If the database worked on it longer than ``timeout_s``.
        UserError
            If it is not one SELECT, or meets values that it cannot work with.
        IllegalState
            After `Result.cancel`.
        """
        if self._closed:
            raise IllegalState("the archive is closed")
        return self._engine.query(
            sql,
            params,
            timeout_s=timeout_s,
            max_rows=max_rows,
            batch_rows=batch_rows,
            tables=tables,
        )

    def rows(self, sql: str, params: Parameters = ()) -> list[dict[str, Any]]:
        """Return all rows of a small look-up, by column name."""
        with self.query(sql, params, timeout_s=_LOOK_UP_S) as result:
            return [row for batch in result.batches for row in batch.to_pylist()]

    def load(self, name: str, batches: Iterable[pa.RecordBatch]) -> int:
        """Take many rows into a table that a site fills, such as a catalogue.

        All go in or none. They are as quick as the engine takes them: columns, no
        row by itself, and on PostgreSQL the indexes of a table that was empty are made
        behind them, while who asks for that table waits. On DuckDB they are ordered by
        place, so that cones read few of them.

        Parameters
        ----------
        name
            Of a table of the model whose rows belong to no dataset (``rows: shared`` or
            ``history``).
        batches
            Rows of new keys, with columns of the table by name; those that are not
            given, and NaN, are NULL.

        Returns
        -------
        Their number.

        Raises
        ------
        NotFound
            If there is no such table.
        IllegalState
            If its rows are not for a site to fill, are there already, or refer to rows
            that are not there.
        BadParameter
            If columns or values do not fit.
        """
        table = self._model.by_name.get(name)
        if table is None:
            raise NotFound(f"the data model has no table {name}")
        if table.rows not in _LOADED:
            raise IllegalState(
                f"{name}: its rows are {table.rows}, and come with datasets",
                hint="rows go into tables of `rows: shared` or `history`",
            )
        rows = Rows(table, batches)
        try:
            with self._changing(f"loading {name}"):
                return self._engine.load(table, rows.reader)
        except DistillerError:
            if rows.fault is not None:
                raise rows.fault from None
            raise

    def set_base_url(self, url: str) -> None:
        """Say under which URL files are reached; ivoa.obscore follows."""
        with self._changing("filling ivoa.obscore"):
            install.apply_mappings(
                self._engine, self._session, self._model, self._settings, url
            )

    def check(self) -> list[str]:
        """Return what is wrong in the archive, one sentence each; empty is well."""
        if self._closed:
            raise IllegalState("the archive is closed")
        with (
            self._engine.translated("checking the archive"),
            closing(self._engine.session()) as session,
            session.snapshot(),
        ):
            return list(health.findings(self._engine, session, self._model))

    def files(self) -> Iterator[dict[str, Any]]:
        """Yield path, checksum, size, mtime, role and publisher_did of every file."""
        with self.query(_FILES, timeout_s=_LOOK_UP_S) as result:
            for batch in result.batches:
                yield from batch.to_pylist()

    def dump(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield table and row of every row in canonical order, clock columns left out.

        Two archives that hold the same yield the same, whatever their engines.
        """
        if self._closed:
            raise IllegalState("the archive is closed")
        with (
            self._engine.translated("reading the archive"),
            closing(self._engine.session()) as session,
            session.snapshot(),
        ):
            yield from dump(session, self._model)

    def digest(self) -> str:
        """Return the SHA-256 over what `dump` yields."""
        return digest(self.dump())

    @contextmanager
    def _changing(self, doing: str) -> Iterator[None]:
        with self._writing:
            if self._closed:
                raise IllegalState(f"{doing}: the archive is closed")
            with self._engine.translated(doing):
                yield


def _make(engine: Engine, model: Model, *, allowed: bool) -> None:
    if not allowed:
        raise NotFound(
            f"there is no archive in {engine.place}",
            hint="make one with `distiller init`, or name another --home",
        )
    engine.make(model)
