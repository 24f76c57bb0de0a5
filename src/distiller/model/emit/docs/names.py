"""Names of pages, and links to the classes and tables on them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from distiller.model.entities import Document, Type
    from distiller.model.tables import Model

_NOT_IN_NAMES = re.compile(r"[^a-z0-9_-]+")
_NOT_IN_ANCHORS = re.compile(r"[^a-z0-9_ -]+")


class Site:
    """Where everything of a model stands in its reference."""

    def __init__(self, model: Model) -> None:
        self._documents = {document.name: document for document in model.documents}
        self._tables: dict[str, str] = {}
        for table in model.tables:
            document = self._documents[table.type_id.partition(":")[0]]
            self._tables[table.name] = self.page(document, table.package)
        schemas = {
            table.schema: f"{table.type_id.partition(':')[0]}.md"
            for table in model.tables
        }
        for view in model.views:
            schema = view.name.partition(".")[0]
            self._tables[view.name] = schemas.get(schema, "index.md")

    @staticmethod
    def page(document: Document, package: str) -> str:
        """Return the name of the page of a package; that of the model for none."""
        if not package:
            return f"{document.name}.md"
        return f"{document.name}-{_NOT_IN_NAMES.sub('-', package.lower())}.md"

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
        return f"[`{shown}`]({page}#{anchor(item.name)})"

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
