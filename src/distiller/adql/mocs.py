"""Texts of time MOCs (MOC 2.0 section 4), as literals of a query."""

from __future__ import annotations

import re
from typing import Final

_ORDER_MOST: Final = 61
_GAP: Final = " \t\r\n,"
_WORD: Final = re.compile(
    r"(?:([0-9]{1,2})/)?(?:([0-9]{1,19})(?:-([0-9]{1,19}))?)?", re.ASCII
)


def is_time_moc(text: str) -> bool:
    """Whether a text is a time MOC: cells by their orders, ``t`` before it or not.

    >>> is_time_moc("31/7 9-11 41/"), is_time_moc("t61/0"), is_time_moc("62/1")
    (True, True, False)
    """
    order = None
    for word in re.split(f"[{_GAP}]+", text.strip(_GAP).removeprefix("t")):
        found = _WORD.fullmatch(word)
        if found is None:
            return False
        given, first, last = found.groups()
        order = order if given is None else int(given)
        if order is None or order > _ORDER_MOST:
            return False
        if first is not None and not int(first) <= int(last or first) < 2 << order:
            return False
    return True
