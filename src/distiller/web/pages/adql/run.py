"""Runs a query for the page: on the way of ``/tap/sync``, its first rows kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote, urlencode

from distiller.adql.marks import Mark, marks
from distiller.core.errors import QueryError
from distiller.queries import answer
from distiller.vo.tap import TapParameters
from distiller.web import errors, site
from distiller.web.data.addresses import own_address
from distiller.web.pages import cells
from distiller.web.tap import stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pyarrow as pa

    from distiller.core.columns import Column
    from distiller.core.errors import DistillerError
    from distiller.vo.votable import Status


class RowKeeper:
    """A writer that writes nothing and keeps the rows."""

    media_type: ClassVar[str] = "text/html"
    extension: ClassVar[str] = "html"

    def __init__(self) -> None:
        self.rows_kept: list[tuple[Any, ...]] = []

    def head(self) -> bytes:
        """Return nothing."""
        return b""

    def rows(self, batch: pa.RecordBatch) -> bytes:
        """Keep the rows of a batch."""
        columns = (column.to_pylist() for column in batch.columns)
        self.rows_kept += zip(*columns, strict=True)
        return b""

    def tail(self, status: Status, message: str | None = None) -> bytes:
        """Return nothing."""
        del status, message
        return b""


@dataclass(frozen=True, slots=True)
class Shown:
    """One value, and the address of the page or file that it names."""

    cell: cells.Cell
    link: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """The first rows of a result; ``cut`` says that there are more."""

    heads: tuple[cells.Heading, ...]
    lines: tuple[tuple[Shown, ...], ...]
    cut: bool
    has_datasets: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a query; all empty where there was none to run."""

    table: Table | None = None
    faults: tuple[Mark, ...] = ()
    trouble: DistillerError | None = None

    @property
    def status(self) -> int:
        """HTTP status."""
        if self.trouble is not None:
            return errors.status_of(self.trouble)
        return 400 if self.faults else 200


async def run(
    query: str, most_rows: int, owner: str = "", user: str | None = None
) -> Outcome:
    """Run a query; access, limits, places and time are those of ``/tap/sync``.

    Parameters
    ----------
    owner
        Whose place it takes, see `gate.owner_of`.
    user
        The user who asks, whose own tables may be named.
    """
    here = site.current()
    keeper = RowKeeper()
    parameters = TapParameters(query=query, maxrec=most_rows)

    def prepared() -> answer.Prepared:
        made = answer.prepare(parameters, here.archive, here.settings, owner=user)
        return replace(made, writer=keeper, patient=True)

    try:
        body = await stream.body_of(here, prepared, owner)
        async for _ in body:
            pass
    except QueryError as error:
        return Outcome(faults=marks(query, error.faults))
    except Exception as error:  # noqa: BLE001 - the edge of a request
        return Outcome(trouble=errors.ours(error, "running a query"))
    if body.failure is not None:
        return Outcome(trouble=body.failure)
    columns = body.prepared.columns
    return Outcome(_table(columns, keeper.rows_kept, cut=body.overflow is not None))


def _table(
    columns: Sequence[Column], rows: Iterable[tuple[Any, ...]], *, cut: bool
) -> Table:
    names = [column.name for column in columns]
    return Table(
        heads=tuple(cells.heading_as_asked(column) for column in columns),
        lines=tuple(tuple(_line(columns, row)) for row in rows),
        cut=cut,
        has_datasets="obs_publisher_did" in names,
    )


def _line(columns: Sequence[Column], row: tuple[Any, ...]) -> Iterable[Shown]:
    named = {column.name: value for column, value in zip(columns, row, strict=True)}
    for column, value in zip(columns, row, strict=True):
        yield Shown(cells.cell_as_asked(column, value), _link(column.name, named))


def _link(name: str, row: Mapping[str, Any]) -> str:
    """Return where a value leads; what a query makes up leads nowhere else."""
    value = row[name]
    if not isinstance(value, str) or not value:
        return ""
    if name == "obs_id":
        collection = row.get("obs_collection")
        more = f"?{urlencode({'collection': collection})}" if collection else ""
        return f"/obs/{quote(value, safe='')}/{more}"
    return own_address(value) if name == "access_url" else ""
