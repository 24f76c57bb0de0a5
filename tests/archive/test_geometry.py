"""Regions on the sphere against astropy, areas known exactly, and Monte Carlo."""

from __future__ import annotations

import math
import shutil
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from astropy import units
from astropy.coordinates import SkyCoord
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from distiller.archive import geometry, open_archive
from distiller.core.errors import TimedOut
from distiller.core.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from distiller.archive import Archive


@pytest.fixture(scope="module")
def archive(
    empty_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Archive]:
    """Return one archive for all, in which none stores anything."""
    home = load_settings(tmp_path_factory.mktemp("geometry"))
    shutil.copyfile(empty_file, home.archive_path)
    with open_archive(home) as opened:
        yield opened


_RA = st.floats(0, 360, exclude_max=True)
_DEC = st.floats(-90, 90)


def _flat(*numbers: float) -> geometry.Floats:
    return np.array(numbers, dtype=np.float64)


def _regular(ra: float, dec: float, radius: float, corners: int) -> geometry.Floats:
    """Return a regular polygon around a place, by astropy."""
    centre = SkyCoord(ra, dec, unit="deg")
    angles = np.arange(corners) * 360.0 / corners * units.deg
    around = centre.directional_offset_by(angles, radius * units.deg)
    return np.column_stack([around.ra.deg, around.dec.deg]).ravel()


def _inside(ra: float, dec: float, polygon: geometry.Floats) -> bool:
    return geometry.contains(_flat(ra, dec), polygon)


@given(_RA, _DEC, _RA, _DEC)
def test_separations_are_those_of_astropy(
    ra1: float, dec1: float, ra2: float, dec2: float
) -> None:
    ours = geometry.separation_rad(
        geometry.vectors(ra1, dec1), geometry.vectors(ra2, dec2)
    )
    theirs = SkyCoord(ra1, dec1, unit="deg").separation(SkyCoord(ra2, dec2, unit="deg"))
    assert math.degrees(float(ours)) == pytest.approx(theirs.deg, abs=1e-9)


@settings(max_examples=150, deadline=None)
@given(
    _RA,
    _DEC,
    st.floats(0.01, 60),
    st.integers(3, 12),
    st.floats(0, 360),
    st.floats(0, 2),
)
def test_points_of_regular_polygons_anywhere(
    ra: float, dec: float, radius: float, corners: int, angle: float, part: float
) -> None:
    """A regular polygon lies between its inner and its outer circle, at any pole."""
    polygon = _regular(ra, dec, radius, corners)
    inner = math.degrees(
        math.atan(math.tan(math.radians(radius)) * math.cos(math.pi / corners))
    )
    distance = part * radius
    assume(not inner * 0.999 < distance < radius * 1.001)
    place = SkyCoord(ra, dec, unit="deg").directional_offset_by(
        angle * units.deg, distance * units.deg
    )
    point = (float(place.ra.deg), float(place.dec.deg))
    expected = distance < inner
    assert _inside(*point, polygon) is expected
    assert _inside(*point, polygon.reshape(-1, 2)[::-1].ravel()) is expected
    antipode = ((point[0] + 180.0) % 360.0, -point[1])
    assert _inside(*antipode, polygon) is False


@pytest.mark.parametrize(
    ("polygon", "inside", "outside"),
    [
        (_flat(350, -10, 10, -10, 10, 10, 350, 10), (0, 0), (180, 0)),
        (_flat(0, 80, 90, 80, 180, 80, 270, 80), (45, 89), (45, 70)),
        (_flat(0, -80, 90, -80, 180, -80, 270, -80), (200, -90), (45, 89)),
        # A notch: an L whose missing corner is outside, the corner beside it inside.
        (_flat(0, 0, 4, 0, 4, 4, 2, 4, 2, 2, 0, 2), (1, 1), (1, 3)),
        (_flat(0, 0, 4, 0, 4, 4, 2, 4, 2, 2, 0, 2), (3, 3.5), (1, 2.5)),
    ],
)
def test_polygons_over_poles_and_right_ascension_0(
    polygon: geometry.Floats,
    inside: tuple[float, float],
    outside: tuple[float, float],
) -> None:
    assert _inside(*inside, polygon) is True
    assert _inside(*outside, polygon) is False
    for ra, dec in polygon.reshape(-1, 2):
        assert _inside(ra, dec, polygon) is True, "the border is inside"


def test_an_edge_is_an_arc_of_a_great_circle() -> None:
    """Between two places at 60 deg, 90 deg apart, the arc rises to 67.8 deg."""
    polygon = _flat(0, 60, 90, 60, 45, 30)
    top = math.degrees(math.atan(math.tan(math.radians(60)) / math.cos(math.pi / 4)))
    assert _inside(45, top - 1e-6, polygon) is True
    assert _inside(45, top + 1e-6, polygon) is False


