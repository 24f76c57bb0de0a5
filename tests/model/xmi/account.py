"""Nothing is dropped silently: every element of a file is carried over or listed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml import etree

    from distiller.model.read_xmi import Imported


def identifiers(root: etree._Element) -> set[str]:
    """Return the xmi:id of every element of a file."""
    found = root.xpath("//@*[local-name() = 'id' and contains(namespace-uri(), 'XMI')]")
    assert isinstance(found, list)
    return {str(value) for value in found}


def accounted(imported: Imported) -> set[str]:
    """Return the xmi:id of all that is carried over or listed."""
    listed = {i for item in imported.listed for i in item.ids}
    return set(imported.carried) | listed
