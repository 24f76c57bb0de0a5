"""The model as rows of TAP_SCHEMA (TAP 1.1 section 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distiller.core.reserved import adql_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from distiller.core.bundle import Row
    from distiller.core.columns import Column, ForeignKey, Table
    from distiller.model.tables import Model

_SCHEMA_UTYPES = {"ivoa": "ivo://ivoa.net/std/ObsCore"}


def rows(model: Model) -> Mapping[str, tuple[Row, ...]]:
    """Return the rows of each TAP_SCHEMA table, parents before children.

    Names that are reserved words stand in double quotes, as a query writes them.
    Foreign keys are listed where both tables can be queried.
    """
    tables = tuple(
        sorted(
            model.catalog.values(), key=lambda t: list(model.schemas).index(t.schema)
        )
    )
    keys: list[Row] = []
    pairs: list[Row] = []
    for table in tables:
        for key in table.foreign_keys:
            target = model.known.get(key.target)
            if target is None or target.hidden:
                continue
            key_id = _key_id(table, key)
            words = f"Rows of {table.name} refer to rows of {key.target}."
            keys.append(
                {
                    "key_id": key_id,
                    "from_table": table.adql_name,
                    "target_table": adql_name(key.target),
                    "description": key.description or words,
                    "utype": key.utype,
                }
            )
            pairs.extend(
                {
                    "key_id": key_id,
                    "from_column": adql_name(own),
                    "target_column": adql_name(other),
                }
                for own, other in key.columns
            )
    return {
        "tap_schema.schemas": tuple(
            {
                "schema_name": adql_name(name),
                "utype": _SCHEMA_UTYPES.get(name),
                "description": description or None,
                "schema_index": index,
            }
            for index, (name, description) in enumerate(model.schemas.items(), 1)
        ),
        "tap_schema.tables": tuple(
            {
                "schema_name": adql_name(table.schema),
                "table_name": table.adql_name,
                "table_type": "view" if table.is_view else "table",
                "utype": table.utype,
                "description": table.description or None,
                "table_index": index,
            }
            for index, table in enumerate(tables, 1)
        ),
        "tap_schema.columns": tuple(
            _column(table, column, index)
            for table in tables
            for index, column in enumerate(table.columns, 1)
        ),
        "tap_schema.keys": tuple(keys),
        "tap_schema.key_columns": tuple(pairs),
    }


def _column(table: Table, column: Column, index: int) -> Row:
    return {
        "table_name": table.adql_name,
        "column_name": column.adql_name,
        "datatype": column.datatype,
        "arraysize": column.arraysize,
        "xtype": column.xtype,
        "size": _size(column.arraysize),
        "description": column.description or None,
        "utype": column.utype,
        "unit": column.unit,
        "ucd": column.ucd,
        "indexed": int(column.indexed),
        "principal": int(column.principal),
        "std": int(column.std),
        "column_index": index,
    }


def _key_id(table: Table, key: ForeignKey) -> str:
    """Return the name of a key; two that begin at the same columns differ in the end.

    >>> from distiller.core.columns import ForeignKey, Table
    >>> key = ForeignKey("b.t", (("x", "y"),))
    >>> _key_id(Table("a.t", (), foreign_keys=(key,)), key)
    'a.t:x'
    """
    own = tuple(name for name, _ in key.columns)
    found = f"{table.name}:{'+'.join(own)}"
    same = [k for k in table.foreign_keys if tuple(n for n, _ in k.columns) == own]
    return f"{found}:{key.target}" if len(same) > 1 else found


def _size(arraysize: str | None) -> int | None:
    """Return the length of a text that is bounded (TAP 1.1 section 4.3).

    >>> _size("12"), _size("12*"), _size("*"), _size("2x3")
    (12, 12, None, None)
    """
    found = (arraysize or "").removesuffix("*")
    return int(found) if found.isdecimal() else None
