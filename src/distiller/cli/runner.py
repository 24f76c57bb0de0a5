"""``distiller runner``: the jobs of a home, in a process of its own."""

from __future__ import annotations

import logging
import signal
from typing import TYPE_CHECKING

import click

from distiller.archive import RemoteArchive, open_archive
from distiller.cli import settings_of
from distiller.jobs.supervisor import Supervisor
from distiller.web import boot

if TYPE_CHECKING:
    from types import FrameType

    from distiller.archive import Archive
    from distiller.core.settings import Settings


def _archive(settings: Settings) -> Archive | RemoteArchive:
    """Return what products are filed in: an embedded archive is the server's."""
    if settings.database_url is None:
        return RemoteArchive(settings.socket_path)
    return open_archive(settings, create=False)


@click.command()
@click.pass_context
def command(ctx: click.Context) -> None:
    """Run the analysis jobs of a home until SIGTERM or SIGINT.

    For servers with `runner = "external"`; products are filed in the archive of
    `database_url`, else through the server of the home, once it answers. Jobs that run
    when this stops go on, and the next start finds them.
    """
    settings = settings_of(ctx)
    boot.require_archive(settings)
    boot.boot(settings)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    # It tells of each request, once per product and attempt.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # Django is set up only now, and this module holds ORM classes.
    from distiller.web.jobs.store import OrmJobStore  # noqa: PLC0415

    with _archive(settings) as archive:
        supervisor = Supervisor(settings, OrmJobStore(), archive, look_s=0.2)

        def stop(_number: int, _frame: FrameType | None) -> None:
            supervisor.stop(0.0)

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        supervisor.run(lambda: click.echo(f"running jobs of {settings.home}"))
