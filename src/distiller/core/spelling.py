"""What somebody may have meant who wrote a name that is not known."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def meant(name: str, known: Iterable[str], before: str = "") -> str:
    """Return the hint for a mistyped name, or nothing.

    Parameters
    ----------
    before
        What stands in front of every name.

    >>> meant("untis", ["unit", "ucd"]), meant("Run", ["Obs.Run"]), meant("x", [])
    (' (did you mean unit?)', ' (did you mean Obs.Run?)', '')
    """
    names = list(dict.fromkeys(known))
    tails = [n for n in names if n.rpartition(".")[2] == name.rpartition(".")[2]]
    close = tails[:1] or difflib.get_close_matches(name, names, n=1)
    return f" (did you mean {before}{close[0]}?)" if close else ""
