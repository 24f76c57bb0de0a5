"""What an engine has to offer, so that the rest of the room need not know which it is.

SQL that both engines understand is written once, where it is needed, with parameters
``$name`` (or ``?`` for those in order). What differs between them is a method here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    import pyarrow as pa

    from distiller.adql import Target
    from distiller.archive.protocol import Given, Parameters, Result
    from distiller.core.columns import Column
    from distiller.core.engines import EngineName
    from distiller.model import BoundTable, Model

Cells: TypeAlias = tuple[Any, ...]
"""A row, in the order of its table."""


class Session(Protocol):
    """A connection of its own, used by one thread at a time.

    It lives as long as the archive: where the engine is a server that was started
    again, the next transaction gets a new connection.
    """

    def transaction(self) -> AbstractContextManager[None]:
        """Commit at the end of the block; roll back whatever leaves it by an error."""

    def snapshot(self) -> AbstractContextManager[None]:
        """Read what the archive holds at one moment; nothing can be written."""

    def lock(self, names: Sequence[str]) -> None:
        """Wait until no other process changes the datasets under these names.

        Holds until the transaction ends.
        """

    def lock_all(self) -> None:
        """Wait until no other process changes anything."""

    def execute(self, sql: str, params: Parameters = ()) -> int:
        """Run one statement; return the number of rows that it has changed."""

    def fetch(self, sql: str, params: Parameters = ()) -> list[Cells]:
        """Run one query; return its rows."""

    def chunks(self, sql: str) -> Iterator[list[Cells]]:
        """Run one query of many rows, inside `snapshot`."""

    def insert(self, table: BoundTable, rows: Sequence[Cells]) -> int:
        """Insert rows of new keys; return their number."""

    def insert_absent(self, table: BoundTable, rows: Sequence[Cells]) -> int:
        """Insert rows whose keys are absent; return the number of those."""

    def define(self) -> None:
        """Define our SQL functions, or define them anew; the tables are there."""

    def undefined(self) -> list[str]:
        """Return the names of our SQL functions that are not there."""

    def lost_indexes(self, model: Model) -> list[str]:
        """Return the indexes of a model that are not there, or not whole."""

    def keep(self, stored: str, table: Given) -> None:
        """Make a table that stays, under this qualified name, with its rows."""

    def drop(self, stored: str) -> None:
        """Take such a table away, within a transaction.

        Raises
        ------
        Busy
            If a query still reads it, where the engine would have to wait for that.
        """

    def index(
        self, stored: str, places: Sequence[tuple[str, str]], shapes: Sequence[str]
    ) -> None:
        """Index the pairs of coordinates and the shapes of a table that users keep."""

    def close(self) -> None:
        """Let go of the connection."""


class Engine(Protocol):
    """A database that can hold an archive; its sessions and queries."""

    @property
    def name(self) -> EngineName:
        """The engine, as the model's SQL names it."""

    @property
    def target(self) -> Target:
        """The engine, as ADQL is translated for it."""

    @property
    def place(self) -> str:
        """Where the archive is, for messages; without a password."""

    @property
    def kept_tables(self) -> str:
        """SELECT of name and comment of each table that users keep.

        Their names begin with ``$prefix``.
        """

    def exists(self) -> bool:
        """Tell whether there is an archive in this place."""

    def make(self, model: Model) -> None:
        """Make an empty archive, whole or not at all, where there is none."""

    def session(self) -> Session:
        """Return a new session."""

    def query(  # noqa: PLR0913 - what a query is and may
        self,
        sql: str,
        params: Parameters,
        *,
        timeout_s: float,
        max_rows: int | None,
        batch_rows: int,
        tables: Sequence[Given] = (),
    ) -> AbstractContextManager[Result]:
        """Run one SELECT, read-only, and stream its rows; it sees tables of its own."""

    def load(self, table: BoundTable, rows: pa.RecordBatchReader) -> int:
        """Take many rows of new keys into a table, all or none; return their number."""

    def translated(self, doing: str) -> AbstractContextManager[None]:
        """Raise the errors of the engine as ours; ``doing`` begins their texts."""

    def expect(self, shape: str) -> None:
        """From here on work only while the archive is of the tables of this checksum.

        Another process may upgrade it meanwhile, where the engine lets it.
        """

    def expect_mapping(self, mapping: str) -> None:
        """From here on work only while mappings of this checksum fill the archive."""

    def definitions(self) -> tuple[str, ...]:
        """Return the text of our SQL functions, which changes if they do."""

    def allow_readers(self, session: Session, model: Model) -> None:
        """Let a user who only reads reach what is there, if there is one."""

    def unreadable(self, session: Session, model: Model) -> list[str]:
        """Return the tables that this user cannot reach, by name."""

    def allow_reader(self, session: Session, stored: str) -> None:
        """Let that user read a table that users keep."""

    def reclaim(self) -> bool:
        """Make the space of removed rows free for others; False if it cannot be now."""

    def sql_type(self, column: Column) -> str:
        """Return the SQL type of a column."""

    def close(self) -> None:
        """Let go of everything; queries that run are interrupted."""
