"""Why a file cannot be read, with the code of that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distiller.core.errors import BadData
from distiller.core.places import Unanswered

if TYPE_CHECKING:
    from distiller.core.places import Place


def unreadable(where: Place, error: OSError | RuntimeError) -> BadData:
    """Return the fault of a file that the system or a store does not hand out.

    D102 missing, D130 the store does not answer, D101 everything else.
    """
    if isinstance(error, FileNotFoundError):
        return BadData("D102", str(where), "there is no such file")
    what = getattr(error, "strerror", None) or str(error)
    if isinstance(error, Unanswered):
        return BadData("D130", str(where), what)
    return BadData("D101", str(where), f"cannot be read: {what}")
