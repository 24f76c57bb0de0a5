"""``distiller check``: whether this installation and its archive are healthy."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from distiller.archive import connect
from distiller.cli import settings_of
from distiller.core.files import sha256

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.archive import Archive, RemoteArchive


@click.command()
@click.option("--files", is_flag=True, help="Read all files and compare checksums.")
@click.pass_context
def command(ctx: click.Context, *, files: bool) -> None:
    """Look for what is wrong in the archive; exit 1 if something is."""
    settings = settings_of(ctx)
    count = 0
    with closing(connect(settings)) as archive:
        for finding in _findings(archive, files=files):
            count += 1
            click.echo(finding)
    if count:
        sys.exit(1)
    click.echo(f"{settings.home}: nothing is wrong")


def _findings(archive: Archive | RemoteArchive, *, files: bool) -> Iterator[str]:
    yield from archive.check()
    for row in archive.files():
        yield from _file_findings(Path(row["path"]), row, read=files)


def _file_findings(path: Path, row: dict[str, str], *, read: bool) -> Iterator[str]:
    where = f"{path} ({row['role']} of {row['publisher_did']})"
    try:
        found = sha256(path) if read else None
        path.stat()
    except FileNotFoundError:
        yield f"{where}: the file is missing"
        return
    except OSError as error:
        yield f"{where}: the file cannot be read: {error.strerror}"
        return
    if read and row["checksum"] and found != row["checksum"]:
        yield f"{where}: the content has changed since it was ingested"
