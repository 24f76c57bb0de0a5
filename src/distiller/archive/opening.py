"""Which way to an archive: open it here, or ask the server that has it open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distiller.archive.archive import Archive
from distiller.archive.remote import RemoteArchive
from distiller.core.errors import IllegalState

if TYPE_CHECKING:
    from distiller.archive.engine import Engine
    from distiller.core.settings import Settings


def engine_of(settings: Settings) -> Engine:
    """Return the engine that the settings name; nothing is opened yet.

    Only that engine's libraries are loaded: each is 20 to 40 MB of every process.
    """
    if settings.database_url is not None:
        from distiller.archive.postgres import PostgresEngine  # noqa: PLC0415 - above

        return PostgresEngine(settings)
    from distiller.archive.duckdb import DuckDBEngine  # noqa: PLC0415 - above

    return DuckDBEngine(settings)


def open_archive(settings: Settings, *, create: bool = True) -> Archive:
    """Open the archive of a home in this process; see `Archive.open`."""
    return Archive.open(settings, engine_of(settings), create=create)


def connect(settings: Settings, *, create: bool = False) -> Archive | RemoteArchive:
    """Return the archive through the server of its home, else open it here.

    Parameters
    ----------
    create
        Whether to make an archive where there is none.

    Raises
    ------
    IllegalState
        If the server has another database open than the settings name.
    """
    remote = RemoteArchive(settings.socket_path)
    served = remote.served() if settings.socket_path.exists() else None
    if served is not None:
        if settings.database_url is not None and served:
            _require_same(settings, remote, served)
        return remote
    remote.close()
    return open_archive(settings, create=create)


def _require_same(settings: Settings, remote: RemoteArchive, served: str) -> None:
    engine = engine_of(settings)
    asked = engine.place
    engine.close()
    if asked != served:
        remote.close()
        raise IllegalState(
            f"the server of {settings.home} has {served} open, and not {asked}",
            hint="stop it first, name another --home, or leave database_url as it is",
        )
