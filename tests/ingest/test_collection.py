"""Settings of a collection: read strictly, found in one place, and felt in the rows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.ingest.conftest import RunPlan, write_indexes

from distiller.core.errors import BadParameter
from distiller.ingest import Options, Report, ingest
from distiller.ingest.collection_file import FILE_NAME, declared, parse
from distiller.ingest.run_settings import Names

if TYPE_CHECKING:
    from distiller.archive import Archive


pytestmark = pytest.mark.slow


def load(archive: Archive, folder: Path, text: str, **given: object) -> Report:
    file = folder.parent / "given.toml"
    file.write_text(text)
    options = Options(settings=file, **given)  # type: ignore[arg-type]  # as a test names them
    return ingest([folder], archive, "org.example", options)


def counts(report: Report) -> dict[str, int]:
    return {name: number for name, number in report.counts.items() if number}


FAULTS = {
    "titel = 'x'": ("line 1: titel: there is no such setting", "did you mean title"),
    "a = x": ("is no TOML: Invalid value (at line 1, column 5)", "texts stand in"),
    "name = 'two words'": ("line 1: name: letters, digits", "two-words"),
    "\n[[override]]\nkeyword = 'ALTITUDE'\nvalue = 1": (
        "line 2: reason of override 1: is missing",
        "collection-settings.md",
    ),
    "[[override]]\nkeyword='A'\nvalue=1\nreason='r'\n[[override]]\nkeywort='B'": (
        "line 5: keyword of override 2: is missing",
        "collection-settings.md",
    ),
    "[[override]]\nkeyword = 'A'\nvalue = 1\nreason = 'r'\nrun = [1]": (
        "line 5: run of override 1: there is no such setting",
        "did you mean runs",
    ),
    "[[override]]\nkeyword = 'NAXIS2'\nvalue = 1\nreason = 'r'": (
        "line 2: keyword of override 1: NAXIS2 is structure of the file",
        "",
    ),
    "[[override]]\nkeyword = 'TARGET_NAME'\nvalue = 'x'\nreason = 'r'": (
        'a column of the observation index needs table = "INDEX"',
        "",
    ),
    "[[override]]\ntable = 'INDEX'\nkeyword = 'OBS_ID'\nvalue = 1\nfiles = ['a']\n"
    "reason = 'r'": ("OBS_ID names the run in every table: leave out table", ""),
    "[[override]]\nkeyword = 'A'\nreason = 'r'": (
        "line 1: override 1: give either a value or drop = true",
        "",
    ),
    "[[override]]\nkeyword = 'OBS_ID'\nvalue = 1\nreason = 'r'": (
        "OBS_ID names the run: select it by files",
        "",
    ),
    "[[accept]]\ncode = 'D104'\nreason = 'r'": (
        "line 2: code of accept 1: D104 refuses a run or a file",
        "",
    ),
    "[[accept]]\ncode = 'D999'\nreason = 'r'": ("there is no finding D999", ""),
    "[[access]]\nrights = 'public'\ngroup = 'g'": ("public data have no group", ""),
    "[[access]]\nrights = 'secret'": (
        "line 2: rights of access 1: Input should be",
        "",
    ),
    "[site]\nlon = '16.5'\nlat = 1": ("line 2: lon of site: Input should be", ""),
    "[[proposal]]\nid = 1\nruns = [1]\n[[proposal]]\nid = 1\nruns = [2]": (
        "proposal 1 stands there twice",
        "",
    ),
    "terms = '''\n[site]\n'''\nfoo = 1": ("line 4: foo: there is no such", ""),
    "creator_did = 'hess'": ("line 1: creator_did: String should match", ""),
    "title = 'x'\na = " + 20_000 * "[": ("line 2: brackets are nested too deeply", ""),
    "a = 1\nb = " + 5000 * "9": ("line 2: a number has too many digits", ""),
    "[[proposal]]\nid = 1\nruns = ['1..%s']" % (5000 * "9"): (
        "an id has at most 64 characters",
        "",
    ),
    "[[proposal]]\nid = 1\nruns = ['9..1']": ("9..1 ends before it begins", ""),
    "[[proposal]]\nid = 0x%s\nruns = [1]" % (5000 * "f"): (
        "a number of a run has at most 18 digits",
        "",
    ),
    "[[access]]\nrights = 'proprietary'\nrelease = 9999-12-31T23:59:59-10:00": (
        "line 3: release of access 1: 9999-12-31T23:59:59-10:00 is beyond the years",
        "",
    ),
    "[[telescope]]\nid = 1\ndiameter = inf": (
        "line 3: diameter of telescope 1: Input should be a finite number",
        "",
    ),
    "[calib_levels]\nDL3 = 7": ("line 2: DL3 of calib_levels: Input should be", ""),
}


@pytest.mark.parametrize("text", FAULTS)
def test_a_fault_is_named_with_its_line_and_what_to_do(text: str) -> None:
    message, hint = FAULTS[text]
    with pytest.raises(BadParameter) as caught:
        parse(text, "set.toml")
    assert caught.value.message.startswith("set.toml: ")
    assert message in caught.value.message
    assert hint in caught.value.text


def test_the_first_place_that_has_a_file_is_the_only_one(tmp_path: Path) -> None:
    home, data, named = tmp_path / "home", tmp_path / "data", tmp_path / "named.toml"
    home.mkdir()
    data.mkdir()
    assert declared("set", None, home, data).file is None
    (data / FILE_NAME).write_text("title = 'beside the data'\nproject = 'p'")
    assert declared("set", None, home, data).settings.title == "beside the data"
    (home / "set.toml").write_text("title = 'of the home'")
    found = declared("set", None, home, data)
    assert (found.settings.title, found.settings.project) == ("of the home", None)
    assert found.file is not None
    assert found.file.text == "title = 'of the home'"
    named.write_text("title = 'named'")
    assert declared("set", named, home, data).settings.title == "named"
    (home / "set.toml").write_text("name = 'other'")
    with pytest.raises(BadParameter, match=r"name is 'other', the file is set\.toml"):
        declared("set", None, home, data)


def test_what_concerns_a_run_is_all_that_counts_for_it() -> None:
    settings = parse(
        """
        [[proposal]]
        id = 7
        runs = ["1..2"]
        [[override]]
        keyword = "N_TELS"
        value = 4
        runs = [2, 3]
        reason = "placeholder"
        """,
        "set.toml",
    )
    parts = {n: settings.of_run(n, f"{n}.fits", Names()) for n in ("1", "2", "3", "4")}
    assert [p.proposal is not None for p in parts.values()] == [
        True,
        True,
        False,
        False,
    ]
    assert [len(p.overrides) for p in parts.values()] == [0, 1, 1, 0]
    assert settings.named_runs() == {"1..2", "2", "3"}


MENDED = """
name = "mended"
title = "A mended set"
project = "Tests"
terms = "None."
reference = "2019A&A...632A..72M"
creator_did = "ivo://hess.example/dl3"

