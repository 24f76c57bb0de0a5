"""VOSI documents against the schemas of the IVOA and with other readers."""

from __future__ import annotations

import io
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
import xmlschema
from lxml import etree
from pyvo.io.vosi import parse_availability, parse_capabilities, parse_tables

from distiller.core.columns import Column, ForeignKey, Table
from distiller.core.errors import BadParameter, NotFound
from distiller.vo import vosi

if TYPE_CHECKING:
    from tests.support.schemas import Validate

CATALOG = {
    "cta.run": Table(
        "cta.run",
        (
            Column("run_id", "char", "*", nullable=False, principal=True, std=True),
            Column("ra", "double", unit="deg", ucd="pos.eq.ra", indexed=True),
            Column("s_region", "char", "*", "adql:REGION", description="a < b"),
        ),
        title="Runs",
        description="One row a run & its place.",
        primary_key=("run_id",),
    ),
    "cta.gti": Table(
        "cta.gti",
        (Column("gti_id", "long"), Column("run_id", "char", "*")),
        foreign_keys=(ForeignKey("cta.run", (("run_id", "run_id"),), "its run"),),
    ),
    "ivoa.obscore": Table(
        "ivoa.obscore", (Column("obs_id", "char", "*"),), is_view=True
    ),
}
SERVICE = vosi.TapService(
    "https://example.org/tap",
    rows_default=1000,
    rows_max=5000,
    duration_default_s=60,
    duration_max_s=600,
    retention_s=86400,
    upload_rows=700,
    features={
        f"{vosi.FEATURES}adqlgeo": (vosi.Feature("POINT"), vosi.Feature("CIRCLE")),
        f"{vosi.FEATURES}udf": (vosi.Feature("f(x REAL) -> REAL", "x < 1 & more"),),
        f"{vosi.FEATURES}adql-sets": (),
    },
)


@pytest.mark.debian("stilts")
@pytest.mark.parametrize(
    "document",
    [
        vosi.capabilities(SERVICE),
        vosi.capabilities(vosi.TapService("http://h/tap", 1, 2, 3, 4, 5, 6)),
        vosi.availability(up_since=datetime(2026, 1, 2, 3, 4, 5), note="a & b"),
        vosi.availability(up_since=datetime(2026, 1, 2), available=False),
        vosi.tableset(CATALOG),
        vosi.tableset(CATALOG, detail="min"),
        vosi.table(CATALOG, "cta.gti"),
    ],
    ids=[
        "capabilities",
        "bare",
        "availability",
        "away",
        "tables",
        "tables-min",
        "table",
    ],
)
def test_schema(document: bytes, validate: Validate) -> None:
    validate(document)


@pytest.mark.debian("stilts")
def test_the_schema_would_notice(validate: Validate) -> None:
    document = vosi.capabilities(SERVICE).replace(b"tr:TableAccess", b"tr:TableAxis")
    with pytest.raises(xmlschema.XMLSchemaException):
        validate(document)
    with pytest.raises(xmlschema.XMLSchemaException):
        validate(vosi.tableset(CATALOG).replace(b"fromColumn", b"from"))


def test_capabilities_as_pyvo_reads_them() -> None:
    read = parse_capabilities(io.BytesIO(vosi.capabilities(SERVICE)))
    (tap,) = [c for c in read if c.standardid == "ivo://ivoa.net/std/TAP"]
    assert tap.interfaces[0].accessurls[0].content == "https://example.org/tap"
    assert [m.ivo_id for m in tap.datamodels] == [vosi.OBSCORE]
    assert tap.get_adql().get_feature_list(f"{vosi.FEATURES}adqlgeo")
    (udf,) = tap.get_adql().get_feature_list(f"{vosi.FEATURES}udf")
    assert (udf.form, udf.description) == ("f(x REAL) -> REAL", "x < 1 & more")
    assert tap.outputlimit.default.content == 1000
    assert tap.outputlimit.hard.content == 5000
    assert {c.standardid.rpartition("#")[2] for c in read[1:]} == {
        "capabilities",
        "availability",
        "tables-1.1",
        "examples",
    }


