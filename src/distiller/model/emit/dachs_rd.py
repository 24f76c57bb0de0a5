"""A resource descriptor for DaCHS: our ObsCore table, published by another site.

DaCHS (GAVO Data Center Helper Suite, 2.7) makes tables from descriptors in XML. This
one declares the columns of ``ivoa.obscore`` of this archive, fills them from a CSV file
that ``distiller query`` wrote, and adds the table to the site's own ``ivoa.obscore``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lxml import etree

from distiller.core.errors import BadParameter

if TYPE_CHECKING:
    from datetime import datetime

    from distiller.core.columns import Column
    from distiller.model.tables import Model

SOURCE = "data/obscore.csv"
"""The file that is imported, under the folder of the descriptor."""

TABLE = "ivoa.obscore"

_SCHEMA = re.compile(r"[a-z][a-z0-9_]{0,30}")
_TYPES = {
    "boolean": "boolean",
    "short": "smallint",
    "int": "integer",
    "long": "bigint",
    "float": "real",
    "double": "double precision",
    "char": "text",
}
_WHOLE = frozenset({"short", "int", "long"})
_NO_NUMBER = "-1"
"""What stands for NULL in formats that have none for whole numbers, as in DaCHS."""

_THEIRS = (
    "dataproduct_type", "dataproduct_subtype", "calib_level", "obs_collection",
    "obs_id", "obs_title", "obs_publisher_did", "obs_creator_did", "access_url",
    "access_format", "access_estsize", "target_name", "target_class", "s_ra", "s_dec",
    "s_fov", "s_region", "s_resolution", "t_min", "t_max", "t_exptime",
    "t_resolution", "em_min", "em_max", "em_res_power", "o_ucd", "pol_states",
    "facility_name", "instrument_name", "s_xel1", "s_xel2", "t_xel", "em_xel",
    "pol_xel", "s_pixel_scale", "em_ucd", "preview",
)  # fmt: skip
"""Columns of ivoa.obscore as DaCHS 2.7 has it, its source_table apart."""

_COMMENT = """
  The observations of an archive of CTA Data Distiller, for a site that publishes with
  DaCHS. Made by `distiller model dachs-rd`. It stands as q.rd in the folder {schema} of
  DaCHS' inputs, and the result of SELECT * FROM ivoa.obscore as CSV in
  {source} beside it. Then: dachs val {schema}/q; dachs imp {schema}/q
  Write title, creator and description as your site would have them.
"""

# An empty cell is a value that is missing.
_MISSING = """
yield {key: value if value else None for key, value in row.items()}
"""
# Regions come as STC-S; the column of DaCHS holds polygons. A point has no region.
_REGION = """
shape, numbers = None, []
if vars.get("s_region"):
  shape, _, *numbers = vars["s_region"].split()
  numbers = [float(number) for number in numbers]
vars["s_region"] = None
if shape == "CIRCLE":
  vars["s_region"] = pgsphere.SCircle.fromDALI(numbers).asPoly()
elif shape == "POLYGON":
  vars["s_region"] = pgsphere.SPoly.fromDALI(numbers)
"""


def descriptor(model: Model, created: datetime, schema: str = "distiller") -> str:
    """Return the resource descriptor of the ObsCore table as XML.

    Parameters
    ----------
    created
        When it is made (UTC): DaCHS asks for a date.
    schema
        Name of the schema in the site's database, and of the folder in DaCHS' inputs.

    Raises
    ------
    BadParameter
        If the model has no ObsCore table, or the schema has no simple name.
    """
    table = model.catalog.get(TABLE)
    if table is None:
        raise BadParameter(
            "model", f"there is no table {TABLE} in it", hint="name the model obscore"
        )
    if not _SCHEMA.fullmatch(schema):
        raise BadParameter(
            "schema",
            f"{schema!r} is no name of a schema",
            hint="small letters, digits and _, a letter first, 31 at most",
        )
    root = etree.Element("resource", schema=schema, resdir=schema)
    root.append(etree.Comment(_COMMENT.format(schema=schema, source=SOURCE)))
    _meta(root, created)
    _table(root, table.columns, table.description or "")
    _data(root)
    etree.indent(root)
    text: str = etree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _meta(root: etree._Element, created: datetime) -> None:
    for name, text in (
        ("creationDate", f"{created:%Y-%m-%dT%H:%M:%S}Z"),
        ("title", "Very-high-energy gamma-ray observations"),
        (
            "description",
            (
                "Event lists and products of imaging atmospheric Cherenkov "
                "telescopes, from an archive of CTA Data Distiller."
            ),
        ),
        ("creator", "CTA Data Distiller"),
        ("subject", "gamma-ray-astronomy"),
    ):
        etree.SubElement(root, "meta", name=name).text = text


def _table(root: etree._Element, columns: tuple[Column, ...], words: str) -> None:
    held = {column.name for column in columns}
    table = etree.SubElement(
        root,
        "table",
        id="obscore",
        onDisk="True",
        adql="True",
        primary="obs_publisher_did",
    )
    etree.SubElement(table, "meta", name="description").text = words
    # What is not named here comes from the column of the same name.
    absent = {name: "NULL" for name in _THEIRS if name not in held}
    etree.SubElement(table, "mixin", absent).text = "//obscore#publishObscoreLike"
    etree.SubElement(table, "index", columns="s_region", method="GIST")
    position = "//scs#spoint-index-def"
    etree.SubElement(table, "FEED", source=position, ra="s_ra", dec="s_dec")
    for column in columns:
        _column(table, column)


def _column(table: etree._Element, column: Column) -> None:
    name = column.name
    given = {
        "name": f"quoted/{name}" if column.adql_name != name else name,
        "type": _type(column),
        "unit": column.unit,
        "ucd": column.ucd,
        "utype": column.utype,
        "required": None if column.nullable else "True",
        "verbLevel": "1" if column.principal else "20",
        "description": column.description,
    }
    made = etree.SubElement(
        table, "column", {key: value for key, value in given.items() if value}
    )
    if column.datatype in _WHOLE and column.nullable:
        etree.SubElement(made, "values", nullLiteral=_NO_NUMBER)


def _type(column: Column) -> str:
    if column.is_geometry:
        return "spoly"
    return "timestamp" if column.is_instant else _TYPES[column.datatype]


def _data(root: etree._Element) -> None:
    data = etree.SubElement(root, "data", id="import")
    etree.SubElement(data, "sources").text = SOURCE
    grammar = etree.SubElement(data, "csvGrammar", enc="utf-8")
    _code(etree.SubElement(grammar, "rowfilter", name="missing"), _MISSING)
    make = etree.SubElement(data, "make", table="obscore")
    rows = etree.SubElement(make, "rowmaker", idmaps="*")
    apply = etree.SubElement(rows, "apply", name="region")
    setup = etree.SubElement(apply, "setup")
    etree.SubElement(setup, "code").text = "from gavo.utils import pgsphere"
    _code(apply, _REGION)


def _code(parent: etree._Element, text: str) -> None:
    etree.SubElement(parent, "code").text = etree.CDATA(text)
