"""Check of whole queries: SELECT and its clauses, set operators, WITH."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from distiller.adql import grouping, kinds, lengths, nodes
from distiller.adql.kinds import ANY, WORDS, kind
from distiller.adql.limits import MOST_ITEMS, MOST_TEXT, Exceeded
from distiller.adql.names import Labels
from distiller.adql.scope import Item, Scope, called
from distiller.adql.typer import Place, bare
from distiller.adql.values import Values

if TYPE_CHECKING:
    from distiller.core.columns import Column


class Checker(Values):
    """Names and types of a whole query; it rewrites the tree it is given.

    Afterwards every column is qualified by the label of its table, ``*`` is a list of
    columns, every selected value has a name, and every value a type in
    ``meta["type"]``.
    """

    def whole(self, query: exp.Query) -> tuple[Item, ...] | None:
        """Check the whole query and return its columns, None if they are not known."""
        try:
            return self._whole(query)
        except Exceeded:
            return None

    def _whole(self, query: exp.Query) -> tuple[Item, ...] | None:
        labels = Labels()
        with_ = query.args.get("with_")
        for cte in with_.expressions if with_ else ():
            name = cte.args["alias"].this
            items = self.nested(cte.this, None)
            if name.this in self.queries:
                self.faults.add("Q205", cte.meta["at"], f"{name.this} is defined twice")
            label = labels.unique(name.this)
            self.queries[name.this] = (label, items)
            name.set("this", label)
        return self.nested(query, None)

    def nested(self, query: exp.Query, outer: Scope | None) -> tuple[Item, ...] | None:
        """Check one query and return its columns."""
        if isinstance(query, exp.Subquery):
            items = self.nested(query.this, outer)
            self._order_output(query, items)
            return items
        if isinstance(query, exp.SetOperation):
            items = self._set(query, outer)
            self._order_output(query, items)
            return items
        return self._select(query, outer)

    # SELECT ---------------------------------------------------------------------------

    def _select(
        self, select: exp.Query, outer: Scope | None
    ) -> tuple[Item, ...] | None:
        scope = Scope(outer)
        if not isinstance(select, exp.Select):
            raise TypeError(select)
        self.sources(select, scope)
        where = select.args.get("where")
        if where is not None:
            self.typed(where.this, Place(scope, "in WHERE (use HAVING)"))
        items = self._items(select, scope)
        self._group(select, scope)
        having = select.args.get("having")
        if having is not None:
            self.typed(having.this, Place(scope))
        self._order(select, scope)
        if self.catalog is not None and not scope.is_open:
            grouping.check(select, scope, self.faults)
        return items

    def _items(self, select: exp.Select, scope: Scope) -> tuple[Item, ...] | None:
        found: list[Item] = []
        made: list[exp.Expr] = []
        labels = Labels()
        known = True
        length = 0
        for node in select.expressions:
            if _is_star(node):
                shown = self.star(node, scope)
                known = known and shown is not None
                at = node.meta.get("at", 0)
                if len(made) + len(shown or ()) > MOST_ITEMS:
                    self.exceed(f"more than {MOST_ITEMS} columns are selected", at)
                parts = [(v.make(), v.name) for v in shown or ()]
            else:
                inner = node.this if isinstance(node, exp.Alias) else node
                name = node.args["alias"].this if isinstance(node, exp.Alias) else None
                at = node.meta.get("at", 0)
                inner, column = self._item(inner, node, scope)
                inner.meta["type"] = column
                parts = [(inner, name or _readable(inner, len(made) + 1))]
                known = known and "unknown" not in node.meta
            for inner, name in parts:
                label = labels.unique(name)
                column = inner.meta["type"]
                if column.name != label:
                    column = replace(column, name=label)
                found.append(Item(name, label, column, lengths.of(inner)))
                made.append(_named(inner, name, label, at))
                length += lengths.of(inner)
                if length > MOST_TEXT:
                    message = f"rows may become longer than {MOST_TEXT} characters"
                    self.exceed(message, at)
        self.spend(len(made), select.meta.get("at", 0))
        select.set("expressions", made)
        return tuple(found) if known else None

    def _item(
        self, inner: exp.Expr, node: exp.Expr, scope: Scope
    ) -> tuple[exp.Expr, Column]:
        """Check one selected value and return it as it is after the check."""
        place = Place(scope)
        if isinstance(node, exp.Alias):
            column = self.typed(inner, place)
            return node.this, column
        holder = exp.Paren(this=inner)
        column = self.typed(inner, place)
        return holder.this, column

    # GROUP BY, ORDER BY ---------------------------------------------------------------

    def _group(self, select: exp.Select, scope: Scope) -> None:
        group = select.args.get("group")
        if group is None:
            return
        scope.aliases = _aliases(select)
        for term in list(group.expressions):
            self.typed(term, Place(scope, "in GROUP BY"))
        scope.aliases = {}

    def _order(self, select: exp.Select, scope: Scope) -> None:
        order = select.args.get("order")
        if order is None:
            return
        items = select.expressions
        names = Counter(item.meta["adql"] for item in items)
        known = {
            name: number
            for number, item in enumerate(items, 1)
            if names[name := item.meta["adql"]] == 1
        }
        scope.aliases = _aliases(select)
        values = {
            item.this: number for number, item in reversed([*enumerate(items, 1)])
        }
        for term in order.expressions:
            inner = term.this
            position = self._position(inner, len(items), scope.is_open)
            bare_name = isinstance(inner, exp.Column) and not inner.args.get("table")
            if position is None and bare_name:
                position = known.get(inner.this.this)
            if position is None:
                self._order_value(term, scope)
                position = values.get(term.this)
                if position is None and select.args.get("distinct"):
                    self._unselected(term, scope)
            if position is not None and 0 < position <= len(items):
                self._sortable(items[position - 1].this, term)
                term.set("this", _position_of(position))
        scope.aliases = {}

    def _order_value(self, term: exp.Expr, scope: Scope) -> None:
        self.typed(term.this, Place(scope))
        self._sortable(term.this, term)

    def _unselected(self, term: exp.Expr, scope: Scope) -> None:
        if not scope.is_open and self.catalog:
            self.fault(
                "Q304", term, "SELECT DISTINCT is ordered by selected values only"
            )

    def _sortable(self, node: exp.Expr, term: exp.Expr) -> None:
        found = kind(node.meta.get("type", ANY))
        if found in kinds.GEOMETRY | {"other"}:
            self.fault("Q304", term, f"{WORDS[found]} cannot be ordered")

    def _position(self, node: exp.Expr, count: int, unknown: bool) -> int | None:  # noqa: FBT001
        if (
            not isinstance(node, exp.Literal)
            or node.is_string
            or not node.this.isdigit()
        ):
            return None
        position = int(node.this)
        if not 1 <= position <= count and not unknown:
            self.fault(
                "Q206", node, f"there is no column {position}: {count} are selected"
            )
        return position

    def _order_output(self, query: exp.Query, items: tuple[Item, ...] | None) -> None:
        """Check ORDER BY behind a set operator: output columns only."""
        order = query.args.get("order")
        for term in order.expressions if order else ():
            inner = term.this
            if items is None:
                continue
            position = self._position(inner, len(items), unknown=False)
            if position is None and isinstance(inner, exp.Column):
                names = [i.name for i in items]
                name = inner.this.this
                if inner.args.get("table") is None and name in names:
                    position = names.index(name) + 1
                else:
                    self.fault(
                        "Q202", inner, f"{name} is no column of the whole result"
                        f"{self.hint(name, names)}",
                    )  # fmt: skip
                    continue
            if position is None:
                self.fault("Q304", term, "a set is ordered by its columns only")
            elif 1 <= position <= len(items):
                found = kind(items[position - 1].column)
                if found in kinds.GEOMETRY | {"other"}:
                    self.fault("Q304", term, f"{WORDS[found]} cannot be ordered")
                term.set("this", _position_of(position))

    # Sets -----------------------------------------------------------------------------

    def _set(
        self, query: exp.SetOperation, outer: Scope | None
    ) -> tuple[Item, ...] | None:
        left = self.nested(query.this, outer)
        right = self.nested(query.expression, outer)
        name = type(query).__name__.upper()
        if left is None or right is None:
            return None
        if len(left) != len(right):
            self.fault(
                "Q308", query, f"{name} joins {len(left)} columns to {len(right)}"
            )
            return None
        items = []
        for number, (one, two) in enumerate(zip(left, right, strict=True), 1):
            column = kinds.common(one.column, two.column)
            if column is None:
                words = WORDS[kind(one.column)], WORDS[kind(two.column)]
                self.fault(
                    "Q308", query, f"column {number} of {name} is {words[0]} on the "
                    f"left and {words[1]} on the right",
                )  # fmt: skip
                column = one.column
            column = replace(column, name=one.label)
            longest = max(one.length, two.length)
            items.append(replace(one, column=column, length=longest))
        widen(query, [i.column for i in items])
        return tuple(items)


def widen(query: exp.Expr, columns: list[Column]) -> None:
    """Tell every SELECT of a set which types its columns must have in the end."""
    while isinstance(query, exp.Subquery):
        query = query.this
    if isinstance(query, exp.SetOperation):
        widen(query.this, columns)
        widen(query.expression, columns)
        return
    for item, column in zip(query.expressions, columns, strict=True):
        item.meta["to"] = column


def _is_star(node: exp.Expr) -> bool:
    return isinstance(node, exp.Star) or (
        isinstance(node, exp.Column) and isinstance(node.this, exp.Star)
    )


def _named(inner: exp.Expr, name: str, label: str, at: int) -> exp.Alias:
    alias = exp.Alias(this=inner, alias=exp.Identifier(this=label, quoted=True))
    alias.meta.update({"at": at, "adql": name})
    return alias


def _position_of(number: int) -> exp.Literal:
    """Return a position in the SELECT list, as opposed to a number."""
    literal = exp.Literal(this=str(number), is_string=False)
    literal.meta["position"] = True
    return literal


def _aliases(select: exp.Select) -> dict[str, exp.Expr]:
    return {item.meta["adql"]: item.this for item in select.expressions}


def _readable(node: exp.Expr, position: int) -> str:
    """Return a name for a value that has none.

    >>> _readable(exp.Avg(this=exp.column("t_exptime")), 1)
    'avg_t_exptime'
    """
    node = bare(node)
    if isinstance(node, exp.Column):
        return called(node)
    if "name" in node.meta:
        return str(node.meta["name"])
    name = node.name.lower() if isinstance(node, nodes.Call) else ""
    if isinstance(node, exp.Func) and not name:
        name = {
            "inunit": "in_unit",
            "convert": "cast",
            "specconv": "gavo_specconv",
        }.get(node.key, node.key)
    if not name:
        return f"column_{position}"
    inner = (
        node.expressions[0]
        if isinstance(node, nodes.Call) and node.expressions
        else None
    )
    inner = inner if inner is not None else node.args.get("this")
    return f"{name}_{called(inner)}" if isinstance(inner, exp.Column) else name
