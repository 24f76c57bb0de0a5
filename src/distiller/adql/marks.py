"""How far the fault of a text reaches, and what may be written instead."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from distiller.adql.faults import Faults
from distiller.adql.tokens import tokens
from distiller.core.reserved import RESERVED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from distiller.adql.tokens import Token
    from distiller.core.errors import Fault

_MEANT: Final = re.compile(r"\(did you mean (.+)\?\)$")
_RESERVED: Final = re.compile(r'\(as a name write (".+")\)$')
_NOT_IN_FROM: Final = "Q204"
_NO_FUNCTION: Final = "Q301"


@dataclass(frozen=True, slots=True)
class Mark:
    """A part of a text that a fault is about.

    Attributes
    ----------
    fault
        What is wrong.
    at, length
        First character, counted from 0, and how many; 0 at the end of the text.
    instead
        What the whole part becomes if the hint is followed, None without a hint.
    """

    fault: Fault
    at: int
    length: int
    instead: str | None = None


def marks(text: str, faults: Iterable[Fault]) -> tuple[Mark, ...]:
    """Return the marks of the faults of a text, in their order.

    A name with its qualifiers is one part.

    >>> from distiller.core.errors import Fault
    >>> wrong = Fault(1, 8, "Q202", "there is no column o.x (did you mean y?)")
    >>> [(m.at, m.length, m.instead) for m in marks("SELECT o.x FROM t", [wrong])]
    [(7, 3, 'o.y')]
    """
    begins = [0, *(i + 1 for i, c in enumerate(text) if c == "\n")]
    found = tokens(text, Faults(text))
    place = {token.at: index for index, token in enumerate(found)}
    made = []
    for fault in faults:
        at = begins[fault.line - 1] + fault.column - 1
        chain = _chain(found, place[at]) if at in place else []
        end = chain[-1].at + len(chain[-1].text) if chain else at + 1
        made.append(
            Mark(fault, at, min(end, len(text)) - at, _instead(text, fault, chain))
        )
    return tuple(made)


def _chain(found: list[Token], index: int) -> list[Token]:
    """Return the token there; a name brings what follows behind dots."""
    chain = [found[index]]
    if chain[0].kind not in {"word", "name"}:
        return chain
    while (
        found[index + 1].text == "."
        and index + 2 < len(found)
        and found[index + 2].kind in {"word", "name"}
    ):
        index += 2
        chain.append(found[index])
    return chain


def _instead(text: str, fault: Fault, chain: list[Token]) -> str | None:
    reserved = _RESERVED.search(fault.message)
    if reserved is not None and len(chain) == 1:
        return reserved[1]
    match = _MEANT.search(fault.message)
    if match is None or not chain or not chain[0].is_identifier:
        return None
    meant, last = match[1], chain[-1]
    if meant.upper() in RESERVED and fault.code != _NO_FUNCTION:
        meant = f'"{meant}"'
    written = text[chain[0].at : last.at + len(last.text)]
    if len(chain) == 1 or (fault.code != _NOT_IN_FROM and "." in meant):
        return meant
    if fault.code == _NOT_IN_FROM:
        return f"{meant}.{last.text}"
    return written[: last.at - chain[0].at] + meant