def test_areas_that_are_known_exactly() -> None:
    octant = _flat(0, 0, 90, 0, 0, 90)
    whole = 4 * math.pi * math.degrees(1) ** 2
    assert geometry.area_deg2(octant) == pytest.approx(whole / 8, rel=1e-12)
    assert geometry.area_deg2(octant[[4, 5, 2, 3, 0, 1]]) == pytest.approx(whole / 8)
    assert geometry.area_deg2(_flat(10, 20, 180)) == pytest.approx(whole, rel=1e-12)
    assert geometry.area_deg2(_flat(10, 20, 90)) == pytest.approx(whole / 2)
    assert geometry.area_deg2(_flat(1, 2, 1e-4)) == pytest.approx(
        math.pi * 1e-8, rel=1e-9
    )
    assert geometry.area_deg2(_flat(1, 2)) == 0
    lune = _flat(0, -89.999999, 30, 0, 0, 89.999999, 330, 0)
    assert geometry.area_deg2(lune) == pytest.approx(whole / 6, rel=1e-6)


@settings(max_examples=60, deadline=None)
@given(_RA, _DEC, st.floats(0.01, 80), st.integers(3, 9))
def test_area_and_centroid_of_regular_polygons(
    ra: float, dec: float, radius: float, corners: int
) -> None:
    """The area is the excess of its right triangles; the centroid is the centre."""
    polygon = _regular(ra, dec, radius, corners)
    half = math.pi / corners
    base = math.atan(1 / (math.cos(math.radians(radius)) * math.tan(half)))
    excess = 2 * corners * (half + base - math.pi / 2)
    assert geometry.area_deg2(polygon) == pytest.approx(
        excess * math.degrees(1) ** 2, rel=1e-6
    )
    found = SkyCoord(*geometry.centroid_deg(polygon), unit="deg")
    centre = SkyCoord(ra, dec, unit="deg")
    assert found.separation(centre).deg < 1e-6


@pytest.mark.parametrize(
    ("a", "b", "contained", "meeting"),
    [
        (_flat(0, 0), _flat(0, 0), True, True),
        (_flat(0, 0), _flat(0, 1e-9), False, False),
        (_flat(0, 0, 1), _flat(0, 0), False, True),
        (_flat(359.5, 0, 1), _flat(0.5, 0, 2), True, True),
        (_flat(359.5, 0, 1.1), _flat(0.5, 0, 2), False, True),
        (_flat(0, 0, 1), _flat(3, 0, 1.9), False, False),
        (_flat(0, 0, 1), _flat(3, 0, 2), False, True),
        (_flat(10, 89, 2), _flat(190, 89, 4), True, True),
        (_flat(0, 0, 100), _flat(180, 0, 170), False, True),
        (_flat(1, 1, 0.5), _flat(0, 0, 2, 0, 2, 2, 0, 2), True, True),
        (_flat(1, 1, 1.1), _flat(0, 0, 2, 0, 2, 2, 0, 2), False, True),
        (_flat(3, 1, 0.9), _flat(0, 0, 2, 0, 2, 2, 0, 2), False, False),
        (_flat(3, 1, 1.1), _flat(0, 0, 2, 0, 2, 2, 0, 2), False, True),
        (_flat(0, 0, 2, 0, 2, 2, 0, 2), _flat(1, 1, 1.5), True, True),
        (_flat(0, 0, 2, 0, 2, 2, 0, 2), _flat(1, 1, 1.2), False, True),
        (_flat(0, 0, 2, 0, 2, 2, 0, 2), _flat(180, 0, 175), False, False),
        (_flat(0, 0, 2, 0, 2, 2, 0, 2), _flat(180, 10, 178), True, True),
        (_flat(0, 0, 2, 0, 2, 2, 0, 2), _flat(180, 0, 178), False, True),
        (_flat(0, 0, 2, 0, 2, 2, 0, 2), _flat(90, 0, 100), True, True),
        (_flat(1, 1, 2, 1, 2, 2), _flat(0, 0, 5, 0, 5, 5, 0, 5), True, True),
        (_flat(0, 0, 5, 0, 5, 5, 0, 5), _flat(1, 1, 2, 1, 2, 2), False, True),
        (_flat(0, 2, 6, 2, 6, 3, 0, 3), _flat(2, 0, 3, 0, 3, 6, 2, 6), False, True),
        (_flat(0, 0, 1, 0, 1, 1), _flat(5, 5, 6, 5, 6, 6), False, False),
        # Over the notch of an L: every corner inside, the edge between two is not.
        (
            _flat(0.5, 1.9, 0.5, 0.5, 3.5, 3.5),
            _flat(0, 0, 4, 0, 4, 4, 2, 4, 2, 2, 0, 2),
            False,
            True,
        ),
    ],
)
def test_what_lies_in_what(
    a: geometry.Floats, b: geometry.Floats, *, contained: bool, meeting: bool
) -> None:
    assert geometry.contains(a, b) is contained
    assert geometry.intersects(a, b) is meeting
    assert geometry.intersects(b, a) is meeting


