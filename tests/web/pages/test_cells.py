"""How values look: units, digits, instants, blanks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from distiller.core.columns import Column
from distiller.model import load_model
from distiller.web.pages import cells

OBSCORE = load_model().catalog["ivoa.obscore"]
TT = Column("t_start_tt", "double", unit="d", ucd="time.start;obs.exposure")


def _column(name: str) -> Column:
    column = OBSCORE.column(name)
    assert column is not None
    return column


@pytest.mark.parametrize(
    ("column", "value", "text", "title"),
    [
        (_column("s_ra"), 83.63308333, "83.6331", "83.63308333"),
        (_column("s_ra"), None, "", ""),
        (_column("s_ra"), float("nan"), "", ""),
        (_column("em_max"), 2.479683968664e-18, "0.5000", "TeV, 2.479683968664e-18 m"),
        (_column("t_min"), 53343.5, "2004-12-04 12:00:00", "MJD 53343.5"),
        (_column("t_exptime"), 1683.0, "1683.0", "1683.0"),
        (_column("access_estsize"), 1500, "1.50", "1500 kbyte"),
        (_column("calib_level"), 1, "1", ""),
        (_column("obs_id"), "23523", "23523", "23523"),
        (Column("x", "double"), 1.5e-18, "1.500e-18", "1.5e-18"),
        (Column("x", "double"), 0.0, "0", "0.0"),
        (Column("x", "boolean"), True, "yes", "yes"),
        (TT, 53343.92, "53343.920000", "53343.92"),
        (
            Column("x", "char", "*", "timestamp"),
            datetime(2026, 1, 2, 3, 4, 5, 678000),
            "2026-01-02 03:04:05",
            "2026-01-02T03:04:05.678Z",
        ),
        (
            Column("x", "double", "2", "point"),
            [83.6, 22.0],
            "POSITION ICRS 83.6 22.0",
            "POSITION ICRS 83.6 22.0",
        ),
    ],
)
def test_cells(column: Column, value: Any, text: str, title: str) -> None:
    found = cells.cell(column, value)
    assert found.text == text
    assert title in found.title


@pytest.mark.parametrize(
    ("table", "name", "unit"),
    [
        ("cta.flux_point", "flux", "cm-2 s-1 TeV-1"),
        ("cta.light_curve_point", "flux", "cm-2 s-1"),
        ("cta.product", "s_ra", "deg"),
    ],
)
def test_units_are_written_for_people(table: str, name: str, unit: str) -> None:
    column = load_model().catalog[table].column(name)
    assert column is not None
    assert cells.heading(column).unit == unit


def test_instants_have_their_mjd_beside_them() -> None:
    assert cells.cell(_column("t_min"), 53343.92234).more == "53343.92234"


@pytest.mark.parametrize(
    ("name", "label", "unit"),
    [
        ("em_max", "E min", "TeV"),
        ("em_min", "E max", "TeV"),
        ("t_min", "Start", "UTC (MJD)"),
        ("access_estsize", "Size", "MB"),
        ("s_ra", "RA", "deg"),
        ("s_resolution", "s_resolution", "arcsec"),
        ("obs_id", "Obs. id", ""),
    ],
)
def test_headings(name: str, label: str, unit: str) -> None:
    found = cells.heading(_column(name))
    assert (found.label, found.unit) == (label, unit)
    assert found.description


def test_energy_headings_warn_of_the_wavelength() -> None:
    found = cells.heading(_column("em_max"))
    assert found.description == ("Lowest energy; in ADQL em_max is a wavelength in m")
