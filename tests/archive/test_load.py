"""Many rows at once into a table that a site fills, on each engine."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from benchmarks.tap.model import TABLE, write_model
from benchmarks.tap.rows import batches

from distiller.archive import Archive, open_archive
from distiller.core.errors import BadParameter, IllegalState, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from distiller.core.settings import Settings

pytestmark = pytest.mark.slow
ROWS = 3000
KEY = "obs_publisher_did"


@pytest.fixture(scope="module")
def site_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model with a table of places and regions that no dataset leads to."""
    folder = tmp_path_factory.mktemp("model") / "uml"
    write_model(folder)
    return folder


@pytest.fixture
def site(make_home: Callable[..., Settings], site_model: Path) -> Iterator[Archive]:
    """Return an archive of that model."""
    with open_archive(make_home(model_dir=site_model)) as archive:
        yield archive


def _row(**cells: Any) -> pa.RecordBatch:
    row = {"obs_collection": "c", "obs_id": "1", KEY: "ivo://x/y?1", "calib_level": 2}
    return pa.RecordBatch.from_pylist([{**row, **cells}])


def test_rows_come_out_as_they_went_in(site: Archive) -> None:
    assert site.load(TABLE, batches(ROWS)) == ROWS
    wanted = pa.Table.from_batches(batches(ROWS)).sort_by(KEY).to_pylist()
    names = ", ".join(wanted[0])
    assert site.rows(f"SELECT {names} FROM {TABLE} ORDER BY {KEY}") == wanted
    assert site.check() == []  # indexes among it


def test_more_rows_go_in_beside_those_that_are_there(site: Archive) -> None:
    for start, number in ((0, 0), (1, 1)):
        assert site.load(TABLE, [_row(**{KEY: f"ivo://x/y?{start}"})]) == 1
        assert site.rows(f"SELECT count(*) AS n FROM {TABLE}") == [{"n": number + 1}]
    assert site.check() == []


def test_columns_that_are_not_given_and_nan_are_null(site: Archive) -> None:
    site.load(TABLE, [_row(s_ra=math.nan, calib_level=3.0)])
    found = site.rows(f"SELECT s_ra, s_dec, calib_level FROM {TABLE}")
    assert found == [{"s_ra": None, "s_dec": None, "calib_level": 3}]


def test_no_rows_are_no_fault(site: Archive) -> None:
    assert site.load(TABLE, []) == 0


@pytest.mark.parametrize(
    ("name", "cells", "kind", "words"),
    [
        ("no.table", {}, NotFound, "no table no.table"),
        ("cta.product", {}, IllegalState, "its rows are own"),
        ("ivoa.obscore", {}, IllegalState, "its rows are mapped"),
        (TABLE, {"colour": "red"}, BadParameter, "has no column colour"),
        (TABLE, {"s_ra": "north"}, BadParameter, f"of {TABLE} do not fit"),
        (TABLE, {"calib_level": 2.5}, BadParameter, f"of {TABLE} do not fit"),
        (TABLE, {"obs_id": None}, Exception, r"(?i)null"),
    ],
)
def test_what_does_not_fit_is_told_and_nothing_is_left(
    site: Archive, name: str, cells: dict[str, Any], kind: type[Exception], words: str
) -> None:
    good = _row(**{**dict.fromkeys(cells), "obs_id": "1", "calib_level": 2, KEY: "a"})
    given = [good, _row(**cells)] if "colour" not in cells else [_row(**cells)]
    with pytest.raises(kind, match=words):
        site.load(name, given)
    assert site.rows(f"SELECT count(*) AS n FROM {TABLE}") == [{"n": 0}]
    assert site.check() == []


def test_rows_of_a_key_that_is_there_are_refused(site: Archive) -> None:
    site.load(TABLE, [_row()])
    with pytest.raises(Exception, match=r"(?i)key|duplicate|unique"):
        site.load(TABLE, [_row()])
    assert site.rows(f"SELECT count(*) AS n FROM {TABLE}") == [{"n": 1}]
