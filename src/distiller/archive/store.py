"""Datasets go in whole or not at all, and twice is once.

A transaction takes in the rows of one bundle or of several whole ones. What references
a row must find it: foreign keys are looked up here, since DuckDB holds none. DuckDB's
COMMIT after a failed statement rolls back without an error; so nothing is committed
after an error, and what was stored is read back before it is reported.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from distiller.archive.install import mapping_parameters
from distiller.core.bundle import Stored
from distiller.core.errors import Damaged, IllegalState, InternalError
from distiller.model.emit.sql import quoted
from distiller.model.obscore import mapping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import duckdb

    from distiller.archive.protocol import Outcome
    from distiller.core.bundle import Bundle, Row
    from distiller.core.columns import Column
    from distiller.core.settings import Settings
    from distiller.model import BoundTable, Model

_ARROW_FROM = 400
"""Cells from which Arrow is quicker than parameters of an INSERT (measured)."""

_STORED = """
SELECT s.publisher_did, s.checksum, p.rights, p.access_group, p.release_date,
       (SELECT count(*) FROM cta.response r
        WHERE r.observation_id = p.observation_id)
FROM internal.stored_dataset s
JOIN cta.product p ON p.product_id = s.product_id
JOIN cta.collection c ON c.collection_id = s.collection_id
WHERE c.name = ?
"""

Cells = tuple[Any, ...]


@dataclass
class Batch:
    """The rows of one transaction by table, in the order of the model."""

    own: dict[str, list[Cells]] = field(default_factory=dict)
    shared: dict[str, dict[Cells, Cells]] = field(default_factory=dict)


class Writer:
    """Stores and removes datasets over one connection; callers hold the lock.

    Parameters
    ----------
    base_url
        Asked at each use, since the server may learn it later.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        model: Model,
        settings: Settings,
        base_url: Callable[[], str],
    ) -> None:
        self._connection = connection
        self._model = model
        self._settings = settings
        self._base_url = base_url
        self._known: dict[tuple[str, Cells], Cells] = {}

    @cached_property
    def _root(self) -> BoundTable:
        return next(t for t in self._model.tables if t.root)

    @cached_property
    def _insertable(self) -> tuple[BoundTable, ...]:
        return tuple(t for t in self._model.in_order() if t.rows in {"own", "shared"})

    @cached_property
    def _deletions(self) -> tuple[tuple[str, str], ...]:
        """DELETE of each own table for one publisher DID, owners after what they own.

        With each the name of its table.
        """
        own = [t for t in self._model.tables if t.rows == "own"]
        own.sort(key=self._depth, reverse=True)
        return tuple(
            (t.name, f"DELETE FROM {t.name} WHERE {self.condition(t)}")  # noqa: S608 - names of the model
            for t in own
        )

    def _depth(self, table: BoundTable) -> int:
        if table.owner is None:
            return 0
        return 1 + self._depth(self._model.by_name[table.owner.source])

    def condition(self, table: BoundTable) -> str:
        """Return the SQL condition "the row belongs to publisher DID ?"."""
        if table.root:
            return f"{quoted(table.root)} = ?"
        if table.owner is None:
            raise InternalError(f"{table.name} has no owner in the model")
        source = self._model.by_name[table.owner.source]
        return (
            f"{quoted(table.owner.column)} IN (SELECT "  # noqa: S608 - names of the model
            f"{quoted(table.owner.source_column)} FROM {source.name} "
            f"WHERE {self.condition(source)})"
        )

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def store(self, bundles: Sequence[Bundle]) -> tuple[Outcome, ...]:
        """Store bundles of different datasets in one transaction."""
        execute = self._connection.execute
        execute("BEGIN TRANSACTION")
        try:
            held = self._held([b.publisher_did for b in bundles])
            outcomes = tuple(_outcome(b, held.get(b.publisher_did)) for b in bundles)
            fresh = [
                b for b, o in zip(bundles, outcomes, strict=True) if o != "unchanged"
            ]
            if not fresh:
                self._connection.rollback()
                return outcomes
            batch = self._sorted(fresh)
            for bundle in fresh:
                if bundle.publisher_did in held:
                    self._delete(bundle.publisher_did)
            known = self._add_shared(batch)
            for table in self._insertable:
                self._insert(table, batch.own.get(table.name, []))
            self._check_references(batch)
            self._derive(fresh)
        except BaseException:
            self._connection.rollback()
            raise
        self._connection.commit()
        self._read_back(fresh)
        self._known.update(known)
        return outcomes

    def remove(self, publisher_did: str) -> bool:
        """Delete a dataset with all rows of its own."""
        if not self._held([publisher_did]):
            return False
        self._connection.execute("BEGIN TRANSACTION")
        try:
            self._delete(publisher_did)
        except BaseException:
            self._connection.rollback()
            raise
        self._connection.commit()
        if self._held([publisher_did]):
            raise Damaged(f"{publisher_did}: the archive did not remove it")
        return True

    def stored(self, collection: str) -> dict[str, Stored]:
        """Return what is there of a collection, by publisher DID."""
        found = self._connection.execute(_STORED, [collection]).fetchall()
        return {did: Stored(*rest) for did, *rest in found}

    def _held(self, dids: Sequence[str]) -> dict[str, str]:
        marks = ", ".join("?" * len(dids))
        found = self._connection.execute(
            "SELECT publisher_did, checksum FROM internal.stored_dataset "  # noqa: S608 - question marks
            f"WHERE publisher_did IN ({marks})",
            list(dids),
        ).fetchall()
        return dict(found)

    def _sorted(self, bundles: Sequence[Bundle]) -> Batch:
        """Return the cells of all rows, by table."""
        batch = Batch()
        for bundle in bundles:
            _check_root(bundle, self._root)
            for name, rows in bundle.rows.items():
                table = self._model.by_name.get(name)
                if table is None or table.rows not in {"own", "shared"}:
                    raise InternalError(
                        f"{bundle.publisher_did}: no rows can be stored in {name!r}"
                    )
                for row in rows:
                    cells = _cells(table, row, bundle.publisher_did)
                    if table.rows == "own":
                        batch.own.setdefault(name, []).append(cells)
                        continue
                    key = _key(table, cells)
                    shared = batch.shared.setdefault(name, {})
                    present = shared.get(key, cells)
                    shared[key] = _merged(table, key, present, cells)
        return batch

    def _add_shared(self, batch: Batch) -> dict[tuple[str, Cells], Cells]:
        """Insert shared rows that are absent; those that are present must be equal."""
        known: dict[tuple[str, Cells], Cells] = {}
        for table in self._insertable:
            wanted = batch.shared.get(table.name, {})
            asked = {
                k: c for k, c in wanted.items() if (table.name, k) not in self._known
            }
            found = self._find(table, [str(k[0]) for k in asked]) if asked else {}
            absent: list[Cells] = []
            for key, cells in wanted.items():
                present = self._known.get((table.name, key)) or found.get(key)
                if present is None:
                    absent.append(cells)
                    known[table.name, key] = cells
                    continue
                merged = _merged(table, key, present, cells)
                if merged != present:
                    self._describe(table, key, merged)
                known[table.name, key] = merged
            self._insert(table, absent)
        return known

    def _describe(self, table: BoundTable, key: Cells, cells: Cells) -> None:
        """Set what describes a shared row; neither its key nor its name changes."""
        settable = [
            (bound.column.name, cell)
            for bound, cell in zip(table.columns, cells, strict=True)
            if bound.column.name not in table.key and not bound.unique
        ]
        names = ", ".join(f"{quoted(name)} = ?" for name, _ in settable)
        self._count(
            f"UPDATE {table.name} SET {names} WHERE {quoted(table.key[0])} = ?",  # noqa: S608 - names of the model
            [*(cell for _, cell in settable), *key],
        )

    def _find(self, table: BoundTable, keys: list[str]) -> dict[Cells, Cells]:
        names = ", ".join(quoted(n) for n in table.names)
        rows = self._connection.execute(
            f"SELECT {names} FROM {table.name} "  # noqa: S608 - names of the model
            f"WHERE {quoted(table.key[0])} = ANY(?)",
            [keys],
        ).fetchall()
        return {_key(table, row): tuple(row) for row in rows}

    def _insert(self, table: BoundTable, rows: Sequence[Cells]) -> None:
        if not rows:
            return
        width = len(table.columns)
        if len(rows) * width >= _ARROW_FROM:
            count = self._insert_arrow(table, rows)
        else:
            marks = "(" + ", ".join("?" * width) + ")"
            count = self._count(
                f"INSERT INTO {table.name} VALUES " + ", ".join([marks] * len(rows)),  # noqa: S608 - names of the model
                [cell for row in rows for cell in row],
            )
        if count != len(rows):
            raise Damaged(f"{table.name}: {count} of {len(rows)} rows were stored")

    def _insert_arrow(self, table: BoundTable, rows: Sequence[Cells]) -> int:
        types = [_arrow_type(bound.column) for bound in table.columns]
        arrays = [
            pa.array(cells, type=kind)
            for cells, kind in zip(zip(*rows, strict=True), types, strict=True)
        ]
        staged = pa.Table.from_arrays(arrays, names=list(table.names))
        self._connection.register("staged_rows", staged)
        try:
            return self._count(f"INSERT INTO {table.name} SELECT * FROM staged_rows")  # noqa: S608 - names of the model
        finally:
            self._connection.unregister("staged_rows")

    def _count(self, statement: str, parameters: Any = None) -> int:
        """Run an INSERT and return the number of its rows."""
        found = self._connection.execute(statement, parameters).fetchall()
        return int(found[0][0])

    def _check_references(self, batch: Batch) -> None:
        """Every foreign key of the new rows leads to a row, of this batch or before."""
        for table in self._insertable:
            rows = batch.own.get(table.name) or list(
                batch.shared.get(table.name, {}).values()
            )
            for key in table.foreign_keys if rows else ():
                ((own, other),) = key.columns
                place = table.names.index(own)
                wanted = {row[place] for row in rows} - {None}
                target = self._model.by_name[key.target]
                wanted -= set(_values(batch, target, other))
                if wanted and (absent := self._absent(target, other, wanted)):
                    raise InternalError(
                        f"{table.name}.{own}: no row of {target.name} has "
                        f"{other} = {min(absent)!r}"
                    )

    def _absent(self, target: BoundTable, column: str, wanted: set[Any]) -> set[Any]:
        rows = self._connection.execute(
            f"SELECT {quoted(column)} FROM {target.name} "  # noqa: S608 - names of the model
            f"WHERE {quoted(column)} = ANY(?)",
            [list(wanted)],
        ).fetchall()
        return wanted - {row[0] for row in rows}

    def _derive(self, bundles: Sequence[Bundle]) -> None:
        """Fill ivoa.obscore and the book-keeping for new products."""
        declared = mapping(self._model)
        parameters: dict[str, Any] = dict(
            mapping_parameters(self._settings, self._base_url())
        )
        dids = [bundle.publisher_did for bundle in bundles]
        if len(dids) == 1:
            select = declared.select_sql("duckdb", which="one")
            parameters["publisher_did"] = dids[0]
        else:
            select = declared.select_sql("duckdb", which="some")
            parameters["publisher_dids"] = dids
        count = self._count(
            f"INSERT INTO {declared.target} BY NAME {select}", parameters
        )
        if count != len(bundles):
            raise InternalError(
                f"{dids[0]}: {count} rows of {declared.target} instead of {len(dids)} "
                f"(has a product several files of role events or product?)"
            )
        marks = ", ".join(["(?, ?, ?, ?)"] * len(bundles))
        roots = [bundle.rows[self._root.name][0] for bundle in bundles]
        self._count(
            "INSERT INTO internal.stored_dataset "  # noqa: S608 - question marks
            f"(publisher_did, product_id, collection_id, checksum) VALUES {marks}",
            [
                cell
                for bundle, root in zip(bundles, roots, strict=True)
                for cell in (
                    bundle.publisher_did,
                    root["product_id"],
                    root["collection_id"],
                    bundle.checksum,
                )
            ],
        )

    def _delete(self, publisher_did: str) -> None:
        for _, statement in self._deletions:
            self._connection.execute(statement, [publisher_did])
        for table, column in (
            ("ivoa.obscore", "obs_publisher_did"),
            ("internal.stored_dataset", "publisher_did"),
        ):
            self._connection.execute(
                f"DELETE FROM {table} WHERE {column} = ?",  # noqa: S608 - fixed names
                [publisher_did],
            )

    def _read_back(self, bundles: Sequence[Bundle]) -> None:
        """Make sure that what was committed is there."""
        found = self._held([b.publisher_did for b in bundles])
        for bundle in bundles:
            if found.get(bundle.publisher_did) != bundle.checksum:
                raise Damaged(
                    f"{bundle.publisher_did}: the archive did not keep it",
                    hint="see the archive's disk, and do it again",
                )


