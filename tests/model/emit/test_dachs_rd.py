"""The descriptor for DaCHS, as far as it can be judged without DaCHS."""

from __future__ import annotations

import textwrap
from datetime import datetime

import pytest
from lxml import etree

from distiller.core.errors import BadParameter
from distiller.model import load_file, load_model
from distiller.model.emit import dachs_rd
from distiller.model.load import PACKAGED

_MADE = datetime(2026, 1, 2, 3, 4, 5)


@pytest.fixture(scope="module")
def root() -> etree._Element:
    text = dachs_rd.descriptor(load_model(), _MADE, "veg")
    return etree.fromstring(text.encode())


def test_it_is_a_resource_of_that_schema(root: etree._Element) -> None:
    assert root.tag == "resource"
    assert (root.get("schema"), root.get("resdir")) == ("veg", "veg")
    meta = {str(m.get("name")): m.text for m in root.findall("meta")}
    assert meta["creationDate"] == "2026-01-02T03:04:05Z"
    assert all(meta[name] for name in ("title", "description", "creator", "subject"))


def test_it_has_all_columns_with_everything_that_is_known_of_them(
    root: etree._Element,
) -> None:
    found = {str(c.get("name")): c for c in root.findall("table/column")}
    columns = load_model().catalog["ivoa.obscore"].columns
    assert list(found) == [column.name for column in columns]
    for column in columns:
        made = found[column.name]
        for name in ("unit", "ucd", "utype", "description"):
            assert made.get(name) == getattr(column, name), (column.name, name)
        assert (made.get("required") == "True") == (not column.nullable)
    types = {
        name: found[name].get("type")
        for name in ("obs_id", "calib_level", "access_estsize", "s_ra", "s_region")
    }
    assert types == {
        "obs_id": "text",
        "calib_level": "integer",
        "access_estsize": "bigint",
        "s_ra": "double precision",
        "s_region": "spoly",
    }
    assert found["obs_release_date"].get("type") == "timestamp"
    assert found["access_estsize"].find("values") is not None
    assert found["calib_level"].find("values") is None


def test_what_it_does_not_have_is_null_in_their_table(root: etree._Element) -> None:
    mixin = root.find("table/mixin")
    assert mixin is not None
    assert mixin.text == "//obscore#publishObscoreLike"
    held = {str(c.get("name")) for c in root.findall("table/column")}
    assert set(mixin.attrib) == set(dachs_rd._THEIRS) - held
    assert set(mixin.attrib.values()) == {"NULL"}
    mandatory = {c.name for c in load_model().catalog["ivoa.obscore"].columns if c.std}
    assert len(mandatory & set(dachs_rd._THEIRS)) >= 30


def test_it_reads_the_file_that_our_query_writes(root: etree._Element) -> None:
    assert root.findtext("data/sources") == dachs_rd.SOURCE
    make = root.find("data/make")
    assert make is not None
    assert make.get("table") == "obscore"


def test_its_code_is_python(root: etree._Element) -> None:
    codes = [str(code.text) for code in root.iter("code")]
    assert len(codes) == 3
    for code in codes:
        body = textwrap.indent(code.strip(), "  ")
        compile(f"def f(row, vars):\n{body}", "descriptor", "exec")


@pytest.mark.parametrize("schema", ["", "Veg", "1a", "a-b", "a" * 32, "a b"])
def test_a_schema_that_is_no_name_is_refused(schema: str) -> None:
    with pytest.raises(BadParameter, match=r"schema: .* is no name of a schema"):
        dachs_rd.descriptor(load_model(), _MADE, schema)


def test_a_model_without_obscore_is_refused() -> None:
    alone = load_file(PACKAGED / "tap_schema.vo-dml.xml")
    with pytest.raises(BadParameter, match=r"there is no table ivoa\.obscore in it"):
        dachs_rd.descriptor(alone, _MADE)
