"""The statements that lead from one shape of the tables to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distiller.model.diff import KEPT, former, former_column
from distiller.model.emit.sql import duckdb, parts, postgresql
from distiller.model.emit.sql.convert import conversion
from distiller.model.emit.sql.cover import cover_statements
from distiller.model.names import listed, literal, qualified, quoted
from distiller.model.shape import shape_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from distiller.core.columns import ForeignKey
    from distiller.model.diff import Difference, Kind
    from distiller.model.shape import ColumnShape, Shape, TableShape
    from distiller.model.tables import BoundTable, Model

_WORDS = frozenset({"table comment", "column comment", "view comment"})


def alter(
    differences: Sequence[Difference],
    old: Shape,
    model: Model,
    *,
    drop: bool = False,
) -> tuple[str, ...]:
    """Return the statements that make the tables those of the model.

    Rows that are derived from others are deleted where their table changes: they are
    made anew. On DuckDB a table that changes in more than words and new columns at its
    end is made anew by copy.

    Parameters
    ----------
    differences
        What `distiller.model.diff.diff` found between ``old`` and the model.
    drop
        Whether columns and tables that the model no longer has are dropped; otherwise
        they stay, and what forbids a row to be without their values goes.
    """
    differences = [d for d in differences if drop or not d.is_kept]
    if not differences:
        return ()
    if old.engine == "postgresql":
        return tuple(_Postgres(differences, old, model, drop=drop).statements())
    return tuple(_DuckDB(differences, old, model, drop=drop).statements())


def dropped_views(
    differences: Sequence[Difference], old: Shape, model: Model, *, drop: bool
) -> tuple[str, ...]:
    """Return the views that PostgreSQL must drop to change what they show.

    Others stay, with what depends on them and who may read them: their query is
    replaced, which may have more columns at its end.
    """
    altering = _Postgres(differences, old, model, drop=drop)
    return tuple(altering.dropped_views())


class _Altering:
    """What both engines need."""

    def __init__(
        self,
        differences: Sequence[Difference],
        old: Shape,
        model: Model,
        *,
        drop: bool,
    ) -> None:
        self._differences = differences
        self._old = old
        self._model = model
        self._drop = drop

    def _of(self, *kinds: Kind) -> Iterator[Difference]:
        return (d for d in self._differences if d.kind in kinds)

    @property
    def _structural(self) -> bool:
        return any(d.kind not in _WORDS for d in self._differences)

    def _was(self, table: str) -> str:
        """Return the name of a table before everything."""
        renamed = {d.table: d.old for d in self._of("table renamed")}
        return renamed.get(table, table)

    def _bound(self, table: str) -> BoundTable:
        return self._model.by_name[table]

    def _derived(self, table: str) -> bool:
        bound = self._model.by_name.get(table)
        if bound is None:
            return self._old.tables[table].derived
        return bound.is_derived

    def _schemas(self) -> Iterator[str]:
        present = {name.partition(".")[0] for name in self._old.tables}
        for schema in parts.schemas(self._model):
            if schema not in present:
                yield f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}"

    def dropped_views(self) -> Iterator[str]:
        """Yield the views that stand in the way of changes; they are made again."""
        yield from self._old.views if self._structural else ()

    def _drop_views(self) -> Iterator[str]:
        for name in self.dropped_views():
            yield f"DROP VIEW {qualified(name)}"

    def _views(self) -> Iterator[str]:
        if self._structural:
            dropped = set(self.dropped_views())
            for view in self._model.views:
                made, *words = parts.view(self._model, view)
                if view.name in self._old.views and view.name not in dropped:
                    made = made.replace("CREATE ", "CREATE OR REPLACE ", 1)
                yield from (made, *words)
            return
        described = {d.table for d in self._of("view comment")}
        for view in self._model.views:
            if view.name in described:
                text = literal(view.description)
                yield f"COMMENT ON VIEW {qualified(view.name)} IS {text}"

    def _kept_tables(self) -> Iterator[str]:
        """Mark the tables that stay though the model does not have them."""
        for d in self._of("table gone") if not self._drop else ():
            if not self._derived(d.table):
                yield from kept_table(self._old.tables[d.table])

    def _comments(self, made: set[str]) -> Iterator[str]:
        """Yield the words of new tables and columns, and those that have changed."""
        wanted = {
            (d.table, d.name)
            for d in self._of("table comment", "column comment", "column new")
        }
        for table in self._model.tables:
            if table.name in made:
                yield from parts.comments(table)
                continue
            if (table.name, "") in wanted:
                text = literal(table.description)
                yield f"COMMENT ON TABLE {qualified(table.name)} IS {text}"
            for bound in table.columns:
                if (table.name, bound.column.name) in wanted:
                    yield parts.column_comment(table, bound)


class _Postgres(_Altering):
    def statements(self) -> Iterator[str]:
        """Yield what can run in one transaction, in this order."""
        yield from self._schemas()
        yield from self._drop_views()
        yield from self._loosen()
        yield from self._rename()
        yield from self._columns()
        made = {d.table for d in self._of("table new")}
        if any(postgresql.is_on_the_sky(table) for table in self._model.tables):
            yield from cover_statements() if made or self._any("index new") else ()
        tables = [t for t in self._model.in_order() if t.name in made]
        for table in tables:
            yield postgresql.create_table(table, [])
        for d in self._of("constraint new"):
            name = quoted(d.name)
            yield f"ALTER TABLE {qualified(d.table)} ADD CONSTRAINT {name} {d.new}"
        yield from (f"CREATE {d.new}" for d in self._of("index new"))
        for table in tables:
            yield from (f"CREATE {text}" for text in postgresql.indexes(table).values())
        for d in self._of("key new"):
            name = quoted(d.name)
            yield f"ALTER TABLE {qualified(d.table)} ADD CONSTRAINT {name} {d.new}"
        for table, _, key in self._retyped():
            yield postgresql.add_key(table, key)
        for table in tables:
            for key in table.foreign_keys:
                yield postgresql.add_key(table, key)
        yield from self._views()
        yield from self._comments(made)
        yield from self._kept_columns()
        yield from self._kept_tables()

    def dropped_views(self) -> Iterator[str]:
        """Yield the views whose columns do not stay, or whose tables change types."""
        shown = {view.name: view.of for view in self._model.views}
        wanted = shape_of(self._model, "postgresql").views
        changed = {d.table for d in self._of("column type")}
        gone = self._of("column gone", "column kept")
        changed |= {d.table for d in gone if self._drop or self._derived(d.table)}
        # A table that no model describes is in none of its views.
        is_all = any(
            self._old.tables[d.table].comment and (self._drop or self._derived(d.table))
            for d in self._of("table gone", "table kept")
        )
        for name, view in self._old.views.items() if self._structural else ():
            stays = (
                name in wanted
                and view.columns == (wanted[name].columns[: len(view.columns)])
            )
            if is_all or not stays or shown[name] in changed:
                yield name

    def _any(self, *kinds: Kind) -> bool:
        return any(True for _ in self._of(*kinds))

    def _loosen(self) -> Iterator[str]:
        """Drop what holds tables together, keys before what they lead to."""
        for d in self._of("key gone"):
            yield self._drop_constraint(self._was(d.table), d.name)
        for table, name, _ in self._retyped():
            yield self._drop_constraint(self._was(table.name), name)
        gone = [d.table for d in self._of("table gone", "table kept")]
        for gone_table in gone:
            before = self._old.tables[gone_table]
            # What nobody describes is somebody else's, and so are its keys.
            for name in before.keys if before.comment or self._drop else ():
                yield self._drop_constraint(gone_table, name)
        for d in self._of("index gone"):
            schema = self._was(d.table).partition(".")[0]
            yield f"DROP INDEX {quoted(schema)}.{quoted(d.name)}"
        for d in sorted(self._of("constraint gone"), key=_is_key):
            yield self._drop_constraint(self._was(d.table), d.name)
        for gone_table in gone:
            if self._drop or self._derived(gone_table):
                yield f"DROP TABLE {qualified(gone_table)}"

    def _retyped(self) -> Iterator[tuple[BoundTable, str, ForeignKey]]:
        """Yield the foreign keys that stay, of columns that change their type.

        Both sides change one after the other, and a key allows no time in between.
        """
        changed = {(d.table, d.name) for d in self._of("column type")}
        gone = {(d.table, d.name) for d in self._of("key gone")}
        for table in self._model.tables:
            before = self._old.tables.get(self._was(table.name))
            keys = before.keys if before is not None else {}
            for name, key in postgresql.keys(table).items():
                ends = {(table.name, own) for own, _ in key.columns}
                ends |= {(key.target, other) for _, other in key.columns}
                stays = name in keys and (table.name, name) not in gone
                if stays and ends & changed:
                    yield table, name, key

    def _drop_constraint(self, table: str, name: str) -> str:
        return f"ALTER TABLE {qualified(table)} DROP CONSTRAINT {quoted(name)}"

    def _rename(self) -> Iterator[str]:
        for d in self._of("table renamed"):
            (schema, table), (old_schema, old) = (
                name.split(".", 1) for name in (d.table, d.old)
            )
            here = qualified(d.old)
            if schema != old_schema:
                yield f"ALTER TABLE {here} SET SCHEMA {quoted(schema)}"
                here = qualified(f"{schema}.{old}")
            if table != old:
                yield f"ALTER TABLE {here} RENAME TO {quoted(table)}"
        for d in self._of("column renamed"):
            names = f"{quoted(d.old)} TO {quoted(d.name)}"
            yield f"ALTER TABLE {qualified(d.table)} RENAME COLUMN {names}"

    def _columns(self) -> Iterator[str]:
        emptied = {
            d.table for d in self._of("column new", "column type", "column not null")
        }
        yield from self._emptied({t for t in emptied if self._derived(t)})
        for d in self._of("column gone", "column kept"):
            column = self._old.tables[self._was(d.table)].column(d.name)
            if self._drop or self._derived(d.table):
                yield self._column(d, "DROP COLUMN {}")
            elif column is not None and not column.nullable:
                yield self._column(d, "ALTER COLUMN {} DROP NOT NULL")
        for d in self._of("column new"):
            yield self._column(d, f"ADD COLUMN {{}} {d.new}")
        for d in self._of("column type"):
            made = conversion("postgresql", quoted(d.name), d.old, d.new)
            yield self._column(d, f"ALTER COLUMN {{}} TYPE {d.new} USING {made}")
        for d in self._of("column null"):
            yield self._column(d, "ALTER COLUMN {} DROP NOT NULL")
        for d in self._of("column not null"):
            yield self._column(d, "ALTER COLUMN {} SET NOT NULL")

    def _emptied(self, changed: set[str]) -> Iterator[str]:
        """Delete rows that are made anew, those that refer to others before them.

        The keys look at them at once: nothing may wait for that while a table changes.
        """
        if not changed:
            return
        found: list[str] = []
        for table in self._model.in_order():
            targets = {key.target for key in table.foreign_keys}
            is_due = table.name in changed or not targets.isdisjoint(found)
            if is_due and self._derived(table.name) and self._is_there(table.name):
                found.append(table.name)
        for name in reversed(found):
            yield f"DELETE FROM {qualified(name)}"  # noqa: S608 - names of the model
        yield "SET CONSTRAINTS ALL IMMEDIATE"
        yield "SET CONSTRAINTS ALL DEFERRED"

    def _is_there(self, table: str) -> bool:
        return self._was(table) in self._old.tables

    def _kept_columns(self) -> Iterator[str]:
        """Mark the columns that stay though the model does not have them."""
        for d in self._of("column gone") if not self._drop else ():
            column = self._old.tables[self._was(d.table)].column(d.name)
            if column is not None and not self._derived(d.table):
                yield from kept_column(d.table, column)

    def _column(self, d: Difference, what: str) -> str:
        return f"ALTER TABLE {qualified(d.table)} {what.format(quoted(d.name))}"


class _DuckDB(_Altering):
    def statements(self) -> Iterator[str]:
        """Yield the statements; a table that is made anew keeps its rows."""
        yield from self._schemas()
        yield from self._drop_views()
        made: set[str] = set()
        changes: dict[str, list[Difference]] = {}
        for d in self._differences:
            changes.setdefault(d.table, []).append(d)
        for table in self._model.in_order():
            found = changes.get(table.name, [])
            if not found:
                continue
            if all(self._is_appended(table, d) for d in found):
                yield from self._append(found)
                continue
            made.add(table.name)
            yield from self._anew(table)
        for d in self._of("table gone", "table kept"):
            if self._drop or self._derived(d.table):
                yield f"DROP TABLE {qualified(d.table)}"
        yield from self._views()
        yield from self._comments(made)
        yield from self._kept_tables()

    def _is_appended(self, table: BoundTable, d: Difference) -> bool:
        """Whether it is of words, or a new column at the end that may be missing."""
        if d.kind != "column new":
            return d.kind in _WORDS
        before = self._old.tables[self._was(table.name)].columns
        return d.name not in table.names[: len(before)] and "NOT NULL" not in d.new

    def _append(self, found: Sequence[Difference]) -> Iterator[str]:
        for d in found:
            if d.kind == "column new":
                column = f"{quoted(d.name)} {d.new}"
                yield f"ALTER TABLE {qualified(d.table)} ADD COLUMN {column}"

    def _anew(self, table: BoundTable) -> Iterator[str]:
        after = shape_of(self._model, "duckdb").tables[table.name]
        before = former(self._old, after)
        if before is None:
            yield duckdb.create_table(table)
            return
        schema, _, name = table.name.partition(".")
        made = f"{schema}.{name}__new"
        yield duckdb.create_table(table, made)
        pairs = [
            (
                column.name,
                found.name,
                conversion("duckdb", quoted(found.name), found.type, column.type),
            )
            for column in after.columns
            if (found := former_column(before, column)) is not None
        ]
        known = {old for _, old, _ in pairs}
        kept = [
            column
            for column in before.columns
            if column.name not in known and not (self._drop or after.derived)
        ]
        for column in kept:
            yield (
                f"ALTER TABLE {qualified(made)} ADD COLUMN "
                f"{quoted(column.name)} {column.type}"
            )
            pairs.append((column.name, column.name, quoted(column.name)))
        # Where nothing is the same, new columns that are never missing allow no rows.
        if pairs and not after.derived:
            names = listed(tuple(new for new, _, _ in pairs))
            cells = ", ".join(cell for _, _, cell in pairs)
            yield (
                f"INSERT INTO {qualified(made)} ({names})\n"
                f"SELECT {cells}\nFROM {qualified(before.name)}"
            )
        yield f"DROP TABLE {qualified(before.name)}"
        yield f"ALTER TABLE {qualified(made)} RENAME TO {quoted(name)}"
        for column in kept:
            yield from kept_column(table.name, column)


def kept_column(table: str, column: ColumnShape) -> Iterator[str]:
    """Yield what says of a column that an upgrade has kept it.

    The model describes all that it makes: what has no words somebody else added, and
    nothing is said of that.
    """
    if column.comment:
        where = f"{qualified(table)}.{quoted(column.name)}"
        yield f"COMMENT ON COLUMN {where} IS {_kept(column.comment)}"


def kept_table(table: TableShape, catalog: str = "") -> Iterator[str]:
    """Yield what says of a table that an upgrade has kept it, likewise."""
    if table.comment:
        where = f"{catalog}{qualified(table.name)}"
        yield f"COMMENT ON TABLE {where} IS {_kept(table.comment)}"


def _kept(comment: str) -> str:
    return literal(KEPT + comment.removeprefix(KEPT))


def _is_key(d: Difference) -> bool:
    return d.old.startswith("PRIMARY KEY")
