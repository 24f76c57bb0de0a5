"""What a drawing says of its model and of numbers of values is carried or listed."""

from __future__ import annotations

import pytest
from tests.model.xmi.drawing import attribute, element, toy

from distiller.model.entities import UNBOUNDED

pytestmark = pytest.mark.slow


def _lines(after: str, body: str = "") -> list[str]:
    return [str(line) for line in toy(body, after).listed]


_ONE = "VO-DML has one such value, and another is carried over"
_COMMENT = '<ownedComment xmi:id="c"><body>Said.</body></ownedComment>'


@pytest.mark.parametrize(
    ("tags", "listed"),
    [
        ('subject="Other words."', "subject='Other words.'"),
        ('description="Other words."', "description='Other words.'"),
        ('uri="http://a" namespaceURI="http://b"', "namespaceuri='http://b'"),
        ('name="another"', "name='another'"),
    ],
)
def test_what_another_value_stands_before_is_listed(tags: str, listed: str) -> None:
    lines = _lines(f'<p:model xmi:id="s" base_Model="m" {tags}/>', _COMMENT)
    (line,) = [line for line in lines if line.startswith("left: ")]
    assert f"«model» {listed}" in line
    assert line.endswith(_ONE)


def test_a_subject_without_a_comment_is_the_description() -> None:
    imported = toy("", '<p:model xmi:id="s" base_Model="m" subject="Words."/>')
    assert imported.document.description == "Words."
    assert not [line for line in imported.listed if line.kind == "left"]


def test_authors_are_carried_under_either_name() -> None:
    tags = '<p:model xmi:id="s" base_Model="m" author="A; B" authors="C"/>'
    assert toy("", tags).document.authors == ("A", "B", "C")


def test_a_model_without_a_uri_is_listed() -> None:
    assert any("its URI (stereotype model, uri)" in line for line in _lines(""))
    given = '<p:model xmi:id="s" base_Model="m" uri="http://a"/>'
    assert not any("its URI" in line for line in _lines(given))


def test_an_import_without_a_version_is_listed() -> None:
    package = element("Package", "other")
    given = '<p:modelImport xmi:id="s" base_Package="other" url="http://a" {}/>'
    wanted = "lacking: line 6: Package 'other' in toy: which version is meant"
    lines = _lines(given.format('namespaceURI="http://b"'), package)
    assert any(line.startswith(wanted) for line in lines)
    assert any("«modelimport» namespaceuri='http://b'" in line for line in lines)
    lines = _lines(given.format('version="1.0"'), package)
    assert not any("which version" in line for line in lines)


@pytest.mark.parametrize(
    ("lower", "upper", "listed"),
    [
        ("n", "m", ["lowerValue 'n' is no number: read as 0",
                    "upperValue 'm' is no number: read as any number"]),
        ("-1", "*", ["lowerValue '-1' is below 0: read as 0"]),
        ("0", "-2", ["upperValue '-2' is below 0: read as any number"]),
        ("*", "*", []),
        ("0", "-1", []),
    ],
)  # fmt: skip
def test_a_bound_that_is_no_number_of_values_is_listed(
    lower: str, upper: str, listed: list[str]
) -> None:
    bounds = f'<lowerValue value="{lower}"/><upperValue value="{upper}"/>'
    imported = toy(element("Class", "A", attribute("x", inside=bounds)))
    role = next(t for t in imported.document.types if t.name == "A").roles[0]
    assert (role.lower, role.upper) == (0, UNBOUNDED)
    said = [line.why for line in imported.listed if "Value '" in line.why]
    assert said == listed
