"""The binding beside a VO-DML document: what that language cannot say (YAML)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from distiller.core.columns import Datatype
from distiller.core.errors import BadData
from distiller.model.names import cut, free_name
from distiller.model.tables import Rows, Strategy

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.model.entities import Document, Type

_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ColumnBinding(_Frozen):
    """One column: what the model leaves open.

    ``was`` is the name that the column had: an upgrade moves its values. ``table`` is
    the name of the table that several values or references stand in. ``delimited`` is
    of older files: reserved words of ADQL are known.
    """

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
    was: str | None = None
    table: str | None = None


class KeyBinding(_Frozen):
    """A foreign key to a table of another model."""

    columns: Mapping[str, str]
    target: str
    description: str | None = None


class TableBinding(_Frozen):
    """One object type that becomes a table.

    A ``key`` that is one word names a new column; a list names columns of the table.
    ``points`` are pairs of columns, longitude and latitude in degrees, that get an
    index on the sky where the engine has one. ``container`` is the column with the key
    of the whole, ``discriminator`` the one that says of which type a row is. ``was`` is
    the name that the table had. Columns of a type that extends another, in the table of
    all, are named with its vodml-id: ``Observation.Run.nEvents``.
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
    discriminator: ColumnBinding = ColumnBinding()
    was: str | None = None
    foreign_keys: tuple[KeyBinding, ...] = ()
    points: tuple[tuple[str, str], ...] = ()
    columns: Mapping[str, ColumnBinding]


class ViewBinding(_Frozen):
    """Another name for all rows of a table."""

    of: str
    title: str
    description: str


class Binding(_Frozen):
    """Everything that is bound of one model.

    ``strategy`` says how types that extend each other are stored, ``inheritance`` says
    it of the family of a type by itself.
    """

    model: str
    schema_name: str = Field(alias="schema")
    description: str = ""
    hidden: bool = False
    strategy: Strategy = "concrete"
    inheritance: Mapping[str, Strategy] = Field(default_factory=dict)
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
    """Return the binding of a model that has none: every object type a table.

    Columns are the attributes in snake_case; units and UCDs stay unknown. Types that
    extend each other are joined, so that references to any of them have a key.
    """
    tables: dict[str, TableBinding] = {}
    taken: set[str] = set()
    for item in document.types:
        if item.kind != "objectType":
            continue
        name = _table_name(item, taken)
        taken.add(name)
        top = _top(document, item)
        key = tables[top.id].key if top.id in tables else _key(document, top)
        tables[item.id] = TableBinding(table=name, title=item.name, key=key, columns={})
    return Binding(
        model=document.name,
        schema=cut(snake(document.name)),
        description=document.description,
        strategy="joined",
        tables=tables,
    )


def _table_name(item: Type, taken: set[str]) -> str:
    """Return the name of a type, with that of its package where it is taken."""
    package = item.package.rpartition(".")[2]
    usual = (item.name, f"{package}.{item.name}", item.id)
    return free_name(taken, *(snake(name) for name in usual))


def _key(document: Document, top: Type) -> str:
    """Return the name of the key of a family that no attribute in it has."""
    used = {
        cut(snake(role.name))
        for item in document.types
        if _top(document, item) is top
        for role in item.roles
    }
    name = snake(top.name)
    return free_name(used, f"{name}_id", f"{name}_key", f"key_of_{name}")


def _top(document: Document, item: Type) -> Type:
    seen = {item.id}
    base = document.find(item.extends) if item.extends else None
    while base is not None and base.id not in seen:
        seen.add(base.id)
        item, base = base, document.find(base.extends) if base.extends else None
    return item


def snake(path: str) -> str:
    """Return the name of a column for an attribute.

    >>> snake("zenithTriggerRate"), snake("position.ra"), snake("nsb-Level")
    ('zenith_trigger_rate', 'position_ra', 'nsb_level')
    >>> snake("_hidden"), snake("SDSSSource")
    ('hidden', 'sdss_source')
    """
    words = _CAPITAL.sub("_", re.sub(r"[.\-]", "_", path))
    return words.replace("__", "_").lower().lstrip("_") or "x"
