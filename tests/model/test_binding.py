"""The reference of the binding file: all keys, and an example that holds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest
from tests.model.bind.hierarchy import role

from distiller.model.binding import PARTS, Binding
from distiller.model.emit import sql, tap_schema
from distiller.model.entities import Constraint, Document, Import, Package, Type
from distiller.model.load import load_file
from distiller.model.write_vodml import write_vodml

if TYPE_CHECKING:
    from pydantic import BaseModel

    from distiller.model.entities import Role, TypeKind

_PAGE = Path(__file__).parents[2] / "docs" / "reference" / "binding.md"
_EXAMPLE = Path(__file__).parent / "xmi" / "lab.binding.yaml"


def _type(kind: TypeKind, identifier: str, *roles: Role, rule: str = "") -> Type:
    package, _, name = identifier.rpartition(".")
    rules = (Constraint(rule),) if rule else ()
    return Type(
        kind, identifier, name, f"A {name}.", package, roles=roles, constraints=rules
    )


def _document() -> Document:
    packages = tuple(Package(x, x, f"The {x}.") for x in ("site", "run"))
    place, run = "run.Place", "run.Run"
    return Document(
        "lab", "Lab", "A lab.", "1", packages,
        (
            _type("objectType", "site.Site",
                  role("attribute", "site.Site", "name", "ivoa:string")),
            _type("dataType", place,
                  role("attribute", place, "ra", "ivoa:real"),
                  role("attribute", place, "dec", "ivoa:real"),
                  rule="-90 <= dec <= 90"),
            _type("objectType", run,
                  role("attribute", run, "runNumber", "ivoa:integer"),
                  role("attribute", run, "did", "ivoa:anyURI"),
                  role("attribute", run, "target", "lab:run.Place"),
                  role("attribute", run, "date", "ivoa:datetime", 0),
                  role("attribute", run, "notes", "ivoa:string", 0, -1),
                  role("reference", run, "site", "lab:site.Site")),
        ),
        (Import("ivoa", "https://www.ivoa.net/xml/VODML/IVOA-v1.vo-dml.xml"),),
    )  # fmt: skip


def test_the_example_of_the_reference_holds(tmp_path: Path) -> None:
    text = _PAGE.read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)\n```", text, re.DOTALL)
    assert example == _EXAMPLE.read_text().rstrip()
    path = tmp_path / "lab.vo-dml.xml"
    path.write_bytes(write_vodml(_document()))
    (tmp_path / "lab.binding.yaml").write_text(example)
    model = load_file(path)
    with duckdb.connect() as connection:
        for statement in sql.ddl(model):
            connection.execute(statement)
        found = connection.execute("DESCRIBE lab.run").fetchall()
    assert [row[0] for row in found] == [
        "run_number", "did", "ra", "dec", "t_start", "site_id"
    ]  # fmt: skip
    assert model.by_name["lab.run_note"].names == (
        "run_number", "notes_index", "notes"
    )  # fmt: skip
    assert {row["unit"] for row in tap_schema.rows(model)["tap_schema.columns"]} == {
        None, "deg"
    }  # fmt: skip


@pytest.mark.parametrize("part", [Binding, *(part for part, _ in PARTS.values())])
def test_every_key_is_told(part: type[BaseModel]) -> None:
    text = _PAGE.read_text(encoding="utf-8")
    for name, field in part.model_fields.items():
        assert field.description, (part, name)
        row = f"\n| `{field.alias or name}` | "
        assert row in text
        assert f" | {field.description} | " in text
