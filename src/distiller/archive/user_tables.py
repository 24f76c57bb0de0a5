"""Tables that users keep in the archive, each seen by its owner only.

They are tables of the archive's database in a schema of their own, which no data model
has: an upgrade takes them for guests and keeps them. What a table says of itself stands
in its comment, so that table and description come and go in one transaction.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from distiller.core import times
from distiller.core.columns import Column, Table
from distiller.core.errors import Busy, Forbidden
from distiller.model.names import literal, qualified

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from distiller.archive.engine import Engine, Session
    from distiller.archive.protocol import Given
    from distiller.core.settings import Settings

SCHEMA: Final = "tap_user"
"""Schema of the tables, for ADQL and in the database."""

_DIGITS: Final = 16
_EVERYBODY: Final = "u_"
_LONGEST_WORDS: Final = 10**6
_LOOK: Final = (
    f"SELECT 1 FROM information_schema.schemata WHERE schema_name = '{SCHEMA}'"  # noqa: S608 - ours
)
_RECLAIM_BYTES: Final = 16 * 10**6
"""Bytes of tables that went, from which their space is made free for others."""
Rows: TypeAlias = "Callable[[str, Mapping[str, Any]], list[dict[str, Any]]]"
"""What runs a small look-up."""
_BUSY_S: Final = 60
_RA: Final = "pos.eq.ra"
_DEC: Final = "pos.eq.dec"
_MAIN: Final = "meta.main"


@dataclass(frozen=True, slots=True)
class UserTable:
    """One table of a user.

    Attributes
    ----------
    name
        As ADQL has it behind ``tap_user.``.
    rows, size
        Number of rows, and bytes of their values.
    created
        UTC.
    version
        Differs between tables that replaced each other, so that a query translated for
        the one fails on the other; empty for those of former releases.
    """

    owner: str
    name: str
    columns: tuple[Column, ...]
    description: str | None
    rows: int
    size: int
    created: datetime
    version: str = ""

    @property
    def stored(self) -> str:
        """Schema and name in the database."""
        return stored_name(self.owner, self.name, self.version)

    @property
    def table(self) -> Table:
        """The table as ADQL knows it."""
        name = f"{SCHEMA}.{self.name}"
        return Table(name, self.columns, self.description, stored=self.stored)

    def to_json(self) -> dict[str, Any]:
        """Return what is kept, as JSON has it."""
        columns = [
            {
                key: value
                for key, value in asdict(c).items()
                if value not in {None, False}
            }
            for c in self.columns
        ]
        return {
            "owner": self.owner,
            "name": self.name,
            "description": self.description,
            "columns": columns,
            "rows": self.rows,
            "bytes": self.size,
            "created": self.created.isoformat(),
            "version": self.version,
        }

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> UserTable:
        """Return the table that was kept.

        Raises
        ------
        KeyError, TypeError, ValueError
            If it is something else.
        """
        return cls(
            str(kept["owner"]),
            str(kept["name"]),
            tuple(Column(**{"nullable": False, **one}) for one in kept["columns"]),
            kept["description"],
            int(kept["rows"]),
            int(kept["bytes"]),
            datetime.fromisoformat(kept["created"]),
            str(kept.get("version", "")),
        )


def stored_name(owner: str, name: str, version: str) -> str:
    """Return the name of a table in the database, whatever its owner is called.

    >>> stored_name("ann", "mine", "5eed")
    'tap_user.u_49915e0d7d4b402e_3fd30542fe3f61b1_5eed'
    """
    ending = f"_{version}" if version else ""
    return f"{SCHEMA}.{_prefix(owner)}{_digest(name)}{ending}"


def _prefix(owner: str) -> str:
    return f"{_EVERYBODY}{_digest(owner)}_"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


class UserTables:
    """The tables of all users; use it from any thread.

    Changes of one user's tables wait for each other, also those of other processes.
    """

    def __init__(self, settings: Settings, engine: Engine, rows: Rows) -> None:
        self._settings = settings
        self._engine = engine
        self._rows = rows
        # A server's locks do, by owner: nobody waits here for a query of another.
        self._changing: AbstractContextManager[object] = (
            threading.Lock() if engine.name == "duckdb" else nullcontext()
        )
        self._gone_bytes = 0

    def of(self, owner: str) -> list[UserTable]:
        """Return the tables of a user by name."""
        query, prefix = self._engine.kept_tables, {"prefix": _prefix(owner)}
        comments = [row["comment"] for row in self._rows(query, prefix)]
        return _of(owner, comments)

    def everybody(self) -> list[UserTable]:
        """Return the tables of all users, by user and name."""
        rows = self._rows(self._engine.kept_tables, {"prefix": _EVERYBODY})
        found = [t for row in rows if (t := _told(row["comment"])) is not None]
        return sorted(found, key=lambda table: (table.owner, table.name))

    def keep(
        self, owner: str, name: str, given: Given, description: str | None
    ) -> UserTable:
        """Keep a table, in place of the one that has its name; all of it or nothing.

        Raises
        ------
        Forbidden
            If the user would have more than the quota, or the names and descriptions
            of the table are too long.
        Busy
            If tables that went take as much room as a user may have, and queries that
            run keep it from being used again; or if a query still reads the table that
            would go. Nothing was changed then.
        NoSpace
            If the disk is full; nothing was changed then.
        """
        made = UserTable(
            owner,
            name,
            given.columns,
            description,
            given.rows.num_rows,
            given.rows.nbytes,
            times.now(),
            secrets.token_hex(4),
        )
        words = json.dumps(made.to_json())
        if len(words) > _LONGEST_WORDS:
            raise Forbidden(
                f"what the table says of itself has {len(words):,} characters, and "
                f"{_LONGEST_WORDS:,} are allowed",
                hint="shorten names and descriptions of columns",
            )
        with (
            self._changing,
            self._engine.translated(f"keeping the table {name} of {owner}"),
            self._space(name) as gone,
            closing(self._engine.session()) as session,
            session.transaction(),
        ):
            session.lock([f"{SCHEMA}:{owner}"])
            before = self._within(session, owner)
            self._check_quota(made, [t for t in before if t.name != name])
            if not session.fetch(_LOOK):
                session.lock([SCHEMA])  # others may be about to make it
                session.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
            gone.extend(self._drop(session, before, name))
            session.keep(made.stored, given)
            session.execute(
                f"COMMENT ON TABLE {qualified(made.stored)} IS {literal(words)}"
            )
            session.index(made.stored, *_places(given.columns))
            self._engine.allow_reader(session, made.stored)
        return made

    def drop(self, owner: str, name: str) -> bool:
        """Take a table away; False where there is none.

        Raises
        ------
        Busy
            If a query still reads it.
        """
        with (
            self._changing,
            self._engine.translated(f"removing the table {name} of {owner}"),
            self._space() as gone,
            closing(self._engine.session()) as session,
            session.transaction(),
        ):
            session.lock([f"{SCHEMA}:{owner}"])
            gone.extend(self._drop(session, self._within(session, owner), name))
        return bool(gone)

    def _drop(
        self, session: Session, present: list[UserTable], name: str
    ) -> list[UserTable]:
        """Drop the table of this name, and return it if there was one."""
        found = [table for table in present if table.name == name]
        for table in found:
            session.drop(table.stored)
        return found

    @contextmanager
    def _space(self, kept: str | None = None) -> Iterator[list[UserTable]]:
        """Take the tables that went in a change, and free their space behind it.

        Space that queries hold up is freed behind a later change. Where that much
        waits that the disk may fill up, no table is kept.
        """
        if (
            kept is not None
            and self._gone_bytes > self._settings.user_tables_mb * 10**6
        ):
            self._reclaim()
            if self._gone_bytes:
                raise Busy(
                    f"the table {kept} cannot be kept now: queries that run still hold "
                    f"{self._gone_bytes:,} bytes of tables that went",
                    retry_after_s=_BUSY_S,
                    hint="try again when they have ended",
                )
        gone: list[UserTable] = []
        yield gone
        self._gone_bytes += sum(table.size for table in gone)
        if self._gone_bytes >= _RECLAIM_BYTES:
            self._reclaim()

    def _reclaim(self) -> None:
        if self._engine.reclaim():
            self._gone_bytes = 0

    def _within(self, session: Session, owner: str) -> list[UserTable]:
        """Return the tables of a user, within a transaction."""
        query, prefix = self._engine.kept_tables, {"prefix": _prefix(owner)}
        return _of(owner, [comment for _, comment in session.fetch(query, prefix)])

    def _check_quota(self, made: UserTable, others: list[UserTable]) -> None:
        settings = self._settings
        most = settings.user_tables_mb * 10**6
        for what, have, more, limit, name in (
            ("tables", len(others), 1, settings.user_tables, "user_tables"),
            (
                "rows",
                sum(t.rows for t in others),
                made.rows,
                settings.user_tables_rows,
                "user_tables_rows",
            ),
            (
                "bytes",
                sum(t.size for t in others),
                made.size,
                most,
                "user_tables_mb",
            ),
        ):
            if have + more > limit:
                raise Forbidden(
                    f"your tables would have {have + more:,} {what}, and {limit:,} are "
                    "allowed",
                    hint=f"remove some first, or ask the operators: {name}",
                )


def findings(engine: Engine, session: Session) -> Iterator[str]:
    """Yield what stands among the tables of users and is none that is known."""
    for stored, comment in session.fetch(engine.kept_tables, {"prefix": _EVERYBODY}):
        if _told(comment) is None:
            yield (
                f"the table {SCHEMA}.{stored} does not say whose it is: drop it, if "
                "you know that nobody needs it"
            )


def _of(owner: str, comments: list[str | None]) -> list[UserTable]:
    found = [t for c in comments if (t := _told(c)) is not None and t.owner == owner]
    return sorted(found, key=lambda table: table.name)


def _told(comment: str | None) -> UserTable | None:
    try:
        return UserTable.from_json(json.loads(comment or ""))
    except (ValueError, KeyError, TypeError):
        return None


def _places(
    columns: tuple[Column, ...],
) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the pairs of columns that are positions, and those that are shapes."""
    numbered = [(f"c{number}", column) for number, column in enumerate(columns, 1)]
    pairs = []
    for words in ({_MAIN}, set()):
        ra, dec = (
            [n for n, c in numbered if _is_coordinate(c, axis, words)]
            for axis in (_RA, _DEC)
        )
        if len(ra) == len(dec) == 1:
            pairs.append((ra[0], dec[0]))
            break
    return pairs, [name for name, column in numbered if column.is_geometry]


def _is_coordinate(column: Column, axis: str, words: set[str]) -> bool:
    atoms = [atom.strip().lower() for atom in (column.ucd or "").split(";")]
    return (
        column.datatype in {"float", "double"}
        and column.arraysize is None
        and atoms[0] == axis
        and words <= set(atoms)
    )
