"""Constraints: whose they are, and what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distiller.model.entities import Constraint
from distiller.model.read_xmi.words import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lxml import etree

    from distiller.model.read_xmi.report import Account
    from distiller.model.read_xmi.roles import Roles
    from distiller.model.read_xmi.stereotypes import Stereotypes
    from distiller.model.read_xmi.tree import Tree
    from distiller.model.read_xmi.words import Words

_SUBSET = ("subset", "subsets", "subsettedrole")


def expression_of(tree: Tree, rule: etree._Element) -> str:
    """Return what a constraint says: the body of its specification."""
    found = rule.find("specification")
    if found is None:
        return ""
    inner = found.find("expr")
    for element in (found, *(() if inner is None else (inner,))):
        for name in ("body", "value", "symbol"):
            text = plain(tree.text(element, name))
            if text:
                return text
    return ""


def subsets_of(
    tree: Tree,
    account: Account,
    stereotypes: Stereotypes,
    rules: Iterable[etree._Element],
) -> dict[etree._Element, str]:
    """Return which role each property narrows by a constraint that says so.

    Modelio's profile has no other place: a constraint with the stereotype ``subset``,
    of the property, that names the inherited role.
    """
    found: dict[etree._Element, str] = {}
    for rule in rules:
        if not stereotypes.get(rule, *_SUBSET):
            continue
        text = expression_of(tree, rule) or rule.get("name", "")
        for target in tree.targets(rule, "constrainedElement"):
            if target.element is not None and text:
                found[target.element] = text
                _carry(account, rule)
    return found


def _carry(account: Account, rule: etree._Element) -> None:
    """Note that a constraint is carried over with all that says what it says."""
    account.carried(rule)
    for inner in rule.findall("specification"):
        account.carried(inner, *inner.findall("expr"))


class Rules:
    """The constraints of every type, in the order of the file."""

    def __init__(  # noqa: PLR0913 - the parts of one reading, by name
        self,
        *,
        tree: Tree,
        account: Account,
        stereotypes: Stereotypes,
        words: Words,
        roles: Roles,
        rules: Iterable[etree._Element],
        types: Mapping[etree._Element, object],
    ) -> None:
        self._tree = tree
        self._account = account
        self._stereotypes = stereotypes
        self._words = words
        self._roles = roles
        self._types = types
        self._by_type: dict[etree._Element, list[Constraint]] = {}
        for rule in rules:
            if not any(stereotypes.has(rule, name) for name in _SUBSET):
                self._read(rule)

    def of(self, element: etree._Element) -> tuple[Constraint, ...]:
        """Return the constraints of a type."""
        return tuple(self._by_type.get(element, ()))

    def _read(self, rule: etree._Element) -> None:
        owner = self._owner(rule)
        if owner is None:
            self._account.left(rule, "it is about nothing that is carried over")
            return
        expression = expression_of(self._tree, rule)
        text = expression or self._words.of(rule) or plain(rule.get("name", ""))
        if not text:
            self._account.left(rule, "it says nothing")
            return
        _carry(self._account, rule)
        name = rule.get("name", "").strip()
        if name and name != text:
            self._account.unsaid(rule, f"name {name!r} of Constraint")
        for comment in self._tree.children(rule, "Comment") if expression else ():
            self._account.left(comment, "VO-DML has one text, and the expression is it")
        self._stereotypes.get(rule, "constraint", "naturallanguageconstraint")
        self._by_type.setdefault(owner, []).append(Constraint(text))

    def _owner(self, rule: etree._Element) -> etree._Element | None:
        """Return the type that a constraint is about."""
        named = self._tree.targets(rule, "constrainedElement")
        found = [target.element for target in named if target.element is not None]
        for element in (*found, rule.getparent()):
            if element is None:
                continue
            if element in self._types:
                return element
            owner = self._roles.owner(element)
            if owner is not None:
                return owner
        return None
