"""Geometry in ADQL against astropy and against formulas of other kinds than ours.

Both engines answer; places stand all over the sky, dense at the poles and where right
ascension begins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import FK5, ICRS, Galactic, SkyCoord
from tests.support import engines as pair

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support import postgres

    from distiller.core.columns import Catalog

pytestmark = pytest.mark.slow
_PLACES = 1500
_SYSTEMS = {"GALACTIC": Galactic(), "FK5": FK5(equinox="J2000"), "ICRS": ICRS()}
_CENTRES = (
    (83.63, 22.01), (0.0, 0.0), (359.9, -30.0), (0.1, 75.0), (10.0, 89.5),
    (200.0, 90.0), (5.0, -89.9), (123.0, -90.0), (266.4, -29.0), (180.0, 1.0),
)  # fmt: skip


def _places() -> np.typing.NDArray[np.float64]:
    """Return right ascensions and declinations, deg, shape (n, 2)."""
    random = np.random.default_rng(17)
    third = _PLACES // 3
    anywhere = (
        random.uniform(0, 360, third),
        np.degrees(np.arcsin(random.uniform(-1, 1, third))),
    )
    polar = (
        random.uniform(0, 360, third),
        random.choice([-1, 1], third) * (90 - np.abs(random.normal(0, 8, third))),
    )
    zero = random.normal(0, 8, third) % 360, random.uniform(-80, 80, third)
    return np.column_stack(
        [np.concatenate([anywhere[i], polar[i], zero[i]]) for i in (0, 1)]
    )


PLACES = _places()
SKY = SkyCoord(PLACES[:, 0] * u.deg, PLACES[:, 1] * u.deg)


@pytest.fixture(scope="module")
def both(catalog: Catalog, postgres_server: postgres.Server) -> Iterator[pair.Engines]:
    engines = pair.make(catalog, postgres_server.create())
    rows = [
        (number, "x", [float(ra), float(dec)], float(ra), float(dec), None)
        for number, (ra, dec) in enumerate(PLACES)
    ]
    engines.fill("cta.target", rows)
    yield engines
    pair.close(engines)


def _rows(both: pair.Engines, text: str) -> list[tuple[Any, ...]]:
    """Return the answer, which both engines agree on."""
    one, two = both.rows_of_duckdb(text), both.rows_of_postgres(text)
    assert not pair.difference(one, two, ordered=True, digits=1e-9)
    assert not isinstance(one, Exception)
    return one


def _where(both: pair.Engines, condition: str) -> set[int]:
    text = f"SELECT target_id FROM cta.target WHERE {condition} ORDER BY target_id"
    return {row[0] for row in _rows(both, text)}


def _numbers(mask: Any) -> set[int]:
    return set(np.flatnonzero(mask).tolist())


@pytest.mark.parametrize(("ra", "dec"), _CENTRES)
def test_distances_are_those_of_astropy(
    ra: float, dec: float, both: pair.Engines
) -> None:
    text = (
        f"SELECT DISTANCE(ra, dec, {ra}, {dec}) AS d FROM cta.target ORDER BY target_id"
    )
    found = np.array([row[0] for row in _rows(both, text)])
    due = SKY.separation(SkyCoord(ra * u.deg, dec * u.deg)).deg
    assert np.allclose(found, due, rtol=0, atol=1e-11)


@pytest.mark.parametrize(("ra", "dec"), _CENTRES)
@pytest.mark.parametrize(("width", "height"), [(10, 10), (40, 2), (3, 100), (170, 170)])
def test_a_box_is_that_of_the_document(
    ra: float, dec: float, width: float, height: float, both: pair.Engines
) -> None:
    """Its sides are straight lines in the plane that touches the sky in its centre."""
    offset = SKY.transform_to(SkyCoord(ra * u.deg, dec * u.deg).skyoffset_frame())
    lon, lat = offset.lon.wrap_at(180 * u.deg).rad, offset.lat.rad
    ahead = np.cos(lon) * np.cos(lat) > 0
    x, y = np.abs(np.tan(lon)), np.abs(np.tan(lat) / np.cos(lon))
    half = np.tan(np.radians(width / 2)), np.tan(np.radians(height / 2))
    inside = _numbers(ahead & (x <= half[0]) & (y <= half[1]))
    box = f"BOX({ra}, {dec}, {width}, {height})"
    assert _where(both, f"1 = CONTAINS(POINT(ra, dec), {box})") == inside
    assert _where(both, f"0 = INTERSECTS({box}, pos)") == set(range(_PLACES)) - inside
    ((area,),) = set(_rows(both, f"SELECT AREA({box}) AS a FROM cta.target"))
    sines = [np.sin(np.radians(size / 2)) for size in (width, height)]
    steradian = 4 * np.arcsin(sines[0] * sines[1])
    assert area == pytest.approx(np.degrees(np.degrees(steradian)), rel=1e-9)


def test_a_box_of_columns_is_the_same_as_one_of_numbers(both: pair.Engines) -> None:
    some = "SELECT ra, dec, pos, target_id FROM cta.target WHERE target_id IN (7, 1100)"
    for form in ("ra, dec, 4, dec / 100 + 3", "pos, 4, dec / 100 + 3"):
        found = _rows(
            both, f"SELECT BOX({form}) AS b FROM ({some}) q ORDER BY target_id"
        )
        for (box,), number in zip(found, (7, 1100), strict=True):
            ra, dec = PLACES[number].tolist()
            same = f"BOX({ra}, {dec}, 4, {dec / 100 + 3})"
            ((due,),) = _rows(both, f"SELECT TOP 1 {same} AS b FROM cta.target")
            assert np.allclose(box, due, rtol=0, atol=1e-9)


def test_a_box_that_has_no_size_contains_nothing(both: pair.Engines) -> None:
    for sizes in ("dec - 200, 1", "1, dec + 300", "CAST(NULL AS REAL), 1"):
        box = f"BOX(ra, dec, {sizes})"
        assert _where(both, f"1 = CONTAINS(POINT(ra, dec), {box})") == set()
        assert _where(both, f"0 = CONTAINS(POINT(ra, dec), {box})") == set()


@pytest.mark.parametrize("system", ["GALACTIC", "FK5"])
def test_places_of_other_systems_are_those_of_astropy(
    system: str, both: pair.Engines
) -> None:
    frame = _SYSTEMS[system]
    there = SkyCoord(SKY.ra, SKY.dec, frame=frame).icrs
    text = f"SELECT POINT('{system}', ra, dec) AS p FROM cta.target ORDER BY target_id"
    found = np.array([row[0] for row in _rows(both, text)])
    places = SkyCoord(found[:, 0] * u.deg, found[:, 1] * u.deg)
    assert places.separation(there).deg.max() < 1e-9
    assert ((found[:, 0] >= 0) & (found[:, 0] < 360)).all()
    asked = (
        f"SELECT COORD1(POINT('{system}', ra, dec)), "
        f"COORDSYS(POINT('{system}', 1, 2)), "
        f"COORDSYS(CIRCLE('{system} GEOCENTER', ra, dec, 1)), COORDSYS(pos) "
        "FROM cta.target ORDER BY target_id"
    )
    first = _rows(both, asked)[0]
    assert first == (PLACES[0, 0], system, system, "ICRS")


@pytest.mark.parametrize("system", ["GALACTIC", "FK5", "ICRS"])
@pytest.mark.parametrize(("lon", "lat"), _CENTRES)
def test_regions_of_other_systems(
    system: str, lon: float, lat: float, both: pair.Engines
) -> None:
    there = SKY.transform_to(_SYSTEMS[system])
    centre = SkyCoord(lon * u.deg, lat * u.deg, frame=_SYSTEMS[system])
    near = _numbers(there.separation(centre).deg <= 20)
    for circle in (
        f"CIRCLE('{system}', {lon}, {lat}, 20)",
        f"CIRCLE(POINT('{system}', {lon}, {lat}), 20)",
        f"REGION('Circle {system} TOPOCENTER {lon} {lat} 20')",
        f"CAST('Circle {system} {lon} {lat} 20' AS CIRCLE)",
    ):
        assert _where(both, f"1 = CONTAINS(POINT(ra, dec), {circle})") == near
    here = f"POINT('{system}', {lon}, {lat})"
    assert _where(both, f"DISTANCE(pos, {here}) <= 20") == near
    offset = there.transform_to(centre.skyoffset_frame())
    x, y = offset.lon.wrap_at(180 * u.deg).rad, offset.lat.rad
    reach = np.tan(np.radians(15))
    inside = (np.cos(x) * np.cos(y) > 0) & (np.abs(np.tan(x)) <= reach)
    inside &= np.abs(np.tan(y) / np.cos(x)) <= reach
    for box in (
        f"BOX('{system}', {lon}, {lat}, 30, 30)",
        f"BOX('{system}', POINT('{system}', {lon}, {lat}), 30, 30)",
        f"REGION('Box {system} {lon} {lat} 30 30')",
    ):
        assert _where(both, f"1 = CONTAINS(pos, {box})") == _numbers(inside)


def _star(lon: float, lat: float, corners: int, random: Any) -> SkyCoord:
    """Return the vertices of a polygon that goes in and out round a centre."""
    turns = (np.arange(corners) + random.uniform(0, 0.4, corners)) * 360 / corners
    reach = np.where(np.arange(corners) % 2, 1.0, random.uniform(0.3, 1.0, corners))
    centre = SkyCoord(lon * u.deg, lat * u.deg)
    return centre.directional_offset_by(turns * u.deg, 25 * reach * u.deg)


def _inside(vertices: SkyCoord, outside: SkyCoord) -> Any:
    """Tell from which places the way to one outside crosses an odd number of edges."""
    corners = vertices.cartesian.xyz.value.T
    ends = np.roll(corners, -1, axis=0)
    places, far = SKY.cartesian.xyz.value.T, outside.cartesian.xyz.value
    crossings = np.zeros(len(places), dtype=int)
    for a, b in zip(corners, ends, strict=True):
        edge, ways = np.cross(a, b), np.cross(places, far)
        sides = np.stack([
            -(places @ edge), np.full(len(places), far @ edge), ways @ a, -(ways @ b),
        ])  # fmt: skip
        crossings += np.all(sides > 0, axis=0) | np.all(sides < 0, axis=0)
    return crossings % 2 == 1


@pytest.mark.parametrize("corners", [3, 4, 7, 12])
@pytest.mark.parametrize(("lon", "lat"), _CENTRES)
def test_what_lies_in_a_polygon_is_a_matter_of_crossings(
    lon: float, lat: float, corners: int, both: pair.Engines
) -> None:
    random = np.random.default_rng(int(lon * 10 + lat + corners + 1000))
    vertices = _star(lon, lat, corners, random)
    away = SkyCoord(lon * u.deg, lat * u.deg).directional_offset_by(
        random.uniform(0, 360) * u.deg, 150 * u.deg
    )
    inside = _numbers(_inside(vertices, away))
    pairs = zip(vertices.ra.deg, vertices.dec.deg, strict=True)
    numbers = ", ".join(f"{float(ra)!r}, {float(dec)!r}" for ra, dec in pairs)
    assert _where(both, f"1 = CONTAINS(POINT(ra, dec), POLYGON({numbers}))") == inside
    region = f"REGION('Polygon ICRS {numbers.replace(',', '')}')"
    assert _where(both, f"1 = INTERSECTS(pos, {region})") == inside


def test_a_polygon_that_crosses_itself_is_on_one_side_of_the_sky(
    both: pair.Engines,
) -> None:
    """One half of it winds the other way; nothing opposite to that is inside."""
    polygon = "POLYGON(350, 80, 10, 80, 350, 88, 10, 88)"
    found = _where(both, f"1 = CONTAINS(POINT(ra, dec), {polygon})")
    assert found
    assert PLACES[sorted(found), 1].min() > 79
    assert _where(both, f"1 = CONTAINS(pos, {polygon}) AND dec < 0") == set()


_JOINED = {
    "Union (Circle 83 22 30 Circle 60 0 25)": lambda a, b: a | b,
    "Intersection ICRS (Circle ICRS 83 22 30 Circle 60 0 25)": lambda a, b: a & b,
    "Not (Circle 83 22 30)": lambda a, b: ~a | b & False,
    "Intersection (Circle 83 22 30 Not (Circle 60 0 25))": lambda a, b: a & ~b,
    "Not (Union (Circle 83 22 30 Circle 60 0 25))": lambda a, b: ~(a | b),
    "Union (Not (Circle 83 22 30) Intersection (Circle 60 0 25 Circle 60 0 60))": (
        lambda a, b: ~a | b
    ),
}


@pytest.mark.parametrize("region", list(_JOINED))
def test_joined_regions(region: str, both: pair.Engines) -> None:
    one, two = (
        SKY.separation(SkyCoord(ra * u.deg, dec * u.deg)).deg <= radius
        for ra, dec, radius in ((83, 22, 30), (60, 0, 25))
    )
    due = _numbers(_JOINED[region](one, two))
    text = f"REGION('{region}')"
    assert _where(both, f"1 = CONTAINS(POINT(ra, dec), {text})") == due
    assert _where(both, f"1 = INTERSECTS({text}, pos)") == due
    assert _where(both, f"CONTAINS(pos, {text}) <> 1") == set(range(_PLACES)) - due
    summed = f"SELECT SUM(CONTAINS(pos, {text})) AS n FROM cta.target"
    assert _rows(both, summed) == [(len(due),)]


def test_joined_regions_with_shapes(both: pair.Engines) -> None:
    union = "REGION('Union (Circle 10 0 5 Circle 100 0 5)')"
    asked = {
        f"INTERSECTS(CIRCLE(16, 0, 2), {union})": 1,
        f"INTERSECTS({union}, CIRCLE(50, 0, 2))": 0,
        f"CONTAINS({union}, CIRCLE(55, 0, 60))": 1,
        f"CONTAINS({union}, CIRCLE(55, 0, 40))": 0,
        "CONTAINS(CIRCLE(50, 0, 2), REGION('Not (Circle 10 0 5)'))": 1,
        "CONTAINS(CIRCLE(14, 0, 2), REGION('Not (Circle 10 0 5)'))": 0,
        "INTERSECTS(CIRCLE(10, 0, 2), REGION('Not (Circle 10 0 5)'))": 0,
        "INTERSECTS(CIRCLE(14, 0, 2), REGION('Not (Circle 10 0 5)'))": 1,
        f"INTERSECTS({union}, REGION('Union (Circle 20 0 6 Circle 200 0 6)'))": 1,
    }
    text = f"SELECT TOP 1 {', '.join(asked)} FROM cta.target"
    (row,) = _rows(both, text)
    assert dict(zip(asked, row, strict=True)) == asked


def test_a_point_contains_itself_and_a_circle_of_radius_0(both: pair.Engines) -> None:
    asked = {
        "CONTAINS(POINT(1, 2), POINT(1, 2))": 1,
        "CONTAINS(POINT(361, 2), POINT(1, 2))": 1,
        "CONTAINS(POINT(1, 2.001), POINT(1, 2))": 0,
        "CONTAINS(CIRCLE(1, 2, 0), POINT(1, 2))": 1,
        "CONTAINS(CIRCLE(1, 2, 1), POINT(1, 2))": 0,
        "CONTAINS(POLYGON(0, 1, 2, 1, 1, 3), POINT(1, 2))": 0,
    }
    text = f"SELECT TOP 1 {', '.join(asked)} FROM cta.target"
    (row,) = _rows(both, text)
    assert dict(zip(asked, row, strict=True)) == asked
    assert _where(both, "1 = CONTAINS(pos, POINT(ra, dec))") == set(range(_PLACES))
