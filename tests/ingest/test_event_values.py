"""Event lists whose columns hold no numbers are told, by a sample of their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.ingest.conftest import RunPlan

from distiller.core.errors import BadData
from distiller.ingest.find import is_events
from distiller.ingest.fits_stream import columns, read_hdus

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from distiller.ingest.run import Run

    Judge = Callable[[RunPlan], Run]

pytestmark = pytest.mark.slow


def ending_with_nan(rows: int, lost: int) -> np.ndarray:
    values = np.arange(rows, dtype=float)
    values[rows - lost :] = np.nan
    return values


@pytest.mark.parametrize("column", ["TIME", "RA", "DEC", "ENERGY"])
def test_a_column_without_any_number_refuses_the_run(
    judged: Judge, column: str
) -> None:
    plan = RunPlan(n_events=5, values={column: np.full(5, np.nan)})
    with pytest.raises(BadData) as caught:
        judged(plan)
    assert caught.value.data_code == "D249"
    assert f"{column} of the 5 events: none is a finite number" in caught.value.text


def test_a_long_table_is_judged_by_some_of_its_rows(judged: Judge) -> None:
    nan = np.full(20_000, np.inf)
    with pytest.raises(BadData) as caught:
        judged(RunPlan(n_events=20_000, values={"RA": nan, "ENERGY": nan}))
    text = "RA, ENERGY of the 512 events looked at, of 20,000: none is a finite number"
    assert text in caught.value.text


def test_some_values_that_are_no_numbers_are_a_warning(judged: Judge) -> None:
    lost = {"RA": ending_with_nan(1000, 10), "TIME": ending_with_nan(1000, 100)}
    run = judged(RunPlan(n_events=1000, values=lost))
    (found,) = [f for f in run.findings if f.code == "D250"]
    assert found.message == "TIME of 64, RA of 10; the 512 events looked at, of 1,000"


def test_no_events_have_no_values(judged: Judge) -> None:
    assert [f.code for f in judged(RunPlan(n_events=0)).findings] == ["D238"]


@pytest.mark.parametrize("name", ["run.fits", "run.fits.gz"])
@pytest.mark.parametrize("rows", [1, 511, 512, 513, 5000])
def test_the_sample_goes_from_the_first_row_to_the_last(
    tmp_path: Path, name: str, rows: int
) -> None:
    path = RunPlan(n_events=rows).write(tmp_path / name)
    hdus = read_hdus(path, lambda _: False, sampled=is_events)
    assert [hdu.sample is not None for hdu in hdus[:3]] == [False, True, False]
    assert hdus[2].header.name == "GTI"  # what follows is found
    assert hdus[1].sample is not None
    taken = columns(hdus[1].sample, path)["ENERGY"].tolist()
    assert len(taken) == len(set(taken)) == min(rows, 512)
    assert (taken[0], taken[-1]) == (0.0, rows - 1.0)
    assert taken == sorted(taken)


@pytest.mark.parametrize("part", [0.02, 0.5, 0.9])
def test_a_cut_inside_the_sampled_table_is_told(tmp_path: Path, part: float) -> None:
    path = RunPlan(n_events=50_000, gti=None, responses=list).write(tmp_path / "r.fits")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(BadData) as plain:
        read_hdus(path, lambda _: False)
    with pytest.raises(BadData) as sampled:
        read_hdus(path, lambda _: False, sampled=is_events)
    assert sampled.value.data_code == "D107"
    assert sampled.value.text == plain.value.text
