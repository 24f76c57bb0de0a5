"""What a data model is made of: types as drawn (VO-DML 1.0)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TypeKind = Literal["primitiveType", "enumeration", "dataType", "objectType"]
RoleKind = Literal["attribute", "composition", "reference"]
UNBOUNDED = -1


@dataclass(frozen=True, slots=True)
class Role:
    """An attribute, composition or reference of a type (VO-DML 1.0 section 4.15).

    Attributes
    ----------
    ref
        The type that plays the role, as ``model:vodml-id``.
    upper
        Largest number of values; `UNBOUNDED` for any.
    line
        Line in the source, for messages.
    """

    kind: RoleKind
    id: str
    name: str
    ref: str
    lower: int
    upper: int
    description: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class Constraint:
    """A rule on the values of a type, in words (VO-DML 1.0 section 4.6).

    Words that read as a condition on attributes (``period.start <= period.stop``)
    become a CHECK of the table; others are documentation.
    """

    description: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class Type:
    """A primitive, enumeration, data or object type."""

    kind: TypeKind
    id: str
    name: str
    description: str
    package: str = ""
    abstract: bool = False
    extends: str | None = None
    roles: tuple[Role, ...] = ()
    literals: tuple[tuple[str, str], ...] = ()
    constraints: tuple[Constraint, ...] = ()
    line: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """One VO-DML document, as read.

    Attributes
    ----------
    packages
        Names and descriptions, in the order of the document.
    types
        In the order of the document; identifiers may repeat until it was checked.
    identifiers
        Every vodml-id with its line, in the order of the document.
    source
        Name of the file, for messages.
    """

    name: str
    title: str
    description: str
    version: str
    packages: tuple[tuple[str, str], ...]
    types: tuple[Type, ...]
    imports: tuple[str, ...] = ()
    identifiers: tuple[tuple[str, int], ...] = ()
    source: str = ""

    def find(self, ref: str) -> Type | None:
        """Return the type that ``model:vodml-id`` names in this document, or None."""
        prefix, _, identifier = ref.partition(":")
        if prefix != self.name:
            return None
        return next((t for t in self.types if t.id == identifier), None)
