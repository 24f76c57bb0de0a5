"""CSV with a first line of names, cut by Arrow; the types are found here.

Arrow's own types lose what users mean: 023523 becomes 23523, the star `NA` NULL.
"""

from __future__ import annotations

import csv as lines
import re
from typing import TYPE_CHECKING, Any, Final, Literal

import pyarrow as pa
from pyarrow import csv

from distiller.core.errors import UserError
from distiller.queries.tables.arrow import field_of, plain
from distiller.queries.tables.limits import MOST_COLUMNS
from distiller.queries.tables.values import instants_of, pc

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from distiller.queries.tables.fields import Field
    from distiller.queries.tables.limits import Limits

_BLOCK: Final = 2**30
"""A row must lie within one block: let it be the whole file."""
_BETWEEN: Final = (",", ";", "\t")
_OTHERS: Final = {"|": "'|'", None: "blanks"}
_LONG: Final = 2**16
_LOOK: Final = 5
"""Lines, to so many characters, that tell whether other marks part the cells."""

_HEAD: Final = 1000
_ABSENT: Final = "(?i)^([-+]?nan|na|n/a|null)$"
"""NULL among numbers, truth values and times; in a column of texts a text."""
_NAN: Final = "(?i)^[-+]?nan$"
_TRUTH: Final = "(?i)^(true|false)$"
_WHOLE: Final = r"^-?(0|[1-9]\d*)$"
_NUMBER: Final = r"(?i)^-?((\d+\.?\d*|\.\d+)(e[-+]?\d+)?|inf(inity)?)$"
_IS_NUMBER: Final = re.compile(_NUMBER).fullmatch
_CODE: Final = r"^[-+]?0\d+$"
"""Digits that begin with a zero are no number, but a name or a code."""
_INSTANT: Final = (
    r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[-+]\d\d:?\d\d)?)?$"
)


def read(path: Path, limits: Limits) -> tuple[list[Field], list[Any], str | None]:
    """Return the fields and their values as Arrow arrays; there is no description.

    Raises
    ------
    UserError
        If it cannot be read.
    """
    start = _checked(path)
    between = _between(start)
    wrong: list[str] = []

    def note(row: csv.InvalidRow) -> Literal["error"]:
        where = f"row {row.number - 1}: it" if row.number else "a row"
        wrong.append(
            f"{where} has {row.actual_columns} cells, and there are "
            f"{row.expected_columns} columns"
        )
        return "error"

    texts = {f"f{number}": pa.string() for number in range(MOST_COLUMNS + 1)}
    try:
        table = csv.read_csv(
            path,
            read_options=csv.ReadOptions(
                use_threads=False,
                block_size=min(_BLOCK, limits.size + 1),
                autogenerate_column_names=True,
            ),
            parse_options=csv.ParseOptions(
                delimiter=between, newlines_in_values=True, invalid_row_handler=note
            ),
            convert_options=csv.ConvertOptions(
                strings_can_be_null=True, null_values=[""], column_types=texts
            ),
        )
    except (pa.ArrowException, OSError) as error:
        said = wrong[0] if wrong else str(error).partition("\n")[0][:200]
        raise UserError(
            f"it is no CSV that can be read: {said}",
            hint="text with commas in it is put in double quotes",
        ) from error
    limits.check_columns(table.num_columns)
    limits.check_rows(table.num_rows - 1)
    fields, arrays = [], []
    for column in table.columns:
        cells = column.combine_chunks()
        name = (cells[0].as_py() or "").strip()
        values = _typed(cells[1:])
        fields.append(field_of(pa.field(name, values.type)))
        arrays.append(plain(name, values))
    return fields, arrays, None


def _checked(path: Path) -> list[str]:
    """Return the first lines, once it is known that all are UTF-8."""
    start: list[str] = []
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            try:
                text = line.decode()
            except UnicodeDecodeError as error:
                at = len(line[: error.start].decode()) + 1
                raise UserError(
                    f"it is not UTF-8 at line {number}, character {at}",
                    hint="convert it, as by `iconv -f latin1 -t utf-8`; VOTable, "
                    "FITS, Parquet and CSV are read",
                ) from error
            if len(start) < _LOOK and text.strip():
                plain = text.removeprefix("\ufeff").strip("\r\n")
                start.append(plain.partition("\r")[0][:_LONG])
    return start


def _between(start: Sequence[str]) -> str:
    """Return what stands between the cells, by the line of names.

    >>> _between(["name;ra, deg;dec", "a;1;2"])
    ';'
    >>> _between(["name|ra", "a|1"])
    Traceback (most recent call last):
    ...
    distiller.core.errors.UserError: its cells are parted by '|' (part them by commas, \
semicolons or tabs)
    """
    names = start[0]

    def count(mark: str) -> int:
        return len(next(lines.reader([names], delimiter=mark)))

    most = max(_BETWEEN, key=count)
    if count(most) > 1 or '"' in names:
        return most
    for other, called in _OTHERS.items():
        plain = [line.lstrip("# ") for line in start]
        cells = [[c for c in line.split(other) if c.strip()] for line in plain]
        if not cells[0][1:] or len({len(row) for row in cells}) > 1:
            continue
        columns = zip(*cells[1:], strict=True)
        if other or any(all(map(_IS_NUMBER, column)) for column in columns):
            raise UserError(
                f"its cells are parted by {called}",
                hint="part them by commas, semicolons or tabs",
            )
    return most


def _typed(texts: Any) -> Any:
    """Return the texts of a column as what all of them are.

    >>> _typed(pa.array(["1", " 2", "NA"])).to_pylist()
    [1, 2, None]
    >>> _typed(pa.array(["1", "023"])).to_pylist()
    ['1', '023']
    """
    head = texts[:_HEAD]
    if len(texts) > _HEAD and pa.types.is_string(_typed(head).type):
        absent = pc.match_substring_regex(pc.utf8_trim_whitespace(head), _ABSENT)
        if not pc.all(absent, min_count=0).as_py():
            return texts  # what are texts at the beginning will be nothing else
    trimmed = pc.utf8_trim_whitespace(texts)
    absent = pc.match_substring_regex(trimmed, _ABSENT)
    none = pa.scalar(None, pa.string())
    known = pc.if_else(absent, none, trimmed)
    if known.null_count == len(known):
        numbers = pc.all(pc.match_substring_regex(trimmed, _NAN), min_count=1)
        return known.cast(pa.float64()) if numbers.as_py() else texts

    found = _as_one(known)
    return texts if found is None else found


def _as_one(known: Any) -> Any:
    """Return values of the type that all of them are, None for texts."""

    def all_are(pattern: str) -> bool:
        return all(
            pc.all(pc.match_substring_regex(some, pattern), min_count=0).as_py()
            for some in (known[:_HEAD], known)  # most are refuted at once
        )

    try:
        if all_are(_TRUTH):
            return pc.equal(pc.utf8_lower(known), "true")
        if all_are(_INSTANT):
            return instants_of(known)
        if pc.any(pc.match_substring_regex(known, _CODE)).as_py():
            return None
        if pc.any(pc.starts_with(known, "+")).as_py():
            known = pc.replace_substring_regex(known, r"^\+", "")
        if all_are(_WHOLE):
            return pc.cast(known, pa.int64())
        if all_are(_NUMBER):
            return pc.cast(known, pa.float64())
    except pa.ArrowInvalid:
        pass  # a day that is none, or an integer of too many digits: a text
    return None
