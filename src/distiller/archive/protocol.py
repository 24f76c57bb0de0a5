"""What other rooms need of an archive, be it open here or in the server of its home."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    import pyarrow as pa

    from distiller.adql import Target
    from distiller.core.bundle import Bundle, Stored
    from distiller.core.columns import Catalog, Column
    from distiller.core.refusal import Refusal

Outcome = Literal["added", "unchanged", "replaced"]
Parameters: TypeAlias = Sequence[Any] | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Given:
    """A table that a user brought, for one query or to be kept.

    Attributes
    ----------
    name
        Of the table in the database, without a schema.
    columns
        Types of the columns, which are called c1, c2... in the database.
    rows
        Their values, in that order; text without NUL characters.
    """

    name: str
    columns: tuple[Column, ...]
    rows: pa.Table

    def types(self, of: Callable[[Column], str]) -> list[str]:
        """Return the SQL types of the columns, by what tells those of single values."""
        return [
            f"{of(replace(c, arraysize=None, xtype=None))}[]"
            if c.datatype != "char"
            and c.arraysize not in {None, "1"}
            and not c.is_geometry
            else of(c)
            for c in self.columns
        ]


class Result(Protocol):
    """The rows of a query, as they come.

    The query runs once schema or rows are asked for; it is checked against the tables
    before that or then, in any case before the first row.
    """

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns."""

    @property
    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, once; a fault of the query may be raised in their midst."""

    @property
    def overflow(self) -> bool:
        """Whether rows were left out since there were more than ``max_rows``."""

    def cancel(self) -> None:
        """Stop the query, from any thread."""


class ArchiveReader(Protocol):
    """What reads the archive."""

    @property
    def catalog(self) -> Catalog:
        """Every table that ADQL may name."""

    def tables_of(self, owner: str) -> Catalog:
        """Return the tables that a user keeps in it, which ADQL may name for them."""

    @property
    def target(self) -> Target:
        """The engine that ADQL is to be translated for."""

    def query(  # noqa: PLR0913 - what a query is and may
        self,
        sql: str,
        params: Parameters = (),
        *,
        timeout_s: float,
        max_rows: int | None = None,
        batch_rows: int = 10_000,
        tables: Sequence[Given] = (),
    ) -> AbstractContextManager[Result]:
        """Run one SELECT and stream its rows.

        Only this query sees the given tables; they are gone when it ends.
        """

    def rows(self, sql: str, params: Parameters = ()) -> list[dict[str, Any]]:
        """Return all rows of a small look-up."""


class ArchiveWriter(Protocol):
    """What changes the archive."""

    def store(self, bundle: Bundle) -> Outcome:
        """Take in one dataset, whole or not at all."""

    def store_many(
        self,
        bundles: Sequence[Bundle],
        refused: Sequence[Refusal] = (),
        cleared: Sequence[str] = (),
    ) -> tuple[Outcome, ...]:
        """Take in several datasets in one transaction: all of them or none.

        With them go what was refused meanwhile, and keys of refusals to forget.
        """

    def remove(self, publisher_did: str, *, note: str | None = None) -> bool:
        """Take a dataset out, and note why; False where there is none."""

    def refusals(self, collection: str | None = None) -> Sequence[Refusal]:
        """Return what ingests refused, of one collection or of all."""

    def record_refusals(self, added: Sequence[Refusal], cleared: Sequence[str]) -> None:
        """Remember what was refused, and forget the refusals with these keys."""

    def stored(self, collection: str) -> Mapping[str, Stored]:
        """Return what is there of a collection, by publisher DID."""
