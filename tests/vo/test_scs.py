"""Parameters, errors and capabilities of the cone search."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
import xmlschema
from lxml import etree
from pyvo.io.vosi import parse_capabilities

from distiller.core.errors import BadParameter
from distiller.vo import scs
from distiller.vo.scs import ConeParameters, ConeService

if TYPE_CHECKING:
    from tests.support.schemas import Validate

WHERE = (("RA", "83.63"), ("DEC", "+22.01"), ("SR", "2"))
SERVICE = ConeService("https://example.org/scs", 5000, (83.63, -22.01))


def test_names_have_no_case_and_unknown_ones_are_ignored() -> None:
    given = [("ra", "83.63"), ("Dec", "22.01"), ("sr", "2e0"), ("verb", "3")]
    more = [("maxrec", "7"), ("ResponseFormat", "csv"), ("CATALOG", "mine")]
    assert ConeParameters.parse([*given, *more]) == ConeParameters(
        83.63, 22.01, 2.0, 3, 7, "csv"
    )
    assert ConeParameters.parse(WHERE).verbosity == 2


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ((), "RA: missing (give RA, DEC and SR in deg, as RA=83.63&DEC=22.01&SR=2)"),
        (WHERE[:2], "SR: missing (give RA, DEC and SR in deg"),
        ((*WHERE, ("RA", "1")), "RA: given 2 times (give RA once)"),
        ((("RA", "as3f"), *WHERE[1:]), "RA: 'as3f' is not a number"),
        ((("RA", "361"), *WHERE[1:]), "RA: 361 is not from 0 to 360 deg"),
        (
            (("DEC", "91.0"), WHERE[0], WHERE[2]),
            "DEC: 91.0 is not from -90 to 90 deg",
        ),
        ((*WHERE[:2], ("SR", "-1")), "SR: -1 is not from 0 to 180 deg"),
        ((*WHERE[:2], ("SR", "181")), "SR: 181 is not from 0 to 180 deg"),
        ((*WHERE, ("VERB", "4")), "VERB: unknown 4 (there are 1, 2 and 3)"),
        ((*WHERE, ("VERB", "all")), "VERB: 'all' is not a whole number from 0 on"),
        ((*WHERE, ("MAXREC", "-1")), "MAXREC: '-1' is not a whole number"),
        ((*WHERE, ("RESPONSEFORMAT", "doc")), "RESPONSEFORMAT: unknown format 'doc'"),
    ],
)
def test_wrong_parameters_are_named(
    pairs: tuple[tuple[str, str], ...], message: str
) -> None:
    with pytest.raises(BadParameter) as refused:
        ConeParameters.parse(pairs)
    assert refused.value.text.startswith(message)


def test_an_error_stands_where_each_version_wants_it() -> None:
    root = etree.fromstring(scs.error_document('RA: "x" < & \x00'))
    (first,) = root.findall("{*}INFO")
    assert dict(first.items()) == {
        "ID": "Error",
        "name": "Error",
        "value": 'RA: "x" < & \ufffd',
    }
    (status,) = root.findall("{*}RESOURCE/{*}INFO")
    assert status.get("value") == "ERROR"


@pytest.mark.debian("stilts")
@pytest.mark.parametrize("service", [SERVICE, ConeService("http://h/scs", 1)])
def test_schema(service: ConeService, validate: Validate) -> None:
    validate(scs.capabilities(service))


@pytest.mark.debian("stilts")
def test_the_schema_would_notice(validate: Validate) -> None:
    document = scs.capabilities(SERVICE).replace(b"verbosity", b"verbose")
    with pytest.raises(xmlschema.XMLSchemaException, match="verbose"):
        validate(document)


@pytest.mark.filterwarnings(
    "ignore:Unknown xsi.type cs.ConeSearch", "ignore:.*Unknown element"
)
def test_capabilities_as_pyvo_reads_them() -> None:
    read = parse_capabilities(io.BytesIO(scs.capabilities(SERVICE)))
    (cone,) = [c for c in read if c.standardid == scs.STANDARD]
    (interface,) = cone.interfaces
    assert interface.accessurls[0].content == "https://example.org/scs?"
    assert (interface.role, interface.version) == ("std", "1.03")
    document = etree.fromstring(scs.capabilities(SERVICE))
    assert document.findtext(".//maxSR") == "180"
    assert document.findtext(".//maxRecords") == "5000"
    assert [e.text for e in document.findall(".//testQuery/*")] == [
        "83.63",
        "-22.01",
        "1.0",
    ]
    needed = [
        p.findtext("name") for p in document.iter("param") if p.get("use") == "required"
    ]
    assert needed == ["RA", "DEC", "SR"]