def _outcome(bundle: Bundle, held: str | None) -> Outcome:
    if held is None:
        return "added"
    return "unchanged" if held == bundle.checksum else "replaced"


def _check_root(bundle: Bundle, root: BoundTable) -> None:
    rows = bundle.rows.get(root.name, ())
    dids = [row.get(str(root.root)) for row in rows]
    if dids != [bundle.publisher_did]:
        raise InternalError(
            f"{bundle.publisher_did}: the bundle needs one row of {root.name} with "
            f"this {root.root}, it has {dids}"
        )


def _cells(table: BoundTable, row: Row, publisher_did: str) -> Cells:
    """Return the cells of a row in the order of the table; NaN is no value."""
    if unknown := set(row) - set(table.names):
        raise InternalError(
            f"{publisher_did}: {table.name} has no column {min(unknown)!r}"
        )
    return tuple(_cell(row.get(name)) for name in table.names)


def _cell(value: Any) -> Any:
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, tuple):
        return list(value)
    return value


def _key(table: BoundTable, cells: Cells) -> Cells:
    return tuple(cells[table.names.index(name)] for name in table.key)


def _merged(table: BoundTable, key: Cells, present: Cells, given: Cells) -> Cells:
    """Return the shared row that two datasets give with equal keys.

    A row with a unique name (a collection) is known by it: the latest dataset that
    says something of it is right, and one that says nothing (NULL) changes nothing.
    Any other shared row must be equal.
    """
    if any(bound.unique for bound in table.columns):
        pairs = zip(present, given, strict=True)
        return tuple(old if new is None else new for old, new in pairs)
    _agree(table, key, present, given)
    return present


