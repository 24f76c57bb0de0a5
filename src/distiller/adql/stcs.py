"""The few STC-S texts that REGION() and CAST() understand: one shape in ICRS."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

_FRAMES: Final = frozenset(
    ("ICRS", "GEOCENTER", "BARYCENTER", "TOPOCENTER", "UNKNOWNREFPOS", "SPHERICAL2")
)
_COUNTS: Final = {"POSITION": 2, "POINT": 2, "CIRCLE": 3}
_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_POLYGON_LEAST: Final = 6


@dataclass(frozen=True, slots=True)
class Shape:
    """A shape and its numbers, deg."""

    name: str
    numbers: tuple[float, ...]


def simple(text: str) -> Shape | None:
    """Return the shape that a text describes, or None if it is not a simple one.

    >>> simple("Circle ICRS 83.6 22 2")
    Shape(name='CIRCLE', numbers=(83.6, 22.0, 2.0))
    >>> simple("Circle GALACTIC 1 2 3") is None
    True
    """
    words = text.upper().split()
    if not words or words[0] not in {*_COUNTS, "POLYGON"}:
        return None
    name, words = words[0], words[1:]
    while words and words[0] in _FRAMES:
        words = words[1:]
    numbers = plain_numbers(" ".join(words))
    return Shape(name, numbers) if numbers and fits(name, numbers) else None


def plain_numbers(text: str) -> tuple[float, ...] | None:
    """Return numbers separated by spaces, or None if there is anything else.

    >>> plain_numbers("12.3 -45")
    (12.3, -45.0)
    """
    words = text.split()
    if not all(_NUMBER.fullmatch(word) for word in words):
        return None
    numbers = tuple(float(word) for word in words)
    return numbers if all(math.isfinite(n) for n in numbers) else None


def fits(name: str, numbers: tuple[float, ...]) -> bool:
    """Whether a shape has that many numbers."""
    if name == "POLYGON":
        return len(numbers) >= _POLYGON_LEAST and len(numbers) % 2 == 0
    return len(numbers) == _COUNTS[name]
