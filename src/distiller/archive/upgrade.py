"""An archive of an older model becomes one of this model; nothing is lost.

What is done is planned first, from the catalogs of the archive. Columns and tables that
the model no longer has stay, unless it is said that they shall go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from distiller.archive import install
from distiller.archive.duckdb import upgrade as duckdb
from distiller.archive.live import read_shape, schemas
from distiller.archive.opening import engine_of
from distiller.archive.postgres import upgrade as postgres
from distiller.core.errors import IllegalState, NotFound
from distiller.model import load_model
from distiller.model.diff import diff, former, former_column
from distiller.model.emit.sql import quoted
from distiller.model.emit.sql.alter import alter
from distiller.model.emit.sql.ddl import sql_type
from distiller.model.emit.sql.names import qualified
from distiller.model.shape import shape_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from distiller.archive.engine import Engine, Session
    from distiller.core.settings import Settings
    from distiller.model import Model
    from distiller.model.diff import Difference
    from distiller.model.shape import Shape, TableShape


@dataclass(frozen=True, slots=True)
class Plan:
    """What leads from an archive to the model.

    Attributes
    ----------
    statements
        SQL for it; DuckDB gets a new file instead.
    obstacles
        What rows that are there stand in the way of.
    kept
        Columns and tables that stay though the model does not have them.
    is_due
        Whether there is anything to do.
    """

    model: Model
    shape: Shape
    differences: tuple[Difference, ...]
    statements: tuple[str, ...]
    obstacles: tuple[str, ...]
    kept: tuple[str, ...]
    is_due: bool


def plan(settings: Settings, *, drop: bool = False) -> Plan:
    """Look what an upgrade would do; nothing is changed.

    Parameters
    ----------
    drop
        Whether columns and tables that the model no longer has shall go.

    Raises
    ------
    NotFound
        If there is no archive.
    Busy
        If another process has the file of the archive open.
    """
    engine = engine_of(settings)
    try:
        model = load_model(settings.model_dir)
        if not engine.exists():
            raise NotFound(
                f"there is no archive in {engine.place}",
                hint="make one with `distiller init`, or name another --home",
            )
        session = engine.session()
        try:
            with engine.translated(f"looking at {engine.place}"):
                return _plan(engine, session, model, drop=drop)
        finally:
            session.close()
    finally:
        engine.close()


def upgrade(
    settings: Settings,
    planned: Plan,
    *,
    drop: bool = False,
    backed_up: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Do what was planned: all of it or nothing, after a backup.

    Parameters
    ----------
    backed_up
        Whether the operator has a backup of a PostgreSQL database.
    say
        Is told where the backup is.

    Raises
    ------
    IllegalState
        If rows stand in the way, or no backup can be made.
    """
    if planned.obstacles:
        raise IllegalState(
            "rows of the archive stand in the way: " + "; ".join(planned.obstacles),
            hint="change the model, or the rows",
        )
    if settings.database_url is None:
        duckdb.upgrade(settings, planned.model, planned.shape, drop=drop, say=say)
    else:
        model = planned.model
        postgres.upgrade(
            settings, model, schemas(model), drop=drop, backed_up=backed_up, say=say
        )


def _plan(engine: Engine, session: Session, model: Model, *, drop: bool) -> Plan:
    live = read_shape(engine.name, session, model)
    wanted = shape_of(model, engine.name)
    differences = diff(live, wanted)
    gone = [
        d
        for d in differences
        if d.kind in {"column gone", "table gone"} and d.destructive
    ]
    kept = [] if drop else gone
    statements = alter(differences, live, model, drop=drop)
    is_due = any(d not in kept for d in differences)
    return Plan(
        model,
        live,
        differences,
        statements,
        tuple(_obstacles(session, differences, live, wanted, model, drop=drop)),
        tuple(f"{d.table}.{d.name}" if d.name else d.table for d in kept),
        is_due or not install.is_of(engine, session, model),
    )


def _obstacles(
    session: Session,
    differences: tuple[Difference, ...],
    live: Shape,
    wanted: Shape,
    model: Model,
    *,
    drop: bool,
) -> Iterator[str]:
    """Yield what rows that are there do not allow."""
    for d in differences:
        after = wanted.tables.get(d.table)
        before = former(live, after) if after is not None else None
        if after is None or before is None or after.derived:
            continue
        where = f"{d.table}.{d.name}"
        column = after.column(d.name)
        found = former_column(before, column) if column is not None else None
        if d.kind == "column new" and d.destructive:
            if count := _count(session, before, "TRUE"):
                yield f"{where} is never missing, and {count} rows have no value"
        elif d.kind == "column not null" and found is not None:
            if count := _count(session, before, f"{quoted(found.name)} IS NULL"):
                yield f"{where} is never missing, and {count} rows have no value"
        elif d.kind == "column type" and d.destructive and not drop:
            name = quoted(found.name if found is not None else d.name)
            there = _cast(name, d.new)
            lost = f"{_cast(there, d.old)} IS DISTINCT FROM {name}"
            if count := _count(session, before, lost):
                yield (
                    f"{where} becomes {_bare(d.new)}, and {count} rows would lose "
                    "digits (--drop allows it)"
                )
        elif d.kind == "constraint new" and d.new.startswith("CHECK "):
            if count := _broken(session, before, after, d, model):
                yield f"{d.table}: {d.new}, and {count} rows break it"


def _count(session: Session, table: TableShape, condition: str) -> int:
    ((count,),) = session.fetch(
        f"SELECT count(*) FROM {qualified(table.name)} WHERE {condition}"  # noqa: S608 - names of the archive
    )
    return int(count)


def _broken(
    session: Session, before: TableShape, after: TableShape, d: Difference, model: Model
) -> int:
    """Return how many rows break a new check, under the names of the new columns."""
    cells: list[str] = []
    for bound in model.by_name[after.name].columns:
        column = after.column(bound.column.name)
        found = former_column(before, column) if column is not None else None
        value = quoted(found.name) if found is not None else "NULL"
        kind = sql_type(bound.column, "postgresql")
        cells.append(f"{_cast(value, kind)} AS {quoted(bound.column.name)}")
    condition = d.new.removeprefix("CHECK ")
    ((count,),) = session.fetch(
        f"SELECT count(*) FROM (SELECT {', '.join(cells)} "  # noqa: S608 - names of the model
        f"FROM {qualified(before.name)}) AS q WHERE NOT {condition}"
    )
    return int(count)


def _cast(value: str, kind: str) -> str:
    return f"CAST({value} AS {_bare(kind)})"


def _bare(kind: str) -> str:
    """Return a type without its collation."""
    return kind.partition(" COLLATE")[0]
