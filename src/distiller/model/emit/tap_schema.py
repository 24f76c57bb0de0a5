"""The model as rows of TAP_SCHEMA (TAP 1.1 section 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from distiller.core.bundle import Row
    from distiller.core.columns import Column, Table
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
            key_id = f"{table.name}:{'+'.join(own for own, _ in key.columns)}"
            keys.append(
                {
                    "key_id": key_id,
                    "from_table": table.name,
                    "target_table": key.target,
                    "description": key.description,
                    "utype": key.utype,
                }
            )
            pairs.extend(
                {
                    "key_id": key_id,
                    "from_column": _name(table, own),
                    "target_column": _name(target.table(), other),
                }
                for own, other in key.columns
            )
    return {
        "tap_schema.schemas": tuple(
            {
                "schema_name": name,
                "utype": _SCHEMA_UTYPES.get(name),
                "description": description,
                "schema_index": index,
            }
            for index, (name, description) in enumerate(model.schemas.items(), 1)
        ),
        "tap_schema.tables": tuple(
            {
                "schema_name": table.schema,
                "table_name": table.name,
                "table_type": "view" if table.is_view else "table",
                "utype": table.utype,
                "description": table.description,
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
        "table_name": table.name,
        "column_name": column.adql_name,
        "datatype": column.datatype,
        "arraysize": column.arraysize,
        "xtype": column.xtype,
        "size": None,
        "description": column.description,
        "utype": column.utype,
        "unit": column.unit,
        "ucd": column.ucd,
        "indexed": int(column.indexed),
        "principal": int(column.principal),
        "std": int(column.std),
        "column_index": index,
    }


def _name(table: Table, name: str) -> str:
    column = table.column(name)
    return column.adql_name if column else name
