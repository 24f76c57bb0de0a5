"""``distiller adql --syntax`` decides as the document of ADQL 2.1 does."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from tests.adql.document import Case, cases, page

from distiller.adql import check_syntax

_CASES = cases()
_OTHER_PYTHON = "/usr/bin/python3"
_PROGRAM = Path(__file__).parent / "second_opinion.py"
_PAGE = Path(__file__).parents[2] / "docs" / "reference" / "adql-second-opinion.md"


def test_there_are_many_cases_of_both_kinds() -> None:
    valid = [case for case in _CASES if not case.faults]
    assert len(_CASES) >= 500
    assert len(valid) >= 150
    assert len({case.text for case in _CASES}) == len(_CASES)


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case.paragraph)
def test_the_parser_decides_as_the_document(case: Case) -> None:
    found = check_syntax(case.text)
    assert tuple(f"{f.line}:{f.column} {f.code}" for f in found) == case.faults
    assert all(f.message for f in found)


def test_the_page_of_disagreements_is_up_to_date() -> None:
    assert _PAGE.read_text(encoding="utf-8") == page()


@pytest.mark.slow
@pytest.mark.debian("python3-gavo")
def test_dachs_decides_otherwise_only_where_it_is_written_down() -> None:
    done = subprocess.run(
        [_OTHER_PYTHON, str(_PROGRAM)],
        input=json.dumps([case.text for case in _CASES]),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    opinions = json.loads(done.stdout)
    accepted = {
        case.text: opinion is None
        for case, opinion in zip(_CASES, opinions, strict=True)
    }
    differing = {c.text for c in _CASES if accepted[c.text] == bool(c.faults)}
    assert differing == {c.text for c in _CASES if c.otherwise is not None}
