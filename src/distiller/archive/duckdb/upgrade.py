"""A new file beside the old one, filled by copy, verified, and put in its place.

The rename is the moment of change: before it the old file counts, after it the new one.
The old file is locked until then, so that nothing is written to it meanwhile, and stays
in the folder of backups.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import duckdb

from distiller.archive.archive import Archive
from distiller.archive.duckdb.engine import DuckDBEngine
from distiller.archive.duckdb.faults import translated
from distiller.core.errors import Damaged
from distiller.core.files import sync_folder
from distiller.model.diff import former, former_column
from distiller.model.emit.sql import quoted
from distiller.model.emit.sql.names import listed, literal, qualified
from distiller.model.shape import shape_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from distiller.core.settings import Settings
    from distiller.model import Model
    from distiller.model.shape import Shape, TableShape

_SCRATCH = ".upgrade-"
_SETTINGS = "internal.setting"
_OWN = "name LIKE 'model.%'"
"""What the new file remembers of its own model."""


def upgrade(
    settings: Settings,
    model: Model,
    before: Shape,
    *,
    drop: bool,
    say: Callable[[str], None],
) -> None:
    """Bring the file of a home to a model; see `distiller.archive.upgrade`."""
    path = settings.archive_path
    with translated(f"upgrading {path}"), closing(_connection(settings)) as connection:
        connection.execute(f"ATTACH {literal(str(path))} AS before")
        connection.execute("CHECKPOINT before")
        for leftover in settings.home.glob(f"{_SCRATCH}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        scratch = settings.home / f"{_SCRATCH}{uuid.uuid4().hex[:8]}"
        scratch.mkdir(mode=0o700)
        try:
            made = _made(connection, settings, scratch, model, before, drop=drop)
            backup = _backup_path(settings)
            backup.parent.mkdir(mode=0o700, exist_ok=True)
            backup.hardlink_to(path)
            sync_folder(backup.parent)
            say(f"the archive as it was: {backup}")
            made.replace(path)
            sync_folder(path.parent)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _connection(settings: Settings) -> duckdb.DuckDBPyConnection:
    memory = f"{settings.query_memory_mb}MB"
    return duckdb.connect(
        config={"memory_limit": memory, "threads": settings.query_threads}
    )


def _made(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    scratch: Path,
    model: Model,
    before: Shape,
    *,
    drop: bool,
) -> Path:
    """Make the new file, whole and on disk."""
    there = settings.model_copy(update={"home": scratch})
    engine = DuckDBEngine(there)
    try:
        engine.make(model)
    finally:
        engine.close()
    made = there.archive_path
    connection.execute(f"ATTACH {literal(str(made))} AS after")
    connection.execute(f"SET temp_directory = {literal(str(scratch / 'tmp'))}")
    _copy(connection, model, before, drop=drop)
    connection.execute("CHECKPOINT after")
    connection.execute("DETACH after")
    with closing(Archive.open(there, DuckDBEngine(there), create=False)):
        pass  # opening fills what derives from the rows
    if made.with_name(f"{made.name}.wal").exists():
        raise Damaged(f"{made}: the database left its log behind")
    made.chmod(0o600)
    with made.open("rb") as stream:
        os.fsync(stream.fileno())
    return made


def _copy(
    connection: duckdb.DuckDBPyConnection, model: Model, before: Shape, *, drop: bool
) -> None:
    after = shape_of(model, "duckdb")
    copied: set[str] = set()
    for table in after.tables.values():
        old = former(before, table)
        if old is None:
            continue
        copied.add(old.name)
        if table.name == _SETTINGS:
            _copy_settings(connection)
        elif not table.derived:
            _copy_table(connection, old, table, drop=drop)
    for name, old in before.tables.items():
        if name not in copied and not drop and not old.derived:
            schema = quoted(name.partition(".")[0])
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS after.{schema}")
            connection.execute(
                f"CREATE TABLE after.{qualified(name)} AS "  # noqa: S608 - names of the archive
                f"FROM before.{qualified(name)}"
            )
            every = tuple(column.name for column in old.columns)
            _verify(connection, name, name, [(n, quoted(n)) for n in every])


def _copy_table(
    connection: duckdb.DuckDBPyConnection,
    old: TableShape,
    new: TableShape,
    *,
    drop: bool,
) -> None:
    pairs: list[tuple[str, str]] = []
    kept: set[str] = set()
    for column in new.columns:
        found = former_column(old, column)
        if found is not None:
            kept.add(found.name)
            pairs.append(
                (column.name, f"CAST({quoted(found.name)} AS {column.type})")
            )
    for column in old.columns:
        if column.name not in kept and not drop:
            name = quoted(column.name)
            connection.execute(
                f"ALTER TABLE after.{qualified(new.name)} "
                f"ADD COLUMN {name} {column.type}"
            )
            pairs.append((column.name, name))
    connection.execute(
        f"INSERT INTO after.{qualified(new.name)} "  # noqa: S608 - names of the archive
        f"({listed(tuple(name for name, _ in pairs))}) "
        f"SELECT {', '.join(cell for _, cell in pairs)} "
        f"FROM before.{qualified(old.name)}"
    )
    _verify(connection, old.name, new.name, pairs)


def _copy_settings(connection: duckdb.DuckDBPyConnection) -> None:
    """Copy what the archive remembers; the mapping is to be filled anew."""
    rows = connection.execute(
        f"SELECT name, value FROM before.{_SETTINGS} WHERE NOT {_OWN}"  # noqa: S608 - fixed names
    ).fetchall()
    for name, value in rows:
        kept = _unfilled(value) if name == "mapping" else value
        connection.execute(
            f"INSERT OR REPLACE INTO after.{_SETTINGS} (name, value) VALUES (?, ?)",  # noqa: S608 - fixed names
            [name, kept],
        )


def _unfilled(text: str) -> str:
    """Return the state of the mappings with its parameters, and nothing filled."""
    state = json.loads(text)
    return json.dumps({**state, "selects": []} if isinstance(state, dict) else state)


def _verify(
    connection: duckdb.DuckDBPyConnection,
    old: str,
    new: str,
    pairs: list[tuple[str, str]],
) -> None:
    """Compare number and checksum of the rows of both files."""

    def of(cells: Iterator[str], where: str) -> tuple[object, ...] | None:
        row = f"hash({', '.join(cells)})" if pairs else "0"
        return connection.execute(
            f"SELECT count(*), bit_xor({row}), sum({row}) FROM {where}"  # noqa: S608 - names of the archive
        ).fetchone()

    there = of((cell for _, cell in pairs), f"before.{qualified(old)}")
    here = of((quoted(name) for name, _ in pairs), f"after.{qualified(new)}")
    if here != there:
        raise Damaged(
            f"{new}: the copy differs from {old}; the archive stays as it was",
            hint="see the disk, and do it again",
        )


def _backup_path(settings: Settings) -> Path:
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    name = f"archive-{moment}"
    path = settings.backups_path / f"{name}.duckdb"
    number = 1
    while path.exists():
        number += 1
        path = settings.backups_path / f"{name}-{number}.duckdb"
    return path
