"""Corrections of headers reach the jobs: what they read is what the archive has."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml
from astropy.io import fits
from tests.ingest.conftest import RunPlan, aeff_hdu, write_indexes

from distiller.analysis import event_file, events
from distiller.analysis.count_map.parameters import CountMapParameters
from distiller.analysis.count_map.run import run
from distiller.analysis.products import HeaderCorrection
from distiller.archive import open_archive
from distiller.archive.opening import engine_of
from distiller.core.errors import BadParameter
from distiller.core.rights import NOBODY
from distiller.ingest import Options, Report, ingest
from distiller.jobs.inputs import resolve

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from distiller.analysis.products import InputDataset, ProductDescription
    from distiller.archive import Archive
    from distiller.core.settings import Settings

pytestmark = pytest.mark.slow

Told = tuple[str, str, Any]
"""Table, keyword and right value; None: it is not known."""


def settings_of(told: list[Told]) -> str:
    """Return the text of a settings file with these overrides."""
    texts = {str: lambda v: f'"{v}"', bool: lambda v: str(v).lower()}
    lines: list[str] = []
    for table, keyword, value in told:
        shown = texts.get(type(value), repr)(value)
        right = "drop = true" if value is None else f"value = {shown}"
        lines += ["[[override]]", f'table = "{table}"', f'keyword = "{keyword}"']
        lines += [right, 'reason = "as the logbook says"']
    return "\n".join(lines)


def taken_in(archive: Archive, folder: Path, told: list[Told]) -> Report:
    said = folder.with_suffix(".toml")
    said.write_text(settings_of(told))
    report = ingest([folder], archive, "org.example", Options(settings=said))
    assert report.refused == 0, report.findings
    return report


def resolved(archive: Archive, did: str) -> InputDataset:
    (found,), _ = resolve(archive, [f"ivo://org.example/{did}"], NOBODY)
    return found


def made(dataset: InputDataset, folder: Path, **given: Any) -> ProductDescription:
    folder.mkdir()
    asked = {"obs": [dataset.did], "ra": 2, "dec": 2, "width": 8, "binsz": 0.5}
    configuration = CountMapParameters.model_validate({**asked, "e_min": 0.5, **given})
    return run(configuration, [dataset], folder, lambda _fraction, _text: None)


def mended_file(path: Path, told: list[Told], to: Path) -> Path:
    """Write a copy of a file whose headers are truly mended."""
    to.parent.mkdir(parents=True)
    with fits.open(path) as hdus:
        for table, keyword, value in told:
            header = hdus[table].header
            header.remove(keyword, ignore_missing=True, remove_all=True)
            if value is not None:
                header[keyword] = value
        hdus.writeto(to)
    return to


BOTH = ("EVENTS", "GTI")
CASES: dict[str, tuple[dict[str, Any], list[Told]]] = {
    "time scale": (
        {"header": {"TIMESYS": "UTC"}},
        [(table, "TIMESYS", "TT") for table in BOTH],
    ),
    "time scale of one": (
        {"gti_header": {"TIMESYS": "local"}},
        [("GTI", "TIMESYS", "TT")],
    ),
    "reference": (
        {"header": {"MJDREFI": 59001, "MJDREFF": 0.5}},
        [
            (table, keyword, value)
            for table in BOTH
            for keyword, value in (("MJDREFI", 59000), ("MJDREFF", 1e-7 / 3))
        ],
    ),
    "no time scale": (
        {"header": {"TIMESYS": "UTC"}},
        [(table, "TIMESYS", None) for table in BOTH],
    ),
    "pointing": (
        {"header": {"RA_PNT": 263.6, "DEC_PNT": "north"}},
        [("EVENTS", "RA_PNT", 83.0), ("EVENTS", "DEC_PNT", 22.0000000001)],
    ),
    "no reference": (
        {"gti_header": {"MJDREFI": None}},
        [("GTI", "MJDREFI", 59000), ("AEFF", "LO_THRES", 2.0)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_corrected_run_is_read_as_one_that_was_truly_mended(
    make_home: Callable[..., Settings], tmp_path: Path, name: str
) -> None:
    plan, told = CASES[name]
    told = [*told, ("EVENTS", "OBSERVER", "Ann")]
    wrong = RunPlan(obs_id=7, **plan).write(tmp_path / "wrong" / "run.fits")
    mended_file(wrong, told, tmp_path / "right" / "run.fits")
    with open_archive(make_home(installed=True)) as archive:
        taken_in(archive, wrong.parent, told)
        taken_in(archive, tmp_path / "right", [])
        corrected, right = resolved(archive, "wrong?7"), resolved(archive, "right?7")
        times = archive.rows("SELECT DISTINCT t_min, t_max FROM cta.product")
    assert (len(corrected.corrections), right.corrections) == (len(told), ())
    read, wanted = events.read(corrected), events.read(right)
    assert (read.time == wanted.time).all()
    np.testing.assert_array_equal(read.good_mjd, wanted.good_mjd)
    assert read.pointing_deg == wanted.pointing_deg
    # What the archive says of the run and what its product says is the same.
    (row,) = times
    np.testing.assert_allclose(read.good_mjd[0], list(row.values()), atol=1e-9)
    # A cut between two events that only the right time scale and reference hits.
    cut = {"t_max": float(wanted.time.utc.mjd[2]) + 0.5 / 86400}
    one = made(corrected, tmp_path / "a", **cut)
    other = made(right, tmp_path / "b", **cut)
    maps = [fits.getdata(tmp_path / d / "product.fits") for d in ("a", "b")]
    np.testing.assert_array_equal(*maps)
    assert maps[0].sum() == 2
    about = ("t_min_mjd", "t_max_mjd", "t_exptime_s")
    assert [getattr(one, n) for n in about] == [getattr(other, n) for n in about]


def test_without_the_correction_the_map_would_be_another(
    make_home: Callable[..., Settings], tmp_path: Path
) -> None:
    plan, told = CASES["time scale"]
    run_file = RunPlan(obs_id=7, **plan).write(tmp_path / "set" / "run.fits")
    with open_archive(make_home(installed=True)) as archive:
        taken_in(archive, run_file.parent, told)
        corrected = resolved(archive, "set?7")
    as_it_stands = corrected.model_copy(update={"corrections": ()})
    ahead = events.read(as_it_stands).time - events.read(corrected).time
    assert ahead.sec == pytest.approx([69.184] * 5)


@pytest.mark.parametrize("fault", ["twice", "damaged"])
def test_a_card_that_is_itself_at_fault(
    make_home: Callable[..., Settings], tmp_path: Path, fault: str
) -> None:
    path = RunPlan(obs_id=7).write(tmp_path / "set" / "run.fits")
    content = bytearray(path.read_bytes())
    at, other = content.index(b"RA_PNT  ="), content.index(b"OBSERVER=")
    if fault == "twice":
        content[other : other + 80] = content[at : at + 80]
    else:
        content[at : at + 30] = b"RA_PNT  = 83.6.33 @ 'abc      "
    path.write_bytes(content)
    with open_archive(make_home(installed=True)) as archive:
        taken_in(archive, path.parent, [("EVENTS", "RA_PNT", 83.25)])
        dataset = resolved(archive, "set?7")
    pointing = events.read(dataset).pointing_deg
    assert pointing is not None
    assert pointing[0] == 83.25


def test_responses_and_values_of_every_kind(
    make_home: Callable[..., Settings], tmp_path: Path
) -> None:
    told: list[Told] = [
        ("AEFF", "LO_THRES", 2.0),
        ("PSF", "EV_CLASS", "loose"),
        ("EVENTS", "N_TELS", 3),
        ("EVENTS", "QUALITY", True),
        ("EVENTS", "OBJECT", "\u03b7 Car"),
        ("EVENTS", "CREATOR", ""),
        ("EVENTS", "GEOLAT", None),
        ("EVENTS", "OBJECT", "Crab"),
        ("EVENTS", "ORIGIN", "\u00c5s"),
    ]
    path = RunPlan(obs_id=7).write(tmp_path / "set" / "run.fits")
    with open_archive(make_home(installed=True)) as archive:
        taken_in(archive, path.parent, told)
        dataset = resolved(archive, "set?7")
    assert [(one.header, one.keyword, one.value) for one in dataset.corrections] == told
    assert {one.file for one in dataset.corrections} == {"run.fits"}
    assert dataset.corrections[2].former == "4"
    assert dataset.corrections[7].former == "\u03b7 Car"
    with event_file.opened(dataset) as tables:
        header = tables.events.header
        assert tables.hdus["AEFF"].header["LO_THRES"] == 2.0
        assert tables.hdus["PSF"].header["EV_CLASS"] == "loose"
        assert (header["N_TELS"], header["QUALITY"]) == (3, True)
        assert (header["OBJECT"], header["CREATOR"]) == ("Crab", "")
        assert header["ORIGIN"] == r"\xc5s"
        assert "GEOLAT" not in header
    assert fits.getheader(path, "AEFF")["LO_THRES"] == 0.5


@pytest.mark.parametrize("value", [1.0, 1, True, "1", "", None, 1e22, 0.1 + 0.2])
def test_a_value_comes_through_the_record_of_a_job_as_it_was(value: Any) -> None:
    one = HeaderCorrection(
        file="run.fits", hdu="EVENTS", header="EVENTS", keyword="X", value=value,
        former=None, reason="by hand",
    )  # fmt: skip
    read = HeaderCorrection.model_validate_json(one.model_dump_json())
    assert (type(read.value), read.value) == (type(value), value)


def test_the_record_names_what_was_corrected(
    make_home: Callable[..., Settings], tmp_path: Path
) -> None:
    path = RunPlan(obs_id=7).write(tmp_path / "set" / "run.fits")
    told: list[Told] = [("EVENTS", "RA_PNT", 83.5), ("GTI", "TIMESYS", None)]
    with open_archive(make_home(installed=True)) as archive:
        taken_in(archive, path.parent, told)
        dataset = resolved(archive, "set?7")
    made(dataset, tmp_path / "a")
    text = (tmp_path / "a" / "configuration.yaml").read_text()
    (named,) = yaml.safe_load(text)["inputs"]
    why = "as the logbook says"
    assert named["header_corrections"] == [
        {"file": "run.fits", "hdu": "EVENTS", "keyword": "RA_PNT", "value": 83.5,
         "former": "83.633", "reason": why},
        {"file": "run.fits", "hdu": "GTI", "keyword": "TIMESYS", "drop": True,
         "former": "TT", "reason": why},
    ]  # fmt: skip
    header = fits.getheader(tmp_path / "a" / "product.fits")
    assert why in str(header["HISTORY"])


def test_corrections_of_the_index_are_no_matter_of_files(
    make_home: Callable[..., Settings], tmp_path: Path
) -> None:
    RunPlan(obs_id=7).write(tmp_path / "set" / "run.fits")
    write_indexes(tmp_path / "set", {7: "run.fits"}, {"TARGET_NAME": ["Wrong"]})
    with open_archive(make_home(installed=True)) as archive:
        taken_in(archive, tmp_path / "set", [("INDEX", "TARGET_NAME", "Right")])
        assert archive.rows("SELECT header FROM cta.header_correction")
        assert resolved(archive, "set?7").corrections == ()


def test_what_no_job_can_correct_is_refused(
    make_home: Callable[..., Settings], tmp_path: Path
) -> None:
    """Responses in the events file whose table cannot be named."""

    def nameless() -> list[fits.BinTableHDU]:
        table = aeff_hdu()
        del table.header["EXTNAME"]
        return [table]

    path = RunPlan(obs_id=7, responses=nameless).write(tmp_path / "set" / "run.fits")
    told: list[Told] = [("AEFF", "LO_THRES", 2.0), ("EVENTS", "OBSERVER", "Ann")]
    with open_archive(make_home(installed=True)) as archive:
        taken_in(archive, path.parent, told)
        message = (
            r"obs: corrected in a header that jobs cannot find: ivo://org.example/"
            r"set\?7: LO_THRES of the table AEFF without a name of run.fits \(have"
        )
        with pytest.raises(BadParameter, match=message):
            resolved(archive, "set?7")
        taken_in(archive, path.parent, told[1:])
        assert len(resolved(archive, "set?7").corrections) == 1


def test_runs_that_an_older_version_stored_are_to_be_ingested_again(
    make_home: Callable[..., Settings], tmp_path: Path
) -> None:
    path = RunPlan(obs_id=7).write(tmp_path / "set" / "run.fits")
    told: list[Told] = [("EVENTS", "RA_PNT", 83.5)]
    home = make_home(installed=True)
    with open_archive(home) as archive:
        taken_in(archive, path.parent, told)
    # As such a version left it: the finding, and no correction.
    engine = engine_of(home)
    with closing(engine.session()) as session:
        session.execute("DELETE FROM cta.header_correction")
        session.execute("UPDATE internal.stored_dataset SET checksum = 'of then'")
    engine.close()
    with open_archive(home) as archive:
        message = r"stored before corrections .* for jobs: ivo://org.example/set\?7 \("
        with pytest.raises(BadParameter, match=message):
            resolved(archive, "set?7")
        assert taken_in(archive, path.parent, told).counts["replaced"] == 1
        assert len(resolved(archive, "set?7").corrections) == 1
