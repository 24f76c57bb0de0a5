"""``distiller runner``: the jobs of a home, in a process of its own."""

from __future__ import annotations

import logging
import signal
from typing import TYPE_CHECKING

import click

from distiller.archive import Archive, RemoteArchive, open_archive
from distiller.cli import settings_of
from distiller.jobs.previews import Previews
from distiller.jobs.query_desk import QueryDesk
from distiller.jobs.supervisor import Supervisor
from distiller.jobs.watch import Watcher
from distiller.web import boot

if TYPE_CHECKING:
    from types import FrameType

    from distiller.core.settings import Settings


def _archive(settings: Settings) -> Archive | RemoteArchive:
    """Return what products are filed in: an embedded archive is the server's."""
    if settings.database_url is None:
        return RemoteArchive(settings.socket_path)
    return open_archive(settings, create=False)


@click.command()
@click.pass_context
def command(ctx: click.Context) -> None:
    """Run the jobs of a home until SIGTERM or SIGINT.

    For servers with `runner = "external"`; products are filed in the archive of
    `database_url`, else through the server of the home, once it answers; that server
    then runs asynchronous queries itself, which run here otherwise. Jobs that run when
    this stops go on, and the next start finds them; queries are run anew by it.
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
        store = OrmJobStore()
        supervisor = Supervisor(settings, store, archive)
        queries = None
        if isinstance(archive, Archive):
            queries = QueryDesk(settings, store, archive)
        previews = Previews(settings, store, archive) if settings.previews else None

        def stop(_number: int, _frame: FrameType | None) -> None:
            supervisor.stop(0.0)

        def begin() -> None:
            if queries is not None:
                queries.start()
            if previews is not None:
                previews.start()
            click.echo(f"running jobs of {settings.home}")

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        try:
            with Watcher(store):
                supervisor.run(begin)
        finally:
            if previews is not None:
                previews.stop()
            if queries is not None:
                queries.stop()