def _agree(table: BoundTable, key: Cells, present: Cells, given: Cells) -> None:
    """Rows of shared tables with equal keys must be equal, clocks aside."""
    for bound, old, new in zip(table.columns, present, given, strict=True):
        if not bound.clock and old != new:
            raise IllegalState(
                f"{table.name} has a row {', '.join(map(str, key))} already, with "
                f"{bound.column.name} = {old!r} instead of {new!r}",
                hint="rows that datasets share cannot differ between them",
            )


def _values(batch: Batch, table: BoundTable, column: str) -> Iterator[Any]:
    place = table.names.index(column)
    for row in batch.own.get(table.name, ()):
        yield row[place]
    for row in batch.shared.get(table.name, {}).values():
        yield row[place]


def _arrow_type(column: Column) -> pa.DataType:
    """Return the Arrow type of a stored column."""
    if column.is_geometry:
        return pa.list_(pa.float64())
    if column.is_instant:
        return pa.timestamp("us")
    return _ARROW[column.datatype]


_ARROW: Mapping[str, pa.DataType] = {
    "boolean": pa.bool_(),
    "short": pa.int16(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "char": pa.string(),
}


def duplicates(bundles: Sequence[Bundle]) -> set[str]:
    """Return the publisher DIDs that several of the bundles have."""
    counts = Counter(bundle.publisher_did for bundle in bundles)
    return {did for did, count in counts.items() if count > 1}
