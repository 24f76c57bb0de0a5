from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


def _run(*arguments: str, given: bytes | None = None) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "distiller", "adql", *arguments],
        input=given,
        capture_output=True,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_a_valid_query_ends_with_0_and_says_nothing() -> None:
    assert _run("SELECT TOP 3 obs_id FROM ivoa.obscore") == (0, "", "")


def test_faults_are_lines_and_the_status_is_1() -> None:
    status, output, _ = _run("SELECT obs_idd, foo(1) FROM ivoa.obscore LIMIT 3")
    assert status == 1
    assert output.splitlines() == [
        "1:8 Q202 there is no column obs_idd (did you mean obs_id?)",
        "1:17 Q301 there is no function foo (did you mean FLOOR?)",
        "1:42 Q107 ADQL does not know LIMIT (use TOP n after SELECT)",
    ]
    assert all(re.fullmatch(r"\d+:\d+ Q\d{3} .+", line) for line in output.splitlines())


def test_syntax_looks_up_functions_but_no_tables() -> None:
    assert _run("--syntax", "SELECT a FROM b.c")[0] == 0
    assert _run("--syntax", "SELECT BOX('fk5', 1, 2, 3, 4) FROM b")[0] == 0
    status, output, _ = _run("--syntax", "SELECT nix(a), ABS(1, 2) FROM b.c")
    assert status == 1
    assert [line.split()[1] for line in output.splitlines()] == ["Q301", "Q302"]


def test_a_query_comes_from_standard_input() -> None:
    assert _run("--syntax", "-", given=b"SELECT a\nFROM b -- \xc3\xa9")[0] == 0
    status, output, _ = _run("--syntax", "-", given=b"SELECT a\nFROM b WHERE \xff")
    assert status == 1
    assert output.startswith("2:14 Q103 the character U+FFFD")


def test_json_is_one_object() -> None:
    status, output, _ = _run("--syntax", "--json", "SELECT FROM b")
    assert status == 1
    assert json.loads(output) == {
        "valid": False,
        "faults": [
            {
                "line": 1,
                "column": 8,
                "code": "Q101",
                "message": "a value is missing before FROM",
            }
        ],
    }
    status, output, _ = _run("--syntax", "--json", "SELECT a FROM b")
    assert (status, json.loads(output)) == (0, {"valid": True, "faults": []})


@pytest.mark.parametrize("arguments", [(), ("--nix", "x"), ("a", "b")])
def test_wrong_usage_ends_with_2(arguments: tuple[str, ...]) -> None:
    status, output, errors = _run(*arguments)
    assert (status, output) == (2, "")
    assert "Usage: distiller adql" in errors
