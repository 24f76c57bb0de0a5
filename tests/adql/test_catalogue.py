"""User-defined functions of the IVOA catalogue: right, and alike on both engines."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import (
    FK5,
    Angle,
    BarycentricMeanEcliptic,
    SkyCoord,
    Supergalactic,
)
from astropy.coordinates.builtin_frames import (
    ICRS,
    FK4NoETerms,
    Galactic,
)
from astropy.time import Time
from mocpy import MOC
from tests.support import engines as pair

from distiller.adql import translate
from distiller.core.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support import postgres

    from distiller.core.columns import Catalog

pytestmark = pytest.mark.slow

_EDGES = [
    (0.0, 90.0), (123.0, 90.0), (359.9999999, -90.0), (0.0, 0.0), (360.0, 0.0),
    (-0.0, -0.0), (45.0, 0.0), (90.0, 0.0), (45.0, 41.8103148957786),
    (135.0, -41.8103148957786), (0.0, 41.8103148957786), (315.0, 30.0), (270.0, -30.0),
    (-1e-14, 12.0), (719.5, 60.0), (-400.0, -89.9999999), (1e-320, 5e-324),
    (180.0, 89.99999999), (89.9999999999, 66.4), (90.0, 66.4),
]  # fmt: skip
"""Poles, right ascension 0, borders of base cells, beyond one turn."""


@pytest.fixture(scope="module")
def places() -> list[tuple[float, float]]:
    random = np.random.default_rng(11)
    ra = random.uniform(0, 360, 300)
    dec = np.degrees(np.arcsin(random.uniform(-1, 1, 300)))
    return [*zip(ra.tolist(), dec.tolist(), strict=True), *_EDGES]


@pytest.fixture(scope="module")
def both(
    catalog: Catalog,
    postgres_server: postgres.Server,
    places: list[tuple[float, float]],
) -> Iterator[pair.Engines]:
    """Both engines; each target has a place, the first name is NULL in every fifth."""
    engines = pair.make(catalog, postgres_server.create())
    engines.fill(
        "cta.target",
        [
            (n, f"t{n * 7 % 50}", None if n % 5 == 0 else [ra, dec], ra, dec, n % 9)
            for n, (ra, dec) in enumerate(places)
        ],
    )
    yield engines
    pair.close(engines)


def ask(both: pair.Engines, value: str, *, digits: float = 1e-12) -> list[Any]:
    """Return a value of each target, in order, after both engines have given it."""
    text = f"SELECT target_id, {value} AS x FROM cta.target ORDER BY target_id"
    one, two = both.rows_of_duckdb(text), both.rows_of_postgres(text)
    assert not pair.difference(one, two, ordered=True, digits=digits)
    assert not isinstance(one, Exception), one
    return [x for _, x in one]


def ask_once(both: pair.Engines, value: str) -> Any:
    """Return a value that no row changes, or one of all rows."""
    text = f"SELECT TOP 1 {value} AS x FROM cta.target"
    one, two = both.rows_of_duckdb(text), both.rows_of_postgres(text)
    assert not pair.difference(one, two, ordered=True)
    assert not isinstance(one, Exception), one
    return one[0][0]


def _star(rest: str) -> str:
    return f"ivo_epoch_prop_pos(7.606083572, 11.79044105, {rest})"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ivo_healpix_index(0, 1, 1)", 4),
        ("ivo_healpix_index(17, 1, 1)", 81609757711),
        ("ivo_healpix_index(17, 359, -1)", 73009064944),
        ("ivo_healpix_index(0, POINT(1, 1))", 4),
        ("ivo_healpix_index(17, POINT('ICRS', 1, 1))", 81609757711),
        ("ivo_healpix_index(17, CENTROID(CIRCLE(359, -1, 3)))", 73009064944),
        ("ivo_healpix_center(0, 6)", [180.0, 0.0]),
        (
            "ivo_healpix_center(17, ivo_healpix_index(17, 23.4, 56.7))",
            [23.399843462947466, 56.70016214363192],
        ),
        (
            _star("125, 300, -428.8, 52.51, 2016.0, 1992.25"),
            [7.604061404627978, 11.7932703828279],
        ),
        (
            _star("125, 300, -428.8, 52.51, 2016.0, 1875.0"),
            [7.594068213694308, 11.807251375203897],
        ),
        (
            _star("125, 300, -428.8, NULL, 2016.0, 1875.0"),
            [7.594079587029898, 11.807235464326332],
        ),
        (
            _star("125, 300, NULL, NULL, 2016.0, 1875.0"),
            [7.594080321498365, 11.790440798509207],
        ),
        (
            _star("NULL, 300, -428.8, 52.51, 2016.0, 1875.0"),
            [7.594079587020846, 11.807235464339055],
        ),
        (
            "ivo_geom_transform('ICRS', 'GALACTIC', POINT(120, -23))",
            [241.121831182, 3.62785788087],
        ),
        (
            "ivo_geom_transform('FK4', 'GALACTIC', "  # noqa: ISC004 - one text
            "CIRCLE(189.70303055, 22.96240006, 3))",
            [275.00025405, 84.99996154, 3.0],
        ),
        ("ivo_to_jd(CAST('2000-01-02T12:00:00' AS TIMESTAMP))", 2451546.0),
        ("ivo_to_jd('1910-12-31T06:00:00')", 2419036.75),
        ("ivo_to_mjd(CAST('2000-01-02T12:00:00' AS TIMESTAMP))", 51545.5),
        ("ivo_to_mjd('1910-12-31T06:00:00')", 19036.25),
        ("ivo_to_jd(NULL)", None),
        ("ivo_hasword('Miller and Urey have', 'miller')", 1),
        ("ivo_hasword('shown that a primordial', 'soup')", 0),
        ("ivo_hasword('shown that a primordial', 'shown primordial')", 1),
        ("ivo_hasword('shown that a primordial', 'shown soup')", 0),
        ("ivo_hashlist_has('red#green#blue', 'red#green')", 0),
        ("ivo_interval_overlaps(-2, 55.3, 3, 2)", 0),
        ("ivo_interval_overlaps(-2, 2, 2, 3)", 1),
        ("ivo_hms_to_degrees('3:34:45.4')", 53.689166666666665),
        ("ivo_hms_to_degrees('3h34m45.4s')", 53.689166666666665),
        ("ivo_hms_to_degrees('3H34M45.4S')", 53.689166666666665),
        ("ivo_hms_to_degrees('033445.4')", 53.689166666666665),
        ("ivo_dms_to_degrees('42:9:6.768')", 42.15188),
        ("ivo_dms_to_degrees('42d9m6.768s')", 42.15188),
        ("ivo_dms_to_degrees('420906.768')", 42.15188),
        ("ivo_dms_to_degrees('-00:15:00')", -0.25),
        ("ivo_dms_to_degrees('+0d15m0s')", 0.25),
        ("ivo_simbadpoint('Crab Nebula')", [83.6331, 22.0145]),
    ],
)
def test_examples_of_the_catalogue(
    value: str, expected: Any, both: pair.Engines
) -> None:
    found = ask_once(both, value)
    assert pair.is_same(found, expected, 1e-10)


@pytest.mark.parametrize("order", [0, 1, 3, 8, 13, 20, 29])
def test_healpix_cells_are_those_of_another_library(
    order: int, both: pair.Engines, places: list[tuple[float, float]]
) -> None:
    found = ask(both, f"ivo_healpix_index({order}, ra, dec)")
    inside = len(places) - len(_EDGES)
    for (ra, dec), cell in zip(places[:inside], found, strict=False):
        moc = MOC.from_lonlat(ra * u.deg, dec * u.deg, max_norder=order)
        assert moc.flatten().tolist() == [cell]
    assert all(0 <= cell < 12 * 4**order for cell in found)
    points = ask(both, f"ivo_healpix_index({order}, pos)")
    assert points == [None if n % 5 == 0 else cell for n, cell in enumerate(found)]


@pytest.mark.parametrize("order", [0, 1, 4, 11, 29])
def test_centres_lie_in_their_cells_and_nowhere_else(
    order: int, both: pair.Engines
) -> None:
    cells = ask(both, f"ivo_healpix_index({order}, ra, dec)")
    centre = f"ivo_healpix_center({order}, ivo_healpix_index({order}, ra, dec))"
    back = ask(both, f"ivo_healpix_index({order}, {centre})")
    assert back == cells
    moved = ask(both, f"DISTANCE({centre}, POINT(ra, dec))", digits=1e-5)
    assert max(moved) < 60 / 2**order
    last = 12 * 4**order
    assert ask_once(both, f"ivo_healpix_center({order}, {last - 1})") is not None
    assert ask_once(both, f"ivo_healpix_center({order}, {last})") is None
    assert ask_once(both, f"ivo_healpix_center({order}, -1)") is None


@pytest.mark.parametrize(
    "value",
    [
        "ivo_healpix_index(NULL, ra, dec)",
        "ivo_healpix_index(5, POINT(ra, (NULL)))",
        "ivo_healpix_index(5, 1 / (ra - ra), 0)",
        "ivo_healpix_index(5, 0, (ra - ra) / (ra - ra))",
        "ivo_healpix_index(5, 10, 90.1 + ra - ra)",
        'ivo_healpix_index("Mixed Name" + 30, ra, dec)',
        'ivo_healpix_index("Mixed Name" - 30, ra, dec)',
        'ivo_healpix_center("Mixed Name" + 30, 1)',
        "ivo_healpix_center(29, 9223372036854775807)",
        "ivo_geom_transform('ICRS', 'FK4', POINT(1 / (ra - ra), 2))",
        "ivo_epoch_prop_pos(ra / 0., dec, 1, 2, 3, 4, 5, 6)",
        "ivo_epoch_prop_pos(ra, dec, 1e300, 1e300, 1e300, 1e300, 0, 1e300)",
        "ivo_hms_to_degrees(name)",
        "ivo_dms_to_degrees('1:60:0')",
        "ivo_dms_to_degrees('361:0:0')",
        "ivo_hms_to_degrees('-1:0:0')",
        "ivo_hms_to_degrees('24:0:0.1')",
        "ivo_hms_to_degrees('１:0:0')",
        "ivo_hms_to_degrees('1:0:0' || name)",
    ],
)
def test_what_is_no_place_no_cell_and_no_angle_is_null(
    value: str, both: pair.Engines
) -> None:
    if value.startswith(("ivo_healpix_center", "ivo_geom", "ivo_epoch")):
        value = f"COORD1({value})"
    assert set(ask(both, value)) == {None}


_FRAMES = {
    "ICRS": ICRS(),
    "FK5": FK5(equinox="J2000"),
    "FK4": FK4NoETerms(equinox="B1950"),
    "GALACTIC": Galactic(),
    "SUPER_GALACTIC": Supergalactic(),
    "ECLIPTIC": BarycentricMeanEcliptic(equinox="J2000"),
}


@pytest.mark.parametrize("source", _FRAMES)
@pytest.mark.parametrize("target", _FRAMES)
def test_frames_are_those_of_astropy(
    source: str, target: str, both: pair.Engines, places: list[tuple[float, float]]
) -> None:
    """To 1 mas; FK4 by the matrix alone, which moves with the epoch in astropy."""
    value = f"ivo_geom_transform('{source}', '{target}', POINT(ra, dec))"
    found = np.array(ask(both, value, digits=1e-9))
    sky = SkyCoord(
        [ra for ra, _ in places] * u.deg,
        [dec for _, dec in places] * u.deg,
        frame=_FRAMES[source],
    ).transform_to(_FRAMES[target])
    there = SkyCoord(*(found.T * u.deg), frame=_FRAMES[target])
    assert there.separation(sky).max() < 1 * u.mas
    assert found[:, 0].min() >= 0
    assert found[:, 0].max() < 360


def test_circles_and_polygons_are_turned_and_keep_their_size(
    both: pair.Engines,
) -> None:
    circle = "ivo_geom_transform('ICRS', 'GALACTIC', CIRCLE(ra, dec, 2.5))"
    assert {x[2] for x in ask(both, circle, digits=1e-9)} == {2.5}
    polygon = "POLYGON(10, 10, 20, 10, 20, 20, 10, 20)"
    turned = f"ivo_geom_transform('FK4', 'SUPER_GALACTIC', {polygon})"
    assert ask_once(both, f"AREA({turned}) / AREA({polygon})") == pytest.approx(1)
    assert ask_once(both, f"COORDSYS({turned})") == "SUPER_GALACTIC"


def test_motion_is_that_of_astropy(
    both: pair.Engines, places: list[tuple[float, float]]
) -> None:
    """To 1 mas: astropy also counts the time that light takes."""
    value = "ivo_epoch_prop_pos(ra, dec, 8, 350, -420, 30, 2000, 2025)"
    found = np.array(ask(both, value, digits=1e-9))
    star = SkyCoord(
        [ra for ra, _ in places] * u.deg,
        [dec for _, dec in places] * u.deg,
        distance=np.full(len(places), 125) * u.pc,
        pm_ra_cosdec=np.full(len(places), 350) * u.mas / u.yr,
        pm_dec=np.full(len(places), -420) * u.mas / u.yr,
        radial_velocity=np.full(len(places), 30) * u.km / u.s,
        obstime=Time("J2000"),
    )
    later = star.apply_space_motion(new_obstime=Time("J2025"))
    there = SkyCoord(*(found.T * u.deg))
    assert there.separation(SkyCoord(later.ra, later.dec)).max() < 1 * u.mas


def test_sexagesimal_texts_are_those_of_astropy(both: pair.Engines) -> None:
    random = np.random.default_rng(5)
    for _ in range(40):
        hours, minutes = int(random.integers(24)), int(random.integers(60))
        seconds = round(float(random.uniform(0, 59.9)), 3)
        text = f"{hours}:{minutes}:{seconds}"
        found = ask_once(both, f"ivo_hms_to_degrees('{text}')")
        assert found == pytest.approx(Angle(text, unit=u.hourangle).deg, abs=1e-12)
        text = f"-{hours}d{minutes}m{seconds}s"
        found = ask_once(both, f"ivo_dms_to_degrees('{text}')")
        assert found == pytest.approx(Angle(text).deg, abs=1e-12)


def test_texts_are_joined_in_their_order(both: pair.Engines) -> None:
    text = (
        "SELECT target_id / 60 AS g, ivo_string_agg(name, '; ') AS x "
        "FROM cta.target GROUP BY g ORDER BY g"
    )
    one, two = both.rows_of_duckdb(text), both.rows_of_postgres(text)
    assert not pair.difference(one, two, ordered=True)
    assert not isinstance(one, Exception)
    for group, joined in one:
        count = 300 + len(_EDGES)
        expected = sorted(f"t{n * 7 % 50}" for n in range(count) if n // 60 == group)
        assert joined == "; ".join(expected)
    assert ask_once(both, "ivo_string_agg(NULL, ',')") is None


def test_a_joined_text_that_is_too_long_is_the_users_error(both: pair.Engines) -> None:
    long = "name || '%s'" % ("x" * 600)
    text = f"SELECT ivo_string_agg({long}, ' ') AS x FROM cta.target"
    for answer in (both.rows_of_duckdb(text), both.rows_of_postgres(text)):
        assert isinstance(answer, Exception)
        assert "a text became longer than 100000 characters" in str(answer)


def test_histograms_are_those_of_numpy(
    both: pair.Engines, places: list[tuple[float, float]]
) -> None:
    dec = np.array([dec for _, dec in places])
    for low, high, bins in ((-90, 90, 12), (-30, 41.5, 1), (0, 1e-3, 1000)):
        found = ask_once(both, f"ivo_histogram(dec, {low}, {high}, {bins})")
        inside, _ = np.histogram(dec, bins, (low, high))
        assert found == [int((dec < low).sum()), *inside, int((dec > high).sum())]
    nothing = ask_once(both, "ivo_histogram(NULL, 0, 1, 3)")
    assert nothing == [len(places), 0, 0, 0, 0]
    text = "SELECT ivo_histogram(ra, 0, 1, 3) AS x FROM cta.target WHERE ra > 1e9"
    assert both.rows_of_duckdb(text) == both.rows_of_postgres(text) == [([0] * 5,)]


def test_normal_numbers_are_normal(both: pair.Engines) -> None:
    text = (
        "SELECT ivo_normal_random(10, 5) AS x FROM cta.target AS a, cta.target AS b "
        "WHERE a.target_id < 40"
    )
    for answer in (both.rows_of_duckdb(text), both.rows_of_postgres(text)):
        assert not isinstance(answer, Exception)
        values = np.array([x for (x,) in answer])
        assert len(set(values.tolist())) == len(values)
        assert abs(values.mean() - 10) < 6 * 5 / math.sqrt(len(values))
        assert abs(values.std() - 5) < 6 * 5 / math.sqrt(2 * len(values))
    assert ask_once(both, "ivo_normal_random(NULL, 5)") is None
    assert ask_once(both, "ivo_normal_random(7, 0)") == 7.0


def test_functions_in_functions_do_not_grow_without_end(both: pair.Engines) -> None:
    value = "POINT(ra, dec)"
    for _ in range(12):
        value = f"ivo_healpix_center(20, ivo_healpix_index(20, {value}))"
    ask(both, f"COORD1({value})")
    value = "POINT(ra, dec)"
    for _ in range(10):
        value = f"ivo_geom_transform('ICRS', 'GALACTIC', {value})"
    ask(both, f"COORD2({value})", digits=1e-9)


def test_an_object_is_resolved_by_who_is_asked(catalog: Catalog) -> None:
    text = "SELECT ivo_simbadpoint('my star') AS x FROM cta.target"
    asked: list[str] = []

    def resolve(name: str) -> tuple[float, float]:
        asked.append(name)
        return 12.5, -3.25

    sql = translate(text, catalog, resolve=resolve).sql
    assert "12.5e0" in sql
    assert asked == ["my star"]
    with pytest.raises(QueryError, match="no object 'my star' is known here"):
        translate(text, catalog)


def test_a_known_object_in_a_cone_is_found_by_the_index(catalog: Catalog) -> None:
    text = (
        "SELECT name FROM cta.target WHERE "
        "1 = CONTAINS(POINT(ra, dec), CIRCLE(ivo_simbadpoint('Crab'), 2))"
    )
    assert "dst.may_be_close" in translate(text, catalog, target="pgsphere").sql


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (a, b)
        for a in ("TeV", "keV", "m", "nm", "Hz", "GHz", "m**-1", "erg", "J", "Angstrom")
        for b in ("GeV", "m", "Hz", "cm**-1")
    ],
)
def test_every_spectral_unit_becomes_every_other(
    source: str, target: str, both: pair.Engines
) -> None:
    found = ask_once(both, f"gavo_specconv(2.5, '{source}', '{target}')")
    given = 2.5 * u.Unit(source, format="vounit")
    expected = given.to_value(u.Unit(target, format="vounit"), u.spectral())
    assert found == pytest.approx(expected, rel=1e-12)
