"""The binding beside a VO-DML document: what that language cannot say (YAML)."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from distiller.core.columns import Datatype
from distiller.core.errors import BadData
from distiller.core.spelling import meant
from distiller.model.names import (
    SCHEMAS_OF_ENGINES,
    SCHEMAS_OF_POSTGRESQL,
    cut,
    free_name,
)
from distiller.model.tables import Rows, Strategy

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.model.entities import Document, Type

_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ColumnBinding(_Frozen):
    """One column, by the attribute or reference that it holds."""

    column: str | None = Field(
        None,
        description="Name of the column.",
        json_schema_extra={"usual": "the attribute's in snake_case", "like": "t_start"},
    )
    datatype: Datatype | None = Field(
        None,
        description="VOTable type of a number, where another than usual is wanted; "
        "others stay what they are, what leads to a key is what the key is, and is "
        "said where that is in another model.",
        json_schema_extra={"usual": "by the type of the attribute", "like": "float"},
    )
    unit: str | None = Field(
        None,
        description="Unit in the words of VOUnits. Text has none.",
        json_schema_extra={"usual": "none", "like": "deg"},
    )
    ucd: str | None = Field(
        None,
        description="UCD of the controlled vocabulary (UCD1+).",
        json_schema_extra={"usual": "none", "like": "pos.eq.ra;meta.main"},
    )
    utype: str | None = Field(
        None,
        description="UType.",
        json_schema_extra={
            "usual": "`model:vodml-id`, see `utypes`",
            "like": "obscore:Char.TimeAxis.Coverage.Bounds.Limits.StartTime",
        },
    )
    description: str | None = Field(
        None,
        description="What it says of itself in TAP_SCHEMA and in the database.",
        json_schema_extra={"usual": "that of the model", "like": "Start of the run."},
    )
    principal: bool = Field(
        default=False,
        description="Among the columns that most users want (TAP_SCHEMA `principal`).",
    )
    indexed: bool = Field(
        default=False,
        description="Rows are found by it: an index on PostgreSQL, and TAP_SCHEMA "
        "calls it `indexed`. Keys, unique columns, regions and points have one anyway.",
    )
    unique: bool = Field(
        default=False, description="No two rows of the table have the same value."
    )
    clock: bool = Field(
        default=False,
        description="A clock reading, left out where archives are compared.",
    )
    times: bool = Field(
        default=False,
        description="Its texts are time MOCs (MOC 2.0), and rows are found by them: an "
        "index on PostgreSQL.",
    )
    hidden: bool = Field(
        default=False, description="Stored, but not for queries nor in TAP_SCHEMA."
    )
    delimited: bool = Field(
        default=False,
        description="Of older files, without effect: names that are reserved words of "
        "ADQL are known, and stand in double quotes.",
    )
    was: str | None = Field(
        None,
        description="Name that the column had: an upgrade moves its values.",
        json_schema_extra={"usual": "none", "like": "start_time"},
    )
    table: str | None = Field(
        None,
        description="Of an attribute or reference with several values: name of the "
        "table that they stand in.",
        json_schema_extra={"usual": "`<table>_<attribute>`", "like": "run_corner"},
    )


class KeyBinding(_Frozen):
    """A foreign key to a table of another model."""

    columns: Mapping[str, str] = Field(
        description="Columns of this table, each with the one that it leads to.",
        json_schema_extra={"like": "{obs_publisher_did: publisher_did}"},
    )
    target: str = Field(
        description="Table that it leads to, with its schema; the columns are its key "
        "or unique.",
        json_schema_extra={"like": "cta.product"},
    )
    description: str | None = Field(
        None,
        description="What it says of itself in TAP_SCHEMA.",
        json_schema_extra={
            "usual": "which tables it joins",
            "like": "The product that is described.",
        },
    )


class TableBinding(_Frozen):
    """One object type that becomes a table, by its vodml-id.

    Every attribute and reference of the type must have its entry in ``columns``, or
    `distiller model check` says what is left unbound; so must what it inherits where
    that stands in the same table (`strategy`).
    """

    table: str = Field(
        description="Name of the table in the schema: small letters, digits, `_`, at "
        "most 63.",
        json_schema_extra={"like": "observation"},
    )
    title: str = Field(
        "",
        description="Heading for a person.",
        json_schema_extra={"usual": "the name of the type", "like": "Observations"},
    )
    rows: Rows = Field(
        "own",
        description="Whose rows it holds. `own`: they belong to one dataset, and go "
        "with it; `shared`: of many datasets; `history`: added where absent by key, "
        "and kept for ever; `mapped`: made by the ObsCore mapping; `derived`: from the "
        "model itself (TAP_SCHEMA); `service`: book-keeping of the archive.",
    )
    key: str | tuple[str, ...] = Field(
        description="Primary key. One word names a new column, with a key made of the "
        "content; a list names columns of the table.",
        json_schema_extra={"like": "observation_id"},
    )
    utype: str | None = Field(
        None,
        description="UType of the table.",
        json_schema_extra={"usual": "`model:vodml-id`, see `utypes`"},
    )
    root: str | None = Field(
        None,
        description="In the table whose rows are the datasets: the column with their "
        "publisher DID.",
        json_schema_extra={"usual": "none", "like": "publisher_did"},
    )
    owned_by: str | None = Field(
        None,
        description="Of `own` rows that no whole composes: the reference of another "
        "type that leads to them.",
        json_schema_extra={"usual": "none", "like": "Product.Product.observation"},
    )
    std: bool = Field(
        default=False,
        description="The columns are those of a standard (TAP_SCHEMA `std`).",
    )
    utypes: bool = Field(
        default=True,
        description="Table and columns have utypes made of the model's vodml-ids.",
    )
    container: ColumnBinding = Field(
        ColumnBinding(),
        description="The column with the key of the whole that composes the type; keys "
        "of a column.",
        json_schema_extra={"usual": "named as the key", "like": "{ucd: meta.id;obs}"},
    )
    discriminator: ColumnBinding = Field(
        ColumnBinding(),
        description="With the strategy `single` the column that says of which type a "
        "row is; keys of a column.",
        json_schema_extra={"usual": "`<table>_type`", "like": "{column: kind}"},
    )
    was: str | None = Field(
        None,
        description="Name that the table had, with its schema if that was another: an "
        "upgrade moves its rows.",
        json_schema_extra={"usual": "none", "like": "gti"},
    )
    foreign_keys: tuple[KeyBinding, ...] = Field(
        (),
        description="Foreign keys to tables of other models.",
        json_schema_extra={
            "usual": "none",
            "like": "[{columns: {did: publisher_did}, target: cta.product}]",
        },
    )
    points: tuple[tuple[str, str], ...] = Field(
        (),
        description="Pairs of columns, longitude and latitude in deg (ICRS), that get "
        "an index on the sky where the engine has one.",
        json_schema_extra={"usual": "none", "like": "[[ra, dec]]"},
    )
    columns: Mapping[str, ColumnBinding] = Field(
        description="The columns, in their order, by the path of what they hold: an "
        "attribute or reference (`name`), an attribute of a data type "
        "(`position.ra`), one of a type that stands in the table of all, with its "
        "vodml-id before it (`Observation.Run.nEvents`). `{}` takes what is usual.",
        json_schema_extra={"like": "{name: {ucd: meta.id}, position.ra: {unit: deg}}"},
    )


class ViewBinding(_Frozen):
    """Another name for all rows of a table, by its name in the schema."""

    of: str = Field(
        description="The table, with its schema; of this model or another.",
        json_schema_extra={"like": "ivoa.obscore"},
    )
    title: str = Field(
        description="Heading for a person.",
        json_schema_extra={"like": "Observations as of 2015"},
    )
    description: str = Field(
        description="What it says of itself in TAP_SCHEMA and in the database.",
        json_schema_extra={"like": "All rows of ivoa.obscore."},
    )


class Binding(_Frozen):
    """What stands at the outermost level."""

    model: str = Field(
        description="Name of the model, as in its document.",
        json_schema_extra={"like": "cta"},
    )
    schema_name: str = Field(
        alias="schema",
        description="Schema that tables and views stand in.",
        json_schema_extra={"like": "cta"},
    )
    description: str = Field(
        "",
        description="What the schema says of itself in TAP_SCHEMA.",
        json_schema_extra={"usual": "empty", "like": "Observations and products."},
    )
    hidden: bool = Field(
        default=False, description="Nothing of the model can be queried."
    )
    strategy: Strategy = Field(
        "concrete",
        description="How types that extend each other are stored. `joined`: a table "
        "for each, sharing the key; `single`: one for all; `concrete`: one for each "
        "type that is not abstract, with what it inherits.",
    )
    inheritance: Mapping[str, Strategy] = Field(
        default_factory=dict,
        description="The same for one family, by the vodml-id of the type at its top.",
        json_schema_extra={"usual": "as `strategy`", "like": "{Product.File: joined}"},
    )
    tables: Mapping[str, TableBinding] = Field(
        description="The tables, in their order, by the vodml-id of the object type. "
        "Every object type that has rows of its own must be there.",
        json_schema_extra={"like": "{Site: {table: site, key: site_id, columns: {}}}"},
    )
    views: Mapping[str, ViewBinding] = Field(
        default_factory=dict,
        description="Views, by their names in the schema.",
        json_schema_extra={"usual": "none"},
    )


# In C where there is one: every process that opens an archive reads the bindings.
_Safe = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


class _Loader(_Safe):  # type: ignore[misc, valid-type]  # one of two
    """Words are words, ``on`` and ``no`` too, and no key stands twice."""

    def construct_mapping(
        self,
        node: yaml.MappingNode,
        deep: bool = False,  # noqa: FBT001, FBT002 - theirs
    ) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"{key.value!r} stands twice in one place",
                    problem_mark=key.start_mark,
                )
            seen.add(key.value)
        made: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return made


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if not tag.endswith(":bool")]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_binding(path: Path) -> Binding:
    """Read a binding file.

    Raises
    ------
    BadData
        M010 where it is no YAML, M011 naming every entry that is wrong.
    """
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a safe one
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        message = " ".join(str(error).split())
        raise BadData("M010", path.name, f"no YAML: {message}") from error
    try:
        return Binding.model_validate(data)
    except ValidationError as error:
        faults = [_fault(one["type"], one["loc"], one["msg"]) for one in error.errors()]
        raise BadData(
            "M011",
            path.name,
            "; ".join(dict.fromkeys(faults)),
            hint="docs/reference/binding.md has all keys",
        ) from error


def _fault(kind: str, loc: tuple[int | str, ...], message: str) -> str:
    where = ".".join(str(part) for part in loc) or "the document"
    if kind == "model_type":
        return f"{where}: keys are due here{'; {} takes what is usual' if loc else ''}"
    if kind != "extra_forbidden":
        return f"{where}: {message}"
    part = _part(loc[:-1])
    known = [field.alias or name for name, field in part.model_fields.items()]
    return f"{where}: there is no such key{meant(str(loc[-1]), known)}"


def _part(loc: tuple[int | str, ...]) -> type[_Frozen]:
    """Return the part of the file that is at a place."""
    part: type[_Frozen] = Binding
    words = iter(loc)
    for word in words:
        part, several = PARTS[str(word)]
        if several:
            next(words, None)  # of which of them
    return part


PARTS: Mapping[str, tuple[type[_Frozen], bool]] = {
    "tables": (TableBinding, True),
    "columns": (ColumnBinding, True),
    "container": (ColumnBinding, False),
    "discriminator": (ColumnBinding, False),
    "foreign_keys": (KeyBinding, True),
    "views": (ViewBinding, True),
}
"""What stands under a key of the file, and whether there may be several."""


def default_binding(document: Document) -> Binding:
    """Return the binding of a model that has none: every object type a table.

    Columns are the attributes in snake_case; units and UCDs stay unknown. Types that
    extend each other are joined, so that references to any of them have a key.
    """
    schema = snake(document.name)
    if schema.startswith(SCHEMAS_OF_POSTGRESQL):
        schema = f"model_{schema}"
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
        schema=free_name(SCHEMAS_OF_ENGINES, schema, f"{schema}_model"),
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
