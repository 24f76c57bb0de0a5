"""Is the archive still what was opened? Others may upgrade it, or fill it anew."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from distiller.core.errors import PassingError
from distiller.model.names import literal

if TYPE_CHECKING:
    from distiller.archive.postgres.faults import DriverError

_SHAPE: Final = "model.shape"
_MAPPING: Final = "model.mapping"
LOOK: Final = f"""
SELECT coalesce(max(value) FILTER (WHERE name = '{_SHAPE}'), '') || ' '
  || coalesce(max(value) FILTER (WHERE name = '{_MAPPING}'), '')
FROM internal.setting WHERE name IN ('{_SHAPE}', '{_MAPPING}')
"""  # noqa: S608 - fixed words
"""What an archive remembers of its tables and of the mapping that fills some of them,
see `distiller.archive.install`."""

_CHANGED = ("42", "0A")
"""Classes of what is raised where tables are not as they were."""


class Mark:
    """What the archive must say, once this process has opened it.

    Attributes
    ----------
    expected
        Checksum of its tables; None as long as any will do.
    mapping
        Checksum of the mappings that ivoa.obscore is filled by, likewise.
    """

    def __init__(self) -> None:
        self.expected: str | None = None
        self.mapping: str | None = None

    def glance(self) -> tuple[str, int] | None:
        """Return a query, and how many rows it gives of an archive that is as it was.

        Cheaper than to look; another number says that a look is due. None as long as
        any archive will do.
        """
        if self.expected is None:
            return None
        return _glance(self.expected, self.mapping)

    def verify(self, found: str | None) -> None:
        """Refuse to go on with other tables, or another mapping, than were opened.

        Raises
        ------
        PassingError
            If the archive was upgraded, or filled by another mapping, meanwhile.
        """
        shape, _, mapping = (found or "").partition(" ")
        if self.expected not in {None, shape}:
            raise PassingError(
                "the archive was upgraded to another data model while it was open here",
                hint="start the server, or the command, again",
            )
        if self.mapping not in {None, mapping}:
            raise PassingError(
                "ivoa.obscore was filled by another mapping while the archive was open "
                "here",
                hint="start the server, or the command, again, with the version and "
                "the model_dir that the other process has",
            )

    def doubts(self, error: DriverError) -> bool:
        """Tell whether an error may come of an upgrade amid the work."""
        state = error.sqlstate or ""
        return self.expected is not None and state.startswith(_CHANGED)


@functools.lru_cache(8)
def _glance(expected: str, mapping: str | None) -> tuple[str, int]:
    wanted = {_SHAPE: expected, _MAPPING: mapping}
    pairs = [
        f"({literal(name)}, {literal(value)})"
        for name, value in wanted.items()
        if value is not None
    ]
    query = "SELECT FROM internal.setting WHERE (name, value) IN"
    return f"{query} ({', '.join(pairs)})", len(pairs)
