"""How many values: the bounds of UML as numbers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from distiller.model.entities import UNBOUNDED

if TYPE_CHECKING:
    from lxml import etree

    from distiller.model.read_xmi.report import Account
    from distiller.model.read_xmi.tree import Tree

_MANY = frozenset({"*", "-1", "n", "many", "unbounded"})
_BELOW = re.compile(r"-[0-9]+")
_MOST = 2**31 - 1
_DIGITS = 20


def multiplicity_of(
    tree: Tree, account: Account, element: etree._Element
) -> tuple[int, int]:
    """Return the smallest and largest number of values of a property.

    A bound that is absent is 1. One that is there without a value is 0 or any number:
    tools leave out what is the default for its kind.
    """
    lower = _bound(tree, account, element, "lowerValue", 0)
    upper = _bound(tree, account, element, "upperValue", UNBOUNDED)
    if upper != UNBOUNDED and lower > upper:
        account.changed(element, f"{lower}..{upper} allows no value: read as {upper}")
        lower = upper
    return lower, upper


def _bound(
    tree: Tree, account: Account, element: etree._Element, name: str, bare: int
) -> int:
    child = element.find(name)
    short = element.get(name.removesuffix("Value"))
    if child is None and short is None:
        return 1
    if child is not None:
        account.carried(child)
        short = tree.text(child, "value") or tree.text(child, "body")
    text = (short or "").strip().lower()
    if text in _MANY and name == "upperValue":
        return UNBOUNDED
    if text == "*":  # alone it means any number, none too
        return bare
    if text.isascii() and text.isdigit():
        # By digits first: a number of thousands of them cannot even be read.
        if len(text.lstrip("0")) > _DIGITS or int(text) > _MOST:
            shown = f"{text[:_DIGITS]}..." if len(text) > _DIGITS else text
            account.changed(element, f"{name} {shown} is too large: read as {_MOST}")
            return _MOST
        return int(text)
    if text:
        fault = "is below 0" if _BELOW.fullmatch(text) else "is no number"
        read = "any number" if bare == UNBOUNDED else bare
        account.changed(element, f"{name} {text!r} {fault}: read as {read}")
    elif name == "upperValue":
        account.changed(element, "upperValue without a value: read as any number")
    return bare
