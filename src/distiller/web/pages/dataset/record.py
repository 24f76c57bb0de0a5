"""One dataset with everything that the archive knows of it, grouped as in the model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from distiller.core.errors import NotFound
from distiller.model.emit.json_objects import objects
from distiller.web import site
from distiller.web.data.addresses import address_of
from distiller.web.pages import cells

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from distiller.core.columns import Column, Table

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """One table of the record.

    Attributes
    ----------
    source
        Table and column from which the look-up value comes.
    column
        Column of this table that must equal it.
    is_list
        Whether many rows are usual, so that they make a table.
    told_by
        Column of the source that tells the rows of one from those of another.
    """

    table: str
    title: str
    source: tuple[str, str]
    column: str
    is_list: bool = False
    order: str = ""
    told_by: str = ""


PARTS: Final = (
    Part("product", "Product", ("", "product_id"), "product_id"),
    Part("collection", "Collection", ("product", "collection_id"), "collection_id"),
    Part("project", "Project", ("collection", "project_id"), "project_id"),
    Part("observation", "Observation", ("product", "observation_id"), "observation_id"),
    Part(
        "array_configuration",
        "Array configuration",
        ("observation", "array_configuration_id"),
        "array_configuration_id",
    ),
    Part("site", "Site", ("array_configuration", "site_id"), "site_id"),
    Part(
        "sub_array",
        "Sub-array",
        ("array_configuration", "sub_array_id"),
        "sub_array_id",
    ),
    Part(
        "telescope",
        "Telescopes",
        ("array_configuration", "array_configuration_id"),
        "array_configuration_id",
        is_list=True,
        order="telescope_id",
    ),
    Part(
        "observation_block",
        "Observation block",
        ("observation", "observation_block_id"),
        "observation_block_id",
    ),
    Part("proposal", "Proposal", ("observation_block", "proposal_key"), "proposal_key"),
    Part("target", "Target", ("observation", "target_id"), "target_id"),
    Part("pointing", "Pointing", ("observation", "observation_id"), "observation_id"),
    Part(
        "gti",
        "Good time intervals",
        ("observation", "observation_id"),
        "observation_id",
        is_list=True,
        order="interval_index",
    ),
    Part(
        "ambient_conditions",
        "Ambient conditions",
        ("observation", "observation_id"),
        "observation_id",
    ),
    Part(
        "processing", "Processing", ("observation", "observation_id"), "observation_id"
    ),
    Part(
        "response",
        "Instrument responses",
        ("observation", "observation_id"),
        "observation_id",
        is_list=True,
        order="response_type",
    ),
    Part("analysis", "Analysis", ("product", "product_id"), "product_id"),
    Part(
        "sky_map",
        "Sky maps",
        ("analysis", "analysis_id"),
        "analysis_id",
        is_list=True,
        order="quantity",
    ),
    Part(
        "spectrum",
        "Spectrum",
        ("analysis", "analysis_id"),
        "analysis_id",
        is_list=True,
        order="preferred DESC, spectral_model",
    ),
    Part(
        "spectral_parameter",
        "Parameters of the spectrum",
        ("spectrum", "spectrum_id"),
        "spectrum_id",
        is_list=True,
        order="name",
        told_by="spectral_model",
    ),
    Part(
        "flux_point",
        "Flux points",
        ("spectrum", "spectrum_id"),
        "spectrum_id",
        is_list=True,
        order="energy",
        told_by="spectral_model",
    ),
    Part("light_curve", "Light curve", ("analysis", "analysis_id"), "analysis_id"),
    Part(
        "light_curve_point",
        "Points of the light curve",
        ("light_curve", "light_curve_id"),
        "light_curve_id",
        is_list=True,
        order="t_start",
    ),
    Part(
        "product_file",
        "Files",
        ("product", "product_id"),
        "product_id",
        is_list=True,
        order="role, name",
    ),
    Part(
        "finding",
        "Findings at ingestion",
        ("product", "product_id"),
        "product_id",
        is_list=True,
        order="code",
    ),
    Part(
        "header_correction",
        "Header corrections",
        ("product", "product_id"),
        "product_id",
        is_list=True,
        order="number",
    ),
    Part(
        "dataset_version",
        "Versions",
        ("product", "publisher_did"),
        "publisher_did",
        is_list=True,
        order="number",
    ),
)
"""Where each group of metadata comes from, sources before what hangs on them."""

ORDER: Final = (
    "project",
    "proposal",
    "collection",
    "array_configuration",
    "site",
    "sub_array",
    "telescope",
    "observation_block",
    "observation",
    "target",
    "pointing",
    "gti",
    "ambient_conditions",
    "processing",
    "response",
    "product",
    "analysis",
    "product_file",
    "dataset_version",
    "finding",
    "header_correction",
)
"""In which groups are shown: as the model has its packages."""

RESULTS: Final = (
    "sky_map",
    "spectrum",
    "spectral_parameter",
    "flux_point",
    "light_curve",
    "light_curve_point",
)
"""Groups with what came out of an analysis in numbers, in the order as shown."""

_HIDDEN: Final = frozenset({"path", "configuration", "software", "limitations"})
_FROM_OTHERS: Final = frozenset({"calib_level"})
"""Recorded where a product's own is another than that of its data level."""

