"""Parameters, errors and capabilities of the image service."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from lxml import etree
from pyvo.io.vosi import parse_capabilities

from distiller.core.errors import BadParameter, Busy, DistillerError, InternalError
from distiller.vo import sia
from distiller.vo.intervals import Interval
from distiller.vo.shapes import Circle, Range
from distiller.vo.sia import ImageParameters

if TYPE_CHECKING:
    from tests.support.schemas import Validate

BASE = "https://example.org/sia2"


def test_every_parameter_is_read_and_may_be_repeated() -> None:
    read = ImageParameters.parse(
        [
            ("pos", "CIRCLE 1 2 3"),
            ("POS", "RANGE 1 2 3 4"),
            *[(name, f"{n} 9") for n, name in enumerate(sia.INTERVALS)],
            ("BAND", "10"),
            *[(name.lower(), f"{name} it") for name in sia.TEXTS],
            ("TARGET", "O'Neill"),
            ("POL", "i"),
            ("POL", "RR"),
            ("CALIB", "0"),
            ("CALIB", "4"),
            ("MAXREC", "7"),
            ("RESPONSEFORMAT", "csv"),
            ("RUNID", "me"),
            ("UNKNOWN", "x"),
        ]
    )
    assert read.positions == (Circle(1, 2, 3), Range(1, 2, 3, 4))
    assert read.intervals["BAND"] == (Interval(0, 9), Interval(10, 10))
    assert set(read.intervals) == set(sia.INTERVALS)
    assert set(read.texts) == set(sia.TEXTS)
    assert read.texts["TARGET"] == ("TARGET it", "O'Neill")
    assert (read.states, read.levels) == (("I", "RR"), (0, 4))
    assert (read.maxrec, read.responseformat, read.run_id) == (7, "csv", "me")


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        (("POS", "BOX 1 2 3 4"), "POS: 'BOX 1 2 3 4' is no region"),
        (("BAND", "-Inf"), "BAND: no number is in '-Inf'"),
        (("TIME", "yesterday"), "TIME: 'yesterday' is not a number"),
        (("TARGET", "M\t87"), "TARGET: has the character U+0009"),
        (("ID", "\ud800"), "ID: has the character U+D800"),
        (("POL", "Z"), "POL: unknown 'Z' (there are I, Q, U, V, RR"),
        (("CALIB", "5"), "CALIB: unknown '5' (there are 0 to 4)"),
        (("CALIB", "1 2"), "CALIB: unknown '1 2' (there are 0 to 4)"),
        (("MAXREC", "many"), "MAXREC: 'many' is not a whole number from 0 on"),
        (("RESPONSEFORMAT", "doc"), "RESPONSEFORMAT: unknown format 'doc'"),
    ],
)
def test_wrong_parameters_are_named(pair: tuple[str, str], message: str) -> None:
    with pytest.raises(BadParameter) as refused:
        ImageParameters.parse([pair])
    assert refused.value.text.startswith(message)


def test_too_many_values_are_refused() -> None:
    with pytest.raises(BadParameter, match=r"ID: given 101 times \(give 100 at most\)"):
        ImageParameters.parse([("ID", str(n)) for n in range(101)])


@pytest.mark.parametrize(
    ("error", "start"),
    [
        (BadParameter("POS", "no region"), "UsageFault: POS: no region"),
        (Busy("too much", retry_after_s=1), "TransientFault: too much"),
        (InternalError("oh"), "FatalFault: oh"),
    ],
)
def test_an_error_begins_with_its_class(error: DistillerError, start: str) -> None:
    root = etree.fromstring(sia.error_document(error))
    (info,) = root.iter("{*}INFO")
    assert (info.get("name"), info.get("value")) == ("QUERY_STATUS", "ERROR")
    assert info.text == start


@pytest.mark.debian("stilts")
def test_schema(validate: Validate) -> None:
    validate(sia.capabilities(BASE))


def test_capabilities_as_pyvo_reads_them() -> None:
    read = parse_capabilities(io.BytesIO(sia.capabilities(BASE)))
    (query,) = [c for c in read if c.standardid == sia.STANDARD]
    (interface,) = query.interfaces
    assert interface.accessurls[0].content == f"{BASE}/query"
    assert (interface.role, interface.version) == ("std", "2.0")
