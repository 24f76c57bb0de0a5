"""``distiller serve``: pages, VO services and jobs of one home."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import sys
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Final

import click

from distiller.archive import open_archive
from distiller.cli import settings_of
from distiller.core.errors import IllegalState, InternalError
from distiller.core.rights import Reader
from distiller.core.settings import load_settings
from distiller.jobs.previews import Previews
from distiller.jobs.query_desk import QueryDesk
from distiller.jobs.service import JobService
from distiller.jobs.supervisor import Supervisor
from distiller.jobs.watch import Watcher
from distiller.model.examples import examples
from distiller.model.load import lacking
from distiller.queries import uploads
from distiller.web import boot, server
from distiller.web.control.server import require_free

if TYPE_CHECKING:
    import socket

    from distiller.archive import Archive
    from distiller.core.settings import Settings
    from distiller.jobs.desk import Desk
    from distiller.jobs.store import JobStore

_DEMO_RUNS = 17
_DEMO_SEED = 2015
_DEMO_COLLECTION = "demo"
_DEMO_ADMIN = "admin"
_ADMIN: Final = Reader(_DEMO_ADMIN, is_staff=True)
_DEMO_TASK = "count_map"
_DEMO_TARGET = "Crab Nebula"
_PRODUCTS = "SELECT product_id FROM cta.analysis LIMIT 1"
_CRAB_RUNS = (
    "SELECT p.publisher_did FROM cta.product p "
    "JOIN cta.observation o ON o.observation_id = p.observation_id "
    "WHERE o.object_name = ? AND p.data_level = 'DL3' ORDER BY p.obs_id"
)
_OTHERS = (
    "SELECT c.name FROM cta.product p "
    "JOIN cta.collection c ON c.collection_id = p.collection_id "
    "WHERE c.name <> ? LIMIT 1"
)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option(
    "--demo",
    is_flag=True,
    help="Fill an empty home with simulated runs first, and print a password.",
)
@click.pass_context
def command(ctx: click.Context, host: str, port: int, *, demo: bool) -> None:
    """Serve the archive of a home: pages, VO services, jobs."""
    settings = _addressed(settings_of(ctx), host, port)
    # Else this one would give the archive its own address before it is refused.
    require_free(settings.socket_path)
    if not demo:
        boot.require_archive(settings)
    listener = server.listen(host, port)
    uploads.sweep(settings)
    if demo:
        _fill(settings)
    boot.boot(settings)
    if demo:
        _say_password()
    _serve(settings, listener, demo=demo)


def _ready(base_url: str, listener: socket.socket) -> str:
    """Say where the site is, and where this process listens if that is elsewhere."""
    host, port = listener.getsockname()[:2]
    own = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    return f"ready: {base_url}/" + ("" if own == base_url else f" (served on {own}/)")


def _serve(settings: Settings, listener: socket.socket, *, demo: bool) -> None:
    # Django is set up only now, and these modules hold ORM classes.
    from distiller.web import names, site  # noqa: PLC0415
    from distiller.web.jobs.store import OrmJobStore  # noqa: PLC0415

    with closing(open_archive(settings, create=False)) as archive, ExitStack() as stack:
        archive.set_base_url(settings.base_url)
        examples(archive.model.folder)  # those of a site are refused here if wrong
        for words in lacking(archive.model):
            click.echo(f"warning: {settings.model_dir}: {words}", err=True)
        store = OrmJobStore()

        def position(name: str) -> tuple[float, float]:
            target = names.resolve(name, settings, names.archived.place_of)
            return target.ra_deg, target.dec_deg

        jobs = JobService(store, archive, settings, resolver=position)
        desks = _desks(settings, store, archive)
        site.install(site.Site(settings=settings, archive=archive, jobs=jobs))
        if demo:
            _order_map(jobs, archive)
        if settings.runner == "external":
            stack.enter_context(Watcher(store))
        for desk in desks:
            stack.callback(desk.stop)
            desk.start()
        if settings.previews and settings.runner == "embedded":
            previews = Previews(settings, store, archive)
            stack.callback(previews.stop)
            previews.start()
        server.run(
            site.current(),
            listener,
            lambda: click.echo(_ready(settings.base_url, listener)),
        )


def _desks(settings: Settings, store: JobStore, archive: Archive) -> list[Desk]:
    """Return what runs jobs here: queries run where the archive is open."""
    desks: list[Desk] = []
    if settings.runner == "embedded":
        desks.append(Supervisor(settings, store, archive))
    if settings.runner == "embedded" or settings.database_url is None:
        desks.append(QueryDesk(settings, store, archive))
    return desks


def _addressed(settings: Settings, host: str, port: int) -> Settings:
    """Return settings whose base URL is where this server listens, unless it is set."""
    if "base_url" in settings.model_fields_set:
        return settings
    return load_settings(settings.home, base_url=f"http://{_in_url(host)}:{port}")


def _in_url(host: str) -> str:
    """Return a host as an address has it: IPv6 in brackets (RFC 3986).

    >>> _in_url("::1"), _in_url("[::1]"), _in_url("localhost")
    ('[::1]', '[::1]', 'localhost')
    """
    bare = host.strip("[]")
    return f"[{bare}]" if ":" in bare else bare


def _say_password() -> None:
    """Give the demo administrator a new password and print it, this once."""
    from distiller.web.accounts import service  # noqa: PLC0415 - needs Django set up

    password = secrets.token_urlsafe(12)
    if any(account.name == _DEMO_ADMIN for account in service.everybody()):
        service.set_password(_DEMO_ADMIN, password)
    else:
        service.add(_DEMO_ADMIN, password, admin=True)
    click.echo(f"administrator of the demo: {_DEMO_ADMIN}, password {password}")


def _fill(settings: Settings) -> None:
    """Simulate the demo runs once, and ingest what is not in the archive yet."""
    _distiller(settings, "init")
    runs = settings.home / "demo-data"
    if not runs.is_dir():
        _require_empty(settings)
        # Written beside and renamed, so that a set that was cut off is made again.
        partial = settings.home / "demo-data.partial"
        shutil.rmtree(partial, ignore_errors=True)
        size = ["--runs", str(_DEMO_RUNS), "--seed", str(_DEMO_SEED)]
        _distiller(settings, "simulate", str(partial), *size)
        partial.replace(runs)
    _distiller(settings, "ingest", str(runs), "--collection", _DEMO_COLLECTION)


def _order_map(jobs: JobService, archive: Archive) -> None:
    """Have a first count map made, so that there is a product with a history to see."""
    if archive.rows(_PRODUCTS) or jobs.list(owner=_DEMO_ADMIN):
        return
    runs = [
        ("obs", str(row["publisher_did"]))
        for row in archive.rows(_CRAB_RUNS, [_DEMO_TARGET])
    ]
    jobs.submit(_DEMO_TASK, [*runs, ("target", _DEMO_TARGET)], _ADMIN)


def _require_empty(settings: Settings) -> None:
    """Refuse to put simulated runs among the data of an archive.

    Raises
    ------
    IllegalState
        If there are datasets of any other collection than the demo's.
    """
    with closing(open_archive(settings, create=False)) as archive:
        if archive.rows(_OTHERS, [_DEMO_COLLECTION]):
            raise IllegalState(
                f"the archive in {archive.place} holds data already: --demo would put "
                "simulated runs among them",
                hint="serve it without --demo, or name an empty --home (and database)",
            )


def _distiller(settings: Settings, *arguments: str) -> None:
    """Run another command as a process: numerical libraries stay out of this one."""
    command_line = [sys.executable, "-m", "distiller", "--home", str(settings.home)]
    done = subprocess.run([*command_line, *arguments], check=False)  # noqa: S603 - own
    if done.returncode != 0:
        message = f"distiller {arguments[0]} ended with status {done.returncode}"
        hint = "its message stands above"
        raise InternalError(message, hint=hint)
