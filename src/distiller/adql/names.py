"""Check of names: tables, joins, columns."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NoReturn, TypeAlias

from sqlglot import exp

from distiller.adql import nodes
from distiller.adql.conditions import balanced
from distiller.adql.faults import meant
from distiller.adql.kinds import ANY, common, comparable
from distiller.adql.limits import MOST_COLUMNS, MOST_COPIED, Exceeded
from distiller.adql.nodes import swap
from distiller.adql.scope import (
    Item,
    Scope,
    Source,
    Visible,
    grouped,
    reference,
    visible_items,
)
from distiller.core import names as known_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from distiller.adql.faults import Faults
    from distiller.core.columns import Catalog, Column

Resolve: TypeAlias = "Callable[[str], tuple[float, float] | None]"

_TWICE: Final = " (its sub-query has it twice: call one otherwise, with AS)"


def usual(name: str) -> tuple[float, float] | None:
    """Return the position of one of the usual sources, ICRS deg, or None.

    >>> usual("Crab Nebula")
    (83.6331, 22.0145)
    """
    found = known_names.find(name)
    return None if found is None else (found.ra_deg, found.dec_deg)


class Names:
    """Looks up tables and columns, and makes every reference a full one.

    Parameters
    ----------
    faults
        Where faults are noted.
    catalog
        Every table that may be named; None to look up none.
    resolve
        Returns the position of an object, deg, or None.
    """

    def __init__(
        self, faults: Faults, catalog: Catalog | None, resolve: Resolve | None = None
    ) -> None:
        self.faults = faults
        self.catalog = catalog
        self.resolve = resolve or usual
        self.queries: dict[str, tuple[str, tuple[Item, ...] | None]] = {}
        self.used: set[str] = set()
        self._labels = Labels()
        self._columns = 0
        self._copied = 0

    def nested(self, query: exp.Query, outer: Scope | None) -> tuple[Item, ...] | None:
        """Check a sub-query and return its columns; the sub-class defines it."""
        raise NotImplementedError

    def condition(self, node: exp.Expr, scope: Scope) -> None:
        """Check a join condition; the sub-class defines it."""
        raise NotImplementedError

    def label(self, name: str) -> str:
        """Return a name for the engine that nothing else in the query has."""
        return self._labels.unique(name)

    def spend(self, columns: int, at: int) -> None:
        """Count columns of tables and SELECTs; end the check where they are many."""
        self._columns += columns
        if self._columns > MOST_COLUMNS:
            self.exceed(
                f"more than {MOST_COLUMNS} columns of tables and SELECTs together", at
            )

    def exceed(self, message: str, at: int) -> NoReturn:
        """Note that a limit is reached, and check nothing more."""
        self.faults.add("Q108", at, message)
        raise Exceeded

    def hint(self, name: str, known: Iterable[str]) -> str:
        """Return the hint for a mistyped name, if somebody will read it."""
        return "" if self.faults.full else meant(name, known)

    # FROM ---------------------------------------------------------------------------

    def sources(self, select: exp.Select, scope: Scope) -> None:
        """Resolve FROM of a SELECT: fill its scope, give every table its label."""
        origin = select.args.get("from_")
        if origin is None:
            scope.is_open = True
            return
        chain: list[Visible] = self._table(origin.this, scope)
        done: list[Visible] = []
        for join in select.args.get("joins") or ():
            if self._is_comma(join):
                done += chain
                chain = self._table(join.this, scope)
            else:
                chain = self._join(join, chain, scope)
        scope.visible = done + chain

    def _is_comma(self, join: exp.Join) -> bool:
        keys = ("on", "using", "side", "kind", "method")
        return not any(join.args.get(key) for key in keys)

    def _table(self, node: exp.Expr, scope: Scope) -> list[Visible]:
        if isinstance(node, exp.Table):
            return self._add(self._named(node), node, scope)
        inner = node.this
        if not node.args.get("joins"):
            alias = node.args["alias"].this
            items = self.nested(inner, None)
            label = self.label(alias.this)
            node.set("alias", _alias(label))
            return self._add(Source(alias.this, None, label, items), node, scope)
        chain = self._table(inner, scope)
        for join in node.args["joins"]:
            chain = self._join(join, chain, scope)
        return chain

    def _add(self, source: Source, node: exp.Expr, scope: Scope) -> list[Visible]:
        for other in scope.sources:
            apart = other.schema and source.schema and other.schema != source.schema
            if other.name == source.name and not apart and self.catalog is not None:
                self.faults.add(
                    "Q205", node.meta["at"], f"{source.name} stands twice in FROM "
                    "(give one of them another name: AS ...)",
                )  # fmt: skip
        self.spend(len(source.items or ()), node.meta.get("at", 0))
        scope.sources.append(source)
        if source.items is None:
            scope.is_open = True
        return visible_items(source, scope)

    def _named(self, table: exp.Table) -> Source:
        at = table.meta.get("at", 0)
        parts = [p.this for p in (table.args.get("db"), table.this) if p]
        alias = table.args.get("alias")
        name = alias.this.this if alias else parts[-1]
        label = self.label(name)
        table.set("alias", _alias(label))
        if len(parts) == 1 and parts[0] in self.queries:
            query, items = self.queries[parts[0]]
            table.set("this", exp.Identifier(this=query, quoted=True))
            table.meta["query"] = query
            return Source(name, None, label, items)
        schema = None if alias or len(parts) == 1 else parts[0]
        if self.catalog is None:
            return Source(name, schema, label, None)
        full = ".".join(parts)
        known = self.catalog.get(full)
        if known is not None and table.args.get("catalog"):
            message = f"tables are named without a catalog here (write {full})"
            self.faults.add("Q201", at, message)
            return Source(name, schema, label, None)
        if known is None:
            hint = self.hint(full, [*self.catalog, *self.queries])
            if not any("unknown" in p.meta for p in table.find_all(exp.Identifier)):
                self.faults.add("Q201", at, f"there is no table {full}{hint}")
            return Source(name, schema, label, None)
        self.used.add(full)
        table.meta["table"] = full
        # Views and tables that came with the query have no covers of their regions.
        table.meta["covered"] = not known.is_view and known.stored is None
        table.meta["brought"] = known.stored is not None and "." not in known.stored
        if known.stored is not None:
            _rename(table, known.stored)
        items = tuple(
            Item(c.name, label, c)
            for c, label in zip(known.columns, known.stored_columns, strict=True)
        )
        return Source(name, schema, label, items)

    def _join(self, join: exp.Join, left: list[Visible], scope: Scope) -> list[Visible]:
        before = len(scope.sources)
        right = self._table(join.this, scope)
        side = join.args.get("side")
        on = join.args.get("on")
        if on is not None:
            within = Scope(None, scope.sources, left + right, {}, scope.is_open)
            within.outer = scope.outer
            self.condition(on, within)
            for column in on.find_all(exp.Column):
                if column.meta.get("scope") == id(within):
                    column.meta["scope"] = id(scope)
        names = [i.this for i in join.args.get("using") or ()]
        sides = grouped(left), grouped(right)
        if join.args.get("method") == "NATURAL":
            names = [name for name in sides[0] if name in sides[1]]
        merged = [self._merge(join, name, sides, scope) for name in names]
        if None in merged:
            scope.is_open = True  # of what was not joined nothing more is said
        if side in {"LEFT", "FULL"}:
            right = self._may_lack(scope.sources[before:], right)
        if side in {"RIGHT", "FULL"}:
            left = self._may_lack(scope.sources[:before], left)
        if join.args.get("using") or join.args.get("method"):
            self._plain(join, [m for m in merged if m is not None])
        shown = [m[0] for m in merged if m is not None]
        known = set(names)
        rest = [v for v in left + right if v.name not in known]
        return shown + rest

    def _merge(
        self,
        join: exp.Join,
        name: str,
        sides: tuple[dict[str, list[Visible]], dict[str, list[Visible]]],
        scope: Scope,
    ) -> tuple[Visible, exp.Expr] | None:
        """Return the one column that USING makes of two, and the join condition."""
        pair = []
        for where, visible in zip(("left", "right"), sides, strict=True):
            found = visible.get(name, [])
            if len(found) != 1:
                if not scope.is_open:
                    which = "ambiguous" if found else "missing"
                    hint = "" if found else self.hint(name, visible)
                    code = "Q203" if found else "Q202"
                    message = f"{name} is {which} on the {where} side of the JOIN{hint}"
                    self.faults.add(code, join.meta["at"], message)
                return None
            pair.append(found[0])
        one, two = pair
        column = common(one.column, two.column)
        if column is None or not comparable(one.column, two.column):
            self.faults.add(
                "Q304", join.meta["at"], f"the two columns {name} cannot be compared"
            )
            return None
        equal = exp.EQ(this=one.make(), expression=two.make())
        side = join.args.get("side")
        if side == "FULL":
            column = replace(column, nullable=True)
            return Visible(name, column, lambda: _either(name, one, two, column)), equal
        kept = two if side == "RIGHT" else one
        return Visible(name, kept.column, kept.make), equal

    def _plain(self, join: exp.Join, merged: list[tuple[Visible, exp.Expr]]) -> None:
        """Write NATURAL and USING as ON."""
        join.set("using", None)
        join.set("method", None)
        conditions: list[exp.Expr] = [condition for _, condition in merged]
        if conditions:
            join.set("on", balanced(exp.And, conditions))
        elif join.args.get("side"):
            join.set("on", exp.true())
        else:
            join.set("kind", "CROSS")

    def _may_lack(self, sources: list[Source], shown: list[Visible]) -> list[Visible]:
        """Make every column of one side of an outer join nullable."""
        for source in sources:
            source.may_lack()
        return [_nullable(v) for v in shown]

    # Columns ------------------------------------------------------------------------

    def column(self, node: exp.Column, scope: Scope) -> exp.Expr:
        """Return what a column reference means: a full reference, with its type."""
        found = self._found(node, scope)
        if found is None:
            found = node
            found.meta["type"] = ANY
        else:
            found.meta["at"] = node.meta.get("at", 0)
            swap(node, found)
        return found

    def _found(  # noqa: PLR0911 - one per outcome
        self, node: exp.Column, scope: Scope
    ) -> exp.Expr | None:
        if self.catalog is None or "unknown" in node.this.meta:
            return None
        if node.args.get("table") is not None:
            return self._qualified(node, scope)
        name = node.this.this
        for level in scope.chain():
            found = level.called(name)
            if len(found) == 1:
                return found[0].make()
            if found:
                having = [source for source in level.sources if source.called(name)]
                tables = " or ".join(f"{source.name}.{name}" for source in having)
                hint = f" (write {tables})" if len(having) > 1 else _TWICE
                self.faults.add("Q203", node.meta["at"], f"{name} is ambiguous{hint}")
                return None
            if level.is_open:
                return None
            if name in level.aliases:
                return self._copy(level.aliases[name], node)
        hint = self.hint(name, scope.column_names())
        if not hint and "delimited" in node.this.meta:
            hint = f" (text stands in single quotes: '{name}')"
        elif not hint and _is_compared(node):
            hint = " (text stands in single quotes)"
        self.faults.add("Q202", node.meta["at"], f"there is no column {name}{hint}")
        return None

    def _copy(self, value: exp.Expr, node: exp.Column) -> exp.Expr:
        message = "names of the SELECT list stand for too much here"
        self._count(1, value, message, node.meta["at"])
        return value.copy()

    def count_copies(self, times: int, *values: exp.Expr, more: int = 0) -> None:
        """Count parts of values that are about to stand in the tree several times.

        Parameters
        ----------
        more
            How many parts are built around them.
        """
        self._copied += more
        for value in values:
            message = "this would be written too often"
            self._count(times, value, message, value.meta.get("at", 0))

    def _count(self, times: int, value: exp.Expr, message: str, at: int) -> None:
        self._copied += times * len(nodes.find(value, exp.Expr))
        if self._copied > MOST_COPIED:
            self.exceed(f"{message} (more than {MOST_COPIED} parts)", at)

    def _qualified(self, node: exp.Column, scope: Scope) -> exp.Expr | None:
        name, table = node.this.this, node.args["table"].this
        schema = node.args["db"].this if node.args.get("db") else None
        at = node.meta["at"]
        for level in scope.chain():
            sources = level.named(table, schema)
            if len(sources) > 1:
                self.faults.add("Q203", at, f"{table} is ambiguous (write its schema)")
                return None
            if not sources:
                continue
            source = sources[0]
            found = source.called(name)
            if len(found) == 1:
                return reference(source, found[0], level)
            if found:
                self.faults.add("Q203", at, f"{table}.{name} is ambiguous{_TWICE}")
            elif source.items is not None:
                hint = self.hint(name, [i.name for i in source.items])
                self.faults.add("Q202", at, f"there is no column {table}.{name}{hint}")
            return None
        self._no_table(table if schema is None else f"{schema}.{table}", at, scope)
        return None

    def _no_table(self, name: str, at: int, scope: Scope) -> None:
        known = [s.name for level in scope.chain() for s in level.sources]
        hint = self.hint(name, known) or (
            f" (FROM has {', '.join(dict.fromkeys(known))})" if known else ""
        )
        self.faults.add("Q204", at, f"{name} is not in FROM{hint}")

    def star(self, node: exp.Expr, scope: Scope) -> list[Visible] | None:
        """Return the columns that ``*`` or ``table.*`` means, None if unknown."""
        if isinstance(node, exp.Star):
            return None if scope.is_open else scope.visible
        if self.catalog is None:
            return None
        table = node.args["table"].this
        schema = node.args["db"].this if node.args.get("db") else None
        sources = scope.named(table, schema)
        if not sources:
            if not scope.is_open:
                self._no_table(table, node.meta["at"], scope)
            return None
        source = sources[0]
        return None if source.items is None else visible_items(source, scope)


class Labels:
    """Names that are given once, whatever the case.

    >>> labels = Labels()
    >>> [labels.unique(name) for name in ("a", "A", "b", "a", "a_3")]
    ['a', 'A_2', 'b', 'a_3', 'a_3_2']
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._counts: dict[str, int] = {}

    def unique(self, name: str) -> str:
        """Return a name, with a number where it was given before."""
        key = name.lower()
        count = self._counts.get(key, 0)
        label = f"{name}_{count + 1}" if count else name
        while label.lower() in self._taken:
            count += 1
            label = f"{name}_{count + 1}"
        self._counts[key] = count + 1
        self._taken.add(label.lower())
        return label


def _rename(table: exp.Table, stored: str) -> None:
    """Write the name that a table has in the database."""
    schema, _, name = stored.rpartition(".")
    table.set("this", exp.Identifier(this=name, quoted=True))
    table.set("db", exp.Identifier(this=schema, quoted=True) if schema else None)


def _alias(label: str) -> exp.TableAlias:
    return exp.TableAlias(this=exp.Identifier(this=label, quoted=True))


def _either(name: str, one: Visible, two: Visible, column: Column) -> exp.Expr:
    node = exp.Coalesce(this=one.make(), expressions=[two.make()])
    node.meta.update({"type": column, "name": name})
    return node


def _nullable(visible: Visible) -> Visible:
    column = replace(visible.column, nullable=True)

    def make() -> exp.Expr:
        node = visible.make()
        node.meta["type"] = column
        return node

    return Visible(visible.name, column, make)


def _is_compared(node: exp.Column) -> bool:
    """Whether a name stands where mostly a value does: behind a comparison."""
    parent = node.parent
    if isinstance(parent, exp.In):
        return parent.this is not node
    return isinstance(parent, exp.Predicate) and parent.args.get("expression") is node
