"""A PostgreSQL archive becomes one of another model, in one transaction."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING

from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from distiller.archive import install, user_tables
from distiller.archive.backups import free_path, partial, partials
from distiller.archive.live import read_shape
from distiller.archive.obstacles import obstacles, refuse
from distiller.archive.postgres.engine import PostgresEngine
from distiller.archive.postgres.guests import grants, guests, hanging
from distiller.archive.versions import Versions
from distiller.core.errors import IllegalState
from distiller.core.files import sync_folder
from distiller.model.diff import diff
from distiller.model.emit.sql.alter import alter, dropped_views
from distiller.model.shape import schemas_of, shape_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from distiller.archive.engine import Session
    from distiller.core.settings import Settings
    from distiller.model import Model

_ENDING = ".dump"
_PROGRAM = "pg_dump"
_FUNCTIONS = "dst"
_HANGING = (errors.DependentObjectsStillExist, errors.FeatureNotSupported)


def upgrade(
    settings: Settings,
    model: Model,
    *,
    drop: bool,
    backed_up: bool,
    say: Callable[[str], None],
) -> None:
    """Bring a database to a model; see `distiller.archive.upgrade`."""
    engine = PostgresEngine(settings)
    schemas = schemas_of(model)
    with (
        closing(engine),
        closing(engine.session()) as session,
        engine.translated(f"upgrading {engine.place}"),
    ):
        # Nothing goes in behind the backup.
        session.keep_others_out()
        before = read_shape("postgresql", session, model)
        wanted = shape_of(model, "postgresql")
        found = diff(before, wanted)
        # Others may have written since the plan.
        hang = guests(session, before, model, found, drop=drop)
        refuse(
            (
                *obstacles(engine.name, session, before, model, found, drop=drop),
                *(guest.obstacle for guest in hang if not drop),
            )
        )
        if not backed_up:
            _back_up(settings, schemas, say)
            if lost := hanging(session, before, schemas):
                say(f"the first drops, too, what is not in the dump: {', '.join(lost)}")
        with session.transaction():
            session.lock_all()
            url = install.base_url(session, settings)
            parameters = install.parameters_of(settings, model, url)
            views = dropped_views(found, before, model, drop=drop)
            rights = grants(session, [name for name in views if name in wanted.views])
            statements = [
                *(g.drop for g in hang),
                *alter(found, before, model, drop=drop),
            ]
            _alter(session, [*statements, *rights])
            install.settle(engine, session, model)
            install.fill_mapped("postgresql", session, model, parameters)
            Versions(session, model).catch_up()
            engine.allow_readers(session, model)


def _alter(session: Session, statements: Sequence[str]) -> None:
    """Change the tables; PostgreSQL tells what else hangs on them."""
    try:
        for statement in statements:
            session.execute(statement)
    except _HANGING as error:
        said = [error.diag.message_primary, error.diag.message_detail]
        words = "; ".join(" ".join(text.split()) for text in said if text)
        raise IllegalState(
            f"something that is not the archive's is in the way: {words}",
            hint="nothing was changed; drop it, upgrade, and make it again",
        ) from error


def _back_up(
    settings: Settings, schemas: Sequence[str], say: Callable[[str], None]
) -> None:
    """Dump the schemas of the archive into the folder of backups.

    That of our functions too: indexes of the others are made of them. So are those of
    the tables that users keep, which would go with the functions.
    """
    assert settings.database_url is not None  # noqa: S101 - callers have looked
    given = conninfo_to_dict(settings.database_url.get_secret_value())
    password = given.pop("password", None)
    path = free_path(settings, _ENDING)
    for leftover, _ in partials(settings, _ENDING):
        leftover.unlink(missing_ok=True)
    place = make_conninfo(**{k: str(v) for k, v in given.items()})
    arguments = ["--format=custom", f"--file={partial(path)}", f"--dbname={place}"]
    dumped = (*schemas, _FUNCTIONS, user_tables.SCHEMA)
    arguments += [f"--schema={schema}" for schema in dumped]
    say(f"backup: {_PROGRAM} {' '.join(arguments)}")
    program = shutil.which(_PROGRAM)
    if program is None:
        raise IllegalState(
            f"{_PROGRAM} is not on the PATH, so no backup can be made",
            hint="install the client of PostgreSQL, or make a backup and say "
            "--backed-up",
        )
    _dump([program, *arguments], path, None if password is None else str(password))
    say(f"the archive as it was: {path}")
    drop = f"DROP SCHEMA IF EXISTS {', '.join(dumped)} CASCADE"
    say("to go back, with the model as it was:")
    say(f'  psql --dbname="{place}" --command="{drop}"')
    say(
        f'  pg_restore --exit-on-error --single-transaction --dbname="{place}" "{path}"'
    )


def _dump(command: Sequence[str], path: Path, password: str | None) -> None:
    """Run the program; the backup gets its name once it is whole and on disk."""
    secret = {} if password is None else {"PGPASSWORD": password}
    made = partial(path)
    try:
        done = subprocess.run(  # noqa: S603 - a program of the PATH with our arguments
            command,
            env={**os.environ, **secret},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = done.stderr.strip().splitlines() or [_ended(done.returncode)]
            raise IllegalState(
                f"{_PROGRAM} made no backup: {said[-1]}",
                hint="mend that, or make a backup and say --backed-up",
            )
        made.chmod(0o600)
        with made.open("rb") as stream:
            os.fsync(stream.fileno())
        made.replace(path)
        sync_folder(path.parent)
    finally:
        made.unlink(missing_ok=True)


def _ended(status: int) -> str:
    if status < 0:
        return f"it was ended by {signal.Signals(-status).name}"
    return f"it ended with status {status}"
