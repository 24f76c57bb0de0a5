"""A data model with one table more: the 30 mandatory columns of ObsCore.

Its columns, units, UCDs, key and indexes are those that the model of the program gives
``ivoa.obscore``; only the reference to the archive's own products is left out, since
the rows are of no run that was ingested.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

import yaml
from benchmarks.tap.rows import COLUMNS
from lxml import etree

from distiller.model.load import BINDING, ENDING, PACKAGED

if TYPE_CHECKING:
    from pathlib import Path

TABLE: Final = "bench.obscore1m"
_SCHEMA, _, _NAME = TABLE.partition(".")


def write_model(folder: Path) -> None:
    """Copy the model of the program and add the table."""
    shutil.copytree(PACKAGED, folder)
    tree = etree.parse(PACKAGED / f"obscore{ENDING}")
    root = tree.getroot()
    _name(root).text = _SCHEMA
    for made in root.findall("objectType"):
        if _name(made).text != "ObsCore":
            root.remove(made)
            continue
        for attribute in made.findall("attribute"):
            if _name(attribute).text not in COLUMNS:
                made.remove(attribute)
    for other in root.findall("enumeration"):
        root.remove(other)
    for reference in root.iter("vodml-ref"):
        reference.text = str(reference.text).replace("obscore:", f"{_SCHEMA}:")
    tree.write(folder / f"{_SCHEMA}{ENDING}", encoding="utf-8", xml_declaration=True)
    given = yaml.safe_load((PACKAGED / f"obscore{BINDING}").read_text("utf-8"))
    table = given["tables"]["ObsCore"]
    for word in ("foreign_keys", "std"):
        table.pop(word)
    columns = {k: v for k, v in table["columns"].items() if k in COLUMNS}
    table |= {"table": _NAME, "title": "Synthetic rows", "columns": columns}
    table["rows"] = "shared"
    given |= {
        "model": _SCHEMA,
        "schema": _SCHEMA,
        "description": "Rows to measure with.",
        "tables": {"ObsCore": table},
    }
    text = yaml.safe_dump(given, sort_keys=False)
    (folder / f"{_SCHEMA}{BINDING}").write_text(text, encoding="utf-8")


def _name(element: etree._Element) -> etree._Element:
    found = element.find("name")
    assert found is not None  # noqa: S101 - VO-DML says so
    return found
