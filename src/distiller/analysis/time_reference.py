"""The time scale and the reference of a run, where a header says only part of them.

A reader that takes each table alone would assume TT, or fail; and the times of a
product would not be those of the run in the archive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from astropy.io import fits

_TIME: Final = (("TIMESYS",), ("MJDREFI", "MJDREFF"))


def complete(events: fits.Header, gti: fits.Header) -> None:
    """Give the headers of both tables what only the other has."""
    for keywords in _TIME:
        for own, other in ((events, gti), (gti, events)):
            if not any(_says(own, keyword) for keyword in keywords):
                for keyword in keywords:
                    if _says(other, keyword):
                        own[keyword] = other[keyword]


def _says(header: fits.Header, keyword: str) -> bool:
    return keyword in header and str(header[keyword]).strip() != ""
