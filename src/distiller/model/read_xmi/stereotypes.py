"""Stereotypes and their tagged values, in the two ways that tools write them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lxml import etree

from distiller.model.read_xmi.words import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from distiller.model.read_xmi.report import Account
    from distiller.model.read_xmi.tree import Tree

_KNOWN = {
    "model": "author authors title version previousversion lastmodified uri "
    "namespaceuri subject name description",
    "modelimport": "name version url documentationurl ivoid",
    "modelelement": "vodmlid",
    "semanticconcept": "topconcept vocabularyuri",
    "skosconcept": "broadestskosconcept topconcept vocabularyuri",
    "attribute": "minvalue maxvalue",
    "composition": "isordered",
    "subsets": "subsettedproperty",
}
"""The tagged values that are read of each stereotype; others are listed."""
_ONE = "VO-DML has one such value, and another is carried over"


@dataclass(frozen=True, slots=True)
class Applied:
    """A stereotype that is applied to an element.

    Attributes
    ----------
    name
        Name of the stereotype, in lower case.
    values
        Tagged values by name in lower case, without punctuation: ``vodmlid``.
    """

    name: str
    values: Mapping[str, tuple[str, ...]]
    element: etree._Element

    def value(self, *names: str) -> str:
        """Return the first value under one of these names, or an empty text."""
        found = (value for name in names for value in self.values.get(name, ()))
        return next((value for value in found if value), "")


class Stereotypes:
    """All stereotypes of a file, by what they are applied to."""

    def __init__(self, tree: Tree, account: Account) -> None:
        self._tree = tree
        self._account = account
        self._applied: dict[etree._Element, list[Applied]] = {}
        self._used: set[etree._Element] = set()
        seen: set[tuple[str, etree._Element]] = set()
        for element in tree.elements:
            for subject, applied in self._read(element):
                identifier = tree.id(element)
                if identifier and (identifier, subject) in seen:
                    account.carried_whole(element)
                    continue
                seen.add((identifier, subject))
                account.applied(subject, element)
                self._applied.setdefault(subject, []).append(applied)

    def _read(self, element: etree._Element) -> list[tuple[etree._Element, Applied]]:
        if element.tag == "appliedStereotype":
            return self._of_slots(element)
        if not self._tree.application(element):
            return []
        subjects = {
            target.element: None
            for name in element.attrib
            if str(name).startswith("base_")
            for target in self._tree.targets(element, str(name))
            if target.element is not None
        }
        applied = Applied(
            etree.QName(element).localname.lower(), self._tags(element), element
        )
        return [(subject, applied) for subject in subjects]

    def _tags(self, element: etree._Element) -> Mapping[str, tuple[str, ...]]:
        """Read tagged values of attributes and of child elements."""
        values: dict[str, list[str]] = {}
        for key, value in element.attrib.items():
            if not str(key).startswith(("base_", "{")):
                values.setdefault(_key(str(key)), []).append(plain(str(value)))
        for child in element.iterchildren("*"):
            name = etree.QName(child).localname
            text = child.text or child.get("value", "")
            values.setdefault(_key(name), []).append(plain(str(text)))
        return {name: tuple(found) for name, found in values.items()}

    def _of_slots(
        self, element: etree._Element
    ) -> list[tuple[etree._Element, Applied]]:
        """Read a stereotype that is kept as an instance in an extension (UModel)."""
        extension = element.getparent()
        subject = None if extension is None else extension.getparent()
        stereotype = self._tree.find(element.get("classifier", ""))
        if subject is None or stereotype is None:
            return []
        values: dict[str, list[str]] = {}
        for slot in element.findall("slot"):
            feature = self._tree.find(slot.get("definingFeature", ""))
            if feature is not None:
                found = values.setdefault(_key(feature.get("name", "")), [])
                found.extend(plain(v.get("value", "")) for v in slot.findall("value"))
        name = stereotype.get("name", "").lower()
        tags = {key: tuple(found) for key, found in values.items()}
        return [(subject, Applied(name, tags, element))]

    def of(self, element: etree._Element) -> tuple[Applied, ...]:
        """Return the stereotypes of an element."""
        return tuple(self._applied.get(element, ()))

    def get(self, element: etree._Element, *names: str) -> Applied | None:
        """Return a stereotype of an element by its name, as carried over."""
        for applied in self.of(element):
            if applied.name in names:
                self._use(applied)
                return applied
        return None

    def _use(self, applied: Applied) -> None:
        if applied.element in self._used:
            return
        self._used.add(applied.element)
        self._account.carried_whole(applied.element)
        known = _KNOWN.get(applied.name, "").split()
        for name, values in applied.values.items():
            if name not in known and any(values):
                what = f"«{applied.name}» {name}='{' '.join(values)}'"
                self._account.unsaid(applied.element, what)

    def others(self, applied: Applied, taken: str, *names: str) -> None:
        """List the values under some names that are not the one that is carried."""
        for name in names:
            for value in applied.values.get(name, ()):
                if value not in {"", taken}:
                    what = f"«{applied.name}» {name}='{value}'"
                    self._account.unsaid(applied.element, what, _ONE)

    def has(self, element: etree._Element, name: str) -> bool:
        """Whether an element has a stereotype; nothing is marked."""
        return any(applied.name == name for applied in self.of(element))


def _key(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())
