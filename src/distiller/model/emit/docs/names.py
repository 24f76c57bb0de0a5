"""Names of pages, and links to the classes and tables on them."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from distiller.model.entities import Document, Type
    from distiller.model.tables import Model

_NOT_IN_NAMES = re.compile(r"[^a-z0-9_-]+")
_FIRST = ("index", "packages", "tables")
"""Names of the files that every reference has."""
_NOT_IN_ANCHORS = re.compile(r"[^a-z0-9_ -]+")


class Site:
    """Where everything of a model stands in its reference.

    Files have names that differ in more than upper and lower case: some file systems
    take those for one.
    """

    def __init__(self, model: Model) -> None:
        self._documents = {document.name: document for document in model.documents}
        self._stems: dict[tuple[str, str, str], str] = {}
        self._taken = set(_FIRST)
        self._anchors: dict[tuple[str, str], str] = {}
        for document in model.documents:
            self._name_files(document)
            self._name_types(document)
        for table in model.tables:
            self._name("tables", table.schema, "", f"tables-{table.schema}")
        self._tables: dict[str, str] = {}
        for table in model.tables:
            document = self._documents[table.type_id.partition(":")[0]]
            self._tables[table.name] = self.page(document, table.package)
        schemas = {
            table.schema: self.page(
                self._documents[table.type_id.partition(":")[0]], ""
            )
            for table in model.tables
        }
        for view in model.views:
            schema = view.name.partition(".")[0]
            self._tables[view.name] = schemas.get(schema, "index.md")

    def _name_files(self, document: Document) -> None:
        name = document.name
        self._name("classes", name, "", name)
        self._name("types", name, "", f"types-{name}")
        for package, _ in document.packages:
            if package:
                wanted = f"{name}-{_NOT_IN_NAMES.sub('-', package.lower())}"
                stem = self._name("classes", name, package, wanted)
                self._name("tables", name, package, f"tables-{stem}")

    def _name_types(self, document: Document) -> None:
        """Give headings of a page that are alike a number, as sites of Markdown do."""
        seen: Counter[tuple[str, str]] = Counter()
        for item in document.types:
            place = anchor(item.name)
            number = seen[item.package, place]
            seen[item.package, place] += 1
            found = f"{place}-{number}" if number else place
            self._anchors[document.name, item.id] = found

    def _name(self, kind: str, of: str, package: str, wanted: str) -> str:
        """Give a file the name that it wants, with a number where that is taken."""
        if (kind, of, package) not in self._stems:
            stem, number = wanted, 1
            while stem.lower() in self._taken:
                number += 1
                stem = f"{wanted}-{number}"
            self._taken.add(stem.lower())
            self._stems[kind, of, package] = stem
        return self._stems[kind, of, package]

    def page(self, document: Document, package: str) -> str:
        """Return the name of the page of a package; that of the model for none."""
        return f"{self.classes(document, package)}.md"

    def classes(self, document: Document, package: str) -> str:
        """Return the name of the class diagram that is on such a page."""
        return self._stems["classes", document.name, package]

    def types(self, document: Document) -> str:
        """Return the name of the diagram of what is in no package."""
        return self._stems["types", document.name, ""]

    def tables_of(self, document: Document, package: str) -> str:
        """Return the name of the diagram of the tables of a package."""
        return self._stems["tables", document.name, package]

    def schema(self, schema: str) -> str:
        """Return the name of the diagram of the tables of a schema."""
        return self._stems["tables", schema, ""]

    def table(self, name: str) -> str:
        """Return a link to a table; its name where it is not of this model."""
        page = self._tables.get(name)
        return f"[`{name}`]({page}#{anchor(name)})" if page else f"`{name}`"

    def type(self, ref: str, home: Document) -> str:
        """Return a link to a type; its name where it is not of this model."""
        item = self._find(ref)
        prefix = ref.partition(":")[0]
        if item is None:
            return f"`{ref.removeprefix('ivoa:')}`"
        page = self.page(self._documents[prefix], item.package)
        shown = item.name if prefix == home.name else f"{prefix}:{item.name}"
        return f"[`{shown}`]({page}#{self._anchors[prefix, item.id]})"

    def _find(self, ref: str) -> Type | None:
        document = self._documents.get(ref.partition(":")[0])
        return document.find(ref) if document else None


def anchor(heading: str) -> str:
    """Return the anchor of a heading, as Markdown sites make it.

    >>> anchor("cta.array_configuration")
    'ctaarray_configuration'
    """
    return _NOT_IN_ANCHORS.sub("", heading.lower()).replace(" ", "-")


def cell(text: str) -> str:
    r"""Return a text as it stands in a cell of a table.

    >>> print(cell("a | b"))
    a \| b
    """
    return " ".join(text.split()).replace("|", "\\|")
