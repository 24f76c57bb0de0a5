"""``distiller check``: whether this installation and its archive are healthy."""

from __future__ import annotations

import sys
from contextlib import closing
from itertools import groupby
from typing import TYPE_CHECKING, Literal

import click

from distiller.archive import connect, ledger
from distiller.cli import settings_of
from distiller.ingest.inspect import Inspector
from distiller.jobs import preview_files, product_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.archive import Archive, RemoteArchive


@click.command()
@click.option(
    "--files",
    "depth",
    type=click.Choice(["quick", "checksums"]),
    is_flag=False,
    flag_value="checksums",
    default=None,
    help="Look at every file: `quick` compares size and time and reads only what "
    "differs; `checksums`, also without a word, reads all.",
)
@click.option(
    "--mend",
    is_flag=True,
    help="First take out rows (targets, collections...) that nothing refers to.",
)
@click.pass_context
def command(
    ctx: click.Context, depth: Literal["quick", "checksums"] | None, *, mend: bool
) -> None:
    """Look for what is wrong in the archive; exit 1 if something is.

    Without --files only the files of this machine are looked for, and none is read.
    """
    settings = settings_of(ctx)
    count = 0
    with closing(connect(settings)) as archive:
        place = archive.place
        if mend:
            click.echo(f"taken out: {archive.remove_unused()} unused rows")
        for finding in archive.check():
            count += 1
            click.echo(finding)
        for warning in _of_others(archive, settings.authority):
            count += 1
            click.echo(warning)
        for folder in product_files.orphans(archive, settings):
            count += 1
            click.echo(
                f"{folder}: files of a product that is not in the archive; if no job "
                f"is being filed now, remove the folder"
            )
        for path in preview_files.orphans(archive, settings):
            count += 1
            click.echo(
                f"{path}: quick look of a dataset that is not in the archive; whoever "
                f"makes quick looks removes it, or remove it by hand"
            )
        inspector = Inspector(depth or "present")
        for line in _lines(archive, inspector):
            click.echo(line)
    count += inspector.wrong
    if count:
        if inspector.wrong:
            click.echo(
                f"{inspector.wrong} of {inspector.seen} files are not as they were "
                f"ingested"
            )
        sys.exit(1)
    click.echo(f"{place}: nothing is wrong")


def _of_others(archive: Archive | RemoteArchive, authority: str) -> Iterator[str]:
    """Yield that runs have DIDs of another authority than that of the settings."""
    number, example = ledger.elsewhere(archive, authority)
    if number:
        yield (
            f"{number} runs have another authority than {authority}, such as "
            f"{example}: set `authority` back, or remove their collections and ingest "
            f"them again; until then nothing more goes into these"
        )


def _lines(archive: Archive | RemoteArchive, inspector: Inspector) -> Iterator[str]:
    """Yield what is wrong with files, dataset by dataset, as they come."""
    for did, files in groupby(archive.files(), key=lambda row: row["publisher_did"]):
        faults = [fault for row in files if (fault := inspector.look(row)) is not None]
        if faults:
            yield f"{did}:"
            yield from (f"  - {fault}" for fault in faults)
