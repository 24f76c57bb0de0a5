"""``distiller upgrade``: an archive of an older data model becomes one of this."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from distiller.archive.remote import RemoteArchive
from distiller.archive.upgrade import plan, upgrade
from distiller.cli import settings_of
from distiller.core.errors import Busy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.archive.upgrade import Plan


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--drop",
    is_flag=True,
    help="Let columns and tables go that the model no longer has; else they stay.",
)
@click.option(
    "--backed-up",
    is_flag=True,
    help="You have a backup of the PostgreSQL database; else pg_dump makes one.",
)
@click.pass_context
def command(
    ctx: click.Context, *, dry_run: bool, yes: bool, drop: bool, backed_up: bool
) -> None:
    """Bring the archive to the data model of this program, or of ``model_dir``.

    Every difference is told first, a line each. The archive as it was is kept in
    HOME/backups. All is done or nothing; stop the server before. What rows do not
    allow is told with an example, and nothing is done then; exit 1, with --dry-run too.
    """
    settings = settings_of(ctx)
    remote = RemoteArchive(settings.socket_path)
    try:
        if settings.socket_path.exists() and remote.answers():
            raise Busy(
                f"a server has the archive of {settings.home} open",
                hint="stop it, and start it again after the upgrade",
            )
    finally:
        remote.close()
    planned = plan(settings, drop=drop)
    told = [d for d in planned.differences if drop or not d.is_kept]
    for line in (*map(str, told), *_notes(planned)):
        click.echo(line)
    if not planned.is_due:
        click.echo("the archive is of this data model")
        return
    if dry_run:
        plural = "" if len(told) == 1 else "s"
        click.echo(f"{len(told)} difference{plural}; nothing was done")
        ctx.exit(1 if planned.obstacles else 0)
    if not yes and not planned.obstacles:
        click.confirm("Upgrade the archive?", abort=True)
    upgrade(settings, planned, drop=drop, backed_up=backed_up, say=click.echo)
    click.echo("the archive is of this data model now")


def _notes(planned: Plan) -> Iterator[str]:
    """Yield what there is to say beside the differences."""
    for name in planned.kept:
        yield f"{name}: stays, though the model does not have it (--drop)"
    yield from planned.farewells
    for table in planned.refilled:
        yield f"{table}: is filled anew, by another mapping"
    if planned.untold:
        yield f"the history gets the state of {planned.untold} datasets"
    for obstacle in planned.obstacles:
        yield f"in the way: {obstacle}"
