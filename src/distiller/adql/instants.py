"""Timestamps as DALI 1.1 section 3.3.3 writes them."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

_INSTANT: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}:\d{2})(?:\.\d{1,6})?Z?)?", re.ASCII
)


def is_instant(text: str) -> bool:
    """Whether a text is a timestamp: a date, with or without a time, UTC.

    >>> is_instant("2021-01-14T11:25:00Z"), is_instant("2021-02-31")
    (True, False)
    """
    match = _INSTANT.fullmatch(text)
    if match is None:
        return False
    try:
        datetime.fromisoformat(f"{match[1]}T{match[2] or '00:00:00'}+00:00")
    except ValueError:
        return False
    return True
