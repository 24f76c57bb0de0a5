"""Do two archives hold the same? Every row in canonical order, clocks left out."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from distiller.model.emit.sql import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from distiller.archive.engine import Session
    from distiller.model import Model

_COMPARED = frozenset({"own", "shared", "mapped", "history"})


def dump(session: Session, model: Model) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield table and row of every row, by table and key; clock columns left out.

    The order is that of code points: an archive sorts text so on every engine.
    """
    for table in sorted(model.tables, key=lambda t: t.name):
        if table.rows not in _COMPARED:
            continue
        names = [c.column.name for c in table.columns if not c.clock]
        listed = ", ".join(quoted(name) for name in names)
        order = ", ".join(quoted(name) for name in table.key)
        for rows in session.chunks(
            f"SELECT {listed} FROM {table.name} ORDER BY {order}"  # noqa: S608 - names of the model
        ):
            for row in rows:
                yield table.name, dict(zip(names, row, strict=True))


def digest(rows: Iterable[tuple[str, dict[str, Any]]]) -> str:
    """Return the SHA-256 over rows as lines of JSON; floats count with every bit."""
    total = hashlib.sha256()
    for table, row in rows:
        line = json.dumps([table, row], sort_keys=True, default=_text)
        total.update(line.encode() + b"\n")
    return total.hexdigest()


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return repr(value)
