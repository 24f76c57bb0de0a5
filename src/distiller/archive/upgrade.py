"""An archive of an older model becomes one of this model; nothing is lost.

What is done is planned first, from the catalogs of the archive. Columns and tables that
the model no longer has stay, unless it is said that they shall go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from distiller.archive import install
from distiller.archive.duckdb import guests as duckdb_guests
from distiller.archive.duckdb import upgrade as duckdb
from distiller.archive.live import read_shape
from distiller.archive.obstacles import obstacles, refuse
from distiller.archive.opening import engine_of
from distiller.archive.postgres import guests as postgres_guests
from distiller.archive.postgres import upgrade as postgres
from distiller.archive.versions import TABLE, untold
from distiller.core.errors import NotFound
from distiller.model import load_model
from distiller.model.diff import diff
from distiller.model.emit.sql.alter import alter
from distiller.model.shape import shape_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from distiller.archive.engine import Engine, Session
    from distiller.archive.guests import Guest
    from distiller.core.settings import Settings
    from distiller.model import Model
    from distiller.model.diff import Difference
    from distiller.model.shape import Shape


@dataclass(frozen=True, slots=True)
class Plan:
    """What leads from an archive to the model.

    Attributes
    ----------
    statements
        SQL for it; DuckDB gets a new file instead.
    obstacles
        What rows that are there, or things that others keep there, do not allow.
    kept
        Columns and tables that stay though the model does not have them.
    farewells
        What is not the archive's and goes, since it depends on what is dropped.
    refilled
        Tables such as ivoa.obscore that another mapping fills than the model's.
    untold
        Number of datasets whose current state the history is to get.
    is_due
        Whether there is anything to do.
    """

    model: Model
    shape: Shape
    differences: tuple[Difference, ...]
    statements: tuple[str, ...]
    obstacles: tuple[str, ...]
    kept: tuple[str, ...]
    farewells: tuple[str, ...]
    refilled: tuple[str, ...]
    untold: int
    is_due: bool


def plan(settings: Settings, *, drop: bool = False, model: Model | None = None) -> Plan:
    """Look what an upgrade would do; nothing is changed.

    Parameters
    ----------
    drop
        Whether columns and tables that the model no longer has shall go.
    model
        What it is to become; else the model that the settings name.

    Raises
    ------
    NotFound
        If there is no archive.
    Busy
        If another process has the file of the archive open.
    """
    engine = engine_of(settings)
    try:
        wanted = model or load_model(settings.model_dir)
        if not engine.exists():
            raise NotFound(
                f"there is no archive in {engine.place}",
                hint="make one with `distiller init`, or name another --home",
            )
        session = engine.session()
        try:
            with engine.translated(f"looking at {engine.place}"):
                if settings.database_url is None:
                    duckdb.finish_backups(settings)
                return _plan(engine, session, wanted, drop=drop, whole=model is None)
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
    refuse(planned.obstacles)
    if settings.database_url is None:
        duckdb.upgrade(settings, planned.model, drop=drop, say=say)
    else:
        postgres.upgrade(
            settings, planned.model, drop=drop, backed_up=backed_up, say=say
        )


def _guests(  # noqa: PLR0913 - both sides, and what leads from one to the other
    engine: Engine,
    session: Session,
    live: Shape,
    model: Model,
    differences: tuple[Difference, ...],
    *,
    drop: bool,
) -> list[Guest]:
    """Return what somebody else keeps there and cannot stay."""
    if engine.name == "postgresql":
        return postgres_guests.guests(session, live, model, differences, drop=drop)
    return [guest for guest, _ in duckdb_guests.lost(session, live, model, drop=drop)]


def _plan(
    engine: Engine, session: Session, model: Model, *, drop: bool, whole: bool
) -> Plan:
    """Return the plan.

    Parameters
    ----------
    whole
        Whether it is the model of an archive; one of a single file has no mappings,
        and tables of others are not there.
    """
    live = read_shape(engine.name, session, model)
    wanted = shape_of(model, engine.name)
    differences = diff(live, wanted)
    gone = [
        d
        for d in differences
        if d.is_kept or (d.kind in {"column gone", "table gone"} and d.destructive)
    ]
    kept = [] if drop else gone
    found = (
        _guests(engine, session, live, model, differences, drop=drop) if whole else []
    )
    statements = alter(differences, live, model, drop=drop)
    if drop:
        statements = (*(g.drop for g in found if g.drop), *statements)
    in_the_way = obstacles(engine.name, session, live, model, differences, drop=drop)
    without = untold(session, model, has_table=TABLE in live.tables)
    refilled = install.changed_mappings(engine.name, session, model) if whole else ()
    is_due = any(d not in kept for d in differences) or without > 0 or bool(refilled)
    return Plan(
        model,
        live,
        differences,
        statements,
        (*in_the_way, *(g.obstacle for g in found if not drop)),
        tuple(f"{d.table}.{d.name}" if d.name else d.table for d in kept),
        tuple(g.farewell for g in found if drop),
        refilled,
        without,
        is_due or not install.is_of(engine, session, model),
    )
