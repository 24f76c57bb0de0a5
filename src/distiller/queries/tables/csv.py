"""CSV with a first line of names, by Arrow, which finds the types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
from pyarrow import csv

from distiller.core.errors import UserError
from distiller.queries.tables.arrow import field_of, plain

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.queries.tables.fields import Field
    from distiller.queries.tables.limits import Limits

_BLOCK: Final = 2**30
"""Types are found in the first block: let it be the whole file."""


def read(path: Path, limits: Limits) -> tuple[list[Field], list[Any], str | None]:
    """Return the fields and their values as Arrow arrays; there is no description.

    Raises
    ------
    UserError
        If it cannot be read.
    """
    try:
        table = csv.read_csv(
            path,
            read_options=csv.ReadOptions(
                use_threads=False, block_size=min(_BLOCK, limits.size + 1)
            ),
            parse_options=csv.ParseOptions(newlines_in_values=True),
            convert_options=csv.ConvertOptions(strings_can_be_null=True),
        )
    except (pa.ArrowException, OSError) as error:
        said = str(error).partition("\n")[0][:200]
        raise UserError(f"it is no CSV that can be read: {said}") from error
    limits.check_rows(table.num_rows)
    limits.check_columns(table.num_columns)
    fields = [field_of(column) for column in table.schema]
    arrays = [
        plain(field.name, column.combine_chunks())
        for field, column in zip(fields, table.columns, strict=True)
    ]
    return fields, arrays, None
