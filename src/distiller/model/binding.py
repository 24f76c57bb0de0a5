"""The binding beside a VO-DML document: what that language cannot say (YAML)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from distiller.core.columns import Datatype
from distiller.core.errors import BadData
from distiller.model.tables import Rows

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.model.entities import Document

_CAPITAL = re.compile(r"(?<=[a-z0-9])([A-Z])")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ColumnBinding(_Frozen):
    """One column: what the model leaves open."""

    column: str | None = None
    datatype: Datatype | None = None
    unit: str | None = None
    ucd: str | None = None
    utype: str | None = None
    description: str | None = None
    principal: bool = False
    indexed: bool = False
    unique: bool = False
    clock: bool = False
    hidden: bool = False
    delimited: bool = False


class KeyBinding(_Frozen):
    """A foreign key to a table of another model."""

    columns: Mapping[str, str]
    target: str
    description: str | None = None


class TableBinding(_Frozen):
    """One object type that becomes a table.

    A ``key`` that is one word names a new column; a list names columns of the table.
    ``points`` are pairs of columns, longitude and latitude in degrees, that get an
    index on the sky where the engine has one.
    """

    table: str
    title: str = ""
    rows: Rows = "own"
    key: str | tuple[str, ...]
    utype: str | None = None
    root: str | None = None
    owned_by: str | None = None
    std: bool = False
    utypes: bool = True
    container: ColumnBinding = ColumnBinding()
    foreign_keys: tuple[KeyBinding, ...] = ()
    points: tuple[tuple[str, str], ...] = ()
    columns: Mapping[str, ColumnBinding]


class ViewBinding(_Frozen):
    """Another name for all rows of a table."""

    of: str
    title: str
    description: str


class Binding(_Frozen):
    """Everything that is bound of one model."""

    model: str
    schema_name: str = Field(alias="schema")
    description: str = ""
    hidden: bool = False
    tables: Mapping[str, TableBinding]
    views: Mapping[str, ViewBinding] = Field(default_factory=dict)


def read_binding(path: Path) -> Binding:
    """Read a binding file.

    Raises
    ------
    BadData
        M010 where it is no YAML, M011 naming the first entry that is wrong.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        message = " ".join(str(error).split())
        raise BadData("M010", path.name, f"no YAML: {message}") from error
    try:
        return Binding.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise BadData("M011", path.name, f"{where}: {first['msg']}") from error


def default_binding(document: Document) -> Binding:
    """Return the binding of a model that has none: every concrete type a table.

    Columns are the attributes in snake_case; units and UCDs stay unknown.
    """
    tables = {
        t.id: TableBinding(
            table=snake(t.name),
            title=t.name,
            key=f"{snake(t.name)}_id",
            columns={},
        )
        for t in document.types
        if t.kind == "objectType" and not t.abstract
    }
    return Binding(
        model=document.name,
        schema=snake(document.name),
        description=document.description,
        tables=tables,
    )


def snake(path: str) -> str:
    """Return the name of a column for an attribute.

    >>> snake("zenithTriggerRate"), snake("position.ra"), snake("nsb-Level")
    ('zenith_trigger_rate', 'position_ra', 'nsb_level')
    """
    return _CAPITAL.sub(r"_\1", re.sub(r"[.\-]", "_", path)).replace("__", "_").lower()
