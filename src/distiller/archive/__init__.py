"""The archive: datasets in, Arrow batches out.

`open_archive` opens the archive of a home in this process; `connect` goes to the server
of the home where one runs, which then owns the archive.
"""

from __future__ import annotations

from distiller.archive.archive import Archive
from distiller.archive.opening import connect, open_archive
from distiller.archive.protocol import ArchiveReader, ArchiveWriter, Outcome, Result
from distiller.archive.remote import RemoteArchive

__all__ = [
    "Archive",
    "ArchiveReader",
    "ArchiveWriter",
    "Outcome",
    "RemoteArchive",
    "Result",
    "connect",
    "open_archive",
]
