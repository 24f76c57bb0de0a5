"""What ingests refused, in ``internal.refused_file``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from distiller.core.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from distiller.archive.engine import Session
    from distiller.model import Model

_TABLE: Final = "internal.refused_file"


def refusals(session: Session, collection: str | None) -> list[Refusal]:
    """Return what was refused, of one collection or of all, in a fixed order."""
    names = ", ".join(Refusal.names())
    condition = "" if collection is None else "WHERE collection = $collection"
    with session.transaction():
        found = session.fetch(
            f"SELECT {names} FROM {_TABLE} {condition} "  # noqa: S608 - fixed names
            "ORDER BY collection, path, obs_id",
            {} if collection is None else {"collection": collection},
        )
    return [Refusal(*row) for row in found]


def record(
    session: Session,
    model: Model,
    added: Sequence[Refusal],
    cleared: Sequence[str],
) -> None:
    """Remember refusals in place of those with the same key; forget others.

    Within a transaction, as the last thing that it does: other processes that refuse
    something wait until it ends, or two could remember the same at once.
    """
    given = {one.refusal_id: one for one in added}
    gone = sorted({*cleared, *given})
    if not gone:
        return
    session.lock([_TABLE])
    table = model.by_name[_TABLE]
    session.execute(
        f"DELETE FROM {_TABLE} WHERE refusal_id = ANY($gone)",  # noqa: S608 - a fixed name
        {"gone": gone},
    )
    rows = [tuple(getattr(one, name) for name in table.names) for one in given.values()]
    if rows:
        session.insert(table, rows)
