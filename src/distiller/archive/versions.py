"""What became of each dataset: the states it was in, from when to when, and why not.

The archive keeps ``cta.dataset_version`` itself. With each state goes an entity of the
provenance, which is invalid while the state is not the current one.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from distiller.core.identifiers import key
from distiller.model.emit.sql import quoted
from distiller.vo.provenance import dataset_entity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from distiller.archive.engine import Session
    from distiller.core.bundle import Bundle, Row
    from distiller.model import BoundTable, Model

TABLE = "cta.dataset_version"
ENTITY = "provenance.entity"
_MAIN = frozenset({"events", "product"})
_AT_ONCE = 20_000
_WITHOUT = f"""
FROM internal.stored_dataset s WHERE NOT EXISTS
  (SELECT 1 FROM {TABLE} v
   WHERE v.publisher_did = s.publisher_did AND v.end_reason IS NULL)
"""  # noqa: S608 - fixed names
_UNTOLD = f"""
SELECT t.publisher_did, t.checksum, p.ingested,
  (SELECT min(f.checksum) FROM cta.product_file f
   WHERE f.product_id = t.product_id AND f.role IN ('events', 'product')),
  (SELECT max(v.number) FROM {TABLE} v WHERE v.publisher_did = t.publisher_did)
FROM (SELECT s.publisher_did, s.checksum, s.product_id {_WITHOUT}
      ORDER BY s.publisher_did LIMIT {_AT_ONCE}) t
JOIN cta.product p ON p.product_id = t.product_id
"""  # noqa: S608 - fixed names
_RIGHTS = ("rights", "release_date", "access_group")
_INVALIDATED = "invalidated_at_time"


class Versions:
    """Writes the history of datasets, within the transaction that changes them."""

    def __init__(self, session: Session, model: Model) -> None:
        self._session = session
        self._table: BoundTable | None = model.by_name.get(TABLE)
        self._entity: BoundTable | None = model.by_name.get(ENTITY)

    def begin(self, bundles: Sequence[Bundle]) -> None:
        """Write that datasets are in a new state, or in a former one again."""
        table = self._table
        if table is None:
            return
        dids = [bundle.publisher_did for bundle in bundles]
        found = self._session.fetch(
            f"SELECT publisher_did, max(number) FROM {TABLE} "  # noqa: S608 - a fixed name
            "WHERE publisher_did = ANY($dids) GROUP BY publisher_did",
            {"dids": dids},
        )
        numbers: dict[str, int] = dict(found)
        present = _now()
        rows = [
            _state(
                bundle.publisher_did,
                numbers.get(bundle.publisher_did, 0) + 1,
                bundle.checksum,
                _main_checksum(bundle),
                present,
            )
            for bundle in bundles
        ]
        self._insert(table, rows)
        self._invalidate([row["entity_id"] for row in rows], None)

    def _insert(self, table: BoundTable, rows: Sequence[Row]) -> None:
        self._session.insert(
            table, [tuple(row.get(name) for name in table.names) for row in rows]
        )

    def catch_up(self) -> int:
        """Write the state of datasets that were stored before there was a history.

        It began when the dataset came in. Returns their number.
        """
        table, count = self._table, 0
        while table is not None and (found := self._session.fetch(_UNTOLD)):
            rows = [
                _state(did, (last or 0) + 1, given, main or given, came or _now())
                for did, given, came, main, last in found
            ]
            self._insert(table, rows)
            count += len(rows)
        return count

    def end(
        self,
        publisher_did: str,
        reason: Literal["replaced", "removed"],
        note: str | None = None,
    ) -> None:
        """Write that the current state of a dataset has ended, and who might see it.

        To be called while the row of the product is still there.
        """
        if self._table is None:
            return
        did = {"did": publisher_did}
        ended = self._session.fetch(
            f"SELECT entity_id FROM {TABLE} "  # noqa: S608 - a fixed name
            "WHERE publisher_did = $did AND end_reason IS NULL",
            did,
        )
        present = _now()
        # A site's model of an earlier version does not have them.
        kept = [name for name in _RIGHTS if name in self._table.names]
        rights = "".join(
            f", {name} = (SELECT p.{name} FROM cta.product p "  # noqa: S608 - fixed names
            "WHERE p.publisher_did = $did)"
            for name in kept
        )
        self._session.execute(
            f"UPDATE {TABLE} SET ended = $present, end_reason = $reason, "  # noqa: S608 - fixed names
            f"note = $note{rights} WHERE publisher_did = $did AND end_reason IS NULL",
            {**did, "present": present, "reason": reason, "note": note},
        )
        self._invalidate([row[0] for row in ended], present)

    def _invalidate(self, entities: Sequence[Any], instant: datetime | None) -> None:
        """Say from when on entities are invalid; None if they are valid (again)."""
        if self._entity is None:
            return
        identifier = quoted(self._entity.key[0])
        unless = "" if instant else f" AND {_INVALIDATED} IS NOT NULL"
        self._session.execute(
            f"UPDATE {ENTITY} SET {_INVALIDATED} = $instant "  # noqa: S608 - names of the model
            f"WHERE {identifier} = ANY($entities){unless}",
            {"instant": instant, "entities": [e for e in entities if e]},
        )


def _state(
    did: str, number: int, checksum: str, main_checksum: str, registered: datetime
) -> Row:
    return {
        "version_id": key("dataset_version", did, str(number)),
        "publisher_did": did,
        "number": number,
        "checksum": checksum,
        "entity_id": dataset_entity(did, main_checksum),
        "registered": registered,
    }


def entity_of(bundle: Bundle) -> str:
    """Return the identifier of the provenance entity that a bundle's state is.

    The publisher DID and the first digits of the main file's checksum; where that is
    not known, of the bundle's.
    """
    return dataset_entity(bundle.publisher_did, _main_checksum(bundle))


def _main_checksum(bundle: Bundle) -> str:
    files = bundle.rows.get("cta.product_file", ())
    checksums = (row.get("checksum") for row in files if row.get("role") in _MAIN)
    return next((str(c) for c in checksums if c), bundle.checksum)


def untold(session: Session, model: Model, *, has_table: bool = True) -> int:
    """Return how many datasets have no current state in the history.

    Parameters
    ----------
    has_table
        Whether the archive has the table already, which the model may be ahead of.
    """
    if TABLE not in model.by_name:
        return 0
    rows = _WITHOUT if has_table else "FROM internal.stored_dataset"
    ((count,),) = session.fetch(f"SELECT count(*) {rows}")
    return int(count)


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
