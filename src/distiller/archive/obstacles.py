"""What rows that are there do not allow, found before anything is changed.

One query for each difference that rows may stand in the way of. It asks the rows as
they will be: under their new names, converted to their new types.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import duckdb
import psycopg

from distiller.core.errors import IllegalState
from distiller.model.diff import former, former_column
from distiller.model.emit.sql import postgresql, quoted
from distiller.model.emit.sql.convert import (
    conversion,
    is_instant_of_text,
    is_number_of_text,
    plain,
)
from distiller.model.names import listed, literal, of_table, qualified
from distiller.model.shape import shape_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from distiller.archive.engine import Session
    from distiller.core.columns import ForeignKey
    from distiller.core.engines import EngineName
    from distiller.model import BoundTable, Model
    from distiller.model.diff import Difference
    from distiller.model.shape import ColumnShape, Shape, TableShape

_FAULTY = (duckdb.OutOfRangeException, duckdb.ConversionException, psycopg.DataError)
_LONGEST = 60
"""Characters of a value that are shown."""

_MADE = "made__of_it"
_WORD = re.compile(r"\w+")
_KNOWN_KEYS = """
SELECT k.from_table, k.target_table, c.from_column, c.target_column
FROM tap_schema.keys k JOIN tap_schema.key_columns c ON c.key_id = k.key_id
"""


def obstacles(  # noqa: PLR0913 - both sides, and what leads from one to the other
    engine: EngineName,
    session: Session,
    live: Shape,
    model: Model,
    differences: Sequence[Difference],
    *,
    drop: bool,
) -> tuple[str, ...]:
    """Return a sentence for each thing that rows stand in the way of.

    Each says table, column, number of rows, an example and what to do.

    Parameters
    ----------
    differences
        What leads from ``live`` to ``model``, see `distiller.model.diff`.
    drop
        Whether digits may be lost.
    """
    rows = _Rows(engine, session, live, model)
    found = _Obstacles(rows, model, differences, drop=drop)
    return tuple(found.all())


def refuse(found: Sequence[str]) -> None:
    """Refuse to go on where something is in the way.

    Raises
    ------
    IllegalState
        If something is.
    """
    if found:
        raise IllegalState(
            "the archive as it is stands in the way: " + "; ".join(found),
            hint="nothing was changed",
        )


class _Rows:
    """Rows that are there, as they will be."""

    def __init__(
        self, engine: EngineName, session: Session, live: Shape, model: Model
    ) -> None:
        self.engine = engine
        self.session = session
        self.live = live
        self.wanted = shape_of(model, engine)
        self._made = 0

    def before(self, table: str) -> TableShape | None:
        """Return what a table of the model was."""
        after = self.wanted.tables.get(table)
        return former(self.live, after) if after is not None else None

    def of(self, table: str) -> str | None:
        """Return the rows that a table will have, as a query; None for a new one."""
        after, before = self.wanted.tables.get(table), self.before(table)
        if after is None:
            there = self.live.tables.get(table)
            return None if there is None else f"SELECT * FROM {qualified(table)}"  # noqa: S608 - names of the archive
        if before is None:
            return None
        cells = [
            f"{self.cell(former_column(before, column), column)} "
            f"AS {quoted(column.name)}"
            for column in after.columns
        ]
        return f"SELECT {', '.join(cells)} FROM {qualified(before.name)}"  # noqa: S608 - names of the archive

    def cell(self, old: ColumnShape | None, new: ColumnShape) -> str:
        """Return a value as it will be; NULL where it cannot be."""
        if old is None:
            return f"CAST(NULL AS {plain(new.type)})"
        return self.tried(quoted(old.name), old.type, new.type)

    def tried(self, value: str, old: str, new: str) -> str:
        """Return a value as one of another type, NULL where there is none."""
        old, new = plain(old), plain(new)
        if old == new:
            return value
        if self.engine == "duckdb":
            return conversion("duckdb", value, old, new, cast="TRY_CAST")
        self._made += 1
        name = f"pg_temp.tried_{self._made}"
        body = literal(
            f"BEGIN RETURN {conversion('postgresql', 'given', old, new)}; "
            "EXCEPTION WHEN data_exception THEN RETURN NULL; END"
        )
        self.session.execute(
            f"CREATE OR REPLACE FUNCTION {name}(given {old}) RETURNS {new} "
            f"LANGUAGE plpgsql AS {body}"
        )
        return f"{name}({value})"

    def first(
        self, source: str, cells: Sequence[str], condition: str, order: Sequence[str]
    ) -> tuple[int, tuple[Any, ...]]:
        """Return how many rows are so, and some cells of the first of them."""
        found = self.session.fetch(
            f"SELECT count(*) OVER (), {', '.join(cells)} "  # noqa: S608 - names of the model
            f"FROM ({source}) AS a WHERE {condition} "
            f"ORDER BY {', '.join(order)} LIMIT 1"
        )
        if not found:
            return 0, ()
        return int(found[0][0]), found[0][1:]


class _Obstacles:
    def __init__(
        self,
        rows: _Rows,
        model: Model,
        differences: Sequence[Difference],
        *,
        drop: bool,
    ) -> None:
        self._rows = rows
        self._model = model
        self._differences = differences
        self._drop = drop
        self._retyped = {
            (d.table, d.name)
            for d in differences
            if d.kind == "column type" and d.destructive
        }

    def all(self) -> Iterator[str]:
        """Yield a sentence for each thing that is in the way."""
        for table in self._model.tables:
            before = self._rows.before(table.name)
            if before is None or self._rows.wanted.tables[table.name].derived:
                continue
            found = [d for d in self._differences if d.table == table.name]
            for d in found:
                yield from self._of_column(table, before, d)
            for text in self._constraints(table, found):
                if text.startswith("CHECK "):
                    yield from self._of_check(table, text)
                else:
                    yield from self._of_unique(table, text)
        for table, key in self._keys():
            yield from self._of_key(table, key)

    def _of_column(
        self, table: BoundTable, before: TableShape, d: Difference
    ) -> Iterator[str]:
        after = self._rows.wanted.tables[table.name].column(d.name)
        if after is None:
            return
        old = former_column(before, after)
        if d.kind == "column new" and d.destructive:
            yield from self._lacking(
                table, before, d.name, "TRUE",
                "give it minOccurs 0, upgrade, fill it, and then let it be 1",
            )  # fmt: skip
        elif old is not None and d.kind == "column not null":
            yield from self._lacking(
                table, before, d.name, f"{quoted(old.name)} IS NULL",
                "give them one, or the attribute minOccurs 0",
            )  # fmt: skip
        elif old is not None and d.kind == "column type" and d.destructive:
            yield from self._of_type(table, before, old, after)

    def _lacking(
        self,
        table: BoundTable,
        before: TableShape,
        column: str,
        condition: str,
        what_to_do: str,
    ) -> Iterator[str]:
        keys = self._old_keys(table, before)
        source = f"SELECT * FROM {qualified(before.name)}"  # noqa: S608 - names of the archive
        cells = [quoted(name) for name in keys]
        count, values = self._rows.first(source, cells, condition, cells)
        if count:
            yield (
                f"{table.name}.{column} is never missing, and "
                f"{_rows(count, 'has', 'have')} no value, such as that of "
                f"{_equal(keys, values)}: {what_to_do}"
            )

    def _of_type(
        self,
        table: BoundTable,
        before: TableShape,
        old: ColumnShape,
        new: ColumnShape,
    ) -> Iterator[str]:
        name, rows = quoted(old.name), self._rows
        source = (
            f"SELECT *, {rows.tried(name, old.type, new.type)} AS {_MADE} "  # noqa: S608 - names of the archive
            f"FROM {qualified(before.name)} WHERE {name} IS NOT NULL"
        )
        asked = {f"{_MADE} IS NULL": "cannot become one"}
        if not self._drop:
            lost = _lost(rows, name, old.type, new.type)
            asked[f"{_MADE} IS NOT NULL AND {lost}"] = (
                "would lose digits (--drop allows it)"
            )
        keys = [key for key in self._old_keys(table, before) if key != old.name]
        order = [quoted(key) for key in keys] or [name]
        for condition, words in asked.items():
            cells = [name, *(quoted(key) for key in keys)]
            count, values = rows.first(source, cells, condition, order)
            if count:
                where = f", that of {_equal(keys, values[1:])}" if keys else ""
                yield (
                    f"{table.name}.{new.name} becomes {plain(new.type)}, and "
                    f"{_rows(count, 'has a value', 'have values')} that {words}, such "
                    f"as {_said(values[0])}{where}: mend them, or leave the type as it "
                    "is"
                )

    def _old_keys(self, table: BoundTable, before: TableShape) -> list[str]:
        """Return the columns that tell rows apart, by the names that they have now."""
        key = before.constraints.get(of_table(before.name, (), "pkey"), "")
        named = [c.name for c in before.columns]
        found = [n for n in named if quoted(n) in _within(key).split(", ")]
        return found or [n for n in table.key if n in named] or named[:1]

    def _new_keys(self, table: BoundTable) -> list[str]:
        """Return the key of the model, as far as rows have it already."""
        before, after = self._rows.before(table.name), self._rows.wanted.tables
        assert before is not None  # noqa: S101 - callers have looked
        columns = [after[table.name].column(name) for name in table.key]
        return [c.name for c in columns if c and former_column(before, c)]

    def _constraints(
        self, table: BoundTable, found: Sequence[Difference]
    ) -> Iterator[str]:
        """Yield what is new, and what is of values that are converted."""
        fresh = {d.new for d in found if d.kind == "constraint new"}
        is_retyped = any(name == table.name for name, _ in self._retyped)
        for text in self._rows.wanted.tables[table.name].constraints.values():
            if text in fresh or is_retyped:
                yield text

    def _of_check(self, table: BoundTable, text: str) -> Iterator[str]:
        condition = text.removeprefix("CHECK ")
        keys = self._new_keys(table)
        names = [n for n in _named(table, condition) if n not in keys]
        source = self._rows.of(table.name)
        assert source is not None  # noqa: S101 - callers have looked
        cells = [quoted(name) for name in [*names, *keys]]
        try:
            count, values = self._rows.first(
                source, cells, f"NOT {condition}", cells[len(names) :] or cells
            )
        except _FAULTY as error:  # a number that is too large, a division by zero
            said = str(error).partition("\n")[0]
            yield (
                f"{table.name}: {text} cannot be asked of every row ({said}): mend "
                "what the model says"
            )
            return
        if count:
            yield (
                f"{table.name}: {text}, and {_rows(count, 'breaks', 'break')} it, such "
                f"as {_row(names, keys, values)}: mend the rows, or what the model says"
            )

    def _of_unique(self, table: BoundTable, text: str) -> Iterator[str]:
        kind, names = text.partition(" (")[0], _within(text).split(", ")
        before = self._rows.before(table.name)
        after = self._rows.wanted.tables[table.name]
        columns = [c for c in after.columns if quoted(c.name) in names]
        assert before is not None  # noqa: S101 - callers have looked
        if any(former_column(before, c) is None for c in columns):
            return  # nothing is there yet that could be the same
        source = self._rows.of(table.name)
        there = " AND ".join(f"{name} IS NOT NULL" for name in names)
        group = ", ".join(names)
        keys = [n for n in self._new_keys(table) if quoted(n) not in names][:1]
        ends = [f"{end}({quoted(key)})" for key in keys for end in ("min", "max")]
        found = self._rows.session.fetch(
            f"SELECT sum(times) OVER (), * FROM (SELECT count(*) AS times, "  # noqa: S608 - names of the model
            f"{', '.join([group, *ends])} FROM ({source}) AS a "
            f"WHERE {there} GROUP BY {group} HAVING count(*) > 1) AS b "
            f"ORDER BY times DESC, {group} LIMIT 1"
        )
        if found:
            count, _, *values = found[0]
            told = [c.name for c in sorted(columns, key=_place(names))]
            which = values[len(names) :]
            pair = [f"{key} = {_said(value)}" for key in keys for value in which]
            where = f" in those of {' and '.join(pair)}" if pair else ""
            yield (
                f"{table.name}: {kind} ({group}), and {count} rows do not differ in "
                f"it, such as {_equal(told, values)}{where}: make them different, or "
                "leave that out of the binding"
            )

    def _keys(self) -> Iterator[tuple[BoundTable, ForeignKey]]:
        """Yield the foreign keys that are new, or whose values are converted.

        DuckDB holds none: there TAP_SCHEMA says which the archive had before.
        """
        known = self._known_keys()
        for table in self._model.tables:
            before = self._rows.before(table.name)
            after = self._rows.wanted.tables[table.name]
            if before is None or after.derived:
                continue
            for key in table.foreign_keys:
                target = self._rows.wanted.tables.get(key.target)
                if target is not None and target.derived:
                    continue
                retyped = {(table.name, own) for own, _ in key.columns}
                retyped |= {(key.target, other) for _, other in key.columns}
                if not known(table, before, key) or retyped & self._retyped:
                    yield table, key

    def _known_keys(self) -> Callable[[BoundTable, TableShape, ForeignKey], bool]:
        """Return what tells whether a foreign key was there before."""
        if self._rows.engine == "postgresql":
            return lambda _, before, key: (
                postgresql.key_text(key) in before.keys.values()
            )
        tables = {"tap_schema.keys", "tap_schema.key_columns"}
        listed_keys: set[tuple[str, ...]] = set()
        if tables <= self._rows.live.tables.keys():
            listed_keys = set(self._rows.session.fetch(_KNOWN_KEYS))
        return lambda _, before, key: all(
            (before.name, key.target, *pair) in listed_keys for pair in key.columns
        )

    def _of_key(self, table: BoundTable, key: ForeignKey) -> Iterator[str]:
        own = [name for name, _ in key.columns]
        keys = [name for name in self._new_keys(table) if name not in own]
        source, target = self._rows.of(table.name), self._rows.of(key.target)
        assert source is not None  # noqa: S101 - callers have looked
        condition = " AND ".join(f"a.{quoted(name)} IS NOT NULL" for name in own)
        if target is not None:
            same = " AND ".join(
                f"b.{quoted(there)} = a.{quoted(here)}" for here, there in key.columns
            )
            there = f"SELECT 1 FROM ({target}) AS b WHERE {same}"  # noqa: S608 - names of the model
            condition += f" AND NOT EXISTS ({there})"
        cells = [quoted(name) for name in [*own, *keys]]
        count, values = self._rows.first(
            source, cells, condition, cells[len(own) :] or cells
        )
        if count:
            others = listed(tuple(other for _, other in key.columns))
            yield (
                f"{table.name}: FOREIGN KEY ({listed(tuple(own))}) REFERENCES "
                f"{key.target} ({others}), and "
                f"{_rows(count, 'refers', 'refer')} to what is not there, such as "
                f"{_row(own, keys, values)}: add what is missing, or let the rows "
                "refer to what is there"
            )


def _lost(rows: _Rows, name: str, old: str, new: str) -> str:
    """Return the condition that what was made of a value is not the same any more."""
    back = rows.tried(_MADE, new, old)
    if is_number_of_text(old, new):
        # Digits count, not how they are written.
        if rows.engine == "duckdb":
            number = "TRY_CAST({} AS DOUBLE)"
            return f"{number.format(name)} IS DISTINCT FROM {number.format(back)}"
        number = f"CASE WHEN {_MADE} IS NOT NULL THEN CAST({{}} AS NUMERIC) END"
        return f"{number.format(name)} IS DISTINCT FROM {number.format(back)}"
    if is_instant_of_text(old, new):
        name = f"replace(replace({name}, 'T', ' '), 'Z', '')"
    return f"{back} IS DISTINCT FROM {name}"


def _within(text: str) -> str:
    """Return what stands in the brackets of a constraint."""
    return text.partition("(")[2].rpartition(")")[0]


def _named(table: BoundTable, condition: str) -> list[str]:
    """Return the columns that a condition names."""
    words = set(_WORD.findall(re.sub("'[^']*'", "", condition)))
    return [name for name in table.names if name in words]


def _place(names: Sequence[str]) -> Callable[[ColumnShape], int]:
    return lambda column: names.index(quoted(column.name))


def _rows(count: int, one: str, many: str) -> str:
    return f"1 row {one}" if count == 1 else f"{count} rows {many}"


def _row(names: Sequence[str], keys: Sequence[str], values: Sequence[Any]) -> str:
    """Return some cells of a row, and which row that is."""
    if not keys:
        return _equal(names, values)
    here = _equal(keys, values[len(names) :])
    there = _equal(names, values)
    return f"{there} in that of {here}" if names else f"that of {here}"


def _equal(names: Sequence[str], values: Sequence[Any]) -> str:
    pairs = zip(names, values, strict=False)
    return ", ".join(f"{name} = {_said(value)}" for name, value in pairs)


def _said(value: Any) -> str:
    if value is None:
        return "nothing"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
