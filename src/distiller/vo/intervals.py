"""Intervals of numbers as parameters write them (DALI 1.1 section 3.3.4, SIA 2.0)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from distiller.core.errors import BadParameter
from distiller.vo.dali import real

_INFINITE: Final = {
    "inf": math.inf,
    "+inf": math.inf,
    "infinity": math.inf,
    "+infinity": math.inf,
    "-inf": -math.inf,
    "-infinity": -math.inf,
}
_BOUNDS: Final = 2


@dataclass(frozen=True, slots=True)
class Interval:
    """Numbers from a lowest to a highest, both in it; either may be infinite."""

    lowest: float
    highest: float


def parse(name: str, text: str) -> Interval:
    """Read ``low high``, or one number, which is both.

    Parameters
    ----------
    name
        Of the parameter, for the error.

    Raises
    ------
    BadParameter
        If it is something else.

    >>> parse("BAND", "-Inf 0.21")
    Interval(lowest=-inf, highest=0.21)
    >>> parse("BAND", "550")
    Interval(lowest=550.0, highest=550.0)
    """
    words = text.split()
    if len(words) not in {1, _BOUNDS}:
        raise BadParameter(
            name,
            f"{text!r} is no interval",
            hint="give two numbers with a blank between them, or one; "
            "-Inf and +Inf are numbers here",
        )
    lowest, highest = bound(name, words[0]), bound(name, words[-1])
    if lowest > highest or math.inf in {lowest, -highest}:
        raise BadParameter(
            name, f"no number is in {text!r}", hint="give the lower bound first"
        )
    return Interval(lowest, highest)


def bound(name: str, text: str) -> float:
    """Read one number; it may be infinite.

    Raises
    ------
    BadParameter
        If it is none.
    """
    infinite = _INFINITE.get(text.lower())
    return real(name, text) if infinite is None else infinite
