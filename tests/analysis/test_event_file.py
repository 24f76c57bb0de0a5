"""What is wrong with an events file is said with its name and its run."""

from __future__ import annotations

import gzip
import warnings
from typing import TYPE_CHECKING

import pytest
from astropy.io import fits
from tests.ingest.conftest import RunPlan, no_responses

from distiller.analysis import events
from distiller.analysis.products import HeaderCorrection, InputDataset
from distiller.core.errors import BadData, Damaged
from distiller.core.files import sha256
from distiller.jobs import failures

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.slow

WHOLE = RunPlan(obs_id=7, n_events=2000, responses=no_responses)


def dataset(path: Path, checksum: str = "") -> InputDataset:
    return InputDataset(
        did="ivo://org.example/set?7",
        obs_id="7",
        collection="set",
        path=path,
        checksum=checksum,
    )


def _flipped(content: bytes) -> bytes:
    made = bytearray(content)
    made[len(made) // 2] ^= 0xFF
    return bytes(made)


def _with(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    return lambda content: content.replace(old, new, 1)


BROKEN: list[tuple[str, Callable[[bytes], bytes], str]] = [
    ("run.fits", lambda b: b[:0], "D103 run.fits: {} is empty"),
    ("run.fits", lambda b: b[:100], "D107 run.fits: {} is cut off"),
    ("run.fits", lambda b: b[:9000], "D107 run.fits: {} is cut off"),
    ("run.fits", lambda b: b[:28800], "D107 run.fits: {} is cut off"),
    ("run.fits", lambda _: b"<html>" * 999, "D106 run.fits: {} is not FITS"),
    ("run.fits.gz", lambda b: gzip.compress(b)[:999], "D107 run.fits.gz: {} is cut"),
    ("run.fits.gz", lambda _: gzip.compress(b"hello"), "D106 run.fits.gz: {} is not F"),
    (
        "run.fits.gz",
        lambda b: _flipped(gzip.compress(b)),
        "D108 run.fits.gz: {} is damaged: its compression is broken",
    ),
    (
        "run.fits",
        lambda b: b.replace(b"'EVENTS  '", b"'NOTHING '"),
        "D105 run.fits: {} has no table EVENTS",
    ),
    (
        "run.fits",
        lambda b: b.replace(b"'GTI     '", b"'NOT     '"),
        "D104 run.fits: {} has no table G",
    ),
    (
        "run.fits",
        lambda b: b.replace(b"MJDREFI =", b"MJDNOTI ="),
        "D109 run.fits: {} cannot be read as a DL3 event list: has no MJDREFI",
    ),
    (
        "run.fits",
        _with(b"RA_PNT  =               83.633", b"RA_PNT  = 83.6.33 @ 'abc      "),
        "D109 run.fits: {} cannot be read as a DL3 event list: Unparsable card (RA_PNT",
    ),
    (
        "run.fits",
        _with(b"TTYPE4  = 'ENERGY  '", b"TTYPE4  = 'ENERGIE '"),
        "D109 run.fits: {} cannot be read as a DL3 event list: GADF event table does",
    ),
]


@pytest.mark.parametrize(("name", "spoil", "fault"), BROKEN)
def test_what_is_wrong_with_a_file(
    tmp_path: Path, name: str, spoil: Callable[[bytes], bytes], fault: str
) -> None:
    path = WHOLE.write(tmp_path / "whole.fits")
    spoilt = spoil(path.read_bytes())
    (tmp_path / name).write_bytes(spoilt)
    words = "the events file of run 7 (ivo://org.example/set?7)"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what astropy says on the way
        with pytest.raises(BadData) as caught:
            events.read(dataset(tmp_path / name))
    assert caught.value.text.startswith(fault.format(words))
    # Its user is told that the fault is in the data.
    told = failures.told(caught.value)
    assert told.message == f"U600 {caught.value.text}"
    assert "(choose other runs, or tell the operators; " in told.message
    assert told.type == "fatal"


def test_a_file_that_was_cut_since_it_was_ingested(tmp_path: Path) -> None:
    path = WHOLE.write(tmp_path / "run.fits")
    known = dataset(path, sha256(path))
    assert events.read(known).ra_deg.size == 2000
    path.write_bytes(path.read_bytes()[:9000])
    message = r"\?7\) is cut off, which it was not when it was ingested \(choose"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(BadData, match=message):
            events.read(known)


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    # A folder in its place: root may read every file.
    message = r"run 7 \(.*\) cannot be opened: run.fits: Is a directory \(tell the op"
    (tmp_path / "run.fits").mkdir()
    with pytest.raises(Damaged, match=message):
        events.read(dataset(tmp_path / "run.fits", "0" * 64))


@pytest.mark.parametrize("table", ["EVENTS", "GTI"])
@pytest.mark.parametrize("given", ["TIMESYS", "MJDREFI MJDREFF", "blank"])
def test_a_table_without_time_reference_has_that_of_the_other(
    tmp_path: Path, table: str, given: str
) -> None:
    whole = RunPlan(obs_id=7, responses=no_responses, header={"TIMESYS": "UTC"})
    path, other = whole.write(tmp_path / "a.fits"), whole.write(tmp_path / "b.fits")
    with fits.open(other, mode="update") as hdus:
        header = hdus[table].header
        if given == "blank":
            header["TIMESYS"] = " "
        else:
            for keyword in given.split():
                del header[keyword]
    wanted, read = events.read(dataset(path)), events.read(dataset(other))
    assert wanted.time.scale == read.time.scale == "utc"
    assert (read.time == wanted.time).all()
    assert (read.good_mjd == wanted.good_mjd).all()


def test_a_correction_of_a_table_that_is_not_there(tmp_path: Path) -> None:
    path = WHOLE.write(tmp_path / "run.fits")
    one = HeaderCorrection(
        file="run.fits", hdu="AEFF", header="AEFF", keyword="LO_THRES", value=1.0,
        former=None, reason="by hand",
    )  # fmt: skip
    given = dataset(path).model_copy(update={"corrections": (one,)})
    message = r"has no table AEFF, whose LO_THRES the archive corrects \(tell"
    with pytest.raises(Damaged, match=message):
        events.read(given)
    elsewhere = one.model_copy(update={"file": "irf.fits"})
    given = dataset(path).model_copy(update={"corrections": (elsewhere,)})
    assert events.read(given).ra_deg.size == 2000