_PICTURE: Final = "image/png"

_INPUTS: Final = """
SELECT i.input_did, p.product_id, p.obs_id, c.name AS collection, p.target_name,
       g.simulated
FROM cta.analysis_input AS i
JOIN cta.analysis AS a ON a.analysis_id = i.analysis_id
LEFT JOIN cta.product AS p ON p.publisher_did = i.input_did
LEFT JOIN cta.collection AS c ON c.collection_id = p.collection_id
LEFT JOIN cta.processing AS g ON g.observation_id = p.observation_id
WHERE a.product_id = ? ORDER BY i.input_did
"""
_MADE: Final = """
SELECT DISTINCT p.product_id, p.title, p.product_type, p.created
FROM cta.analysis_input AS i
JOIN cta.analysis AS a ON a.analysis_id = i.analysis_id
JOIN cta.product AS p ON p.product_id = a.product_id
WHERE i.input_did = ? ORDER BY p.created DESC, p.product_id
"""


@dataclass(frozen=True, slots=True)
class Fact:
    """One value with its name, unit and meaning."""

    name: str
    cell: cells.Cell
    unit: str
    description: str


@dataclass(frozen=True, slots=True)
class Group:
    """One group of metadata: facts, or a table of rows."""

    key: str
    title: str
    description: str
    facts: tuple[Fact, ...] = ()
    heads: tuple[cells.Heading, ...] = ()
    rows: tuple[tuple[cells.Cell, ...], ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Results:
    """What came out of an analysis: its numbers, and what is valid where."""

    groups: tuple[Group, ...] = ()
    limits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """A dataset as its page shows it; rows are kept by the name of their table."""

    product: Row
    rows: Mapping[str, Sequence[Row]]
    groups: tuple[Group, ...]
    results: Results
    inputs: Sequence[Row]
    made: Sequence[Row]

    @property
    def files(self) -> Sequence[Row]:
        """Its files, each with the address to load it from."""
        product_id = self.product["product_id"]
        return [
            {**row, "url": address_of(product_id, row["name"])}
            for row in self.rows["product_file"]
        ]

    @property
    def plots(self) -> Sequence[Row]:
        """The files that are pictures which a page can show, the main one first."""
        pictures = [
            file
            for file in self.files
            if file["role"] == "plot" and file["media_type"] == _PICTURE
        ]
        return sorted(
            pictures, key=lambda file: file["result_id"] not in {None, "plot"}
        )

    @property
    def main_file(self) -> Row | None:
        """The file that is the dataset itself, or None."""
        roles = {"events", "product"}
        return next((f for f in self.files if f["role"] in roles), None)


def find(product_id: str) -> Record:
    """Collect the record of a product.

    Raises
    ------
    NotFound
        There is no such product.
    """
    return _record(product_id, _collected(PARTS, product_id))


def is_there(product_id: str) -> bool:
    """Whether the archive has a product."""
    look = "SELECT product_id FROM cta.product WHERE product_id = ?"
    return bool(site.current().archive.rows(look, [product_id]))


def results_of(product_id: str) -> Results:
    """Return what came out of the analysis that made a product; nothing if none did."""
    wanted = {"product", "analysis", *RESULTS}
    return _results(_collected([p for p in PARTS if p.table in wanted], product_id))


def _collected(parts: Iterable[Part], product_id: str) -> dict[str, list[Row]]:
    """Return the rows of a product by table; of the product alone if there is none."""
    archive = site.current().archive
    found: dict[str, list[Row]] = {}
    for part in parts:
        table, column = part.source
        sources = found[table] if table else [{column: product_id}]
        values = [row[column] for row in sources if row.get(column) is not None]
        marks = ", ".join("?" for _ in values)
        order = f" ORDER BY {part.order}" if part.order else ""
        sql = f"SELECT * FROM cta.{part.table} WHERE {part.column} IN ({marks}){order}"  # noqa: S608 - names of PARTS
        found[part.table] = archive.rows(sql, values) if values else []
        if not found["product"]:
            break
    return found


def _results(found: Mapping[str, list[Row]]) -> Results:
    said = [row.get("limitations") or "" for row in found.get("analysis", ())]
    return Results(_groups(RESULTS, found), tuple("\n".join(said).splitlines()))


def as_objects(found: Record) -> dict[str, list[Any]]:
    """Return a record as lists of objects by class of the model."""
    rows = {f"cta.{name}": given for name, given in found.rows.items()}
    return objects(site.current().archive.model, rows)


def _record(product_id: str, found: Mapping[str, list[Row]]) -> Record:
    if not found.get("product"):
        raise NotFound(
            f"there is no product {product_id} in the archive",
            hint="it may have been removed; search for it",
        )
    archive = site.current().archive
    product = found["product"][0]
    return Record(
        product=product,
        rows=found,
        groups=_groups(ORDER, found),
        results=_results(found),
        inputs=archive.rows(_INPUTS, [product_id]),
        made=archive.rows(_MADE, [product["publisher_did"]]),
    )


def _groups(names: Sequence[str], found: Mapping[str, list[Row]]) -> tuple[Group, ...]:
    """Return those groups of which there is something."""
    parts = {part.table: part for part in PARTS}
    return tuple(_group(parts[name], found) for name in names if found.get(name))


def _group(part: Part, found: Mapping[str, list[Row]]) -> Group:
    catalog, rows = site.current().archive.catalog, found[part.table]
    table = catalog[f"cta.{part.table}"]
    columns = list(_shown(table))
    words = (part.table, part.title, table.description or "")
    if part.is_list:
        source, key = part.source
        teller = catalog[f"cta.{source}"].column(part.told_by) if source else None
        if teller is not None and len(found[source]) > 1:
            said = {row[key]: row[part.told_by] for row in found[source]}
            places = {own: number for number, own in enumerate(said)}
            rows = sorted(rows, key=lambda row: places[row[part.column]])
            rows = [{part.told_by: said[row[part.column]], **row} for row in rows]
            columns.insert(0, teller)
        used = [c for c in columns if any(r.get(c.name) is not None for r in rows)]
        return Group(
            *words,
            heads=tuple(cells.heading(c) for c in used),
            rows=tuple(tuple(cells.cell(c, r[c.name]) for c in used) for r in rows),
        )
    row = rows[0]
    given = [c for c in columns if row.get(c.name) is not None]
    return Group(
        *words,
        facts=tuple(_fact(c, row[c.name]) for c in given),
        missing=tuple(
            c.name for c in columns if c not in given and c.name not in _FROM_OTHERS
        ),
    )


def _fact(column: Column, value: Any) -> Fact:
    head = cells.heading(column)
    is_utc = cells.is_mjd(column) or isinstance(value, datetime)
    unit = "UTC" if is_utc else head.unit
    return Fact(column.name, cells.cell(column, value), unit, head.description)


def _shown(table: Table) -> Iterable[Column]:
    """Return the columns that say something: no keys, nothing shown elsewhere."""
    keys = {*table.primary_key}
    for foreign in table.foreign_keys:
        keys.update(own for own, _ in foreign.columns)
    return (c for c in table.columns if c.name not in keys and c.name not in _HIDDEN)