@settings(max_examples=40, deadline=None)
@given(_RA, st.floats(-80, 80), st.floats(0.5, 20), st.data())
def test_intersection_of_circle_and_polygon_by_sampling(
    ra: float, dec: float, radius: float, data: st.DataObject
) -> None:
    """A circle of places decides, where it decides clearly."""
    polygon = _regular(ra, dec, radius, 5)
    centre = SkyCoord(ra, dec, unit="deg").directional_offset_by(
        data.draw(st.floats(0, 360)) * units.deg,
        data.draw(st.floats(0, 3)) * radius * units.deg,
    )
    reach = data.draw(st.floats(0.1, 1.5)) * radius
    circle = _flat(float(centre.ra.deg), float(centre.dec.deg), reach)
    angles = np.repeat(np.arange(0, 360, 3.0), 12) * units.deg
    steps = np.tile(np.linspace(0, 0.999, 12), 120) * reach * units.deg
    places = centre.directional_offset_by(angles, steps)
    inside = geometry.points_in_polygon(
        geometry.vectors(places.ra.deg, places.dec.deg), geometry.polygon(polygon)
    )
    if inside.any():
        assert geometry.intersects(circle, polygon)
    if geometry.contains(circle, polygon):
        assert inside.all()
    if not geometry.intersects(circle, polygon):
        assert not inside.any()


def _one(archive: Archive, expression: str) -> Any:
    return archive.rows(f"SELECT {expression} AS x")[0]["x"]


_SQUARE = "[0.0, 0.0, 2.0, 0.0, 2.0, 2.0, 0.0, 2.0]"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("dst_contains([1.0, 1.0], [1.0, 1.5, 0.5])", True),
        ("dst_contains([1.0, 1.0], [1.0, 1.5, 0.4])", False),
        ("dst_contains([1.0, 1.0, 0.1], [1.0, 1.5, 0.7])", True),
        (f"dst_contains([1.0, 1.0], {_SQUARE})", True),
        (f"dst_contains([3.0, 1.0], {_SQUARE})", False),
        (f"dst_contains({_SQUARE}, [1.0, 1.0, 1.5])", True),
        ("dst_contains(NULL, [1.0, 1.0, 1.5])", None),
        (f"dst_contains(NULL, {_SQUARE})", None),
        (f"dst_contains([1.0, NULL], {_SQUARE})", None),
        ("dst_contains([1.0], [1.0, 1.0, 1.5])", None),
        ("dst_intersects([1.0, 1.0, 1.0], [3.0, 1.0, 1.1])", True),
        (f"dst_intersects([3.0, 1.0, 0.5], {_SQUARE})", False),
        (f"dst_intersects([3.0, 1.0, 1.5], {_SQUARE})", True),
        ("dst_intersects([1.0, 1.0, 1.0], NULL)", None),
        ("dst_region_text([1.0, -2.5, 1e-7])", "CIRCLE ICRS 1.0 -2.5 1e-07"),
        ("dst_region_text([1.0, -2.5])", "POSITION ICRS 1.0 -2.5"),
        (f"dst_region_text({_SQUARE})", "POLYGON ICRS 0.0 0.0 2.0 0.0 2.0 2.0 0.0 2.0"),
        ("dst_region_text(NULL)", None),
        ("dst_area(NULL)", None),
        ("dst_area([1.0, 2.0])", 0.0),
        ("dst_area([1.0, 2.0, 180.0])", pytest.approx(41252.96124941928)),
        ("dst_area([0.0, 0.0, 90.0, 0.0, 0.0, 90.0])", pytest.approx(5156.620156177)),
        ("dst_centroid([1.0, 2.0, 3.0])", [1.0, 2.0]),
        (f"dst_centroid({_SQUARE})", pytest.approx([1.0, 1.0000506456])),
        ("dst_centroid(NULL)", None),
        ("dst_distance(0, 0, 180, 0)", 180.0),
        ("dst_distance(0, 90, 123, -90)", 180.0),
        ("dst_distance(10, 20, 10, 20.000000001)", pytest.approx(1e-9, rel=1e-5)),
        ("dst_distance(NULL, 0, 0, 0)", None),
    ],
)
def test_the_functions_in_sql(archive: Archive, expression: str, expected: Any) -> None:
    assert _one(archive, expression) == expected


