"""Row access: each table is replaced by the rows of it that the user may see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sqlglot import exp

from distiller.adql.check import Checker
from distiller.adql.faults import Faults
from distiller.adql.grammar import parse_condition
from distiller.adql.nodes import find, swap
from distiller.core.errors import InternalError

if TYPE_CHECKING:
    from distiller.core.columns import Catalog


class Access(Protocol):
    """What one user may see; equal objects mean the same, for the cache."""

    def condition(self, table: str) -> str | None:
        """Return an ADQL condition on the columns of a table, None for every row."""

    def __hash__(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Rules:
    """An access that is a list of conditions by table name.

    >>> Rules((("ivoa.obscore", "data_rights = 'public'"),)).condition("ivoa.obscore")
    "data_rights = 'public'"
    """

    conditions: tuple[tuple[str, str], ...]

    def condition(self, table: str) -> str | None:
        """Return the condition for a table, None for every row."""
        return dict(self.conditions).get(table)


def restricted(query: exp.Query, access: Access, catalog: Catalog) -> exp.Query:
    """Replace every table, wherever it stands, by its rows that ``access`` allows.

    >>> from distiller.adql.passes.example import CATALOG, tree
    >>> access = Rules((("sky.run", "n < 3"),))
    >>> restricted(tree("SELECT id FROM sky.run"), access, CATALOG).sql()
    'SELECT "run"."id" AS "id" FROM (SELECT * FROM "sky"."run" AS "run" \
WHERE ("run"."n" < 3)) AS "run"'
    """
    for table in find(query, exp.Table):
        name = table.meta.get("table")
        condition = access.condition(name) if name else None
        if name is None or condition is None:
            continue
        rows = _rows(name, condition, catalog)
        alias = table.args["alias"]
        swap(table, exp.Subquery(this=rows, alias=alias.copy()))
    return query


def _rows(name: str, text: str, catalog: Catalog) -> exp.Select:
    """Return SELECT * of a table with a condition that is checked like ADQL itself."""
    faults = Faults(text)
    condition = parse_condition(text, faults)
    schema, _, bare = name.partition(".")
    query = exp.Select(
        expressions=[exp.Literal.number(1)],
        from_=exp.From(this=exp.Table(this=_quoted(bare), db=_quoted(schema))),
    )
    if condition is not None:
        query.set("where", exp.Where(this=exp.Paren(this=condition)))
        Checker(faults, catalog).whole(query)
    if faults:
        found = "; ".join(str(f) for f in faults.all())
        raise InternalError(f"the access condition of {name} is not valid: {found}")
    query.set("expressions", [exp.Star()])
    return query


def _quoted(name: str) -> exp.Identifier:
    return exp.Identifier(this=name, quoted=True)
