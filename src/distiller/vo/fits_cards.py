"""Header cards of FITS 4.0: 80 characters each, in blocks of 2880 bytes."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

BLOCK: Final = 2880
_CARD: Final = 80
_VALUE_WIDTH: Final = 20
_TEXT_MOST: Final = 68
"""Characters of a text between quotes; a longer one goes on in CONTINUE cards."""
_TEXT_LEAST: Final = 8
_COMMENT_MOST: Final = 72
_OTHER: Final = re.compile(r"[^\x20-\x7E]")
_CONTROL: Final = re.compile(r"[\x00-\x1F\x7F]")


def printable(text: str) -> str:
    r"""Return what FITS can hold of a text (FITS 4.0 section 4.2.1).

    >>> printable("Čerenkov\nlight")
    '?erenkov light'
    """
    return _OTHER.sub("?", _CONTROL.sub(" ", text))


def card(keyword: str, value: bool | int | str, comment: str = "") -> str:  # noqa: FBT001 - a value among others
    """Return a keyword with its value: one card, or several where a text is long.

    >>> card("NAXIS", 2).rstrip()
    'NAXIS   =                    2'
    >>> card("TTYPE1", "it's").rstrip()
    "TTYPE1  = 'it''s   '"
    """
    if isinstance(value, str):
        return _text(keyword, value)
    shown = ("T" if value else "F") if isinstance(value, bool) else str(value)
    line = f"{keyword:<8}= {shown:>{_VALUE_WIDTH}}"
    return f"{line} / {comment}"[:_CARD].ljust(_CARD) if comment else line.ljust(_CARD)


def _text(keyword: str, value: str) -> str:
    """Return a text; a doubled quote is never cut in two."""
    pieces, rest = [], printable(value).rstrip().replace("'", "''")
    while len(rest) > _TEXT_MOST:
        cut = _TEXT_MOST - 1  # one is for the ampersand
        if rest[:cut].count("'") % 2:
            cut -= 1
        pieces.append(rest[:cut] + "&")
        rest = rest[cut:]
    pieces.append(rest.ljust(_TEXT_LEAST) if not pieces else rest)
    start = f"{keyword:<8}= "
    lines = []
    for piece in pieces:
        lines.append(f"{start}'{piece}'".ljust(_CARD))
        start = "CONTINUE  "
    return "".join(lines)


def comment(text: str) -> str:
    """Return a remark: COMMENT cards.

    >>> comment("seen").rstrip()
    'COMMENT seen'
    """
    lines = textwrap.wrap(printable(text), _COMMENT_MOST) or [""]
    return "".join(f"COMMENT {line}".ljust(_CARD) for line in lines)


def header(cards: Sequence[str]) -> bytes:
    """Return a whole header, its end and the blanks behind included."""
    text = "".join(cards) + "END".ljust(_CARD)
    return (text + " " * (-len(text) % BLOCK)).encode("ascii")
