"""Which way to an archive: open it here, or ask the server that has it open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distiller.archive.duckdb import Archive
from distiller.archive.remote import RemoteArchive
from distiller.core.errors import BadParameter

if TYPE_CHECKING:
    from distiller.core.settings import Settings


def open_archive(settings: Settings, *, create: bool = True) -> Archive:
    """Open the archive of a home in this process; see `Archive.open`."""
    if settings.database_url is not None:
        raise BadParameter(
            "database_url",
            "an archive in PostgreSQL is not supported by this version",
            hint="leave it out: the archive is embedded then",
        )
    return Archive.open(settings, create=create)


def connect(settings: Settings, *, create: bool = False) -> Archive | RemoteArchive:
    """Return the archive through the server of its home, else open it here.

    Parameters
    ----------
    create
        Whether to make an archive where there is none.
    """
    remote = RemoteArchive(settings.socket_path)
    if settings.socket_path.exists() and remote.answers():
        return remote
    remote.close()
    return open_archive(settings, create=create)
