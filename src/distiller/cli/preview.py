"""``distiller preview``: make quick looks now, and say which failed."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import TYPE_CHECKING

import click

from distiller.archive import connect
from distiller.cli import settings_of
from distiller.core.errors import NotFound
from distiller.jobs import preview_files
from distiller.jobs.previews import Previews
from distiller.web import boot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from distiller.core.settings import Settings
    from distiller.jobs.preview_files import Dataset
    from distiller.jobs.store import DatasetFinder

EXIT_FAILED = 3
_EVERY = 10
_PAUSE_S = 0.5


@click.command()
@click.argument("dids", metavar="[DID]...", nargs=-1)
@click.option(
    "--again", is_flag=True, help="Also those that are there, and those that failed."
)
@click.pass_context
def command(ctx: click.Context, dids: tuple[str, ...], *, again: bool) -> None:
    """Make the quick looks that are lacking now, and wait for them.

    DID is a publisher DID as in obs_publisher_did; without any, all datasets are meant.
    A server or runner of the home makes them by itself while no job waits; if one is at
    work, this waits for it. Ends with 3 if some could not be made.
    """
    settings = settings_of(ctx)
    boot.require_archive(settings)
    with closing(connect(settings)) as archive:
        wanted = _chosen(archive, dids)
        if again:
            for one in wanted:
                preview_files.remove(settings, one.name)
        maker = Previews(settings, None, archive)
        try:
            _wait(settings, maker, wanted)
        finally:
            maker.leave()
    failed = 0
    for one in wanted:
        record = preview_files.read(settings, one.name)
        if record is None or record.error is not None:
            failed += 1
            words = "not made" if record is None else record.error
            click.echo(f"{one.did}: {words}", err=True)
    click.echo(f"quick looks: {len(wanted) - failed} there, {failed} failed")
    if failed:
        sys.exit(EXIT_FAILED)


def _chosen(archive: DatasetFinder, dids: Sequence[str]) -> list[Dataset]:
    every = preview_files.datasets(archive)
    chosen = [one for one in every if not dids or one.did in dids]
    absent = sorted(set(dids) - {one.did for one in chosen})
    if absent:
        raise NotFound(
            f"no event lists of the archive: {', '.join(absent)}",
            hint="nothing was made; `distiller query` finds what is there",
        )
    return chosen


def _wait(settings: Settings, maker: Previews, wanted: Sequence[Dataset]) -> None:
    """Make what is lacking, or wait until whoever makes quick looks has made it."""
    dids = {one.did for one in wanted}
    told, shown = False, 0
    while True:
        pause_s = _PAUSE_S
        is_ours = maker.take_lock()
        if is_ours:
            pause_s = maker.turn(dids)
        elif not told:
            click.echo("a server or runner of this home makes them; waiting for it")
            told = True
        kept = preview_files.kept(settings)
        there = sum(preview_files.RECORD in kept.get(one.name, ()) for one in wanted)
        if maker.is_done if is_ours else there == len(wanted):
            return
        if there // _EVERY > shown // _EVERY:
            click.echo(f"{there}/{len(wanted)}")
            shown = there
        maker.rest(pause_s)
