"""What column a value type becomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from distiller.core.columns import Datatype
    from distiller.model.entities import Document


@dataclass(frozen=True, slots=True)
class Form:
    """VOTable type, arraysize and xtype of a column, and its only values."""

    datatype: Datatype
    arraysize: str | None = None
    xtype: str | None = None
    literals: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """What it holds, for messages.

        >>> Form("double").words, Form("char", "*", "timestamp").words
        ('numbers', 'dates')
        """
        if self.literals:
            return "the words of an enumeration"
        if self.datatype in NUMBERS:
            return "numbers"
        if self.xtype is not None:
            return "dates" if self.xtype == "timestamp" else "regions"
        return "texts" if self.datatype == "char" else "true or false"


NUMBERS: frozenset[Datatype] = frozenset({"short", "int", "long", "float", "double"})
TEXT = Form("char", "*")
NUMBER = Form("int")

_PRIMITIVES = {
    "string": TEXT,
    "anyURI": TEXT,
    "Unit": TEXT,
    "datetime": Form("char", "*", "timestamp"),
    "boolean": Form("boolean"),
    "real": Form("double"),
    "rational": Form("double"),
    "integer": Form("long"),
    "nonnegativeInteger": Form("long"),
}
"""Of the IVOA base types (VO-DML 1.0 section 5)."""

_COMPOUNDS = {
    "RealQuantity": (("", Form("double")), ("unit", TEXT)),
    "Quantity": (("", Form("double")), ("unit", TEXT)),
    "IntegerQuantity": (("", Form("long")), ("unit", TEXT)),
    "complex": (("real", Form("double")), ("imaginary", Form("double"))),
}
"""IVOA base types of several columns; the value of a quantity has the name of all."""

_REGION = "Region"
"""A primitive type of that name, in any model, is stored as a region on the sky."""


def form(document: Document, ref: str) -> Form | None:
    """Return the column of a primitive type or enumeration, None for another type."""
    prefix, _, name = ref.partition(":")
    if prefix == "ivoa":
        return _PRIMITIVES.get(name)
    found = document.find(ref)
    if found is None:
        return None
    if found.kind == "enumeration":
        return Form("char", "*", None, tuple(x for x, _ in found.literals))
    if found.kind != "primitiveType":
        return None
    if found.name == _REGION:
        return Form("char", "*", "adql:REGION")
    return TEXT if found.extends is None else form(document, found.extends)


def compound(ref: str) -> tuple[tuple[str, Form], ...]:
    """Return the columns of an IVOA base type that has several, by what they are."""
    prefix, _, name = ref.partition(":")
    return _COMPOUNDS.get(name, ()) if prefix == "ivoa" else ()
