"""Is the archive still of the tables that were opened? Others may upgrade it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from distiller.core.errors import PassingError

if TYPE_CHECKING:
    from distiller.archive.postgres.faults import DriverError

LOOK: Final = "SELECT value FROM internal.setting WHERE name = 'model.shape'"
"""What an archive remembers of its tables, see `distiller.archive.install`."""

_CHANGED = ("42", "0A")
"""Classes of what is raised where tables are not as they were."""


class Mark:
    """What the archive must say, once this process has opened it.

    Attributes
    ----------
    expected
        Checksum of its tables; None as long as any will do.
    """

    def __init__(self) -> None:
        self.expected: str | None = None

    def verify(self, found: str | None) -> None:
        """Refuse to go on with other tables than those that were opened.

        Raises
        ------
        PassingError
            If the archive was upgraded meanwhile.
        """
        if self.expected not in {None, found}:
            raise PassingError(
                "the archive was upgraded to another data model while it was open here",
                hint="start the server, or the command, again",
            )

    def doubts(self, error: DriverError) -> bool:
        """Tell whether an error may come of an upgrade amid the work."""
        state = error.sqlstate or ""
        return self.expected is not None and state.startswith(_CHANGED)