def test_availability_as_pyvo_reads_it() -> None:
    document = vosi.availability(up_since=datetime(2026, 1, 2), note="all well")
    read = parse_availability(io.BytesIO(document))
    assert read.available
    assert read.notes == ["all well"]


def test_what_is_not_available_says_so() -> None:
    document = vosi.availability(up_since=datetime(2026, 1, 2), available=False)
    assert not parse_availability(io.BytesIO(document)).available


def test_tables_as_pyvo_reads_them() -> None:
    tables = {
        t.name: t
        for t in parse_tables(io.BytesIO(vosi.tableset(CATALOG))).iter_tables()
    }
    assert list(tables) == ["cta.gti", "cta.run", "ivoa.obscore"]
    columns = {c.name: c for c in tables["cta.run"].columns}
    assert columns["s_region"].description == "a < b"
    assert b'extendedType="adql:REGION"' in vosi.tableset(CATALOG)
    assert columns["ra"].unit == "deg"
    assert columns["run_id"].std
    flags = {c.name: list(c.flags) for c in tables["cta.run"].columns}
    assert flags["run_id"] == ["principal", "primary"]
    assert flags["ra"] == ["indexed", "nullable"]
    assert tables["cta.gti"].foreignkeys[0].targettable == "cta.run"
    assert tables["cta.run"].description == "One row a run & its place."


def test_least_detail_has_no_columns() -> None:
    document = vosi.tableset(CATALOG, detail="min")
    assert b"<column>" not in document
    assert b"cta.run" in document


def test_wrong_detail_and_unknown_table_are_said() -> None:
    with pytest.raises(BadParameter) as wrong:
        vosi.tableset(CATALOG, detail="all")
    assert wrong.value.text == "DETAIL: unknown 'all' (there are min and max)"
    with pytest.raises(NotFound) as unknown:
        vosi.table(CATALOG, "cta.nothing")
    assert unknown.value.text == (
        "no table 'cta.nothing' (/tap/tables lists the tables)"
    )


def test_reserved_words_are_written_as_in_a_query() -> None:
    pairs = (("date", "order"),)
    catalog = {
        "lab.order": Table("lab.order", (Column("order", "long"),)),
        "lab.run": Table(
            "lab.run",
            (Column("date", "long"),),
            foreign_keys=(ForeignKey("lab.order", pairs),),
        ),
    }
    root = etree.fromstring(vosi.tableset(catalog))
    assert [e.text for e in root.iter("name")] == [
        "lab", 'lab."order"', '"order"', "lab.run", '"date"'
    ]  # fmt: skip
    assert [e.text for e in root.iter("targetTable", "fromColumn", "targetColumn")] == [
        'lab."order"', '"date"', '"order"'
    ]  # fmt: skip
    for name in ("lab.order", 'lab."order"'):
        assert etree.fromstring(vosi.table(catalog, name)).findtext("name") == (
            'lab."order"'
        )


def test_output_formats_have_the_names_of_the_standard() -> None:
    """TAPRegExt 1.0 section 2.4 knows the serialisations of VOTable."""
    document = vosi.capabilities(SERVICE)
    (tap, *_) = parse_capabilities(io.BytesIO(document))
    formats = {f.mime: (f.ivo_id, list(f.aliases)) for f in tap.outputformats}
    start = "ivo://ivoa.net/std/TAPRegExt#output-votable-"
    assert formats["application/x-votable+xml"][0] == f"{start}binary2"
    assert formats["application/x-votable+xml;serialization=binary"] == (
        f"{start}binary",
        ["votable/b", "votable/b1"],
    )
    kind = "application/x-votable+xml;serialization=tabledata"
    assert formats[kind][0] == f"{start}td"
    for mime, alias in (
        ("application/json", "json"),
        ("application/fits", "fits"),
        ("application/vnd.apache.parquet", "parquet"),
    ):
        assert formats[mime] == (None, [alias])
