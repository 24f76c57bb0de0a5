"""The table of well-known sources, also against an independent list."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest

from distiller.core import names
from distiller.core.names import SOURCES, close, find, normal
from distiller.core.sky import separation_deg

if TYPE_CHECKING:
    from pathlib import Path

POINT_LIKE = {
    "blazar",
    "flat-spectrum radio quasar",
    "radio galaxy",
    "gamma-ray binary",
    "globular cluster",
    "starburst galaxy",
}


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("crab", "Crab Nebula"),
        ("CrabNebula", "Crab Nebula"),
        ("M1", "Crab Nebula"),
        ("Messier 1", "Crab Nebula"),
        ("TAURUS A", "Crab Nebula"),
        ("Markarian 421", "Mrk 421"),
        ("Mkn501", "Mrk 501"),
        ("PKS2155-304", "PKS 2155-304"),
        ("pks 2155\N{MINUS SIGN}304", "PKS 2155-304"),
        ("RXJ1713.7-3946", "RX J1713.7-3946"),
        ("MSH 15-52", "MSH 15-52"),
        ("Sgr A*", "Sgr A*"),
        ("Galactic center", "Sgr A*"),
        ("Cygnus X-3", "Cyg X-3"),
        ("G0.9+0.1", "SNR G0.9+0.1"),
        ("lmc", "Large Magellanic Cloud"),
    ],
)
def test_names_in_use(typed: str, name: str) -> None:
    source = find(typed)
    assert source is not None
    assert source.name == name


def test_unknown_name() -> None:
    assert find("PKS 2155+304") is None
    assert close("PKS 2155+304")[0] == "PKS 2155-304"
    assert close("zzzzzz") == ()


@pytest.mark.parametrize(
    "typed",
    ["Crab\N{SNOWMAN}", "Crab!", "\N{GREEK SMALL LETTER ETA} Carinae", "Crab/7"],
)
def test_signs_are_part_of_a_name(typed: str) -> None:
    assert find(typed) is None


@pytest.mark.parametrize(
    "typed", ["Cr\N{COMBINING ACUTE ACCENT}ab", "Crab\u200b", "cráb"]
)
def test_accents_and_the_invisible_do_not_count(typed: str) -> None:
    assert find(typed) is find("Crab")


def test_table_is_sound() -> None:
    keys = [normal(n) for s in SOURCES for n in dict.fromkeys((s.name, *s.aliases))]
    assert {k for k in keys if keys.count(k) > 1} == set()
    assert len(SOURCES) >= 100
    assert all(0 <= s.ra_deg < 360 and -90 <= s.dec_deg <= 90 for s in SOURCES)


@pytest.mark.real_data
def test_positions_against_an_independent_list(real_data: Path) -> None:
    listed = real_data / "tev-sources.csv"
    with listed.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    checked = {}
    for row in rows:
        source = find(row["name"])
        if source is None or source.kind not in POINT_LIKE:
            continue
        place = float(row["ra_deg"]), float(row["dec_deg"])
        distance = separation_deg(source.ra_deg, source.dec_deg, *place)
        checked[source.name] = float(distance)
    assert len(checked) > 45
    assert {n: d for n, d in checked.items() if d > 0.01} == {}


def test_every_extent_is_of_a_source() -> None:
    extended = {s.name for s in SOURCES if s.extent_deg > 0}
    assert extended == set(names._EXTENTS_DEG)
    assert all(s.extent_deg < 1.5 for s in SOURCES)
    assert find("Vela Junior").extent_deg == 1.0  # type: ignore[union-attr]  # it is there
