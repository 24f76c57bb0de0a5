"""Documentation in its several encodings, as plain words."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml import etree

    from distiller.model.read_xmi.report import Account
    from distiller.model.read_xmi.tree import Tree

_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_HEAD = re.compile(r"<(head|style|script)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_HTML = re.compile(r"\s*<(!doctype\s+html|html|p|body|div)\b", re.IGNORECASE)


def plain(text: str) -> str:
    """Return a text without the HTML that some tools wrap it in, on one line.

    >>> plain("<html><head> </head><body><p> a &lt; b </p></body></html>")
    'a < b'
    >>> plain(" 0 <= x <  y ")
    '0 <= x < y'
    """
    if _HTML.match(text):
        text = html.unescape(_TAG.sub(" ", _HEAD.sub(" ", text)))
    return " ".join(text.split())


class Words:
    """What is said of each element."""

    def __init__(self, tree: Tree, account: Account) -> None:
        self._tree = tree
        self._account = account
        self._comments: dict[etree._Element, list[etree._Element]] = {}
        for comment in tree.elements:
            if tree.kind(comment) == "Comment" and not tree.is_extension(comment):
                for element in self._subjects(comment):
                    self._comments.setdefault(element, []).append(comment)

    def _subjects(self, comment: etree._Element) -> list[etree._Element]:
        """Return what a comment is about: what it names, else what it is in."""
        named = self._tree.targets(comment, "annotatedElement")
        found = [target.element for target in named if target.element is not None]
        parent = comment.getparent()
        return found or ([] if parent is None else [parent])

    def of(self, element: etree._Element) -> str:
        """Return the documentation of an element, and mark it as carried over."""
        texts = []
        for comment in self._comments.get(element, ()):
            texts.append(plain(self._tree.text(comment, "body")))
            self._account.carried(comment, *comment.findall("body"))
        texts.extend(self._annotations(element))
        return " ".join(dict.fromkeys(text for text in texts if text))

    def _annotations(self, element: etree._Element) -> list[str]:
        """Return documentation that a tool keeps in a place of its own."""
        found = []
        for holder in element.iterchildren("*"):
            if self._tree.is_of_xmi(holder, "Extension"):
                for inner in holder.iter("documentation"):
                    text = inner.get("value") or inner.get("body") or inner.text or ""
                    found.append(plain(text))
                    self._account.carried(inner)
            elif holder.tag == "eAnnotations":
                for inner in holder.findall("details"):
                    if inner.get("key") == "documentation":
                        found.append(plain(inner.get("value", "")))
                        self._account.carried(holder, inner)
        return found
