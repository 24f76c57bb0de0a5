"""Request parameters as DALI 1.1 section 2.3 and 3.4 have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from distiller.core.errors import BadParameter

if TYPE_CHECKING:
    from collections.abc import Iterable

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

    def required(self, name: str, *, hint: str | None = None) -> str:
        """Return the value of a parameter that must be given, once.

        Raises
        ------
        BadParameter
            If it is missing or given more than once.
        """
        value = self.single(name)
        if value is None:
            raise BadParameter(name, "missing", hint=hint)
        return value

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
