"""What the responses of a run allow, and what they lack.

docs/decisions/0042-resolutions.md says where each number comes from. Point-like
responses (GADF 0.3) were made after a cut on direction around one assumed position:
they serve spectra and light curves of a source there and nothing else.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from distiller.ingest import run as checked
from distiller.ingest.response import FWHM_PER_SIGMA
from distiller.ingest.values import as_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from distiller.ingest.gadf import Response
    from distiller.ingest.values import Values

_LOW_TEV, _HIGH_TEV = 0.0101, 9999.0  # 0.01 and 10,000 TeV stand for `no threshold`


def performance_of(
    responses: Sequence[Response], values: Values
) -> checked.Performance:
    """Judge the responses of a run; what is lacking leaves a finding and None."""
    low, high = _energy_range(responses, values)
    if not responses:
        values.note("D122", "neither in the file nor named by index or CALDB")
        return checked.Performance(None, None, None, low, high)
    point_like = _note_point_like(responses, values)
    fwhm = _first(responses, "psf", "psf_fwhm_arcsec")
    sigma = _first(responses, "edisp", "energy_resolution")
    kinds = {one.response_type for one in responses}
    for kind, number in (("psf", fwhm), ("edisp", sigma)):
        if kind in kinds and number is None:
            values.note("D222", kind)
    if "psf" not in kinds:
        values.note("D234", f"only {', '.join(sorted(kinds))}")
    return checked.Performance(
        fov_deg=_field_of_view(responses, values),
        fwhm_arcsec=None if point_like else fwhm,
        resolving_power=None if not sigma else 1.0 / (FWHM_PER_SIGMA * sigma),
        energy_min_tev=low,
        energy_max_tev=high,
    )


def rad_max_deg(one: Response) -> float | None:
    """Return the cut on direction of a response in deg, where it is one number.

    It is the header keyword RAD_MAX, else the column where that is the same all over.
    """
    said = as_number(one.header.values.get("RAD_MAX"))
    if said is not None and 0.0 < said < math.inf:
        return said
    if one.cut_deg is not None and one.cut_deg[0] == one.cut_deg[1]:
        return one.cut_deg[0]
    return None


def _note_point_like(responses: Sequence[Response], values: Values) -> bool:
    """Whether responses are point-like; if so, say what that means and what lacks."""
    point_like = any(
        one.enclosure == "POINT-LIKE" or one.response_type == "rad_max"
        for one in responses
    )
    if not point_like:
        return False
    kinds = {one.response_type for one in responses}
    cut = _cut(responses)
    offset = _offset(responses)
    at = "at the offsets of the table" if offset is None else f"at {offset:g} deg"
    within = "" if cut is None else f", cut at {cut}"
    values.note(
        "D221",
        f"{', '.join(sorted(kinds))}{within}; spectra and light curves of a source "
        f"{at} off axis are valid, maps of flux are not",
    )
    lacking = [kind for kind in ("aeff", "edisp") if kind not in kinds]
    if cut is None:
        lacking.append("RAD_MAX (neither table, column nor keyword)")
    if lacking:
        values.note("D235", f"there is no {' and no '.join(lacking)}")
    return True


def _cut(responses: Sequence[Response]) -> str | None:
    """Return the cut on direction in words: that of the table, else of a keyword."""
    tables = [one for one in responses if one.response_type == "rad_max"]
    for one in (*tables, *responses):
        if (single := rad_max_deg(one)) is not None:
            return f"{single:.4g} deg"
        if one.cut_deg is not None:
            return "{:.4g}-{:.4g} deg".format(*one.cut_deg)
    return None


def _offset(responses: Sequence[Response]) -> float | None:
    found = (one.offset_deg for one in responses)
    return next((round(deg, 6) for deg in found if deg is not None), None)


def _field_of_view(responses: Sequence[Response], values: Values) -> float | None:
    """Return the diameter in deg; of a table for one offset it is not known."""
    for kind in ("aeff", "psf", "edisp", "bkg"):
        for one in responses:
            if one.response_type == kind and one.theta_max_deg is not None:
                return 2.0 * one.theta_max_deg
    offset = _offset(responses)
    if offset is not None:
        values.note("D233", f"the responses are for {offset:g} deg off axis only")
    return None


def _first(responses: Sequence[Response], kind: str, attribute: str) -> float | None:
    numbers = (
        getattr(one, attribute) for one in responses if one.response_type == kind
    )
    return next((n for n in numbers if n is not None), None)


def _energy_range(
    responses: Sequence[Response], values: Values
) -> tuple[float | None, float | None]:
    """Return the energy range in TeV: thresholds, index, selection, effective area."""
    said = _said_range(responses, values) or _selected_range(values)
    if said is not None:
        return said
    for one in responses:
        if one.sensitive_tev is not None:
            low, high = one.sensitive_tev
            if 0.0 < low < high < math.inf:
                values.note("D232", f"{low:.4g}-{high:.4g} TeV")
                return low, high
    values.note("D220", "no LO_THRES, no SAFE_ENERGY_LO")
    return None, None


def _said_range(
    responses: Sequence[Response], values: Values
) -> tuple[float, float] | None:
    for one in responses:
        header = one.header.values
        if one.response_type == "aeff" and "LO_THRES" in header:
            pair = header.get("LO_THRES"), header.get("HI_THRES")
            if (found := _physical(pair, values, "LO_THRES, HI_THRES")) is not None:
                return found
    pair = values.row.get("SAFE_ENERGY_LO"), values.row.get("SAFE_ENERGY_HI")
    if pair == (None, None):
        return None
    return _physical(pair, values, "SAFE_ENERGY_LO, SAFE_ENERGY_HI")


def _selected_range(values: Values) -> tuple[float, float] | None:
    for number in range(1, 10):
        if values.header.text(f"DSTYP{number}") != "ENERGY":
            continue
        selected = (values.header.text(f"DSVAL{number}") or "").split(":")
        if len(selected) == 2 and values.header.text(f"DSUNI{number}") == "TeV":  # noqa: PLR2004 - from:to
            low, high = selected
            found = _physical((low, high), values, f"DSVAL{number}")
            if found is not None:
                values.note("D219", f"{found[0]:g}-{found[1]:g} TeV")
                return found
    return None


def _physical(
    pair: tuple[object, object], values: Values, name: str
) -> tuple[float, float] | None:
    low, high = (
        as_number(one) if isinstance(one, (str, int, float)) else None for one in pair
    )
    if low is not None and high is not None and _LOW_TEV <= low < high < _HIGH_TEV:
        return low, high
    values.note("D207", f"{name} = {pair[0]}, {pair[1]} TeV")
    return None
