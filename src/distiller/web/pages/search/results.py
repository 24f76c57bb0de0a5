"""Runs the query of the form and prepares what the page shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from distiller import adql as adql_room
from distiller.core.errors import BadParameter, DistillerError, Fault, QueryError
from distiller.web import site
from distiller.web.data.addresses import own_address
from distiller.web.names import (
    Target,
    UnknownTarget,
    UnresolvedTarget,
    archived,
    resolve,
)
from distiller.web.pages import cells
from distiller.web.pages.search import adql

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from distiller.adql import Translation
    from distiller.core.columns import Column
    from distiller.web.pages.search.form import SearchForm

DEEPEST_ROW: Final = 100_000
"""Rows that paging can reach; whoever wants more downloads the table."""

_HIDDEN: Final = frozenset({"obs_publisher_did", "access_url"})
_FACET_ITEMS: Final = 12


@dataclass(frozen=True, slots=True)
class Head:
    """A column's head with the address that sorts by it."""

    heading: cells.Heading
    sort_address: str
    direction: str


@dataclass(frozen=True, slots=True)
class Line:
    """One row: its cells, and the dataset that it stands for if it says so."""

    cells: tuple[cells.Cell, ...]
    did: str | None
    obs_id: str | None
    collection: str | None
    access_url: str


@dataclass(frozen=True, slots=True)
class Table:
    """One page of results."""

    heads: tuple[Head, ...]
    lines: tuple[Line, ...]
    total: int
    first: int
    page: int
    pages: int
    can_select: bool
    is_cut: bool


@dataclass(frozen=True, slots=True)
class FacetItem:
    """One value with its count and the address that switches it."""

    value: str
    count: int
    is_on: bool
    address: str


