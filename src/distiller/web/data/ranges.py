"""Parts of a file that a request asks for (RFC 9110 section 14)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ONE = re.compile(r"bytes=\s*(\d*)-(\d*)\s*", re.ASCII)
_FAR = 10**18
"""Behind the end of any file."""


class Unsatisfiable(ValueError):  # noqa: N818 - named as the condition
    """The part begins behind the end of the file."""


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes from ``start`` up to, not with, ``stop`` of a file of ``size`` bytes."""

    start: int
    stop: int
    size: int

    @property
    def length(self) -> int:
        """Number of bytes."""
        return self.stop - self.start

    @property
    def content_range(self) -> str:
        """Value of Content-Range.

        >>> Part(0, 10, 100).content_range
        'bytes 0-9/100'
        """
        return f"bytes {self.start}-{self.stop - 1}/{self.size}"


def part_of(header: str | None, size: int) -> Part | None:
    """Return the part that a Range header asks for; None is the whole file.

    Several ranges at once, and what is no range, are answered with the whole file, as
    the standard allows.

    Raises
    ------
    Unsatisfiable
        If it begins behind the end.

    >>> part_of("bytes=5-", 10)
    Part(start=5, stop=10, size=10)
    >>> part_of("bytes=-3", 10)
    Part(start=7, stop=10, size=10)
    >>> part_of("bytes=0-4,6-8", 10) is None
    True
    """
    match = _ONE.fullmatch(header or "")
    if match is None:
        return None
    first, last = match.groups()
    if first:
        start, stop = _number(first), _number(last) + 1 if last else size
        if last and stop <= start:
            return None
    elif last:
        start, stop = max(0, size - _number(last)), size
    else:
        return None
    if start >= size:
        raise Unsatisfiable
    return Part(start, min(stop, size), size)


def _number(digits: str) -> int:
    """Read a number; Python reads no more digits than it is told to."""
    return int(digits) if len(digits.lstrip("0")) < len(str(_FAR)) else _FAR
