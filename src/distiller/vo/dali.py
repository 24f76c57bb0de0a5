"""Request parameters as DALI 1.1 section 2.3 and 3.4 have them."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from distiller.core.errors import BadParameter

if TYPE_CHECKING:
    from collections.abc import Iterable

_REAL: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_DIGITS_MAX: Final = 100
"""What is longer is no number that anybody means; Python would not read it."""


class Parameters:
    """Names and values of one request; names are case-insensitive.

    Parameters
    ----------
    pairs
        As they came, in order. A blank value counts as not given.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        values: dict[str, list[str]] = {}
        for name, value in pairs:
            if value.strip():
                values.setdefault(name.upper(), []).append(value)
        self._values = values

    def many(self, name: str) -> tuple[str, ...]:
        """Return every value of a parameter that may be repeated."""
        return tuple(self._values.get(name, ()))

    def single(self, name: str) -> str | None:
        """Return the value of a parameter that stands once.

        Raises
        ------
        BadParameter
            If it is given more than once.
        """
        values = self.many(name)
        if len(values) > 1:
            raise BadParameter(
                name, f"given {len(values)} times", hint=f"give {name} once"
            )
        return values[0] if values else None

    def count(self, name: str) -> int | None:
        """Return a whole number that is not negative.

        Raises
        ------
        BadParameter
            If it is something else, or of more than `_DIGITS_MAX` digits.
        """
        value = self.single(name)
        if value is None:
            return None
        digits = value.strip()
        if not (digits.isascii() and digits.isdecimal()):
            raise BadParameter(name, f"{value!r} is not a whole number from 0 on")
        if len(digits.lstrip("0")) > _DIGITS_MAX:
            raise BadParameter(name, f"a number of {len(digits)} digits is too large")
        return int(digits)

    def number(
        self, name: str, *, lowest: float, highest: float, unit: str
    ) -> float | None:
        """Return a number of this range.

        Raises
        ------
        BadParameter
            If it is none, or lies outside.
        """
        value = self.single(name)
        return None if value is None else number(name, value, lowest, highest, unit)


def number(name: str, text: str, lowest: float, highest: float, unit: str) -> float:
    """Return the number that a text is, if it lies in a range.

    Parameters
    ----------
    name
        Of the parameter, for the error.

    Raises
    ------
    BadParameter
        If it is none, or lies outside.

    >>> number("RA", " 83.63 ", 0, 360, "deg")
    83.63
    """
    value = real(name, text)
    if not lowest <= value <= highest:
        raise BadParameter(
            name, f"{text.strip()} is not from {lowest:g} to {highest:g} {unit}"
        )
    return value


def real(name: str, text: str) -> float:
    """Return the finite number that a text is.

    Raises
    ------
    BadParameter
        If it is none.
    """
    if _REAL.fullmatch(text.strip()):
        value = float(text)
        if math.isfinite(value):
            return value
    raise BadParameter(name, f"{text!r} is not a number")
