"""Which page of a long list is asked for."""

from __future__ import annotations

from typing import Final

_LAST: Final = 10_000


def page_of(text: str) -> int:
    """Return the number of a page; nonsense is the first.

    >>> page_of("3"), page_of("-1"), page_of("9" * 5000)
    (3, 1, 10000)
    """
    if not (text.isascii() and text.isdecimal()):
        return 1
    # Python reads no number of thousands of digits.
    is_far = len(text.lstrip("0")) > len(str(_LAST))
    return _LAST if is_far else min(max(1, int(text)), _LAST)
