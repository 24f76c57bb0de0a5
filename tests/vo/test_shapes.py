"""Regions and intervals of parameters: what is read, and every wrong one is named."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distiller.core.errors import BadParameter
from distiller.vo import intervals, shapes
from distiller.vo.dali import real
from distiller.vo.intervals import Interval
from distiller.vo.shapes import Circle, Polygon, Range

_FINITE = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("CIRCLE 12.0 34.0 0.5", Circle(12.0, 34.0, 0.5)),
        (" circle  12 34 0 ", Circle(12.0, 34.0, 0.0)),
        ("RANGE 12.0 12.5 34.0 36.0", Range(12.0, 12.5, 34.0, 36.0)),
        ("RANGE 0 360.0 -2.0 2.0", Range(0.0, 360.0, -2.0, 2.0)),
        ("RANGE 0 360.0 89.0 +Inf", Range(0.0, 360.0, 89.0, 90.0)),
        ("RANGE -Inf +Inf -Inf +Inf", Range(0.0, 360.0, -90.0, 90.0)),
        ("RANGE 359 1 0 1", Range(359.0, 361.0, 0.0, 1.0)),
        (
            "POLYGON 12.0 34.0 14.0 35.0 14. 36.0 12.0 35.0",
            Polygon(((12.0, 34.0), (14.0, 35.0), (14.0, 36.0), (12.0, 35.0))),
        ),
    ],
)
def test_regions_of_the_standard(text: str, shape: shapes.Shape) -> None:
    assert shapes.parse("POS", text) == shape


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "POS: '' is no region (give CIRCLE ra dec radius"),
        ("BOX 1 2 3 4", "POS: 'BOX 1 2 3 4' is no region"),
        ("CIRCLE 1 2", "POS: 'CIRCLE 1 2' is no region"),
        ("CIRCLE 1 2 x", "POS: 'x' is not a number"),
        ("CIRCLE 1 2 nan", "POS: 'nan' is not a number"),
        ("CIRCLE 1 2 -1", "POS: -1 is not from 0 to 180 deg"),
        ("CIRCLE 361 2 1", "POS: 361 is not from 0 to 360 deg"),
        ("CIRCLE 1 91 1", "POS: 91 is not from -90 to 90 deg"),
        ("CIRCLE 1 2 1_0", "POS: '1_0' is not a number"),
        ("CIRCLE 1 2 1); DROP", "POS: 'CIRCLE 1 2 1); DROP' is no region"),
        ("RANGE 1 2 4 3", "POS: no declination is from 4 to 3"),
        ("RANGE 1 2 3 94", "POS: 94 is not from -90 to 90 deg"),
        ("POLYGON 1 2 3 4", "POS: 'POLYGON 1 2 3 4' is no region"),
        ("POLYGON 1 2 3 4 5", "POS: 'POLYGON 1 2 3 4 5' is no region"),
        (f"POLYGON {'1 2 ' * 201}", "POS: a polygon of more than 200 corners"),
    ],
)
def test_what_is_no_region_is_said(text: str, message: str) -> None:
    with pytest.raises(BadParameter) as refused:
        shapes.parse("POS", text)
    assert refused.value.text.startswith(message)


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("500e-9 550e-9", Interval(500e-9, 550e-9)),
        ("300 +Inf", Interval(300.0, math.inf)),
        ("-Inf 0.21", Interval(-math.inf, 0.21)),
        ("-inf inf", Interval(-math.inf, math.inf)),
        ("550", Interval(550.0, 550.0)),
        (" .5\t1. ", Interval(0.5, 1.0)),
    ],
)
def test_intervals_of_the_standard(text: str, interval: Interval) -> None:
    assert intervals.parse("BAND", text) == interval


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "BAND: '' is no interval (give two numbers"),
        ("1 2 3", "BAND: '1 2 3' is no interval"),
        ("1/2", "BAND: '1/2' is not a number"),
        ("2 1", "BAND: no number is in '2 1' (give the lower bound first)"),
        ("+Inf", "BAND: no number is in '+Inf'"),
        ("NaN NaN", "BAND: 'NaN' is not a number"),
        ("1e999", "BAND: '1e999' is not a number"),
    ],
)
def test_what_is_no_interval_is_said(text: str, message: str) -> None:
    with pytest.raises(BadParameter) as refused:
        intervals.parse("BAND", text)
    assert refused.value.text.startswith(message)


@given(_FINITE)
def test_every_number_that_python_writes_is_read(value: float) -> None:
    assert real("X", repr(value)) == value
