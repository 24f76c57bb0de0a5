"""Factors between units, for IN_UNIT and gavo_specconv."""

from __future__ import annotations

import warnings
from functools import lru_cache

_CLOSE = 1e-9


@lru_cache(maxsize=1024)
def factor(source: str, target: str) -> float:
    """Return the factor from one VOUnit to another.

    Raises
    ------
    ValueError
        With a text for the user, when there is none.

    >>> factor("deg", "arcmin")
    60.0
    """
    from astropy.units import Unit, UnitConversionError  # noqa: PLC0415 - slow import

    from_unit, to_unit = _unit(source), _unit(target)
    try:
        return float(Unit(from_unit).to(to_unit))
    except UnitConversionError:
        hint = " (gavo_specconv does)" if _is_spectral(source, target) else ""
        raise ValueError(f"{source} cannot be converted to {target}{hint}") from None


@lru_cache(maxsize=1024)
def spectral(source: str, target: str) -> tuple[float, bool]:
    """Return how a spectral quantity is converted: a factor, and whether over it.

    Energy, frequency, wavenumber and wavelength in vacuum.

    >>> spectral("TeV", "m")
    (1.239841984...e-18, True)
    """
    from astropy.units import Unit, UnitConversionError  # noqa: PLC0415 - slow import
    from astropy.units import spectral as equivalence  # noqa: PLC0415

    from_unit, to_unit = Unit(_unit(source)), Unit(_unit(target))
    try:
        one = float(from_unit.to(to_unit, 1.0, equivalencies=equivalence()))
        two = float(from_unit.to(to_unit, 2.0, equivalencies=equivalence()))
    except UnitConversionError:
        raise ValueError(f"{source} cannot be converted to {target}") from None
    return one, abs(two / one - 0.5) < _CLOSE


def _is_spectral(source: str, target: str) -> bool:
    try:
        spectral(source, target)
    except ValueError:
        return False
    return True


def _unit(text: str) -> object:
    from astropy.units import Unit, UnrecognizedUnit  # noqa: PLC0415 - slow import

    if not text.strip():
        raise ValueError("a value without a unit cannot be converted")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            unit = Unit(text, format="vounit")
    except (ValueError, TypeError):
        raise ValueError(f"{text!r} is not a unit of VOUnits") from None
    if isinstance(unit, UnrecognizedUnit) or any(
        isinstance(base, UnrecognizedUnit) for base in getattr(unit, "bases", ())
    ):
        raise ValueError(f"{text!r} is not a unit of VOUnits")
    return unit
