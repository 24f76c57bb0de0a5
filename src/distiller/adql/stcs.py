"""Texts in STC-S (TAP 1.0 section 6), as REGION() and CAST() understand them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from distiller.adql import frames
from distiller.adql.limits import DEEPEST_PARTS, MOST_PARTS

if TYPE_CHECKING:
    from collections.abc import Sequence

_COUNTS: Final = {"POSITION": 2, "POINT": 2, "CIRCLE": 3, "BOX": 4, "ALLSKY": 0}
_OPERATORS: Final = frozenset({"UNION", "INTERSECTION", "NOT"})
_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_WORD: Final = re.compile(r"[()]|[^\s()]+")
_POLYGON_LEAST: Final = 6
_POLE_DEG: Final = 90.0
_HALF_TURN_DEG: Final = 180.0
_PAIR: Final = 2


@dataclass(frozen=True, slots=True)
class Shape:
    """A shape and its numbers, deg, ICRS: POSITION, CIRCLE or POLYGON."""

    name: str
    numbers: tuple[float, ...]
    system: str = frames.ICRS


@dataclass(frozen=True, slots=True)
class Compound:
    """Regions that are joined: UNION, INTERSECTION or NOT."""

    operator: str
    parts: tuple[Shape | Compound, ...]


class _NotUnderstood(Exception):  # noqa: N818 - never leaves this file
    """A text that is no region of ours."""


def region(text: str) -> Shape | Compound | None:
    """Return the region that a text describes in ICRS, None if it is not understood.

    >>> region("Circle ICRS 83.6 22 2")
    Shape(name='CIRCLE', numbers=(83.6, 22.0, 2.0), system='ICRS')
    >>> found = region("Union GALACTIC (Circle 1 2 3 Not (Position 4 5))")
    >>> found.operator, [type(part).__name__ for part in found.parts]
    ('UNION', ['Shape', 'Compound'])
    >>> region("Circle FK4 1 2 3") is None
    True
    """
    reader = _Reader(_WORD.findall(text.upper()))
    try:
        found = reader.region(frames.ICRS)
    except _NotUnderstood:
        return None
    return None if reader.words else found


def simple(text: str) -> Shape | None:
    """Return the one shape that a text describes in ICRS, or None.

    >>> simple("Union ICRS (Circle 1 2 3)") is None
    True
    """
    found = region(text)
    return found if isinstance(found, Shape) else None


class _Reader:
    """Reads words from the first on."""

    def __init__(self, words: list[str]) -> None:
        self.words = words[::-1]
        self.parts = 0
        self.depth = 0

    def region(self, outer: str) -> Shape | Compound:
        """Read one region; what names no system has that of the one around it."""
        self.parts += 1
        if not self.words or self.parts > MOST_PARTS:
            raise _NotUnderstood
        name = self.words.pop()
        if name not in {*_COUNTS, *_OPERATORS, "POLYGON"}:
            raise _NotUnderstood
        system = self._system(outer)
        if name in _OPERATORS:
            return self._compound(name, system)
        return shape(name, self._numbers(), system)

    def _system(self, outer: str) -> str:
        ahead = self.words[: -_AHEAD - 1 : -1]
        system, rest = frames.leading(ahead)
        if system is None:
            raise _NotUnderstood
        if len(rest) == len(ahead):
            return outer
        del self.words[len(self.words) - len(ahead) + len(rest) :]
        return system

    def _compound(self, name: str, system: str) -> Compound:
        self.depth += 1
        if self.depth > DEEPEST_PARTS:
            raise _NotUnderstood
        self._take("(")
        parts = [self.region(system)]
        while self.words and self.words[-1] != ")":
            parts.append(self.region(system))
        self._take(")")
        self.depth -= 1
        if name == "NOT" and len(parts) != 1:
            raise _NotUnderstood
        return Compound(name, tuple(parts))

    def _take(self, sign: str) -> None:
        if not self.words or self.words.pop() != sign:
            raise _NotUnderstood

    def _numbers(self) -> list[float]:
        found = []
        while self.words and _NUMBER.fullmatch(self.words[-1]):
            found.append(float(self.words.pop()))
        return found


_AHEAD: Final = 6
"""How many words a coordinate system has at most."""


def shape(name: str, numbers: Sequence[float], system: str) -> Shape:
    """Return a shape in ICRS; a box as the polygon that it is."""
    if not (fits(name, numbers) and all(map(math.isfinite, numbers))):
        raise _NotUnderstood
    if name == "ALLSKY":
        return Shape("CIRCLE", (0.0, 0.0, _HALF_TURN_DEG), system)
    sizes: list[float] = []
    if name in {"CIRCLE", "BOX"}:
        numbers, sizes = numbers[:_PAIR], list(numbers[_PAIR:])
    places = list(zip(numbers[::2], numbers[1::2], strict=True))
    most = _HALF_TURN_DEG if name == "CIRCLE" else math.nextafter(_HALF_TURN_DEG, 0)
    if not all(0 <= size <= most for size in sizes):
        raise _NotUnderstood
    if any(abs(lat) > _POLE_DEG for _, lat in places):
        raise _NotUnderstood
    if name == "BOX":
        name, places, sizes = "POLYGON", frames.box(*places[0], *sizes), []
    turned = [n for place in places for n in frames.to_icrs(*place, system)]
    return Shape(name, (*turned, *sizes), system)


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


def fits(name: str, numbers: Sequence[float]) -> bool:
    """Whether a shape has that many numbers."""
    if name == "POLYGON":
        return len(numbers) >= _POLYGON_LEAST and len(numbers) % 2 == 0
    return len(numbers) == _COUNTS[name]