[rename.target]
"Crab Nebula" = ["test SOURCE"]
[target_class]
"crab nebula" = "PWN"
[rename.facility]
"Test Scope" = ["TESTSCOPE"]

[[access]]
rights = "proprietary"
group = "testers"
release = 2030-01-01
[[access]]
rights = "public"
runs = [2]

[site]
lon = -17.9
lat = 28.8
altitude = 2200

[[override]]
keyword = "N_TELS"
value = 19
runs = [1, 2]
reason = "the header has a placeholder"
[[override]]
keyword = "OBSERVER"
drop = true
runs = [3]
reason = "not to be named"
"""


def test_the_settings_are_felt_in_the_rows(archive: Archive, gadf_set: Path) -> None:
    report = load(archive, gadf_set, MENDED)
    assert counts(report) == {"added": 3}
    assert report.collections == ["mended"]
    rows = archive.rows(
        "SELECT o.obs_id, a.n_tels, o.observer, o.object_name, p.target_name, "
        "p.facility_name, p.rights, p.access_group, p.release_date "
        "FROM cta.observation o JOIN cta.product p USING (observation_id) "
        "JOIN cta.array_configuration a USING (array_configuration_id) "
        "ORDER BY o.obs_id"
    )
    assert [row["n_tels"] for row in rows] == [19, 19, 4]
    assert [row["observer"] for row in rows] == ["A. Tester", "A. Tester", None]
    assert {row["object_name"] for row in rows} == {"Test source"}
    assert {row["target_name"] for row in rows} == {"Crab Nebula"}
    assert {row["facility_name"] for row in rows} == {"Test Scope"}
    assert [row["rights"] for row in rows] == ["proprietary", "public", "proprietary"]
    assert [row["access_group"] for row in rows] == ["testers", None, "testers"]
    assert str(rows[0]["release_date"]) == "2030-01-01 00:00:00"
    (collection,) = archive.rows("SELECT name, title, terms FROM cta.collection")
    assert collection == {"name": "mended", "title": "A mended set", "terms": "None."}
    rows = archive.rows(
        "SELECT target_class, bib_reference, obs_creator_did FROM ivoa.obscore "
        "ORDER BY obs_id"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("PWN", "2019A&A...632A..72M", f"ivo://hess.example/dl3?{n}") for n in (1, 2, 3)
    ]
    findings = archive.rows(
        "SELECT message FROM cta.finding WHERE code = 'D230' ORDER BY message"
    )
    assert [row["message"] for row in findings] == [
        f"header mended by the settings: {text}"
        for text in (
            "N_TELS of EVENTS is 19, was 4: the header has a placeholder",
            "N_TELS of EVENTS is 19, was 4: the header has a placeholder",
            "OBSERVER of EVENTS is not known, was 'A. Tester': not to be named",
        )
    ]
    assert archive.check() == []


def test_a_changed_file_takes_in_the_runs_that_it_concerns(
    archive: Archive, gadf_set: Path
) -> None:
    load(archive, gadf_set, MENDED)
    assert counts(load(archive, gadf_set, MENDED)) == {"unchanged": 3}
    assert counts(load(archive, gadf_set, "# words\n" + MENDED)) == {"unchanged": 3}
    other = MENDED.replace("runs = [1, 2]", "runs = [1]")
    assert counts(load(archive, gadf_set, other)) == {"replaced": 1, "unchanged": 2}
    other = other.replace("runs = [2]", "runs = [3]")
    assert counts(load(archive, gadf_set, other)) == {"replaced": 2, "unchanged": 1}
    other = other.replace('"test SOURCE"', '"another"')
    assert counts(load(archive, gadf_set, other)) == {"replaced": 3}
    other = other.replace('"another"', '"another", "still another"')
    assert counts(load(archive, gadf_set, other)) == {"unchanged": 3}


def test_an_option_beats_the_settings(archive: Archive, gadf_set: Path) -> None:
    report = load(archive, gadf_set, MENDED, rights="public", collection="mine")
    assert report.collections == ["mine"]
    rights = archive.rows("SELECT DISTINCT rights FROM cta.product")
    assert rights == [{"rights": "public"}]


def test_an_obs_id_is_given_by_the_name_of_the_file(
    archive: Archive, tmp_path: Path
) -> None:
    folder = tmp_path / "nameless"
    RunPlan(obs_id=None).write(folder / "a.fits")
    RunPlan(obs_id="two words", n_events=7).write(folder / "b.fits")
    write_indexes(folder, {"two words": "b.fits"})
    RunPlan(obs_id=None, n_events=9).write(tmp_path / "alone" / "c.fits")
    text = "".join(
        f"[[override]]\nkeyword = 'OBS_ID'\nvalue = '{n}'\nfiles = ['{f}']\n"
        "reason = 'the header has none'\n"
        for n, f in ((11, "b.fits"), (12, "c.*"))
    )
    assert counts(load(archive, folder, text)) == {"added": 1}
    assert counts(load(archive, tmp_path / "alone", text)) == {"added": 1}
    assert counts(load(archive, folder, text)) == {"unchanged": 1}
    rows = archive.rows("SELECT obs_id FROM ivoa.obscore ORDER BY obs_id")
    assert [row["obs_id"] for row in rows] == ["11", "12"]


def test_accepted_findings_are_counted_and_stored(
    archive: Archive, gadf_set: Path
) -> None:
    plan = RunPlan(obs_id=2, header={"N_TELS": 0, "ALTITUDE": 1.8})
    plan.write(gadf_set / "data" / "run_2.fits.gz")
    text = "[[accept]]\ncode = 'D205'\nreason = 'known since 2012'"
    report = load(archive, gadf_set, text)
    assert [finding.code for finding in report.findings] == ["D201"]
    assert report.accepted == {"D205": 1}
    assert "accepted by the settings and not listed: D205 x 1" in report.as_text()
    codes = archive.rows("SELECT code FROM cta.finding ORDER BY code")
    assert [row["code"] for row in codes] == ["D201", "D205"]


def test_a_run_that_is_not_there_is_told(archive: Archive, gadf_set: Path) -> None:
    text = "[[proposal]]\nid = 'P1'\nruns = [1, 4711]"
    report = load(archive, gadf_set, text)
    assert [(f.code, f.message) for f in report.findings] == [("D231", "run 4711")]


def test_a_run_that_is_refused_is_not_called_missing(
    archive: Archive, gadf_set: Path
) -> None:
    RunPlan(obs_id=2, gti=None).write(gadf_set / "data" / "run_2.fits.gz")
    report = load(archive, gadf_set, "[[proposal]]\nid = 'P1'\nruns = [1, 2, 4711]")
    told = [(f.code, f.obs_id, f.message) for f in report.findings]
    assert told == [
        ("D104", "2", "there is no GTI table GTI"),
        ("D231", None, "run 4711"),
    ]


def test_a_wrong_file_changes_nothing(archive: Archive, gadf_set: Path) -> None:
    (gadf_set / FILE_NAME).write_text("titel = 'x'")
    with pytest.raises(BadParameter, match="line 1: titel: there is no such setting"):
        ingest([gadf_set], archive, "org.example")
    assert archive.rows("SELECT 1 FROM cta.product") == []


def test_the_examples_of_the_page_are_understood() -> None:
    folder = Path(__file__).parents[2] / "docs" / "howto"
    page = (folder / "ingest.md").read_text()
    (shown,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert parse(shown, "the page").override[0].reason == "the header has km"
    for file in (folder / "collections").glob("*.toml"):
        assert parse(file.read_text(), file.name).name == file.stem


@pytest.mark.real_data
def test_the_example_of_cta_1dc_mends_its_headers(
    archive: Archive, cta_1dc: Path
) -> None:
    report = load(archive, cta_1dc, example("cta-1dc"))
    assert counts(report) == {"added": 4}
    rows = archive.rows(
        "SELECT instrument_name, n_tels, altitude, geo_lon FROM "
        "cta.array_configuration JOIN cta.site USING (site_id)"
    )
    assert rows == [
        {
            "instrument_name": "CTA South, baseline array",
            "n_tels": None,
            "altitude": 2147.0,
            "geo_lon": -70.3163,
        }
    ]
    # What the settings mend or accept is told no more.
    assert {finding.code for finding in report.findings} == {"D201", "D219", "D230"}
    assert archive.check() == []


@pytest.mark.real_data
def test_the_example_of_hess_names_its_crab_runs(archive: Archive, hess: Path) -> None:
    report = load(archive, hess, example("hess-dl3-dr1"))
    assert counts(report) == {"added": 105}
    rows = archive.rows(
        "SELECT o.obs_id FROM cta.observation o JOIN cta.observation_block b "
        "USING (observation_block_id) WHERE b.block_id = 'CTA1DC_1' ORDER BY 1"
    )
    assert [row["obs_id"] for row in rows] == ["23523", "23526", "23559", "23592"]
    facilities = archive.rows("SELECT DISTINCT facility_name FROM ivoa.obscore")
    assert facilities == [{"facility_name": "H.E.S.S."}]
    kinds = archive.rows(
        "SELECT DISTINCT telescope_type, mirror_diameter FROM cta.telescope"
    )
    assert kinds == [{"telescope_type": "H.E.S.S. I", "mirror_diameter": 12.0}]


def example(name: str) -> str:
    folder = Path(__file__).parents[2] / "docs" / "howto" / "collections"
    return (folder / f"{name}.toml").read_text()


def test_paths_of_one_collection_know_their_runs_together(
    archive: Archive, tmp_path: Path
) -> None:
    said = tmp_path / "said.toml"
    said.write_text("[[proposal]]\nid = 'P1'\nruns = [1, 2, 4711]")
    folders = [tmp_path / "a", tmp_path / "b"]
    for number, folder in enumerate(folders, 1):
        RunPlan(obs_id=number).write(folder / f"run_{number}.fits")
    options = Options(collection="c", settings=said)
    report = ingest(folders, archive, "org.example", options)
    assert report.counts["added"] == 2
    told = [f.message for f in report.findings if f.code == "D231"]
    assert told == ["run 4711"]
