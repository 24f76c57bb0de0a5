"""Datasets go in whole or not at all, and twice is once.

A transaction takes in the rows of one bundle or of several whole ones. What references
a row must find it: foreign keys are looked up here, since DuckDB holds none, and so
that the text is the same on every engine. What was stored is read back before it is
reported.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cached_property
from typing import TYPE_CHECKING

from distiller.archive import refusals
from distiller.archive.cells import Batch, Shape, merged
from distiller.archive.install import mapping_parameters
from distiller.archive.litter import Litter
from distiller.archive.rules import broken
from distiller.archive.statements import restate
from distiller.archive.told import Told
from distiller.archive.versions import Versions
from distiller.core.bundle import Stored
from distiller.core.errors import Damaged, IllegalState, InternalError
from distiller.model.emit.sql import quoted
from distiller.model.obscore import mappings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from distiller.archive.engine import Cells, Session
    from distiller.archive.litter import Keys
    from distiller.archive.protocol import Outcome
    from distiller.core.bundle import Bundle
    from distiller.core.engines import EngineName
    from distiller.core.refusal import Refusal
    from distiller.model import BoundTable, Model

_STORED = """
SELECT s.publisher_did, s.checksum, p.rights, p.access_group, p.release_date,
       (SELECT count(*) FROM cta.response r
        WHERE r.observation_id = p.observation_id)
FROM internal.stored_dataset s
JOIN cta.product p ON p.product_id = s.product_id
JOIN cta.collection c ON c.collection_id = s.collection_id
WHERE c.name = $collection
  AND NOT EXISTS (SELECT 1 FROM cta.analysis a WHERE a.product_id = p.product_id)