@pytest.mark.slow
def test_many_rows_of_points_circles_and_polygons(archive: Archive) -> None:
    """What SQL answers row by row is what plain calls answer."""
    rows = archive.rows(
        "WITH g AS (SELECT i, (CASE i % 3 WHEN 0 THEN [i * 0.37 % 4, i * 0.11 % 4] "
        "WHEN 1 THEN [i * 0.37 % 4, i * 0.11 % 4, 0.4] "
        "ELSE [i % 4, 0.0, i % 4 + 1.5, 0.0, i % 4 + 1.0, 1.0 + i % 2] END)"
        "::DOUBLE[] AS a "
        "FROM range(120) t(i)) "
        "SELECT x.a, y.a AS b, dst_contains(x.a, y.a) AS c, "
        "dst_intersects(x.a, y.a) AS d FROM g x JOIN g y ON (x.i * 7 + y.i) % 13 = 0"
    )
    assert len(rows) > 1000
    for row in rows:
        a, b = np.array(row["a"]), np.array(row["b"])
        assert row["c"] == geometry.contains(a, b), row
        assert row["d"] == geometry.intersects(a, b), row


def test_the_distance_in_sql_is_that_of_astropy(archive: Archive) -> None:
    places = np.random.default_rng(1).uniform(-1, 1, (500, 4)) * [360, 90, 360, 90]
    for ra1, dec1, ra2, dec2 in places[:50]:
        found = _one(archive, f"dst_distance({ra1}, {dec1}, {ra2}, {dec2})")
        expected = SkyCoord(ra1, dec1, unit="deg").separation(
            SkyCoord(ra2, dec2, unit="deg")
        )
        assert found == pytest.approx(expected.deg, abs=1e-10)


def _circle_of(count: int, ra: float = 10.0) -> geometry.Floats:
    turns = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.column_stack([ra + 5 * np.cos(turns), 5 * np.sin(turns)]).ravel()


@pytest.mark.slow
def test_large_polygons_are_worked_on_in_bounded_memory() -> None:
    """All pairs at once would take some 100 MB of temporary arrays."""
    a, b = _circle_of(1500), _circle_of(1500, 30.0)
    tracemalloc.start()
    try:
        assert not geometry.intersects(a, b)
        assert geometry.intersects(a, _circle_of(1500, 12.0))
        assert not geometry.contains(a, b)
        assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
    finally:
        tracemalloc.stop()


def test_work_on_polygons_stops_when_nobody_waits() -> None:
    asked = iter([False, False, True])
    with (
        geometry.stopping(lambda: next(asked)),
        pytest.raises(geometry.Stopped),
    ):
        geometry.intersects(_circle_of(1500), _circle_of(1500, 30.0))
    assert not geometry.intersects(_circle_of(9), _circle_of(9, 30.0))


def test_a_query_on_polygons_ends_at_its_limit_of_time(archive: Archive) -> None:
    """Each block of rows is one call of a function that takes minutes."""
    corners = ", ".join(f"{x:.3f}" for x in _circle_of(800))
    others = ", ".join(f"{x:.3f}" for x in _circle_of(800, 30.0))
    sql = (
        f"SELECT count(*) FROM range(2000) t(i) WHERE dst_intersects("
        f"list_concat([{corners}]::DOUBLE[], [i, 0.0]::DOUBLE[]), "
        f"[{others}]::DOUBLE[])"
    )
    with (
        pytest.raises(TimedOut, match=r"the limit of 0.5 s"),
        archive.query(sql, timeout_s=0.5) as result,
    ):
        list(result.batches)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("dst_area([1, 100, 2])", None),
        ("dst_area([1, 2, -1])", None),
        ("dst_area([0, 0, 1, 95, 2, 3])", None),
        ("dst_centroid([1, 100])", None),
        ("dst_centroid([0, 0, 1, 95, 2, 3])", None),
        ("dst_centroid([365, 10, 1])", [5.0, 10.0]),
        ("dst_centroid([-5, 10])", [355.0, 10.0]),
    ],
)
def test_what_lies_beyond_a_pole_is_no_geometry(
    archive: Archive, call: str, expected: list[float] | None
) -> None:
    (row,) = archive.rows(f"SELECT {call} AS x")
    assert row["x"] == (expected if expected is None else pytest.approx(expected))