@dataclass(frozen=True, slots=True)
class FacetGroup:
    """One facet with its values, most frequent first; ``hidden`` more are left out."""

    title: str
    items: tuple[FacetItem, ...]
    hidden: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that the page shows under the form."""

    form: SearchForm
    query: str
    is_edited: bool
    target: Target | None = None
    table: Table | None = None
    facets: tuple[FacetGroup, ...] = ()
    faults: tuple[Fault, ...] = ()
    trouble: DistillerError | None = None
    close: tuple[str, ...] = ()
    same_obs_id: bool = False
    same_target: str | None = None


def run(form: SearchForm) -> Outcome:
    """Resolve the target, ask the archive, count the facets."""
    located, target, trouble = locate(form)
    is_edited = bool(form.adql)
    query = form.adql or ("" if trouble or form.faults else adql.search(located))
    if trouble is not None and not is_edited:
        return Outcome(
            located,
            "",
            is_edited,
            trouble=trouble,
            close=_close(trouble),
            same_obs_id=_has_observation(form.target),
            same_target=archived.spelling_of(form.target),
        )
    if form.faults:
        return Outcome(located, query, is_edited)
    try:
        table = _table(located, query)
    except QueryError as error:
        return Outcome(located, query, is_edited, target, faults=error.faults)
    except DistillerError as error:
        return Outcome(located, query, is_edited, target, trouble=error)
    facets = () if is_edited else tuple(_facets(located))
    return Outcome(located, query, is_edited, target, table, facets)


def locate(
    form: SearchForm,
) -> tuple[SearchForm, Target | None, DistillerError | None]:
    """Give the form a centre if it names a target and has no position."""
    if not form.target or form.has_position or form.adql:
        return form, None, None
    try:
        target = resolve(form.target, site.current().settings, archived.place_of)
    except DistillerError as error:
        return form, None, error
    return form.at(target.ra_deg, target.dec_deg), target, None


def _close(trouble: DistillerError) -> tuple[str, ...]:
    if isinstance(trouble, UnknownTarget | UnresolvedTarget):
        return trouble.close
    return ()


def _has_observation(obs_id: str) -> bool:
    sql = "SELECT obs_id FROM cta.product WHERE obs_id = ? LIMIT 1"
    return bool(site.current().archive.rows(sql, [obs_id]))


def translate(query: str) -> Translation:
    """Return the checked SQL of an ADQL text; `QueryError` with every fault."""
    archive = site.current().archive
    return adql_room.translate(query, archive.catalog, target=archive.target)


def _table(form: SearchForm, query: str) -> Table:
    translation = translate(query)
    sort = form.sort if form.adql else ""
    sql = _sorted(translation, sort)
    total = _count(translation)
    rows = form.rows
    reachable = min(total, DEEPEST_ROW)
    pages = max(1, -(-reachable // rows))
    page = min(form.page, pages)
    first = (page - 1) * rows
    found = _rows(sql, first, rows)
    names = [column.name for column in translation.columns]
    shown = [i for i, name in enumerate(names) if name not in _HIDDEN]
    return Table(
        heads=tuple(_heads(form, translation.columns, shown)),
        lines=tuple(_line(translation.columns, shown, row) for row in found),
        total=total,
        first=first,
        page=page,
        pages=pages,
        can_select="obs_publisher_did" in names,
        is_cut=total > DEEPEST_ROW,
    )


def _sorted(translation: Translation, sort: str) -> str:
    names = [column.name for column in translation.columns]
    name = sort.removeprefix("-")
    if name not in names:
        return translation.sql
    # By its place: an engine may call a long name otherwise.
    place = names.index(name) + 1
    direction = "DESC" if sort.startswith("-") else "ASC"
    return (
        f"SELECT * FROM ({translation.sql}) AS q "  # noqa: S608 - checked SQL
        f"ORDER BY {place} {direction} NULLS LAST"
    )


def _count(translation: Translation) -> int:
    sql = f"SELECT count(*) AS n FROM ({translation.sql}) AS q"  # noqa: S608 - SQL that the adql room made
    timeout_s = site.current().settings.query_timeout_s
    with site.current().archive.query(sql, timeout_s=timeout_s) as result:
        return int(next(iter(result.batches)).column(0)[0].as_py())


def _rows(sql: str, first: int, count: int) -> Sequence[tuple[Any, ...]]:
    """Return some rows; those before are read over, so that any order holds."""
    found: list[tuple[Any, ...]] = []
    seen = 0
    last = first + count
    site_now = site.current()
    with site_now.archive.query(
        sql, timeout_s=site_now.settings.query_timeout_s, max_rows=last
    ) as result:
        for batch in result.batches:
            start, stop = max(0, first - seen), min(batch.num_rows, last - seen)
            if start < stop:
                piece = batch.slice(start, stop - start)
                found += zip(*(c.to_pylist() for c in piece.columns), strict=True)
            seen += batch.num_rows
            if seen >= last:
                break
    return found


def _heads(
    form: SearchForm, columns: Sequence[Column], shown: Sequence[int]
) -> Iterable[Head]:
    for index in shown:
        name = columns[index].name
        ascending = form.sort == name
        direction = ""
        if form.sort.removeprefix("-") == name:
            direction = "ascending" if ascending else "descending"
        address = form.address(sort=f"-{name}" if ascending else name)
        yield Head(cells.heading(columns[index]), address, direction)


def _line(
    columns: Sequence[Column], shown: Sequence[int], row: tuple[Any, ...]
) -> Line:
    named = {column.name: value for column, value in zip(columns, row, strict=True)}
    return Line(
        cells=tuple(cells.cell(columns[i], row[i]) for i in shown),
        did=named.get("obs_publisher_did"),
        obs_id=named.get("obs_id"),
        collection=named.get("obs_collection"),
        access_url=own_address(named.get("access_url")),
    )


def _facets(form: SearchForm) -> Iterable[FacetGroup]:
    for counted in adql.FACETS:
        chosen: tuple[str, ...] = getattr(form, counted.attribute)
        translation = translate(adql.facet(form, counted))
        found = [
            (str(item), int(count))
            for item, count in _rows(translation.sql, 0, 1000)
            if item is not None
        ]
        counts = dict(found)
        listed = list(dict.fromkeys((*chosen, *counts)))
        items = []
        for value in listed[:_FACET_ITEMS]:
            on = value in chosen
            rest = tuple(v for v in chosen if v != value)
            address = form.address(**{counted.field: rest if on else (*chosen, value)})
            items.append(FacetItem(value, counts.get(value, 0), on, address))
        yield FacetGroup(counted.title, tuple(items), max(0, len(listed) - len(items)))


def query_of(form: SearchForm) -> str:
    """Return the ADQL that a form means, without running it.

    Raises
    ------
    DistillerError
        A field is wrong, or the target unknown.
    """
    if form.adql:
        return form.adql
    if form.faults:
        name, text = next(iter(form.faults.items()))
        raise BadParameter(name, text)
    located, _, trouble = locate(form)
    if trouble is not None:
        raise trouble
    return adql.search(located)
