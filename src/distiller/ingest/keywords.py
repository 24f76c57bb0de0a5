"""Which values of a run the ingest asks for, by the table that holds them.

What an override names beside these has no effect, and its finding says so. A test
watches what is asked and compares.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_TIME: Final = frozenset({"MJDREFI", "MJDREFF", "MJDREF", "TIMESYS"})
_HEADER_ONLY: Final = frozenset(
    {"OBS_ID", "NMCIDS", "TSTART", "TSTOP", *_TIME}
    | {f"{what}{mark}{end}" for what in ("DATE", "TIME") for mark in "-_"
       for end in ("OBS", "END")}
)  # fmt: skip
_INDEX_TOO: Final = frozenset(
    {"OBJECT", "OBS_MODE", "OBSERVER", "EV_CLASS", "CALDB", "IRF", "RA_PNT", "DEC_PNT",
     "RA_OBJ", "DEC_OBJ", "ALT_PNT", "AZ_PNT", "CONV_DEP", "TELESCOP", "INSTRUME",
     "N_TELS", "TELLIST", "SUBARRAY", "GEOLON", "GEOLAT", "ALTITUDE", "AIRTEMP",
     "PRESSURE", "RELHUM", "QUALITY", "TRGRATE", "ZTRGRATE", "NSBLEVEL", "MUONEFF",
     "BROKPIX", "ORIGIN", "CREATOR", "VERSION", "DST_VER", "ANA_VER", "CAL_VER",
     "EVTVER", "HDUVERS", "DATE", "CONFIG", "ONTIME", "LIVETIME", "DEADC"}
)  # fmt: skip
INDEX_ONLY: Final = frozenset({"TARGET_NAME", "SAFE_ENERGY_LO", "SAFE_ENERGY_HI"})
"""Columns of the observation index that no header has."""

_RESPONSE: Final = frozenset({"EV_CLASS", "CONFIG", "RAD_MAX"})
ASKED: Final[Mapping[str, frozenset[str]]] = {
    "EVENTS": _HEADER_ONLY | _INDEX_TOO,
    "GTI": _TIME,
    "INDEX": _INDEX_TOO | INDEX_ONLY,
    "AEFF": _RESPONSE | {"LO_THRES", "HI_THRES"},
    "EDISP": _RESPONSE,
    "PSF": _RESPONSE,
    "BKG": _RESPONSE,
    "RAD_MAX": _RESPONSE,
}
"""Keywords by table; of EVENTS those of its selection (`DSVAL1`...) beside them."""

_SELECTION: Final = re.compile(r"DS(TYP|VAL|UNI)[1-9]")


def is_asked(keyword: str, table: str) -> bool:
    """Whether the ingest asks a table for a keyword."""
    if table == "EVENTS" and _SELECTION.fullmatch(keyword):
        return True
    return keyword in ASKED[table]


def meant(keyword: str, table: str) -> str:
    """Return what may have been meant by a keyword that nobody asks for.

    >>> meant("LO_THRES", "EVENTS"), meant("RAD_MAXX", "AEFF")
    ('did you mean table = "AEFF"', 'did you mean RAD_MAX')
    """
    tables = [other for other in ASKED if is_asked(keyword, other)]
    if tables:
        return f'did you mean table = "{tables[0]}"'
    near = difflib.get_close_matches(keyword, sorted(ASKED[table]), n=1)
    if near:
        return f"did you mean {near[0]}"
    return f"of {table} the ingest asks for {', '.join(sorted(ASKED[table]))}"
