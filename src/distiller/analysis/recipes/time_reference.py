"""The time scale and the reference of a run, where a header says only part of them.

A reader that takes each table alone would assume TT, or fail; and the times of a
product would not be those of the run in the archive.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from astropy.io.fits.verify import VerifyError

if TYPE_CHECKING:
    from astropy.io import fits

Reference = tuple[float | None, float | None]
"""MJD in whole days and their part; None: not said."""


def complete(events: fits.Header, gti: fits.Header) -> None:
    """Give the headers of both tables what only the other has.

    As the ingest does it: MJDREF may stand for MJDREFI and MJDREFF, a part that is
    nowhere is 0, and what no table says is left out.
    """
    for own, other in ((events, gti), (gti, events)):
        if not _says(own, "TIMESYS") and _says(other, "TIMESYS"):
            own["TIMESYS"] = other["TIMESYS"]
    of_events, of_gti = _reference(events), _reference(gti)
    _put(events, of_events, of_gti)
    _put(gti, of_gti, of_events)


def _says(header: fits.Header, keyword: str) -> bool:
    return keyword in header and str(header[keyword]).strip() != ""


def _reference(header: fits.Header) -> Reference:
    whole, part = _number(header, "MJDREFI"), _number(header, "MJDREFF")
    single = _number(header, "MJDREF")
    if whole is None and single is not None and math.isfinite(single):
        return divmod(single, 1.0)
    return whole, part


def _number(header: fits.Header, keyword: str) -> float | None:
    """Return a value as a number; numbers written as text count."""
    try:
        value = header.get(keyword)
        return None if isinstance(value, bool) else float(value)
    except (ValueError, TypeError, OverflowError, VerifyError):
        return None


def _put(header: fits.Header, own: Reference, other: Reference) -> None:
    whole = other[0] if own[0] is None else own[0]
    if whole is None:
        return
    part = own[1]
    if part is None and other[0] in {None, whole}:
        part = other[1]
    for keyword, value in (("MJDREFI", whole), ("MJDREFF", part or 0.0)):
        # A card that cannot be read cannot be set either.
        header.remove(keyword, ignore_missing=True, remove_all=True)
        header[keyword] = value
