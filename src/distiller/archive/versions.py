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
            _row(bundle, numbers.get(bundle.publisher_did, 0) + 1, present)
            for bundle in bundles
        ]
        self._session.insert(
            table, [tuple(row.get(name) for name in table.names) for row in rows]
        )
        self._invalidate([row["entity_id"] for row in rows], None)

    def end(
        self,
        publisher_did: str,
        reason: Literal["replaced", "removed"],
        note: str | None = None,
    ) -> None:
        """Write that the current state of a dataset has ended."""
        if self._table is None:
            return
        did = {"did": publisher_did}
        ended = self._session.fetch(
            f"SELECT entity_id FROM {TABLE} "  # noqa: S608 - a fixed name
            "WHERE publisher_did = $did AND end_reason IS NULL",
            did,
        )
        present = _now()
        self._session.execute(
            f"UPDATE {TABLE} SET ended = $present, end_reason = $reason, note = $note "  # noqa: S608 - a fixed name
            "WHERE publisher_did = $did AND end_reason IS NULL",
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


def _row(bundle: Bundle, number: int, registered: datetime) -> Row:
    did = bundle.publisher_did
    return {
        "version_id": key("dataset_version", did, str(number)),
        "publisher_did": did,
        "number": number,
        "checksum": bundle.checksum,
        "entity_id": entity_of(bundle),
        "registered": registered,
    }


def entity_of(bundle: Bundle) -> str:
    """Return the identifier of the provenance entity that a bundle's state is.

    The publisher DID and the first digits of the main file's checksum; where that is
    not known, of the bundle's.
    """
    files = bundle.rows.get("cta.product_file", ())
    checksums = (row.get("checksum") for row in files if row.get("role") in _MAIN)
    checksum = next((str(c) for c in checksums if c), bundle.checksum)
    return dataset_entity(bundle.publisher_did, checksum)


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
