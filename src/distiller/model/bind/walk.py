"""A type taken apart: its simple values, references, and what it has several of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from distiller.model.bind.forms import TEXT, Form, compound, form
from distiller.model.entities import Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.model.bind.families import Families
    from distiller.model.bind.messages import Messages
    from distiller.model.entities import Document, Type

Shape = Literal["value", "reference", "values", "references"]


@dataclass(frozen=True, slots=True)
class Part:
    """What becomes a column, or a table where there are several.

    Attributes
    ----------
    path
        Names of attributes from the object type on: ``position.ra``.
    role
        The attribute or reference that it is in the end.
    form
        The column of a simple value.
    inner
        The data type of which there are several values.
    above
        The data types that they are inside.
    optional
        Whether a binding need not name it: the unit of a quantity.
    """

    path: str
    role: Role
    shape: Shape
    nullable: bool
    description: str
    form: Form = TEXT
    inner: Type | None = None
    above: tuple[str, ...] = ()
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """Words on the attributes of a type, at one place where the type is used.

    Attributes
    ----------
    paths
        What stands before the names of its attributes, to be tried one by one.
    """

    paths: tuple[str, ...]
    owner: Type
    words: str


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an attribute is: in which type, by which path, said how.

    Attributes
    ----------
    above
        The data types that it is inside.
    """

    within: str
    path: str
    words: str
    nullable: bool = False
    above: tuple[str, ...] = ()

    def inside(self, role: Role) -> _Place:
        """Return the place of an attribute of the value here."""
        words = ": ".join(words for words in (self.words, role.description) if words)
        return replace(self, path=joined(self.path, role.name), words=words)

    def of(self, what: str) -> str:
        """Return the words for something of the value here."""
        return f"{self.words.rstrip('.') or self.path}: {what}."

    def __str__(self) -> str:
        return f"{self.within}.{self.path}"


class Walker:
    """Takes the types of a document apart."""

    def __init__(
        self, document: Document, families: Families, messages: Messages
    ) -> None:
        self._document = document
        self._families = families
        self._messages = messages

    def parts(self, roles: tuple[Role, ...], within: str) -> Iterator[Part]:
        """Yield the parts that these roles have; ``within`` is for messages."""
        for role in roles:
            yield from self._part(role, _Place(within, role.name, role.description))

    def parts_of_value(self, part: Part, within: str) -> Iterator[Part]:
        """Yield the parts of one value where a type has several."""
        place = _Place(within, part.path, part.description, above=part.above)
        if part.inner is None:
            yield from self._simple(part.role, place)
        else:
            yield from self._inside(part.inner, place)

    def rules(
        self, item: Type, paths: tuple[str, ...] = ("",), above: tuple[str, ...] = ()
    ) -> Iterator[Rule]:
        """Yield the constraints of a type and of the data types in it."""
        for constraint in item.constraints:
            if constraint.role is None:
                yield Rule(paths, item, constraint.description)
        for role in item.roles:
            inner = self._document.find(role.ref)
            if inner is None or inner.kind != "dataType" or role.upper != 1:
                continue
            if inner.id not in above:
                here = joined(paths[0], role.name)
                yield from self.rules_of_value(inner, here, (*above, inner.id))

    def rules_of_value(
        self, inner: Type, path: str, above: tuple[str, ...] = ()
    ) -> Iterator[Rule]:
        """Yield the constraints of a data type and of those that extend it."""
        for item in self._families.lineage(inner):
            yield from self.rules(item, (path,), above)
        below = {item.id: item for item in self._families.below(inner)}
        for item in below.values():
            inherited = [t for t in self._families.lineage(item) if t.id in below]
            paths = tuple(joined(path, t.name) for t in inherited)
            yield from self.rules(item, (*paths, path), above)

    def _part(self, role: Role, place: _Place) -> Iterator[Part]:
        if role.lower == 0:
            place = replace(place, nullable=True)
        several = role.upper != 1
        inner = self._document.find(role.ref)
        kind = inner.kind if inner is not None else None
        if role.kind == "reference" or (
            role.kind == "attribute" and kind == "objectType"
        ):
            shape: Shape = "references" if several else "reference"
            yield Part(place.path, role, shape, place.nullable, place.words)
        elif role.kind == "composition" and kind != "dataType":
            return  # the part has a column for its whole
        elif inner is not None and kind == "dataType":
            if inner.id in place.above:
                self._messages.lack(f"{place}: one {inner.name} in another: no column")
            elif several:
                yield self._values(role, place, inner)
            else:
                yield from self._inside(inner, place)
        elif several:
            yield self._values(role, place, None)
        else:
            yield from self._simple(role, place)

    def _inside(self, item: Type, place: _Place) -> Iterator[Part]:
        """Yield the parts of a data type, and of those that extend it.

        Where a value may be of several types, a column says of which it is, and what
        only some of them have may be missing.
        """
        place = replace(
            place, words=place.words.rstrip("."), above=(*place.above, item.id)
        )
        for role in self._families.roles(item):
            yield from self._part(role, place.inside(role))
        kinds = self._families.concrete(item)
        if kinds in {(item,), ()}:
            return
        role = Role("attribute", f"{item.id}.class", "class", "ivoa:string", 1, 1, "")
        kind = Form("char", "*", None, tuple(kind.name for kind in kinds))
        said = place.of("the type of the value")
        path = joined(place.path, role.name)
        yield Part(path, role, "value", place.nullable, said, kind)
        for inner in self._families.below(item):
            here = replace(place, path=joined(place.path, inner.name), nullable=True)
            for role in inner.roles:
                yield from self._part(role, here.inside(role))

    def _simple(self, role: Role, place: _Place) -> Iterator[Part]:
        several = compound(role.ref)
        for name, inner in several:
            path = joined(place.path, name) if name else place.path
            said = place.of(name) if name else place.words
            unit = name == "unit"
            empty = place.nullable or unit
            yield Part(path, role, "value", empty, said, inner, optional=unit)
        if not several:
            found = self._form(role, place)
            yield Part(place.path, role, "value", place.nullable, place.words, found)

    def _values(self, role: Role, place: _Place, inner: Type | None) -> Part:
        found = TEXT
        if inner is None and not compound(role.ref):
            found = self._form(role, place)
        return Part(
            place.path,
            role,
            "values",
            nullable=False,
            description=place.words,
            form=found,
            inner=inner,
            above=place.above,
        )

    def _form(self, role: Role, place: _Place) -> Form:
        found = form(self._document, role.ref)
        if found is None:
            self._messages.lack(f"{place}: no column type for {role.ref}: it is text")
            return TEXT
        return found


def joined(path: str, name: str) -> str:
    """Return the path of what is inside.

    >>> joined("", "position"), joined("position", "ra")
    ('position', 'position.ra')
    """
    return f"{path}.{name}" if path else name
