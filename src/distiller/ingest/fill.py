"""Columns that a site has added to the data model, filled as its settings say."""

from __future__ import annotations

import difflib
import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field, Strict, StringConstraints, model_validator

from distiller.core.errors import BadParameter
from distiller.ingest.findings import Finding
from distiller.ingest.parts import OfRuns
from distiller.ingest.values import as_number
from distiller.model import load_model

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    from distiller.archive.ledger import Looker
    from distiller.core.bundle import Bundle, Value
    from distiller.ingest.gadf import RawRun

_TABLES: Final = (
    "cta.observation",
    "cta.pointing",
    "cta.ambient_conditions",
    "cta.processing",
    "cta.product",
)
"""Those that have one row of their own for every run."""

_BITS: Final = {"short": 16, "int": 32, "long": 64}
_FLOATS: Final = frozenset({"float", "double"})


class Fill(OfRuns):
    """A column that the site has added to its data model, and what it is filled with.

    From a keyword of the header of the events, else the column of that name in the
    observation index; or with the same value for all. The last entry counts that holds
    for a run and has a value. An override may mend the keyword. A keyword that a run
    does not have is noted (D245).
    """

    column: Annotated[str, StringConstraints(pattern=r"^\w+\.\w+\.\w+$")] = Field(
        description="The column with its table: `cta.ambient_conditions.dew_point`; "
        f"of {', '.join(f'`{name}`' for name in _TABLES)}."
    )
    keyword: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9_-]{1,68}$")] | None = (
        Field(default=None, description="Keyword or column of the index, in capitals.")
    )
    value: (
        Annotated[bool, Strict()]
        | Annotated[int, Strict()]
        | Annotated[float, Strict(), Field(allow_inf_nan=False)]
        | Annotated[str, Strict()]
        | None
    ) = Field(default=None, description="Instead of keyword: the value.")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.value is None) == (self.keyword is None):
            message = "give either a keyword or a value"
            raise ValueError(message)
        return self


def kinds_of(fills: Sequence[Fill], where: str, archive: Looker) -> dict[str, str]:
    """Return the type of each column that is to be filled.

    Raises
    ------
    BadParameter
        If there is no such column, or the ingest fills it itself, or the value does
        not fit.
    """
    kinds: dict[str, str] = {}
    for number, fill in enumerate(fills, start=1):
        name = f"column of fill {number}: "
        table, _, column = fill.column.rpartition(".")
        if table not in _TABLES:
            message = f"{name}{table} has no row of its own for every run"
            raise BadParameter(where, message, hint=f"known: {', '.join(_TABLES)}")
        if column in load_model(None).by_name[table].names:
            message = f"{name}{fill.column} is filled by the ingest itself"
            raise BadParameter(
                where, message, hint="mend its header by an [[override]]"
            )
        found = archive.rows(
            "SELECT column_name, datatype, xtype FROM tap_schema.columns "
            "WHERE table_name = ?",
            [table],
        )
        types = {row["column_name"]: row["xtype"] or row["datatype"] for row in found}
        if column not in types:
            near = difflib.get_close_matches(column, sorted(types), n=1)
            hint = f"did you mean {near[0]}; " if near else ""
            hint += "docs/howto/change-the-model.md adds one"
            message = f"{name}the archive has no column {fill.column}"
            raise BadParameter(where, message, hint=hint)
        kind = kinds[fill.column] = types[column]
        if kind not in {"char", *_OTHERS}:
            raise BadParameter(where, f"{name}a column of type {kind} cannot be filled")
        if fill.value is not None:
            try:
                _cell(fill.value, kind)
            except ValueError as error:
                message = f"value of fill {number}: {error}"
                raise BadParameter(where, message) from error
    return kinds


def filled_values(
    raw: RawRun, fills: Sequence[Fill], kinds: Mapping[str, str]
) -> tuple[dict[str, Value], tuple[Finding, ...]]:
    """Return the values of columns for a run, and what is wrong with them.

    Parameters
    ----------
    fills
        Those that hold for the run.
    kinds
        Types of the columns.
    """
    path = str(raw.files[0].path)
    values: dict[str, Value] = {}
    wrong: dict[str, Finding] = {}
    for fill in fills:
        given: object = fill.value
        if fill.keyword is not None:
            given = raw.events.values.get(fill.keyword)
            if given in {None, ""}:
                given = raw.index_row.get(fill.keyword)
        try:
            cell = _cell(given, kinds[fill.column])
        except ValueError as error:
            text = f"{fill.keyword} for {fill.column}: {error}"
            wrong[fill.column] = Finding("D211", text, path)
            continue
        if cell is not None:
            values[fill.column] = cell
        else:
            text = f"{fill.keyword} for {fill.column}"
            wrong.setdefault(fill.column, Finding("D245", text, path))
    findings = tuple(one for name, one in wrong.items() if name not in values)
    return values, findings


def with_filled(bundle: Bundle, values: Mapping[str, Value]) -> Bundle:
    """Return a dataset with values in columns of the rows that it has once."""
    rows = dict(bundle.rows)
    for name, value in values.items():
        table, _, column = name.rpartition(".")
        rows[table] = tuple({**row, column: value} for row in rows[table])
    return replace(bundle, rows=rows)


def _cell(given: object, kind: str) -> Value:
    """Return a value as the column has it; None where there is none.

    >>> _cell(" 3.5 ", "double"), _cell(3.0, "int"), _cell(3, "char"), _cell("", "int")
    (3.5, 3, '3', None)
    >>> _cell("2026-01-02T03:04:05", "timestamp")
    datetime.datetime(2026, 1, 2, 3, 4, 5)
    """
    if given is None or (isinstance(given, str) and not given.strip()):
        return None
    if kind == "char":
        return str(given).strip()
    made = _OTHERS.get(kind, _nothing)(given, kind)
    if made is None:
        message = f"{given!r} is no {_WORDS.get(kind, 'value')} ({kind})"
        raise ValueError(message)
    return made


def _number(given: object, kind: str) -> float | int | None:
    number = as_number(given) if isinstance(given, (str, int, float)) else None
    if number is None or not math.isfinite(number):
        return None
    if kind in _FLOATS:
        return number
    if not number.is_integer():
        return None
    whole = given if isinstance(given, int) else int(number)
    most = 1 << (_BITS[kind] - 1)
    return whole if -most <= whole < most else None


def _instant(given: object, _kind: str) -> datetime | None:
    try:
        instant = datetime.fromisoformat(str(given).strip())
    except ValueError:
        return None
    if instant.tzinfo is None:
        return instant
    return instant.astimezone(UTC).replace(tzinfo=None)


def _truth(given: object, _kind: str) -> bool | None:
    return given if isinstance(given, bool) else None


def _nothing(_given: object, _kind: str) -> None:
    return None


_OTHERS: Final = {
    **dict.fromkeys((*_BITS, *_FLOATS), _number),
    "timestamp": _instant,
    "boolean": _truth,
}
_WORDS: Final = {
    **dict.fromkeys(_BITS, "whole number that fits"),
    **dict.fromkeys(_FLOATS, "number"),
    "timestamp": "date and time",
    "boolean": "truth value",
}
