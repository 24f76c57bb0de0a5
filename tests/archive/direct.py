"""Statements to the database of an archive, past the archive."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from distiller.archive.opening import engine_of

if TYPE_CHECKING:
    from distiller.core.settings import Settings


def fetched(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    with closing(engine_of(settings)) as engine, closing(engine.session()) as session:
        return session.fetch(query)


def execute(settings: Settings, *statements: str) -> None:
    """Run statements, each on its own."""
    with closing(engine_of(settings)) as engine, closing(engine.session()) as session:
        for statement in statements:
            session.execute(statement)
