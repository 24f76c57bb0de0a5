"""``distiller upgrade``: an archive of an older data model becomes one of this."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from distiller.archive.remote import RemoteArchive
from distiller.archive.upgrade import plan, upgrade
from distiller.cli import settings_of
from distiller.core.errors import Busy, IllegalState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.archive.upgrade import Plan
    from distiller.core.settings import Settings
    from distiller.model.diff import Difference

_GOING = frozenset({"column gone", "column kept", "table gone", "table kept"})


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
    # PostgreSQL can be looked at beside a server.
    if not dry_run or settings.database_url is None:
        _without_server(settings)
    planned = plan(settings, drop=drop)
    told = [
        f"{d} is dropped" if drop and _gone(d) else str(d)
        for d in planned.differences
        if drop or not (d.is_kept or _gone(d) in planned.kept)
    ]
    for line in (*told, *_notes(planned)):
        click.echo(line)
    if not planned.is_due:
        click.echo("the archive is of this data model")
        return
    if dry_run:
        plural = "" if len(told) == 1 else "s"
        click.echo(f"{len(told)} difference{plural}; nothing was done")
        ctx.exit(1 if planned.obstacles else 0)
    if planned.obstacles:
        lines = "the line above" if len(planned.obstacles) == 1 else "the lines above"
        raise IllegalState(
            f"the archive as it is stands in the way of the upgrade, see {lines}",
            hint="nothing was changed",
        )
    if not yes:
        try:
            click.confirm("Upgrade the archive?", abort=True)
        except click.Abort:
            click.echo("\nnothing was done; --yes upgrades without asking", err=True)
            raise
    upgrade(settings, planned, drop=drop, backed_up=backed_up, say=click.echo)
    click.echo("the archive is of this data model now")


def _without_server(settings: Settings) -> None:
    """Refuse to go on beside the server of the home."""
    remote = RemoteArchive(settings.socket_path)
    try:
        if settings.socket_path.exists() and remote.answers():
            raise Busy(
                f"a server has the archive of {settings.home} open",
                hint="stop it, and start it again after the upgrade",
            )
    finally:
        remote.close()


def _gone(difference: Difference) -> str:
    """Return the column or table that a difference takes away, else nothing."""
    if difference.kind not in _GOING:
        return ""
    return f"{difference.table}.{difference.name}".rstrip(".")


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