"""
_STORABLE = frozenset({"own", "shared", "history"})


class Writer:
    """Stores and removes datasets over one session; callers hold the lock."""

    def __init__(self, session: Session, engine: EngineName, model: Model) -> None:
        self._session = session
        self._engine = engine
        self._model = model
        self._versions = Versions(session, model)
        self._litter = Litter(session, model)
        self._told = Told(engine)

    @cached_property
    def _root(self) -> BoundTable:
        return next(t for t in self._model.tables if t.root)

    @cached_property
    def _insertable(self) -> tuple[BoundTable, ...]:
        return tuple(t for t in self._model.in_order() if t.rows in _STORABLE)

    @cached_property
    def _shapes(self) -> Mapping[str, Shape]:
        return {table.name: Shape.of(table) for table in self._insertable}

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
        """Return the SQL condition "the row belongs to the dataset $did"."""
        if table.root:
            return f"{quoted(table.root)} = $did"
        if table.owner is None:
            raise InternalError(f"{table.name} has no owner in the model")
        source = self._model.by_name[table.owner.source]
        return (
            f"{quoted(table.owner.column)} IN (SELECT "  # noqa: S608 - names of the model
            f"{quoted(table.owner.source_column)} FROM {source.name} "
            f"WHERE {self.condition(source)})"
        )

    def store(
        self,
        bundles: Sequence[Bundle],
        refused: Sequence[Refusal] = (),
        cleared: Sequence[str] = (),
    ) -> tuple[Outcome, ...]:
        """Store bundles of different datasets in one transaction.

        With them go refusals, which are remembered, and keys of those to be forgotten.
        """
        with self._told.committing():
            try:
                outcomes = self._store(bundles, refused, cleared, alone=False)
            except _LeavesLitter:
                outcomes = self._store(bundles, refused, cleared, alone=True)
        fresh = [b for b, o in zip(bundles, outcomes, strict=True) if o != "unchanged"]
        self._read_back(fresh)
        return outcomes

    def _store(
        self,
        bundles: Sequence[Bundle],
        refused: Sequence[Refusal],
        cleared: Sequence[str],
        *,
        alone: bool,
    ) -> tuple[Outcome, ...]:
        """Store in one transaction.

        What only a replaced state referred to goes with it, and while that is looked
        up nobody may begin to refer to it: such a transaction needs the whole archive.

        Raises
        ------
        _LeavesLitter
            If something is replaced and the transaction is not ``alone``.
        """
        with self._session.transaction():
            if alone:
                self._session.lock_all()
            else:
                self._session.lock([_realm(b.publisher_did) for b in bundles])
            held = self._held([b.publisher_did for b in bundles])
            outcomes = tuple(_outcome(b, held.get(b.publisher_did)) for b in bundles)
            if "replaced" in outcomes and not alone:
                raise _LeavesLitter
            fresh = [
                b for b, o in zip(bundles, outcomes, strict=True) if o != "unchanged"
            ]
            named = self._take_in(fresh, set(held)) if fresh else {}
            if named and not alone:
                raise _LeavesLitter
            self._litter.delete(named)
            refusals.record(self._session, self._model, refused, cleared)
        return outcomes

    def _take_in(self, fresh: Sequence[Bundle], held: set[str]) -> Keys:
        """Insert all rows of bundles in place of those that are there.

        Returns the shared rows that those named.
        """
        batch = self._sorted(fresh)
        named: Keys = defaultdict(set)
        for bundle in fresh:
            if bundle.publisher_did in held:
                self._versions.end(bundle.publisher_did, "replaced")
                for name, keys in self._delete(bundle.publisher_did).items():
                    named[name].update(keys)
        restate(self._session, self._model, batch)
        for name, keys in self._add_shared(batch).items():
            named[name].update(keys)
        for table in self._insertable:
            self._insert(table, batch.own.get(table.name, []))
        self._check_references(batch)
        self._derive(fresh)
        self._versions.begin(fresh)
        return named

    def broken_rule(self, bundle: Bundle) -> str | None:
        """Return which rule of the model a row of a dataset breaks, if one does."""
        batch = self._sorted([bundle])
        for table in self._insertable:
            words = broken(self._session, self._engine, table, batch.of(table))
            if words is not None:
                return words
        return None

    def remove(self, publisher_did: str, note: str | None) -> bool:
        """Delete a dataset with all rows of its own, and what only it referred to."""
        with self._session.transaction():
            self._session.lock_all()
            if not self._held([publisher_did]):
                return False
            self._versions.end(publisher_did, "removed", note)
            named = self._delete(publisher_did)
            self._litter.delete(named)
        if self._held([publisher_did]):
            raise Damaged(f"{publisher_did}: the archive did not remove it")
        return True

    def remove_unused(self) -> int:
        """Delete shared rows that nothing refers to; return their number."""
        with self._session.transaction():
            self._session.lock_all()
            return self._litter.delete()

    def catch_up_history(self) -> int:
        """Write the states of datasets that have none; return their number."""
        with self._session.transaction():
            self._session.lock_all()
            return self._versions.catch_up()

    def stored(self, collection: str) -> dict[str, Stored]:
        """Return what was ingested of a collection, by publisher DID."""
        found = self._session.fetch(_STORED, {"collection": collection})
        return {did: Stored(*rest) for did, *rest in found}

    def _held(self, dids: Sequence[str]) -> dict[str, str]:
        found = self._session.fetch(
            "SELECT publisher_did, checksum FROM internal.stored_dataset "
            "WHERE publisher_did = ANY($dids)",
            {"dids": list(dids)},
        )
        return dict(found)

    def _sorted(self, bundles: Sequence[Bundle]) -> Batch:
        """Return the cells of all rows, by table."""
        batch = Batch()
        for bundle in bundles:
            _check_root(bundle, self._root)
            for name, rows in bundle.rows.items():
                shape = self._shapes.get(name)
                if shape is None:
                    raise InternalError(
                        f"{bundle.publisher_did}: no rows can be stored in {name!r}"
                    )
                for row in rows:
                    batch.add(shape, shape.cells(row, bundle.publisher_did))
        return batch

    def _add_shared(self, batch: Batch) -> Keys:
        """Insert shared rows that are absent; those that are present must agree.

        Returns the shared rows that some were described by and are no more.
        """
        left: Keys = defaultdict(set)
        for table in self._insertable:
            if wanted := batch.shared.get(table.name):
                self._share(table, wanted, left)
        return left

    def _share(self, table: BoundTable, wanted: dict[Cells, Cells], left: Keys) -> None:
        """Insert shared rows of a table that are absent, describe others anew."""
        if table.rows == "history":
            if untold := self._told.untold(table.name, wanted):
                self._session.insert_absent(table, [wanted[key] for key in untold])
            return
        present = self._find(table, set(wanted))
        # In one order everywhere, or two processes could wait for each other.
        absent = {k: wanted[k] for k in sorted(set(wanted) - set(present), key=str)}
        new = list(absent.values())
        if new and self._session.insert_absent(table, new) < len(new):
            # Another process was quicker with some of them.
            present |= self._find(table, set(absent))
        for key in sorted(set(wanted) & set(present), key=str):
            cells = merged(table, key, present[key], wanted[key])
            if cells != present[key]:
                self._describe(table, key, cells)
                for name, old in self._litter.left(table, present[key], cells):
                    left[name].add(old)

    def _describe(self, table: BoundTable, key: Cells, cells: Cells) -> None:
        """Set what describes a shared row; neither its key nor its name changes."""
        settable = {
            bound.column.name: cell
            for bound, cell in zip(table.columns, cells, strict=True)
            if bound.column.name not in table.key and not bound.unique
        }
        names = ", ".join(f"{quoted(name)} = ?" for name in settable)
        self._session.execute(
            f"UPDATE {table.name} SET {names} WHERE {quoted(table.key[0])} = ?",  # noqa: S608 - names of the model
            [*settable.values(), *key],
        )

    def _find(self, table: BoundTable, keys: set[Cells]) -> dict[Cells, Cells]:
        if not keys:
            return {}
        names = ", ".join(quoted(n) for n in table.names)
        rows = self._session.fetch(
            f"SELECT {names} FROM {table.name} "  # noqa: S608 - names of the model
            f"WHERE {quoted(table.key[0])} = ANY($firsts)",
            {"firsts": sorted({str(key[0]) for key in keys})},
        )
        key_of = self._shapes[table.name].key_of
        found = {key_of(row): tuple(row) for row in rows}
        return {key: cells for key, cells in found.items() if key in keys}

    def _insert(self, table: BoundTable, rows: Sequence[Cells]) -> None:
        if not rows:
            return
        count = self._session.insert(table, rows)
        if count != len(rows):
            raise Damaged(f"{table.name}: {count} of {len(rows)} rows were stored")

    def _check_references(self, batch: Batch) -> None:
        """Every foreign key of the new rows leads to a row, of this batch or before."""
        for table in self._insertable:
            rows = batch.of(table)
            for key in table.foreign_keys if rows else ():
                own, other = zip(*key.columns, strict=True)
                target = self._model.by_name[key.target]
                wanted = {k for k in batch.keys(table, own) if None not in k}
                wanted -= set(batch.keys(target, other))
                if wanted and (absent := self._absent(target, other, wanted)):
                    said = " and ".join(
                        f"{name} = {value!r}"
                        for name, value in zip(other, min(absent), strict=True)
                    )
                    raise IllegalState(
                        f"{table.name}.{', '.join(own)}: no row of {target.name} has "
                        f"{said}" + (f" ({key.description})" if key.description else "")
                    )

    def _absent(
        self, target: BoundTable, columns: Sequence[str], wanted: set[Cells]
    ) -> set[Cells]:
        names = ", ".join(quoted(name) for name in columns)
        rows = self._session.fetch(
            f"SELECT {names} FROM {target.name} "  # noqa: S608 - names of the model
            f"WHERE {quoted(columns[0])} = ANY($firsts)",
            {"firsts": sorted({key[0] for key in wanted})},
        )
        return wanted - {tuple(row) for row in rows}

    def _derive(self, bundles: Sequence[Bundle]) -> None:
        """Fill ivoa.obscore, its like and the book-keeping for new products."""
        parameters = mapping_parameters(self._session)
        dids = [bundle.publisher_did for bundle in bundles]
        parameters["publisher_dids"] = dids
        for place, declared in enumerate(mappings(self._model)):
            table = self._model.by_name[declared.target]
            statement = declared.insert_sql(table, self._engine, which="some")
            count = self._session.execute(statement, declared.used(parameters))
            # The first is ObsCore, with a row for every dataset.
            if count > len(dids) or (place == 0 and count < len(dids)):
                raise InternalError(
                    f"{dids[0]}: {count} rows of {declared.target} instead of "
                    f"{len(dids)} (has a product several files of role events or "
                    f"product?)"
                )
        self._insert(
            self._model.by_name["internal.stored_dataset"],
            [self._book(bundle) for bundle in bundles],
        )

    def _book(self, bundle: Bundle) -> Cells:
        """Return the row of book-keeping of a bundle."""
        root = bundle.rows[self._root.name][0]
        table = self._model.by_name["internal.stored_dataset"]
        row = {
            "publisher_did": bundle.publisher_did,
            "product_id": root["product_id"],
            "collection_id": root["collection_id"],
            "checksum": bundle.checksum,
        }
        return tuple(row[name] for name in table.names)

    def _delete(self, publisher_did: str) -> Keys:
        """Delete the rows of a dataset; return the shared rows that they named."""
        named = self._litter.named_by(publisher_did, self.condition)
        did = {"did": publisher_did}
        for _, statement in self._deletions:
            self._session.execute(statement, did)
        derived = [(m.target, m.did_column) for m in mappings(self._model)]
        for table, column in (*derived, ("internal.stored_dataset", "publisher_did")):
            self._session.execute(
                f"DELETE FROM {table} WHERE {column} = $did",  # noqa: S608 - names of the model
                did,
            )
        return named

    def _read_back(self, bundles: Sequence[Bundle]) -> None:
        """Make sure that what was committed is there."""
        found = self._held([b.publisher_did for b in bundles]) if bundles else {}
        for bundle in bundles:
            if found.get(bundle.publisher_did) != bundle.checksum:
                raise Damaged(
                    f"{bundle.publisher_did}: the archive did not keep it",
                    hint="see the archive's disk, and do it again",
                )


class _LeavesLitter(Exception):  # noqa: N818 - ends a transaction, tells of no fault
    """Rows may be referred to no more; to be done again with the archive alone."""


def _realm(publisher_did: str) -> str:
    """Return what is locked while a dataset changes: its collection.

    >>> _realm("ivo://org.example/hess?23523")
    'ivo://org.example/hess'
    """
    return publisher_did.partition("?")[0]


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


def duplicates(bundles: Sequence[Bundle]) -> set[str]:
    """Return the publisher DIDs that several of the bundles have."""
    counts = Counter(bundle.publisher_did for bundle in bundles)
    return {did for did, count in counts.items() if count > 1}
