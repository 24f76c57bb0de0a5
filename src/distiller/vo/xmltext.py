"""Text that XML 1.0 can hold: what it forbids is replaced, what it needs escaped."""

from __future__ import annotations

import re

from distiller.vo import cells

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_FORBIDDEN_CLASS = r"[\x00-\x08\x0B\x0C\x0E-\x1F\uFFFE\uFFFF]"
_FORBIDDEN = re.compile(_FORBIDDEN_CLASS[:-1] + r"\uD800-\uDFFF]")
_FORBIDDEN_RE2 = r"[\x00-\x08\x0B\x0C\x0E-\x1F\x{FFFE}\x{FFFF}]"
_ESCAPES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\r", "&#13;"))

_SUSPECT = b"&<>\xef"
"""Bytes that call for a closer look; 0xEF begins U+FFFE and U+FFFF in UTF-8."""


def clean(text: str) -> str:
    r"""Return text with U+FFFD for each character that XML 1.0 forbids.

    >>> clean("a\x00b") == "a\ufffdb"
    True
    """
    return _FORBIDDEN.sub(REPLACEMENT, text)


def escape_text(text: str) -> str:
    """Return text as the content of an element.

    >>> escape_text("a < b & c")
    'a &lt; b &amp; c'
    """
    text = clean(text)
    for character, reference in _ESCAPES:
        text = text.replace(character, reference)
    return text


def escape_cells(values: cells.Values) -> cells.Values:
    """Return string values as the content of elements; NULL stays NULL.

    What XML forbids becomes ``?``, which is ASCII, as ``char`` wants it.
    """
    if not cells.holds(values, _SUSPECT):
        return values
    values = cells.pc.replace_substring_regex(values, _FORBIDDEN_RE2, "?")
    for character, reference in _ESCAPES:
        values = cells.pc.replace_substring(values, character, reference)
    return values
