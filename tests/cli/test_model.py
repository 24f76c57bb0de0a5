"""``distiller model``: what it prints and how it ends."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import duckdb
import psycopg
import pytest
from click.testing import CliRunner
from lxml import etree

from distiller.cli import program
from distiller.model import load_model
from distiller.model.load import PACKAGED


def _run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(program, ["model", *arguments])
    text = result.output
    if result.exception and not isinstance(result.exception, SystemExit):
        text += str(result.exception)
    return result.exit_code, text


def test_sql_can_be_fed_to_duckdb() -> None:
    status, text = _run("sql")
    assert status == 0
    connection = duckdb.connect()
    connection.execute(text)
    assert connection.execute("SELECT count(*) FROM ivoa.obscore").fetchall() == [(0,)]


def test_sql_of_a_file_is_that_of_the_file() -> None:
    status, text = _run("sql", str(PACKAGED / "tap_schema.vo-dml.xml"))
    assert status == 0
    assert "CREATE TABLE tap_schema.columns" in text
    assert "cta." not in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "shown", "absent"),
    [
        ("cta", "cta.vo_obscore", "CREATE TABLE ivoa."),
        ("obscore", "ivoa.obscore", "CREATE TABLE cta."),
        ("tap_schema", "tap_schema.keys", "ivoa."),
        ("internal", "internal.setting", "ivoa."),
    ],
)
def test_every_model_of_ours_can_be_shown_alone(
    name: str, shown: str, absent: str
) -> None:
    path = str(PACKAGED / f"{name}.vo-dml.xml")
    status, text = _run("sql", path)
    assert status == 0, text
    assert shown in text
    assert absent not in text
    assert text.count("CREATE SCHEMA") == 1
    assert _run("docs", path)[1].count(f"\n### {shown}\n") == 1
    status, text = _run("tap-schema", path)
    assert status == 0, text
    assert (shown in text) == (name != "internal")
    status, text = _run("check", path)
    assert (status, " columns: no fault" in text.splitlines()[-1]) == (0, True)


@pytest.mark.slow
def test_the_sql_of_cta_follows_that_of_obscore(tmp_path: Path) -> None:
    for name in ("obscore", "cta"):
        for ending in ("vo-dml.xml", "binding.yaml"):
            source = PACKAGED / f"{name}.{ending}"
            (tmp_path / source.name).write_bytes(source.read_bytes())
    connection = duckdb.connect()
    for name in ("obscore", "cta"):
        connection.execute(_run("sql", str(tmp_path / f"{name}.vo-dml.xml"))[1])
    found = connection.execute("SELECT count(*) FROM cta.vo_obscore").fetchall()
    assert found == [(0,)]


def test_a_model_alone_says_what_it_lacks(tmp_path: Path) -> None:
    for ending in ("vo-dml.xml", "binding.yaml"):
        source = PACKAGED / f"cta.{ending}"
        (tmp_path / source.name).write_bytes(source.read_bytes())
    path = str(tmp_path / "cta.vo-dml.xml")
    words = "cta.vo_obscore: view of ivoa.obscore, which is absent"
    status, text = _run("check", path)
    *told, last = text.splitlines()
    assert (status, told) == (1, [words])
    assert re.fullmatch(r"1 fault, \d+ notes \(--verbose lists them\)", last)
    told = _run("check", "--verbose", path)[1].splitlines()
    assert told[-2:] == [words, last.removesuffix(" (--verbose lists them)")]
    assert all(line.startswith("note: ") for line in told[:-2])
    assert f"1 fault, {len(told) - 2} notes" == told[-1]
    status, text = _run("sql", path)
    assert status == 1
    assert words in text
    assert "CREATE" not in text


@pytest.mark.slow
def test_sql_can_be_fed_to_postgresql(postgres_url: str) -> None:
    status, text = _run("sql", "--engine", "postgresql")
    assert status == 0
    with psycopg.connect(postgres_url) as connection:
        connection.execute(text.encode())
        found = connection.execute("SELECT count(*) FROM ivoa.obscore").fetchall()
    assert found == [(0,)]


def test_an_engine_that_is_not_there_is_refused() -> None:
    status, text = _run("sql", "--engine", "oracle")
    assert status == 2
    assert "'oracle' is not one of 'duckdb', 'postgresql'" in text


def test_tap_schema_is_lines_of_json() -> None:
    status, text = _run("tap-schema")
    assert status == 0
    rows = [json.loads(line) for line in text.splitlines()]
    sizes = [r for r in rows if r.get("column_name") == '"size"']
    assert {r["table_name"] for r in sizes} == {
        "tap_schema.columns",
        "cta.product",
        "cta.product_file",
    }


def test_check_says_that_all_is_well() -> None:
    model = load_model()
    columns = sum(len(table.columns) for table in model.tables)
    well = f"{len(model.tables)} tables, {columns} columns: no fault"
    counted = f"{well}, {len(model.notes)} notes"
    assert _run("check") == (0, f"{counted} (--verbose lists them)\n")
    status, text = _run("check", "--verbose")
    assert status == 0, text
    *notes, last = text.splitlines()
    assert last == counted
    assert all(line.startswith("note: ") for line in notes)
    assert any("CHECK (muon_efficiency >= 0)" in line for line in notes), notes


def test_check_tells_which_constraints_are_checks(tmp_path: Path) -> None:
    path = tmp_path / "tap.vo-dml.xml"
    text = (PACKAGED / "tap_schema.vo-dml.xml").read_text()
    # Constraints come before the attributes of a type.
    rules = "".join(
        f"<constraint><description>{words}</description></constraint>"
        for words in ("column_index &gt; 0", "Names are short.")
    )
    at = text.index("<attribute>", text.index("<name>Column</name>"))
    path.write_text(text[:at] + rules + text[at:])
    status, text = _run("check", "-v", str(path))
    assert status == 0, text
    assert "CHECK (column_index > 0) from the constraint of Column" in text
    assert "constraint of Column stays words" in text


def test_check_of_a_bad_file_lists_its_faults(tmp_path: Path) -> None:
    path = tmp_path / "bad.vo-dml.xml"
    text = (PACKAGED / "tap_schema.vo-dml.xml").read_text()
    path.write_text(text.replace("tap_schema:Column<", "tap_schema:Colunm<"))
    status, text = _run("check", str(path))
    assert status == 1
    assert "no such type (did you mean tap_schema:Column?)" in text


@pytest.mark.parametrize("what", ["sql", "docs", "tap-schema", "check"])
def test_a_file_of_another_name_is_refused(what: str) -> None:
    status, text = _run(what, __file__)
    assert status == 2
    assert "the name of a model ends in .vo-dml.xml" in text


_DRAWING = Path(__file__).parents[1] / "model" / "xmi" / "papyrus.uml"


def test_import_writes_the_model_and_says_what_is_left(tmp_path: Path) -> None:
    output = tmp_path / "new" / "toy.vo-dml.xml"
    status, text = _run("import", str(_DRAWING), "-o", str(output))
    assert status == 0
    assert (
        output.read_bytes() == _DRAWING.with_name("observatory.vo-dml.xml").read_bytes()
    )
    assert "left: line 65: Operation 'point' in observatory::site::Telescope" in text
    *listed, made, last = text.splitlines()
    assert made.endswith(
        "toy.vo-dml.xml: model observatory: 1 package, 1 enumeration, 2 dataTypes, "
        "4 objectTypes, 8 attributes, 1 composition, 1 reference, 2 literals, 2 "
        "generalisations, 1 constraint, 1 narrowed role, 1 import"
    )
    carried, left = re.findall(r"(\d+) elements", last)
    space = "http://www.omg.org/spec/XMI/20131001"
    drawn = {e.get(f"{{{space}}}id") for e in etree.parse(_DRAWING).iter("*")} - {None}
    assert int(carried) + int(left) == len(drawn)
    kinds = Counter(line.partition(":")[0] for line in listed)
    assert last.endswith(
        f" settings; {kinds['changed']} changed, {kinds['lacking']} lacking"
    )


def test_import_as_json_under_another_name(tmp_path: Path) -> None:
    output = tmp_path / "toy.vo-dml.xml"
    status, text = _run(
        "import", str(_DRAWING), "-o", str(output), "--name", "mine", "--json"
    )
    assert status == 0
    report = json.loads(text)
    assert (report["model"], report["output"]) == ("mine", str(output))
    assert report["counts"]["objectTypes"] == 4
    assert report["faults"] == []
    assert report["carried"] > report["left_out"] > 0
    operation = next(x for x in report["listed"] if x["what"] == "Operation 'point'")
    assert operation == {
        "kind": "left",
        "what": "Operation 'point'",
        "where": "observatory::site::Telescope",
        "line": 65,
        "why": "VO-DML has no operations",
        "ids": ["_o1"],
    }
    assert "<vodml-ref>mine:site.Position</vodml-ref>" in output.read_text()


def test_import_of_a_model_with_faults_ends_with_1(tmp_path: Path) -> None:
    drawing = tmp_path / "toy.uml"
    whole = """<packagedElement xmi:type="uml:Class" xmi:id="{0}" name="{0}">
        <ownedAttribute xmi:type="uml:Property" xmi:id="{0}p" name="part"
        type="P" aggregation="composite"/></packagedElement>"""
    drawing.write_text(
        """<uml:Model xmlns:xmi="http://www.omg.org/spec/XMI/20131001" xmi:id="m"
        xmlns:uml="http://www.eclipse.org/uml2/5.0.0/UML" name="toy">
        <packagedElement xmi:type="uml:Class" xmi:id="P" name="P"/>"""
        + whole.format("A")
        + whole.format("B")
        + "</uml:Model>"
    )
    output = tmp_path / "toy.vo-dml.xml"
    status, text = _run("import", str(drawing), "-o", str(output))
    assert status == 1
    assert "fault: toy.vo-dml.xml: toy:P is composed more than once: A.part, B" in text
    assert output.is_file()


def test_import_of_what_is_no_drawing_writes_nothing(tmp_path: Path) -> None:
    output = tmp_path / "toy.vo-dml.xml"
    status, text = _run("import", str(PACKAGED / "cta.vo-dml.xml"), "-o", str(output))
    assert status != 0
    assert "M021 cta.vo-dml.xml: no XMI with a UML model" in text
    assert not output.exists()


def test_import_wants_the_ending_of_a_model(tmp_path: Path) -> None:
    status, text = _run("import", str(_DRAWING), "-o", str(tmp_path / "toy.xml"))
    assert status == 2
    assert "toy.xml: the name of a model ends in .vo-dml.xml" in text


def test_check_warns_of_what_has_no_description(tmp_path: Path) -> None:
    path = tmp_path / "observatory.vo-dml.xml"
    path.write_bytes(_DRAWING.with_name(path.name).read_bytes())
    status, text = _run("check", str(path))
    assert (status, text.count("warning")) == (0, 1)
    assert re.search(r"no fault, \d+ warnings, 2 notes \(--verbose lists them\)", text)
    _, text = _run("check", "--verbose", str(path))
    assert (
        "warning: observatory.vo-dml.xml: line 20: site.Size: enumeration without"
        in text
    )


def _site(folder: Path) -> list[str]:
    """Make a model of a site and a home for it; return how to name the home."""
    own, home = folder / "mine", folder / "home"
    home.mkdir()
    assert _run("copy", str(own))[0] == 0
    (home / "distiller.toml").write_text(f'model_dir = "{own}"\n')
    return ["--home", str(home), "model"]


def _without(path: Path, *patterns: str) -> None:
    """Take what matches out of a file; each pattern matches once."""
    text = path.read_text(encoding="utf-8")
    for pattern in patterns:
        text, count = re.subn(pattern, "", text, flags=re.DOTALL)
        assert count == 1, pattern
    path.write_text(text, encoding="utf-8")


def test_tables_that_the_model_of_a_site_is_without_are_told(tmp_path: Path) -> None:
    site, own = _site(tmp_path), tmp_path / "mine"
    _without(
        own / "cta.vo-dml.xml",
        r"<objectType>\s*<vodml-id>Product\.HeaderCorrection</vodml-id>.*?</objectType>",
        r"<composition>\s*<vodml-id>[\w.]*\.corrections</vodml-id>.*?</composition>",
    )
    _without(own / "cta.binding.yaml", r"  Product\.HeaderCorrection:\n(    [^\n]*\n)+")
    words = "table cta.header_correction of the program is not in the model: what needs"
    result = CliRunner().invoke(program, [*site, "check"])
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"warning: {words}")
    assert CliRunner().invoke(program, [*site, "tap-schema"]).exit_code == 0


def test_columns_that_the_model_of_a_site_is_without_are_told(tmp_path: Path) -> None:
    site, own = _site(tmp_path), tmp_path / "mine"
    _without(
        own / "cta.vo-dml.xml",
        r"<attribute>\s*<vodml-id>AmbientConditions\.AmbientConditions\.pressure</vodml-id>.*?</attribute>",
    )
    _without(own / "cta.binding.yaml", r"      pressure: {unit: hPa[^\n]*\n")
    result = CliRunner().invoke(program, [*site, "check"])
    assert result.exit_code == 0, result.output
    told = [line for line in result.output.splitlines() if line.startswith("warning")]
    (line,) = told
    assert (
        "column pressure of the program is not in cta.ambient_conditions: what needs"
        in line
    )


def test_examples_that_do_not_go_with_the_model_are_told(tmp_path: Path) -> None:
    site, own = _site(tmp_path), tmp_path / "mine"
    examples = own / "examples.yaml"
    text = examples.read_text(encoding="utf-8")
    examples.write_text(text.replace("v.ended", "v.endet"), encoding="utf-8")
    result = CliRunner().invoke(program, [*site, "check"])
    assert result.exit_code == 0, result.output
    told = [line for line in result.output.splitlines() if line.startswith("warning")]
    assert len(told) == 1
    assert "examples.yaml: states-of-a-dataset: " in told[0]
    assert "endet" in told[0]
    assert "did you mean" in told[0]


def test_what_is_left_out_of_the_model_of_a_site_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    site = _site(tmp_path)
    own = tmp_path / "mine"
    (own / "lab.vo-dml.xml").write_bytes(
        _DRAWING.with_name("observatory.vo-dml.xml").read_bytes()
    )
    (own / "other.binding.yaml").write_text("model: other\n")
    words = (
        "lab.vo-dml.xml is left out: lab.binding.yaml is not beside it",
        "other.binding.yaml is left out: other.vo-dml.xml is not beside it",
    )
    result = CliRunner().invoke(program, [*site, "check"])
    assert result.exit_code == 0
    assert result.output.startswith("".join(f"warning: {line}\n" for line in words))
    assert CliRunner().invoke(program, [*site, "tap-schema"]).exit_code == 0
    told = [record.getMessage() for record in caplog.records]
    assert told == [f"{own}: {line}" for line in words]


@pytest.mark.parametrize("name", ["cta.binding.yaml", "voprov.vo-dml.xml"])
def test_a_file_of_ours_that_is_not_there_is_a_fault(tmp_path: Path, name: str) -> None:
    site = _site(tmp_path)
    (tmp_path / "mine" / name).unlink()
    words = f"{name} is not in {tmp_path / 'mine'}, by which the archive knows its"
    result = CliRunner().invoke(program, [*site, "check"])
    assert result.exit_code == 1
    assert f"\n{words}" in f"\n{result.output}"
    assert result.output.endswith("\n1 fault\n")
    assert words in str(CliRunner().invoke(program, [*site, "sql"]).exception)


def test_what_has_no_description_gets_no_comment(tmp_path: Path) -> None:
    path = tmp_path / "observatory.vo-dml.xml"
    path.write_bytes(_DRAWING.with_name(path.name).read_bytes())
    for engine in ("duckdb", "postgresql"):
        status, text = _run("sql", "--engine", engine, str(path))
        assert status == 0
        assert "COMMENT ON COLUMN observatory.site.site_id IS 'Key of" in text
        assert "IS '';" not in text
        assert "COMMENT ON COLUMN observatory.site.name" not in text
    rows = [json.loads(line) for line in _run("tap-schema", str(path))[1].splitlines()]
    assert None in [row["description"] for row in rows if "description" in row]
    assert "" not in [row.get("description") for row in rows]


def test_the_model_can_be_taken_as_ones_own(tmp_path: Path) -> None:
    own = tmp_path / "mine"
    assert _run("copy", str(own))[0] == 0
    assert load_model(own).tables == load_model().tables
    status, text = _run("copy", str(own))
    assert (status, "is not empty" in text) == (1, True)
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert _run("copy", str(blocked / "below"))[0] != 0
