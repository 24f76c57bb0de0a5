"""Units as DL3 files write them: times and energies, by whatever word."""

from __future__ import annotations

from typing import Final

from astropy.units import Unit

TEV: Final = {"TEV": 1.0, "GEV": 1e-3, "MEV": 1e-6, "KEV": 1e-9, "EV": 1e-12}
"""TeV per unit of energy, in capitals."""
SECONDS: Final = {
    "s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0, "ms": 1e-3, "min": 60.0,
    "h": 3600.0, "d": 86400.0, "day": 86400.0, "days": 86400.0,
}  # fmt: skip
"""s per unit of time, in lower case."""
_OTHER_WORDS: Final = {
    "s": frozenset(SECONDS), "TeV": frozenset(map(str.lower, TEV)),
    "deg": frozenset({"deg", "degree", "degrees", "rad", "radian"}),
}  # fmt: skip
"""Units in lower case that are meant, whatever the unit parser says."""


def is_convertible(text: str, wanted: str) -> bool:
    """Whether a unit, as FITS or as a person writes it, can become s, deg or TeV.

    >>> is_convertible("TEV", "TeV"), is_convertible("furlong", "TeV")
    (True, False)
    """
    if text.lower() in _OTHER_WORDS[wanted]:
        return True
    try:
        return bool(Unit(text).is_equivalent(wanted))
    except (ValueError, TypeError):
        return False
