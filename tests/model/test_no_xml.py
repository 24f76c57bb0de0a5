"""Why a file cannot be read as XML is said in our own words, for either format."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from distiller.core.errors import BadData
from distiller.model.no_xml import DEEPEST
from distiller.model.read_vodml import read_vodml
from distiller.model.read_xmi import read_xmi

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow

_READERS = pytest.mark.parametrize("read", [read_vodml, read_xmi])


def _nested(number: int) -> bytes:
    return b"<a>" * number + b"</a>" * number


def _said(read: Callable[[bytes, str], object], text: bytes) -> str:
    with pytest.raises(BadData) as caught:
        read(text, "toy.xml")
    return str(caught.value)


@_READERS
def test_elements_too_deep_inside_each_other(
    read: Callable[[bytes, str], object],
) -> None:
    assert not _said(read, _nested(DEEPEST)).startswith("M001")
    assert _said(read, _nested(DEEPEST + 1)) == (
        "M001 toy.xml: line 1: more than 256 elements stand inside each other, "
        "which are not read (draw packages beside each other)"
    )


@_READERS
def test_a_text_that_is_too_long(read: Callable[[bytes, str], object]) -> None:
    assert _said(read, b"<a>\n" + b"x" * 10_100_000 + b"</a>").endswith(
        ": a text or a name is larger than is read (10 MB) (make it shorter)"
    )


@_READERS
def test_the_place_of_what_is_no_xml_is_said_once(
    read: Callable[[bytes, str], object],
) -> None:
    assert _said(read, b"<a>\n<b></a>") == (
        "M001 toy.xml: no XML: Opening and ending tag mismatch: b line 2 and a, "
        "line 2, column 8"
    )
