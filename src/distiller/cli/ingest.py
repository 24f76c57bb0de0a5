"""``distiller ingest``: bring DL3 files into the archive."""

from __future__ import annotations

import json
import os
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars

from distiller.archive import connect
from distiller.cli import settings_of
from distiller.core.errors import DistillerError
from distiller.core.places import place
from distiller.ingest import Options, Progress, Report, ingest, ingest_refused

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from distiller.core.settings import Settings

EXIT_REFUSED = 3
"""Something was refused; the rest is in."""

_LINES = 20  # plain lines of progress where there is no terminal


@click.command("ingest")
@click.argument("paths", metavar="PATH...", nargs=-1, type=click.Path())
@click.option(
    "--collection", help="Name of the collection (else derived from each folder)."
)
@click.option(
    "--rights",
    type=click.Choice(["public", "proprietary"]),
    help="Who may see the data (else public; stored runs keep what they have).",
)
@click.option("--group", help="The group that may see proprietary data.")
@click.option(
    "--release",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
    metavar="DATE",
    help="When proprietary data become public (UTC).",
)
@click.option(
    "--settings",
    "settings_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Settings of the collection (else HOME/collections/NAME.toml, else "
    "distiller-collection.toml in the folder).",
)
@click.option(
    "--refused",
    is_flag=True,
    help="Instead of PATH: what was refused before.",
)
@click.option(
    "--restore",
    multiple=True,
    metavar="RUN",
    help="Take in a run (its obs_id) that was removed before; repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="Report as JSON.")
@click.pass_context
def command(  # noqa: PLR0913, PLR0917 - click hands over every option
    ctx: click.Context,
    paths: tuple[str, ...],
    collection: str | None,
    rights: str | None,
    group: str | None,
    release: datetime | None,
    settings_file: Path | None,
    restore: tuple[str, ...],
    *,
    refused: bool,
    as_json: bool,
) -> None:
    """Bring DL3 files (GADF) into the archive.

    PATH is a folder, with index files or without, or a file; it may be a URL such as
    s3://bucket/folder. Running it again stores only what is new or has changed; what
    was taken out with `distiller remove` stays out until --restore. Ends
    with 0 if nothing was refused, with 3 if something was: each refused file is named
    with a code, and the rest is in. A home without an archive gets one.
    """
    if refused == bool(paths):
        message = "give PATH... or --refused"
        raise click.UsageError(message, ctx)
    settings = settings_of(ctx)
    options = Options(
        collection=collection,
        rights=rights,
        group=group,
        release=release,
        settings=settings_file,
        home_settings=settings.collections_path,
        restore=frozenset(restore),
    )
    places = [place(os.fspath(path)) for path in paths]
    console = Console(stderr=True)
    with (
        closing(connect(_frugal(settings), create=True)) as archive,
        Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        ) as bars,
    ):
        report = Report(progress=_bar(bars) if console.is_terminal else _plain)
        try:
            if refused:
                ingest_refused(archive, settings.authority, options, report)
            else:
                ingest(places, archive, settings.authority, options, report)
        except DistillerError:
            # What went in before is told all the same, if anything was begun.
            if report.collections:
                _tell(report, as_json=as_json)
            raise
    _tell(report, as_json=as_json)
    if report.refused:
        sys.exit(EXIT_REFUSED)


def _frugal(settings: Settings) -> Settings:
    """Return settings with the memory of an ingest: it reads little of what is there.

    What the embedded database may use it keeps, and it would grow with the archive.
    """
    most = min(settings.query_memory_mb, settings.ingest_memory_mb)
    return settings.model_copy(update={"query_memory_mb": most})


def _tell(report: Report, *, as_json: bool) -> None:
    text = json.dumps(report.as_json(), indent=1) if as_json else report.as_text()
    click.echo(text)


def _bar(bars: Bars) -> Callable[[Progress], None]:
    task = bars.add_task("Ingesting", total=None)

    def show(at: Progress) -> None:
        bars.update(task, total=at.total, completed=at.done, description=at.collection)

    return show


def _plain(at: Progress) -> None:
    step = max(1, at.total // _LINES)
    if at.done % step == 0 or at.done == at.total:
        line = f"{at.done}/{at.total} {at.collection} {at.run} {at.outcome}"
        click.echo(line, err=True)
