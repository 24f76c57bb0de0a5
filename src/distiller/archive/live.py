"""What the tables of an archive are like now, in the words of the model's SQL."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from distiller.archive.duckdb import live as duckdb
from distiller.archive.postgres import live as postgres
from distiller.model.shape import schemas_of

if TYPE_CHECKING:
    from distiller.archive.engine import Session
    from distiller.core.engines import EngineName
    from distiller.model import Model
    from distiller.model.shape import Shape

_LISTED = "tap_schema.tables"


def read_shape(engine: EngineName, session: Session, model: Model) -> Shape:
    """Read the catalogs of a database.

    Databases tell checks and indexes in words of their own. What the model has under
    the same name, and what the database would tell in the same words, is given in
    those of the model's SQL, so that it equals `distiller.model.shape.shape_of`.

    Parameters
    ----------
    model
        Says which schemas are read: those of its tables, and those that its tables
        were in. A view that neither it nor TAP_SCHEMA, which is of the model before,
        has is somebody else's, and is left out; so are indexes that no model would
        name so.
    """
    names = schemas_of(model)
    derived = {t.name for t in model.tables if t.is_derived}
    read = postgres.read_shape if engine == "postgresql" else duckdb.read_shape
    found = read(session, model, names, derived)
    ours = {view.name for view in model.views}
    if _LISTED in found.tables:
        ours |= {n for (n,) in session.fetch(f"SELECT table_name FROM {_LISTED}")}  # noqa: S608 - a fixed name
    views = {name: view for name, view in found.views.items() if name in ours}
    return replace(found, views=views)
