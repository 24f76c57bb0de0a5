"""Functions on time MOCs: right by mocpy and astropy, alike on both engines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from astropy.time import Time
from mocpy import TimeMOC
from tests.support import engines as pair

from distiller.adql import translate
from distiller.archive.times import LEAPS_MJD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support import postgres

    from distiller.core.columns import Catalog

pytestmark = pytest.mark.slow
_START_US = 212457644084953088
_ILL = (
    None, "", "x", "41/3-1", "62/1", "41/1 s3/1", "41/1-", "1", "/", "T41/1", "t 41/1",
    "61/4611686018427387904", "61/9999999999999999999", "0/2", "99/1", "٤١/1",
)  # fmt: skip
_ODD = (
    "41/", "t41/", "0/0-1", "0/", "41/1,3 7", " 41/1\n42/7 8 ", "05/01", "61/0",
    "61/4611686018427387903", "61/1 2 3 4 5 6 7 11", "40/1 41/1-3", "41/1 40/ 41/2",
    "30/99 31/", "41/202615400136 202615402608",
)  # fmt: skip


def _random(random: np.random.Generator) -> str:
    order = int(random.integers(30, 62))
    first = _START_US >> (61 - order)
    cells = {first + int(n) for n in random.integers(0, 60, random.integers(1, 25))}
    return f"{order}/{' '.join(map(str, sorted(cells)))}"


@pytest.fixture(scope="module")
def texts() -> list[tuple[str | None, str | None]]:
    random = np.random.default_rng(17)
    good = [(_random(random), _random(random)) for _ in range(250)]
    odd: list[tuple[str | None, str | None]] = [
        (one, two) for one in (*_ODD, *_ILL) for two in (_ODD[0], _ODD[8], one, None)
    ]
    return good + odd


@pytest.fixture(scope="module")
def both(
    catalog: Catalog,
    postgres_server: postgres.Server,
    texts: list[tuple[str | None, str | None]],
) -> Iterator[pair.Engines]:
    """Both engines; each product has two texts."""
    engines = pair.make(catalog, postgres_server.create())
    engines.fill(
        "cta.product",
        [(f"{n:05}", "", one, n, None, None) for n, (one, _) in enumerate(texts)],
    )
    engines.fill(
        "cta.target",
        [(n, two or "-", None, None, None, None) for n, (_, two) in enumerate(texts)],
    )
    yield engines
    pair.close(engines)


def ask(both: pair.Engines, value: str) -> list[Any]:
    """Return a value of each pair ``a``, ``b``, after both engines have given it."""
    value = value.replace("{a}", "p.product_type").replace("{b}", "t.name")
    text = (
        f"SELECT p.product_id, {value} AS x FROM cta.product AS p "
        'JOIN cta.target AS t ON p."size" = t.target_id ORDER BY p.product_id'
    )
    one, two = both.rows_of_duckdb(text), both.rows_of_postgres(text)
    assert not pair.difference(one, two, ordered=True)
    assert not isinstance(one, Exception), one
    return [x for _, x in one]


def _moc(text: str | None) -> TimeMOC | None:
    if text is None or text in _ILL:
        return None
    text = " ".join(text.removeprefix("t").replace(",", " ").split())
    if text in {"40/1 41/1-3", "41/1 40/ 41/2"}:  # mocpy refuses what overlaps
        return TimeMOC.from_string("41/1-3" if text[1] == "0" else "41/1-2")
    return TimeMOC.from_string(text)


def _same(found: list[Any], expected: list[Any]) -> None:
    assert [f for f, e in zip(found, expected, strict=True) if f != e] == []


def test_texts_are_those_of_mocpy(
    both: pair.Engines, texts: list[tuple[str | None, str | None]]
) -> None:
    found = ask(both, "cta_tmoc({a})")
    for (text, _), made in zip(texts, found, strict=True):
        moc = _moc(text)
        assert (made is None) == (moc is None), text
        if moc is not None and text not in {"40/1 41/1-3", "41/1 40/ 41/2"}:
            assert made == moc.to_string().strip(), text


@pytest.mark.parametrize("name", ["intersection", "union"])
def test_sets_of_times_are_those_of_mocpy(
    name: str, both: pair.Engines, texts: list[tuple[str | None, str | None]]
) -> None:
    found = ask(both, f"cta_tmoc_{name}({{a}}, {{b}})")
    seconds = ask(both, f"cta_tmoc_duration(cta_tmoc_{name}({{a}}, {{b}}))")
    for (a, b), made, length in zip(texts, found, seconds, strict=True):
        one, two = _moc(a), _moc(b)
        if one is None or two is None:
            assert made is None
            assert length is None
            continue
        expected = one.intersection(two) if name == "intersection" else one.union(two)
        ranges = expected.to_depth61_ranges
        assert TimeMOC.from_string(made).to_depth61_ranges.tolist() == ranges.tolist()
        if "40/1" not in f"{a}{b}" and "40/ " not in f"{a}{b}":
            assert made == expected.to_string().strip()
        total = sum(stop - start for start, stop in ranges.tolist())
        assert length == pytest.approx(total / 1e6)


def test_what_meets_and_what_holds(
    both: pair.Engines, texts: list[tuple[str | None, str | None]]
) -> None:
    meet = ask(both, "cta_tmoc_intersects({a}, {b})")
    held = ask(both, "cta_tmoc_contains({a}, {b})")
    for (a, b), meets, holds in zip(texts, meet, held, strict=True):
        one, two = _moc(a), _moc(b)
        if one is None or two is None:
            assert (meets, holds) == (None, None)
            continue
        common = one.intersection(two).to_depth61_ranges.tolist()
        assert meets == int(bool(common))
        assert holds == int(common == one.to_depth61_ranges.tolist())
    assert {0, 1, None} == set(meet) == set(held)
    for condition, values in (
        ("1 = cta_tmoc_intersects({a}, {b})", [m == 1 for m in meet]),
        ("cta_tmoc_intersects({a}, {b}) = 0", [m == 0 for m in meet]),
        ("cta_tmoc_contains({a}, {b}) <> 0", [h == 1 for h in held]),
        ("NOT (1 = cta_tmoc_contains({a}, {b}))", [h == 0 for h in held]),
    ):
        text = condition.replace("{a}", "p.product_type").replace("{b}", "t.name")
        query = (
            "SELECT p.product_id FROM cta.product AS p JOIN cta.target AS t "
            f'ON p."size" = t.target_id WHERE {text} ORDER BY p.product_id'
        )
        one_, two_ = both.rows_of_duckdb(query), both.rows_of_postgres(query)
        assert not pair.difference(one_, two_, ordered=True)
        expected = [(f"{n:05}",) for n, value in enumerate(values) if value]
        assert one_ == expected


def _once(both: pair.Engines, value: str) -> Any:
    text = f"SELECT TOP 1 {value} AS x FROM cta.product"
    one, two = both.rows_of_duckdb(text), both.rows_of_postgres(text)
    assert not pair.difference(one, two, ordered=True)
    assert not isinstance(one, Exception), one
    return one[0][0]


def _tcb_us(mjd: float) -> int:
    time = Time(mjd, format="mjd", scale="utc").tcb
    halves = round(float(time.jd1) * 2)
    rest = float(time.jd1) - halves / 2 + float(time.jd2)
    return halves * 43_200_000_000 + round(rest * 86400e6)


def test_moments_of_utc_are_those_of_astropy(both: pair.Engines) -> None:
    """To 2.5 ms, since TT is taken for TDB; on both engines to the microsecond."""
    random = np.random.default_rng(23)
    moments = random.uniform(41317, 64000, 40).tolist() + [
        edge + step for edge in LEAPS_MJD for step in (0.25, 1e-6)
    ]
    for mjd in moments:
        text = _once(both, f"cta_tmoc_between({mjd!r}, {mjd!r})")
        ((start, stop),) = TimeMOC.from_string(text).to_depth61_ranges.tolist()
        assert stop - start in {1, 2}
        if mjd < 62000:
            assert abs(start - _tcb_us(mjd)) < 2500, mjd


def test_an_interval_is_as_long_as_it_says(both: pair.Engines) -> None:
    between = "cta_tmoc_between(59000.01, 59000.03)"
    assert _once(both, f"cta_tmoc_duration({between})") == pytest.approx(1728)
    assert _once(both, f"cta_tmoc_has({between}, 59000.02)") == 1
    assert _once(both, f"cta_tmoc_has({between}, 59000.04)") == 0
    start = "cta_tmoc_between(59000, 59000)"
    assert _once(both, f"cta_tmoc_has({start}, 59000)") == 1
    assert _once(both, f"cta_tmoc_contains({start}, {between})") == 0


@pytest.mark.parametrize(
    "value",
    [
        "cta_tmoc_between(59000, 58999)",
        "cta_tmoc_between(NULL, 58999)",
        "cta_tmoc_between(1 / 0., 1 / 0.)",
        "cta_tmoc_between(0. / 0., 59000)",
        "cta_tmoc_between(-1e300, 59000)",
        "cta_tmoc_between(59000, 1e300)",
        "cta_tmoc_has('41/5', 1 / 0.)",
        "cta_tmoc_has('41/5', NULL)",
        "cta_tmoc_has(NULL, 59000)",
        "cta_tmoc(NULL)",
        "cta_tmoc_intersection('41/5', NULL)",
        "cta_tmoc_union(NULL, cta_tmoc('41/5'))",
        "cta_tmoc_duration(cta_tmoc_between(59000, 58999))",
        "cta_tmoc_contains('41/5', cta_tmoc_between(59000, 58999))",
    ],
)
def test_what_is_no_moment_is_null(value: str, both: pair.Engines) -> None:
    assert _once(both, value) is None


def test_the_common_time_of_all_is_a_moc_again(both: pair.Engines) -> None:
    value = "cta_tmoc_between(59000, 59001)"
    for number in range(10):
        value = f"cta_tmoc_union({value}, cta_tmoc_between(59002.{number}, 59003))"
    assert _once(both, f"cta_tmoc_duration({value})") == pytest.approx(2 * 86400)


def test_a_moc_is_announced_as_one(catalog: Catalog) -> None:
    text = "SELECT cta_tmoc_intersection(name, name) AS x FROM cta.target"
    (column,) = translate(text, catalog).columns
    assert (column.datatype, column.arraysize, column.xtype) == ("char", "*", "moc")


_IS_INDEXED = "SELECT FROM pg_class WHERE relname = 'by_time'"
_INDEXED = """
INSERT INTO cta.target SELECT n, '41/' || 202615400136 + n * 100 || '-'
  || 202615400136 + n * 100 + 20, NULL, NULL, NULL, NULL
FROM generate_series(1000, 30000) AS n;
CREATE INDEX by_time ON cta.target USING gist (dst.moc_ranges(name));
ANALYZE cta.target;
"""


@pytest.mark.parametrize(
    "condition",
    [
        "1 = cta_tmoc_intersects(name, '41/202615600136-202615600236')",
        "1 = cta_tmoc_intersects(cta_tmoc_between(59030, 59030.1), name)",
        "cta_tmoc_contains('41/202615600140', name) = 1",
        "1 = cta_tmoc_has(name, 59030.25) AND target_id > 7",
    ],
)
def test_times_are_found_by_the_index(condition: str, both: pair.Engines) -> None:
    if both.postgres.execute(_IS_INDEXED.encode()).fetchone() is None:
        both.postgres.execute(_INDEXED.encode())
    sql = translate(
        f"SELECT target_id FROM cta.target WHERE {condition}",
        both.catalog,
        target="pgsphere",
    ).sql
    rows = both.postgres.execute(f"EXPLAIN {sql}".encode()).fetchall()
    plan = "\n".join(row[0] for row in rows)
    assert "by_time" in plan
    assert "Index Cond" in plan
