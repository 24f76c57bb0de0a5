"""A new file beside the old one, filled by copy, verified, and put in its place.

The rename is the moment of change: before it the old file counts, after it the new one.
The old file is locked until then, so that nothing is written to it meanwhile, and stays
in the folder of backups. It gets its name there once it is not the archive any more.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import uuid
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING

import duckdb

from distiller.archive import functions
from distiller.archive.archive import Archive
from distiller.archive.backups import free_path, partial, partials
from distiller.archive.duckdb import guests
from distiller.archive.duckdb.engine import DuckDBEngine
from distiller.archive.duckdb.faults import translated
from distiller.archive.duckdb.session import DuckDBSession
from distiller.archive.live import read_shape
from distiller.archive.obstacles import obstacles, refuse
from distiller.core.errors import Damaged, IllegalState
from distiller.core.files import atomic_file, sync_folder
from distiller.model.diff import diff, former, former_column
from distiller.model.emit.sql import duckdb as emit
from distiller.model.emit.sql import quoted
from distiller.model.emit.sql.alter import kept_column, kept_table
from distiller.model.emit.sql.convert import conversion
from distiller.model.names import literal, qualified
from distiller.model.shape import shape_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from distiller.core.settings import Settings
    from distiller.model import Model
    from distiller.model.shape import Shape, TableShape

_ENDING = ".duckdb"
_NO_LINKS = (errno.EXDEV, errno.EPERM, errno.ENOTSUP)
_SCRATCH = ".upgrade-"
_SETTINGS = "internal.setting"
_OWN = "name LIKE 'model.%'"
"""What the new file remembers of its own model."""


def upgrade(
    settings: Settings,
    model: Model,
    *,
    drop: bool,
    say: Callable[[str], None],
) -> None:
    """Bring the file of a home to a model; see `distiller.archive.upgrade`."""
    path = settings.archive_path
    with translated(f"upgrading {path}"), _connection(settings) as connection:
        connection.execute(f"ATTACH {literal(str(path))} AS before")
        connection.execute("CHECKPOINT before")
        before, taken = _looked_at(connection, model, drop=drop)
        for leftover in settings.home.glob(f"{_SCRATCH}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        scratch = settings.home / f"{_SCRATCH}{uuid.uuid4().hex[:8]}"
        scratch.mkdir(mode=0o700)
        try:
            there = settings.model_copy(update={"home": scratch})
            after = shape_of(model, "duckdb")
            copy = _Copy(connection, model, before, after, taken, drop=drop)
            made = _made(copy, there, model)
            backup = free_path(settings, _ENDING)
            _keep(path, backup)
            say(f"the archive as it was: {backup}")
            made.replace(path)
            sync_folder(path.parent)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
            finish_backups(settings)


def finish_backups(settings: Settings) -> None:
    """Give the backups their names that upgrades did not come to name.

    A second name of the file that is the archive still is none: it goes. Nobody may
    be upgrading; who has the file open knows that.
    """
    for found, path in partials(settings, _ENDING):
        with suppress(FileNotFoundError):  # of another process that does the same
            archive = settings.archive_path
            if archive.exists() and found.samefile(archive):
                found.unlink()
            else:
                found.replace(path)
            sync_folder(path.parent)


def _keep(path: Path, backup: Path) -> None:
    """Keep the old file where it will be found once the new one has its name.

    A link is the archive itself until then, and so is not called a backup before; a
    copy, where the folder of backups is on another disk, is one as soon as it is whole.
    """
    try:
        partial(backup).hardlink_to(path)
        sync_folder(backup.parent)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        with atomic_file(backup, mode=0o600) as copy, path.open("rb") as stream:
            shutil.copyfileobj(stream, copy)


def _looked_at(
    connection: duckdb.DuckDBPyConnection, model: Model, *, drop: bool
) -> tuple[Shape, list[guests.Thing]]:
    """Return what is there, now that nobody can change it any more.

    The tables of the archive, and what others keep there.
    """
    session = DuckDBSession(connection)
    session.execute("USE before")
    found = read_shape("duckdb", session, model)
    differences = diff(found, shape_of(model, "duckdb"))
    lost = guests.lost(session, found, model, drop=drop)
    refuse(
        (
            *obstacles("duckdb", session, found, model, differences, drop=drop),
            *(guest.obstacle for guest, _ in lost if not drop),
        )
    )
    gone = [thing for _, thing in lost]
    there = guests.things(session, found, model, drop=drop)
    session.execute("USE memory")
    return found, [thing for thing in there if thing not in gone]


@contextmanager
def _connection(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """Connect to a database that knows our functions: views of others may use them."""
    memory = f"{settings.query_memory_mb}MB"
    with duckdb.connect(
        config={"memory_limit": memory, "threads": settings.query_threads}
    ) as connection:
        functions.register(connection)
        try:
            yield connection
        finally:
            functions.unregister(connection)


def _made(copy: _Copy, there: Settings, model: Model) -> Path:
    """Make the new file, whole and on disk."""
    engine = DuckDBEngine(there)
    try:
        engine.make(model)
    finally:
        engine.close()
    made = there.archive_path
    copy.into(made)
    # Opening fills what derives from the rows.
    with closing(Archive.open(there, DuckDBEngine(there), create=False)) as archive:
        archive.catch_up_history()
    if made.with_name(f"{made.name}.wal").exists():
        raise Damaged(f"{made}: the database left its log behind")
    made.chmod(0o600)
    with made.open("rb") as stream:
        os.fsync(stream.fileno())
    return made


class _Copy:
    """Copies the rows of one file into another, whose tables are there."""

    def __init__(  # noqa: PLR0913 - both sides, and what is between them
        self,
        connection: duckdb.DuckDBPyConnection,
        model: Model,
        before: Shape,
        after: Shape,
        taken: Sequence[guests.Thing],
        *,
        drop: bool,
    ) -> None:
        self._taken = taken
        self._connection = connection
        self._model = model
        self._before = before
        self._after = after
        self._drop = drop

    def into(self, made: Path) -> None:
        """Copy every row that is not derived, and compare both files."""
        execute = self._connection.execute
        execute(f"ATTACH {literal(str(made))} AS archive")
        execute(f"SET temp_directory = {literal(str(made.with_name('tmp')))}")
        for table in self._after.tables.values():
            old = former(self._before, table)
            if old is None:
                continue
            if table.name == _SETTINGS:
                self._settings()
            elif not table.derived:
                self._table(old, table)
        if not self._drop:
            for old in guests.kept_tables(self._before, self._after):
                self._whole(old)
        execute("USE archive")
        for thing in self._taken:
            self._guest(thing)
        execute("USE memory")
        execute("CHECKPOINT archive")
        execute("DETACH archive")

    def _table(self, old: TableShape, new: TableShape) -> None:
        pairs: list[tuple[str, str]] = []
        for column in new.columns:
            found = former_column(old, column)
            if found is not None:
                cell = conversion("duckdb", quoted(found.name), found.type, column.type)
                pairs.append((column.name, cell))
        for column in guests.kept_columns(old, new) if not self._drop else ():
            name = quoted(column.name)
            self._connection.execute(
                f"ALTER TABLE archive.{qualified(new.name)} "
                f"ADD COLUMN {name} {column.type}"
            )
            for statement in kept_column(f"archive.{new.name}", column):
                self._connection.execute(statement)
            pairs.append((column.name, name))
        if pairs:  # else there are no rows: new columns would lack values
            cells = ", ".join(f"{cell} AS {quoted(name)}" for name, cell in pairs)
            self._connection.execute(
                emit.insert(
                    self._model.by_name[new.name],
                    [name for name, _ in pairs],
                    f"SELECT {cells} FROM before.{qualified(old.name)}",  # noqa: S608 - names of the archive
                    ordered=True,
                    database="archive.",
                )
            )
        self._verify(old.name, new.name, pairs)

    def _whole(self, old: TableShape) -> None:
        """Copy a table that the model does not have."""
        schema = quoted(old.name.partition(".")[0])
        self._connection.execute(f"CREATE SCHEMA IF NOT EXISTS archive.{schema}")
        self._connection.execute(
            f"CREATE TABLE archive.{qualified(old.name)} AS "
            f"FROM before.{qualified(old.name)}"
        )
        for statement in kept_table(old, "archive."):
            self._connection.execute(statement)
        pairs = [(column.name, quoted(column.name)) for column in old.columns]
        self._verify(old.name, old.name, pairs)

    def _guest(self, thing: guests.Thing) -> None:
        """Make again what others keep in the file, with its rows."""
        try:
            for statement in thing.statements:
                self._connection.execute(statement)
            if thing.has_rows:
                self._connection.execute(
                    f"INSERT INTO archive.{qualified(thing.name)} "
                    f"FROM before.{qualified(thing.name)}"
                )
        except duckdb.Error as error:
            raise IllegalState(
                f"the {thing.kind} {thing.name}, which is not the archive's, cannot be "
                f"made again: {str(error).partition(chr(10))[0]}",
                hint="nothing was changed; drop it, upgrade, and make it again",
            ) from error
        if thing.has_rows:
            none = f"FROM before.{qualified(thing.name)} LIMIT 0"
            rows = self._connection.execute(none)
            pairs = [(name, quoted(name)) for name, *_ in rows.description or ()]
            self._verify(thing.name, thing.name, pairs)

    def _settings(self) -> None:
        """Copy what the archive remembers; the mapping is to be filled anew."""
        rows = self._connection.execute(
            f"SELECT name, value FROM before.{_SETTINGS} WHERE NOT {_OWN}"  # noqa: S608 - fixed names
        ).fetchall()
        for name, value in rows:
            kept = _unfilled(value) if name == "mapping" else value
            self._connection.execute(
                f"INSERT OR REPLACE INTO archive.{_SETTINGS} (name, value) "  # noqa: S608 - fixed names
                "VALUES (?, ?)",
                [name, kept],
            )

    def _verify(self, old: str, new: str, pairs: list[tuple[str, str]]) -> None:
        """Compare number and checksum of the rows of both files."""
        names = [quoted(name) for name, _ in pairs]
        there = self._sum([cell for _, cell in pairs], f"before.{qualified(old)}")
        here = self._sum(names, f"archive.{qualified(new)}")
        if here != there:
            raise Damaged(
                f"{new}: the copy differs from {old}; the archive stays as it was",
                hint="see the disk, and do it again",
            )

    def _sum(self, cells: list[str], table: str) -> tuple[object, ...] | None:
        row = f"hash({', '.join(cells)})" if cells else "0"
        return self._connection.execute(
            f"SELECT count(*), bit_xor({row}), sum({row}) FROM {table}"  # noqa: S608 - names of the archive
        ).fetchone()


def _unfilled(text: str) -> str:
    """Return the state of the mappings with its parameters, and nothing filled."""
    state = json.loads(text)
    return json.dumps({**state, "selects": []} if isinstance(state, dict) else state)
