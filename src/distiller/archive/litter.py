"""Shared rows that nothing refers to any more: they go with the last dataset that did.

A target without observations, a collection without datasets, an array that no run was
taken with tell nobody anything, and come back with the next dataset that needs them,
under the same keys. History (provenance, versions of datasets) is no litter: it tells
what happened, and stays. docs/decisions/0033-litter.md.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING, Any

from distiller.model.emit.sql import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from distiller.archive.engine import Cells, Session
    from distiller.core.columns import ForeignKey
    from distiller.model import BoundTable, Model

Keys = dict[str, set[Any]]
"""Keys of shared rows by table."""


class Litter:
    """Finds and deletes such rows, within the transaction that makes them litter.

    The caller has locked everything: another transaction may be about to refer to
    a row that nothing refers to yet.
    """

    def __init__(self, session: Session, model: Model) -> None:
        self._session = session
        self._model = model

    @cached_property
    def _references(self) -> dict[str, list[tuple[BoundTable, str]]]:
        """Where rows of each shared table are referred to: tables and columns.

        Rows that belong to a shared row go with it, and do not keep it; nor do rows
        that are the same thing in the table of a more special type.
        """
        found: dict[str, list[tuple[BoundTable, str]]] = defaultdict(list)
        for table in self._model.tables:
            for key, column in self._to_shared(table):
                if not _is_owned(table, key) and (column,) != table.key:
                    found[key.target].append((table, column))
        return found

    def _to_shared(self, table: BoundTable) -> Iterator[tuple[ForeignKey, str]]:
        """Yield the foreign keys of a table that lead to keys of shared rows."""
        for key in table.foreign_keys:
            target = self._model.by_name.get(key.target)
            if target is None or target.rows != "shared" or len(key.columns) != 1:
                continue
            own, other = key.columns[0]
            if (other,) == target.key:
                yield key, own

    @cached_property
    def _cleaned(self) -> tuple[BoundTable, ...]:
        """Tables whose rows can be litter, those that refer before what they name.

        Rows of tables that no dataset leads to are not of this: a site fills them.
        """
        reached = self._reached
        return tuple(
            table
            for table in reversed(self._model.in_order())
            if table.name in reached and not self._is_general(table)
        )

    @cached_property
    def _reached(self) -> set[str]:
        """Shared tables that rows of datasets lead to, directly or by others."""
        due = [table for table in self._model.tables if table.rows == "own"]
        found: set[str] = set()
        while due:
            leads = {key.target for key, _ in self._to_shared(due.pop())} - found
            found |= leads
            due += [self._model.by_name[name] for name in leads]
        return found & self._references.keys()

    def _is_general(self, table: BoundTable) -> bool:
        """Whether rows of other tables are the same things, more special."""
        return any(
            key.target == table.name and tuple(own for own, _ in key.columns) == one.key
            for one in self._model.tables
            for key in one.foreign_keys
        )

    def named_by(self, did: str, condition: Callable[[BoundTable], str]) -> Keys:
        """Return the shared rows that the own rows of a dataset name.

        Parameters
        ----------
        condition
            Gives the SQL condition "the row belongs to the dataset $did".
        """
        named: Keys = defaultdict(set)
        for table in self._model.tables:
            if table.rows != "own":
                continue
            for key, column in self._to_shared(table):
                found = self._session.fetch(
                    f"SELECT DISTINCT {quoted(column)} FROM {table.name} "  # noqa: S608 - names of the model
                    f"WHERE {quoted(column)} IS NOT NULL AND {condition(table)}",
                    {"did": did},
                )
                named[key.target].update(value for (value,) in found)
        return named

    def left(
        self, table: BoundTable, old: Cells, new: Cells
    ) -> Iterator[tuple[str, Any]]:
        """Yield table and key of the shared rows that a row names no more."""
        for key, column in self._to_shared(table):
            place = table.names.index(column)
            if old[place] is not None and old[place] != new[place]:
                yield key.target, old[place]

    def delete(self, named: Keys | None = None) -> int:
        """Delete what is litter, with what belongs to it; return the number of rows.

        Parameters
        ----------
        named
            Rows that may be; None: any.
        """
        count = 0
        above: Keys = defaultdict(set, {} if named is None else named)
        for table in self._cleaned:
            keys = None if named is None else sorted(above[table.name])
            gone = self._litter(table, keys)
            if gone:
                count += self._delete(table, table.key[0], gone, above)
        return count

    def _litter(self, table: BoundTable, keys: list[Any] | None) -> list[Any]:
        if keys is not None and not keys:
            return []
        among = "" if keys is None else f"a.{quoted(table.key[0])} = ANY($keys) AND "
        found = self._session.fetch(
            f"SELECT a.{quoted(table.key[0])} FROM {table.name} a "  # noqa: S608 - names of the model
            f"WHERE {among}{self._unnamed(table)}",
            () if keys is None else {"keys": keys},
        )
        return sorted(key for (key,) in found)

    def _unnamed(self, table: BoundTable) -> str:
        return " AND ".join(
            f"NOT EXISTS (SELECT 1 FROM {other.name} b "  # noqa: S608 - names of the model
            f"WHERE b.{quoted(column)} = a.{quoted(table.key[0])})"
            for other, column in self._references[table.name]
        )

    def _delete(
        self, table: BoundTable, column: str, values: list[Any], above: Keys
    ) -> int:
        """Delete rows with what belongs to them; note what they named in ``above``."""
        where, given = f"{quoted(column)} = ANY($gone)", {"gone": values}
        count = 0
        for owned in self._model.tables:
            owner = owned.owner
            if owned.rows == "shared" and owner and owner.source == table.name:
                count += self._delete(owned, owner.column, values, above)
        for key, own in self._to_shared(table):
            found = self._session.fetch(
                f"SELECT DISTINCT {quoted(own)} FROM {table.name} "  # noqa: S608 - names of the model
                f"WHERE {quoted(own)} IS NOT NULL AND {where}",
                given,
            )
            above[key.target].update(value for (value,) in found)
        statement = f"DELETE FROM {table.name} WHERE {where}"  # noqa: S608 - names of the model
        return count + self._session.execute(statement, given)

    def told(self) -> Iterator[str]:
        """Yield a sentence for each table that holds litter."""
        for table in self._cleaned:
            if gone := self._litter(table, None):
                yield (
                    f"{table.name}: nothing refers to {len(gone)} rows, such as "
                    f"{gone[0]!r}: `distiller check --mend` takes them out"
                )


def _is_owned(table: BoundTable, key: ForeignKey) -> bool:
    """Whether a foreign key leads to the row that a shared row belongs to."""
    owner = table.owner
    return (
        table.rows == "shared"
        and owner is not None
        and (owner.source, owner.column) == (key.target, key.columns[0][0])
    )
