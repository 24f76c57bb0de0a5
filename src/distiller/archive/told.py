"""What this process has told the history already, so that it is not told twice.

Only where it owns the archive (DuckDB): of a PostgreSQL database somebody else may put
an older copy in place beneath a server.

Each dataset comes with the description of the activity that made it, of its parameters
and so on: rows of history, which are the same for thousands of datasets, and of which
the first one stays. A key that was committed needs no further INSERT.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from distiller.archive.statements import TAKEN_BACK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from distiller.archive.engine import Cells
    from distiller.core.engines import EngineName

_KEYS_MAX: Final = 10_000
"""Most keys are of one dataset and come once; the few that come again do so at once."""


class Told:
    """Keys of rows of history that are in the archive, by table.

    None is deleted but those of `TAKEN_BACK`, which are not remembered.

    Parameters
    ----------
    engine
        Whether anything is remembered follows from it.
    """

    def __init__(self, engine: EngineName) -> None:
        self._remembers = engine == "duckdb"
        self._known: dict[str, set[Cells]] = defaultdict(set)
        self._new: dict[str, set[Cells]] = defaultdict(set)

    @contextmanager
    def committing(self) -> Iterator[None]:
        """Remember what is told in the block, if it ends well; else forget all."""
        self._new.clear()
        try:
            yield
        except BaseException:
            self._known.clear()
            raise
        if sum(map(len, self._known.values())) > _KEYS_MAX:
            self._known.clear()
        for name, keys in self._new.items():
            self._known[name] |= keys
        self._new.clear()

    def untold(self, name: str, keys: Iterable[Cells]) -> list[Cells]:
        """Return the keys of a table that are not known to be there, in one order."""
        if not self._remembers or name in TAKEN_BACK:
            return sorted(keys, key=str)
        found = sorted(set(keys) - self._known[name], key=str)
        self._new[name].update(found)
        return found
