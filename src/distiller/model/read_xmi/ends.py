"""Associations: which of their ends are relations of a type, and which lead back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from lxml import etree

    from distiller.model.read_xmi.report import Account
    from distiller.model.read_xmi.stereotypes import Stereotypes
    from distiller.model.read_xmi.tree import Tree

_BOTH = 2


@dataclass(frozen=True, slots=True)
class End:
    """An end of an association that is a relation of a type.

    Attributes
    ----------
    owner
        The type at the other end.
    """

    owner: etree._Element
    property: etree._Element
    association: etree._Element


class Ends:
    """The associations of the model.

    UML keeps an end as an attribute of the class that it starts from, or as an end
    that the association owns, which then says whether it can be followed.
    """

    def __init__(
        self,
        tree: Tree,
        account: Account,
        stereotypes: Stereotypes,
        types: Container[etree._Element],
    ) -> None:
        self._tree = tree
        self._account = account
        self._stereotypes = stereotypes
        self.of_property: dict[etree._Element, etree._Element] = {}
        self.back: set[etree._Element] = set()
        self.owned: list[End] = []
        self._types = types
        self._claimed: dict[etree._Element, list[etree._Element]] = {}
        for element in tree.elements:
            if tree.kind(element) == "Property":
                for target in tree.targets(element, "association"):
                    if target.element is not None:
                        self._claimed.setdefault(target.element, []).append(element)
        for element in tree.elements:
            if tree.kind(element) == "Association" and not tree.is_extension(element):
                members = self._members(element)
                if any(self._of_model(member) for member in members):
                    self._read(element, members)

    def _of_model(self, member: etree._Element) -> bool:
        """Whether an end is of a type of this model, or leads to one.

        Tools keep an association where one of its ends is, in another model even.
        """
        named = self._tree.targets(member, "type")
        return member.getparent() in self._types or any(
            target.element in self._types for target in named
        )

    def _members(self, association: etree._Element) -> list[etree._Element]:
        """Return the ends of an association, each once, in the order of the file."""
        named = self._tree.targets(association, "memberEnd")
        found = [t.element for t in named if t.element is not None]
        found += self._tree.children(association, "Property")
        found += self._claimed.get(association, [])
        return list(dict.fromkeys(found))

    def _read(self, association: etree._Element, members: list[etree._Element]) -> None:
        if len(members) != _BOTH:
            self._account.left(
                association, f"it has {len(members)} ends; VO-DML relations have two"
            )
            return
        for member in members:
            self.of_property[member] = association
        wholes = [m for m in members if self.is_composite(m)]
        forward = wholes[:1] or list(self._forward(association, members))
        if not forward:
            self._account.left(
                association, "neither end can be followed: draw an arrow"
            )
            return
        if len(wholes) == _BOTH:
            self._account.left(wholes[1], "both ends are composite: the first is read")
        self._account.carried(association)
        name = association.get("name", "").strip()
        if name and all(member.get("name") for member in forward):
            self._account.unsaid(association, f"name {name!r} of Association")
        for member, other in zip(members, reversed(members), strict=True):
            self._end(association, member, other, forward)

    def _end(
        self,
        association: etree._Element,
        member: etree._Element,
        other: etree._Element,
        forward: list[etree._Element],
    ) -> None:
        owned = member.getparent() is association
        if member in forward:
            owner = self._start(other) if owned else None
            if owner is not None:
                self.owned.append(End(owner, member, association))
            elif owned:
                self._account.left(member, "the type that it starts from is not known")
            return
        self.back.add(member)
        if owned and not member.get("name", "").strip():
            bounds = ("type", "lowerValue", "upperValue")
            self._account.carried(
                member, *(e for n in bounds for e in member.findall(n))
            )
        elif self.is_composite(other):
            self._account.left(member, "the way back of a composition is known anyway")
        else:
            self._account.left(member, "it cannot be followed in this direction")

    def _forward(
        self, association: etree._Element, members: list[etree._Element]
    ) -> Iterator[etree._Element]:
        """Yield the ends that can be followed."""
        navigable = self._tree.targets(association, "navigableOwnedEnd")
        marked = {target.element for target in navigable}
        found = [
            member
            for member in members
            if member.getparent() is not association
            or member in marked
            or member.tag == "navigableOwnedEnd"
            or member.get("isNavigable") == "true"
        ]
        if not found:
            named = [m for m in members if m.get("name", "").strip()]
            if len(named) == 1:
                self._account.changed(
                    named[0],
                    "it cannot be followed, but has a name: read as a relation",
                )
                found = named
        yield from found

    def _start(self, other: etree._Element) -> etree._Element | None:
        """Return the type that a relation starts from: that of the other end."""
        targets = self._tree.targets(other, "type")
        return targets[0].element if targets else None

    def is_composite(self, member: etree._Element) -> bool:
        """Whether an end leads from a whole to its parts."""
        return member.get("aggregation") == "composite" or self._stereotypes.has(
            member, "composition"
        )
