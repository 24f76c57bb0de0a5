"""``translate``: ADQL text to the SQL of an engine, with the columns of the result."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from sqlglot import ErrorLevel, exp

from distiller.adql.check import Checker
from distiller.adql.faults import UNTRANSLATED, Faults
from distiller.adql.grammar import parse
from distiller.adql.kinds import kind
from distiller.adql.limits import MOST_WRITTEN
from distiller.adql.passes import PASSES
from distiller.adql.passes.access import restricted
from distiller.adql.targets.duckdb import DuckDBWriter
from distiller.adql.targets.pgsphere import PgSphereWriter
from distiller.adql.targets.writer import NotTranslated, TooMuch
from distiller.core.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from distiller.adql.names import Resolve
    from distiller.adql.passes.access import Access
    from distiller.adql.scope import Item
    from distiller.adql.targets.writer import Writer
    from distiller.core.columns import Catalog, Column
    from distiller.core.errors import Fault

Target: TypeAlias = Literal["duckdb", "pgsphere"]

_WRITERS: Final[dict[str, type[Writer]]] = {
    "duckdb": DuckDBWriter,
    "pgsphere": PgSphereWriter,
}
_LEAST_BYTES: Final = 16
_CACHED: Final = 2_000
_LONGEST_CACHED: Final = 20_000


@dataclass(frozen=True, slots=True)
class Translation:
    """A query in the SQL of an engine.

    Attributes
    ----------
    sql
        The statement, TOP and OFFSET included.
    columns
        The columns of the result, in order, with the names that the SQL gives them.
    top
        What TOP of the whole query says, or None.
    tables
        The tables that are read.
    body, offset
        The statement without TOP and OFFSET of the whole, and that OFFSET.
    row_bytes
        How long a row may be, as estimated.
    """

    sql: str
    columns: tuple[Column, ...]
    top: int | None
    tables: frozenset[str]
    body: str = ""
    offset: int | None = None
    row_bytes: int = 0

    def limited(self, max_rows: int) -> str:
        """Return the statement with at most that many rows.

        >>> translation = Translation("", (), 5, frozenset(), "SELECT 1", 2)
        >>> translation.limited(3), translation.limited(9)
        ('SELECT 1 LIMIT 3 OFFSET 2', 'SELECT 1 LIMIT 5 OFFSET 2')
        """
        limit = max_rows if self.top is None else min(self.top, max_rows)
        return _statement(self.body, limit, self.offset)


def translate(  # noqa: PLR0913 - what a translation depends on
    text: str,
    catalog: Catalog,
    *,
    target: Target = "duckdb",
    access: Access | None = None,
    keep: bool = True,
    resolve: Resolve | None = None,
) -> Translation:
    """Translate one ADQL 2.1 query.

    Parameters
    ----------
    text
        The query.
    catalog
        Every table that may be named. It is not to be changed once it is given here:
        translations are kept.
    target
        The engine.
    access
        What the user may see; None for every row of every table.
    keep
        Whether to keep the translation for the next time; not for a catalog that is of
        this query alone.
    resolve
        Returns the position (right ascension and declination, deg) of the object in
        an ``ivo_simbadpoint``, or None. It runs while the query is translated, once
        for each; its answers are kept with translations. Without it the usual
        sources are known (`core.names`), and nobody is asked.

    Raises
    ------
    QueryError
        With every fault of the text and its place.
    """
    if not keep:
        return _translate(text, catalog, target, access, resolve)
    key = (text, id(catalog), target, access, resolve)
    found = _CACHE.get(key, catalog)
    if found is None:
        found = _translate(text, catalog, target, access, resolve)
        if len(text) <= _LONGEST_CACHED:
            _CACHE.put(key, catalog, found)
    return found


def check_syntax(text: str) -> tuple[Fault, ...]:
    """Return the faults of a text, tables and columns not looked up.

    Functions, their arguments and the kinds of literals are checked. What is valid ADQL
    but is not translated here (codes Q4xx) is no fault.
    """
    faults = Faults(text)
    query = parse(text, faults)
    if query is not None:
        Checker(faults, None).whole(query)
    return tuple(f for f in faults.all() if not f.code.startswith(UNTRANSLATED))


def _translate(
    text: str,
    catalog: Catalog,
    target: Target,
    access: Access | None,
    resolve: Resolve | None,
) -> Translation:
    faults = Faults(text)
    query = parse(text, faults)
    checker = Checker(faults, catalog, resolve)
    items = checker.whole(query) if query is not None else None
    if faults or query is None or items is None:
        raise QueryError(faults.all())
    if access is not None:
        query = restricted(query, access, catalog)
    for rewrite in PASSES:
        query = rewrite(query)
    top, offset = _take_number(query, "limit"), _take_number(query, "offset")
    writer = _WRITERS[target](unsupported_level=ErrorLevel.RAISE, comments=False)
    try:
        body = writer.generate(query, copy=False)
    except NotTranslated as refusal:
        at = _place(refusal.node)
        faults.add("Q403", at, f"{refusal.why} (on {target})")
        raise QueryError(faults.all()) from None
    except TooMuch:
        faults.add("Q108", 0, f"more than {MOST_WRITTEN} parts of SQL would be made")
        raise QueryError(faults.all()) from None
    return Translation(
        _statement(body, top, offset),
        _columns(items),
        top,
        frozenset(checker.used),
        body,
        offset,
        sum(max(_LEAST_BYTES, item.length) for item in items),
    )


def _take_number(query: exp.Query, key: str) -> int | None:
    """Take LIMIT or OFFSET away from a query and return its number."""
    clause = query.args.get(key)
    if clause is None:
        return None
    query.set(key, None)
    return int(clause.expression.this)


def _statement(body: str, limit: int | None, offset: int | None) -> str:
    parts = [body]
    if limit is not None:
        parts.append(f"LIMIT {limit}")
    if offset is not None:
        parts.append(f"OFFSET {offset}")
    return " ".join(parts)


def _place(node: exp.Expr) -> int:
    place: exp.Expr | None = node
    while place is not None:
        if "at" in place.meta:
            return int(place.meta["at"])
        place = place.parent
    return 0


def _columns(items: Sequence[Item]) -> tuple[Column, ...]:
    """Return the columns of the result; what has no type, as NULL, is text."""
    return tuple(_column(item) for item in items)


def _column(item: Item) -> Column:
    column = item.column
    if kind(column) == "any":
        column = replace(column, xtype=None)
    if column.principal or column.indexed or column.std:
        column = replace(column, principal=False, indexed=False, std=False)
    return column


class _Cache:
    """The latest translations. A catalog is kept with them, so its id stays its own."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = Lock()
        self._kept: OrderedDict[object, tuple[Catalog, Translation]] = OrderedDict()

    def get(self, key: object, catalog: Catalog) -> Translation | None:
        """Return the translation of a key, or None."""
        with self._lock:
            found = self._kept.get(key)
            if found is None or found[0] is not catalog:
                return None
            self._kept.move_to_end(key)
            return found[1]

    def put(self, key: object, catalog: Catalog, translation: Translation) -> None:
        """Keep a translation, and drop the one not used for longest."""
        with self._lock:
            self._kept[key] = (catalog, translation)
            if len(self._kept) > self._size:
                self._kept.popitem(last=False)


_CACHE: Final = _Cache(_CACHED)
