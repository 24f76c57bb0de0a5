"""What a data model is made of: everything of VO-DML 1.0, as drawn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

TypeKind = Literal["primitiveType", "enumeration", "dataType", "objectType"]
RoleKind = Literal["attribute", "composition", "reference"]
UNBOUNDED = -1
TYPE_KINDS: tuple[TypeKind, ...] = (
    "primitiveType",
    "enumeration",
    "dataType",
    "objectType",
)
"""In the order in which a document has them."""
ROLE_KINDS: tuple[RoleKind, ...] = ("attribute", "composition", "reference")
"""In the order in which a type has them."""


@dataclass(frozen=True, slots=True)
class Concept:
    """What the values of an attribute mean (VO-DML 1.0 section 4.18).

    Attributes
    ----------
    top
        URI of the concept that values are narrower than, or empty.
    vocabularies
        URIs of the vocabularies that values are taken from.
    """

    top: str = ""
    vocabularies: tuple[str, ...] = ()


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
        Line in the source, for messages; equal roles may differ in it.
    concept
        What the values mean; of attributes only.
    ordered
        Whether the order of the parts is kept; of compositions only.
    xml_id
        What the element was called in the source that the document was made from.
    """

    kind: RoleKind
    id: str
    name: str
    ref: str
    lower: int
    upper: int
    description: str
    line: int = field(default=0, compare=False)
    concept: Concept | None = None
    ordered: bool = False
    xml_id: str = ""


@dataclass(frozen=True, slots=True)
class Constraint:
    """A rule on the values of a type (VO-DML 1.0 sections 4.6 and 4.7).

    Words that read as a condition on attributes (``period.start <= period.stop``)
    become a CHECK of the table; others are documentation. With a ``role`` it is a
    subsetted role: a type that extends another narrows what it inherits.

    Attributes
    ----------
    role
        The inherited role that is narrowed, as ``model:vodml-id``, or None.
    datatype
        The narrower type of that role, as ``model:vodml-id``, or None.
    concept
        The narrower meaning of that role, or None.
    """

    description: str
    line: int = field(default=0, compare=False)
    role: str | None = None
    datatype: str | None = None
    concept: Concept | None = None


@dataclass(frozen=True, slots=True)
class EnumLiteral:
    """One of the values of an enumeration."""

    id: str
    name: str
    description: str
    xml_id: str = ""


@dataclass(frozen=True, slots=True)
class Type:
    """A primitive, enumeration, data or object type.

    Attributes
    ----------
    package
        The vodml-id of its package; empty for a type of the model itself.
    roles
        Attributes, then compositions, then references.
    values
        The literals of an enumeration.
    """

    kind: TypeKind
    id: str
    name: str
    description: str
    package: str = ""
    abstract: bool = False
    extends: str | None = None
    roles: tuple[Role, ...] = ()
    values: tuple[EnumLiteral, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    line: int = field(default=0, compare=False)
    xml_id: str = ""

    @property
    def literals(self) -> tuple[tuple[str, str], ...]:
        """Name and description of each value of an enumeration."""
        return tuple((value.name, value.description) for value in self.values)


@dataclass(frozen=True, slots=True)
class Package:
    """A name space inside a model.

    Attributes
    ----------
    parent
        The vodml-id of the package around it; empty for one of the model itself.
    """

    id: str
    name: str
    description: str
    parent: str = ""
    xml_id: str = ""


@dataclass(frozen=True, slots=True)
class Import:
    """Another model whose types are used (VO-DML 1.0 section 4.3)."""

    name: str
    url: str = ""
    version: str = ""
    documentation_url: str = ""
    identifier: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """One VO-DML document, as read.

    Attributes
    ----------
    package_tree
        Every package, outer ones before those inside, in the order of the document.
    types
        In the order of the document; identifiers may repeat until it was checked.
    imported
        The other models that are used.
    last_modified
        As ``xsd:dateTime``, or empty.
    identifiers
        Every vodml-id with its line, in the order of the document.
    unread
        What VO-DML 1.0 does not know, with its line.
    source
        Name of the file, for messages; equal documents may differ in it.
    """

    name: str
    title: str
    description: str
    version: str
    package_tree: tuple[Package, ...]
    types: tuple[Type, ...]
    imported: tuple[Import, ...] = ()
    uri: str = ""
    identifier: str = ""
    authors: tuple[str, ...] = ()
    previous_version: str = ""
    last_modified: str = ""
    identifiers: tuple[tuple[str, int], ...] = field(default=(), compare=False)
    unread: tuple[tuple[str, int], ...] = field(default=(), compare=False)
    source: str = field(default="", compare=False)
    _by_id: dict[str, Type] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        # Of identifiers that repeat the first counts, as the checks say.
        self._by_id.update((one.id, one) for one in reversed(self.types))

    @property
    def packages(self) -> tuple[tuple[str, str], ...]:
        """The vodml-id and description of each package, outer ones first."""
        return tuple((p.id, p.description) for p in self.package_tree)

    @property
    def imports(self) -> tuple[str, ...]:
        """Names of the other models that are used."""
        return tuple(other.name for other in self.imported)

    def find(self, ref: str) -> Type | None:
        """Return the type that ``model:vodml-id`` names in this document, or None."""
        prefix, _, identifier = ref.partition(":")
        if prefix != self.name:
            return None
        return self._by_id.get(identifier)
