"""Which pages and diagrams there are, and what stands on each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distiller.model.emit import diagram, er
from distiller.model.emit.docs import classes, tables
from distiller.model.emit.docs.names import Site, cell
from distiller.model.load import PACKAGED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.model.entities import Document
    from distiller.model.tables import BoundTable, Model

MADE_BY = "Made by `distiller model docs` from"
_OURS = "the VO-DML documents and bindings in `src/distiller/model/uml`"
_OVERVIEW = "packages"
_ALL_TABLES = "tables"
_NOTATION = (
    "Class diagrams are UML: a filled diamond stands at the whole of which the other "
    "end is a part, an arrow leads to what is referred to, a hollow triangle stands at "
    "the more general class, names in italics are abstract, grey boxes are of other "
    "packages. Blue are classes, green data types, yellow enumerations."
)
_CROWS_FOOT = (
    "Table diagrams have a crow's foot where many rows may have the key, two bars "
    "where exactly one row has it, a ring where there may be none. Names in bold are "
    "never missing."
)
_COLUMNS = (
    "Columns marked *key* identify a row, *clock* are clock readings that are left out "
    "of comparisons, *hidden* are stored but cannot be queried. A name in double "
    "quotes is a reserved word of ADQL and is written so in a query."
)


def pages(model: Model) -> dict[str, str]:
    """Return every page by the name of its file, the index first."""
    site = Site(model)
    found = {"index.md": _index(model, site)}
    for document in model.documents:
        found[site.page(document, "")] = _text(_document(model, document, site))
        for name, _ in _packages(document):
            page = site.page(document, name)
            found[page] = _text(_package(model, document, name, site))
    return found


def diagrams(model: Model) -> dict[str, str]:
    """Return the DOT text of every diagram by the name of its file, ending apart."""
    site = Site(model)
    found = {_OVERVIEW: diagram.packages(model), _ALL_TABLES: er.overview(model)}
    for document in model.documents:
        if not document.packages:
            found[site.classes(document, "")] = diagram.package(model, document, "")
        else:
            found[site.classes(document, "")] = diagram.overview(document)
            if _has_types(document, ""):
                found[site.types(document)] = diagram.package(model, document, "")
        for name, _ in _packages(document):
            stem = site.classes(document, name)
            found[stem] = diagram.package(model, document, name)
            held = _tables(model, document, name)
            if held:
                title = f"Tables of package {name}"
                found[site.tables_of(document, name)] = er.tables(model, title, held)
        for schema in _schemas(model, document):
            title = f"Tables of schema {schema}"
            held = [table for table in model.tables if table.schema == schema]
            keys_only = bool(document.packages)
            found[site.schema(schema)] = er.tables(
                model, title, held, keys_only=keys_only
            )
    return found


def _index(model: Model, site: Site) -> str:
    lines = [
        "# Data model",
        "",
        _made_from(model),
        "",
        _picture("Packages", _OVERVIEW),
        "",
    ]
    lines += [_NOTATION, "", "| model | version | what |", "|---|---|---|"]
    for document in model.documents:
        link = f"[{document.title}]({site.page(document, '')})"
        lines.append(f"| {link} | {document.version} | {cell(document.description)} |")
        for name, words in _packages(document):
            link = f"[{name}]({site.page(document, name)})"
            lines.append(f"| ‣ {link} | | {cell(words)} |")
    lines += ["", "## Tables", "", _picture("All tables", _ALL_TABLES), ""]
    lines += [_CROWS_FOOT, "", _COLUMNS, "", "| table | what |", "|---|---|"]
    lines += [
        f"| {site.table(table.name)} | {cell(table.description)} |"
        for table in model.tables
    ]
    lines += [
        f"| {site.table(view.name)} (view) | {cell(view.description)} |"
        for view in model.views
    ]
    return _text(iter(lines))


def _document(model: Model, document: Document, site: Site) -> Iterator[str]:
    packages = _packages(document)
    yield f"# {document.title}"
    yield ""
    yield _made_from(model)
    yield ""
    yield (
        f"{document.description} Model `{document.name}`, version {document.version}. "
        f"[All models](index.md)."
    )
    yield ""
    yield _picture(f"Classes of {document.title}", site.classes(document, ""))
    if packages:
        yield ""
        yield "| package | what |"
        yield "|---|---|"
        for name, words in packages:
            yield f"| [{name}]({site.page(document, name)}) | {cell(words)} |"
        if _has_types(document, ""):
            yield ""
            yield "## Types of all packages"
            yield ""
            yield _picture(f"Types of {document.title}", site.types(document))
    yield from classes.section(model, document, "", site)
    schemas = _schemas(model, document)
    if schemas:
        yield ""
        yield "## Tables"
        for schema in schemas:
            yield ""
            words = f"Tables of schema {schema}" + (", keys only" if packages else "")
            yield _picture(words, site.schema(schema))
    for table in _tables(model, document, ""):
        yield from tables.section(model, table, site)
    for view in model.views:
        if view.name.partition(".")[0] in schemas:
            yield from tables.view(view, site)


def _package(model: Model, document: Document, name: str, site: Site) -> Iterator[str]:
    words = dict(document.packages)[name]
    yield f"# Package {name}"
    yield ""
    yield _made_from(model)
    yield ""
    yield f"{words} Of the model [{document.title}]({site.page(document, '')})."
    yield ""
    yield _picture(f"Class diagram of package {name}", site.classes(document, name))
    yield from classes.section(model, document, name, site)
    held = _tables(model, document, name)
    if held:
        yield ""
        yield "## Tables"
        yield ""
        yield _picture(f"Tables of package {name}", site.tables_of(document, name))
    for table in held:
        yield from tables.section(model, table, site)


def _packages(document: Document) -> list[tuple[str, str]]:
    """Return the packages that hold something, with their descriptions."""
    return [
        (name, words) for name, words in document.packages if _has_types(document, name)
    ]


def _has_types(document: Document, package: str) -> bool:
    return any(item.package == package for item in document.types)


def _tables(model: Model, document: Document, package: str) -> list[BoundTable]:
    return [
        table
        for table in model.tables
        if table.type_id.partition(":")[0] == document.name and table.package == package
    ]


def _schemas(model: Model, document: Document) -> list[str]:
    return list(
        dict.fromkeys(
            table.schema
            for table in model.tables
            if table.type_id.partition(":")[0] == document.name
        )
    )


def _made_from(model: Model) -> str:
    """Return what the pages were made from: ours, or the files of a site."""
    if model.folder is not None and model.folder.resolve() == PACKAGED:
        return f"{MADE_BY} {_OURS}; do not edit."
    files = ", ".join(f"`{d.source or d.name}`" for d in model.documents)
    return f"{MADE_BY} {files} and the bindings beside; do not edit."


def _picture(words: str, stem: str) -> str:
    return f"![{words}]({stem}.svg)"


def _text(lines: Iterator[str]) -> str:
    return "\n".join(lines) + "\n"
