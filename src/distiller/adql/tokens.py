"""Text to tokens, as ADQL 2.1 appendix A has them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from distiller.adql.limits import LONGEST_NAME, MOST_CHARACTERS, MOST_TOKENS
from distiller.adql.words import FOREIGN_SIGNS
from distiller.core.reserved import RESERVED

if TYPE_CHECKING:
    from distiller.adql.faults import Faults

TokenKind = Literal["word", "name", "number", "text", "sign", "foreign", "end"]

_LONGEST_NUMBER = 60

_TOKEN = re.compile(
    r"""
      (?P<space>   [ \t\r\n\f]+ | --[^\n]* )
    | (?P<word>    [A-Za-z][A-Za-z0-9_]* )
    | (?P<number>  (?: [0-9]+ (?: \.[0-9]* )? | \.[0-9]+ ) (?: [eE][+-]?[0-9]+ )? )
    | (?P<text>    ' (?: [^'] | '' )* ' )
    | (?P<name>    " (?: [^"] | "" )* " )
    | (?P<open>    ['"] )
    | (?P<block>   /\* (?: .*? \*/ | .* ) )
    | (?P<foreign> :: | == | => | -> | := | \^@ | \*\* | // )
    | (?P<sign>    <> | != | <= | >= | \|\| | [-+*/=<>(),.;] )
    | (?P<strange> . )
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """One token.

    Attributes
    ----------
    kind
        ``word`` is a regular identifier or keyword, ``name`` a delimited identifier.
    value
        Upper case for words, without quotes for text and delimited names.
    text
        As written.
    at
        Offset of its first character, counted from 0.
    """

    kind: TokenKind
    value: str
    text: str
    at: int

    @property
    def is_reserved(self) -> bool:
        """Whether this is a reserved word of ADQL 2.1."""
        return self.kind == "word" and self.value in RESERVED

    @property
    def is_identifier(self) -> bool:
        """Whether this can name a table or column."""
        return self.kind == "name" or (
            self.kind == "word" and self.value not in RESERVED
        )

    @property
    def shown(self) -> str:
        """As messages name it."""
        if self.kind == "end":
            return "the end of the query"
        return (
            self.text if len(self.text) <= _LONGEST_NUMBER else self.text[:57] + "..."
        )


def tokens(text: str, faults: Faults) -> list[Token]:
    """Cut a text into tokens; the last one is always the end.

    >>> from distiller.adql.faults import Faults
    >>> [t.value for t in tokens("select 'it''s' -- why", Faults(""))]
    ['SELECT', "it's", '']
    """
    if len(text) > MOST_CHARACTERS:
        faults.add(
            "Q108",
            0,
            f"the query has {len(text)} characters, at most "
            f"{MOST_CHARACTERS} are read (ask in several queries)",
        )
        return [Token("end", "", "", 0)]
    found: list[Token] = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        if kind == "space":
            continue
        token = _token(str(kind), match.group(), match.start(), faults)
        if token is not None:
            _follows_well(token, found, faults)
            found.append(token)
        if kind == "open":
            break
        if len(found) > MOST_TOKENS:
            faults.add(
                "Q108",
                match.start(),
                f"more than {MOST_TOKENS} words and signs (ask in several queries)",
            )
            break
    found.append(Token("end", "", "", len(text)))
    return found


def _token(kind: str, text: str, at: int, faults: Faults) -> Token | None:
    if kind == "word":
        if len(text) > LONGEST_NAME:
            faults.add("Q108", at, f"a name of more than {LONGEST_NAME} characters")
        return Token("word", text.upper(), text, at)
    if kind == "number":
        return _number(text, at, faults)
    if kind in {"text", "name"}:
        return _quoted(kind, text, at, faults)
    if kind == "sign":
        return Token("sign", text, text, at)
    if kind == "open":
        what = "text" if text == "'" else "delimited name"
        faults.add("Q102", at, f"this {what} is not closed: a {text} is missing")
    elif kind == "block":
        faults.add("Q107", at, "ADQL has no /* */ comments: a comment begins with --")
    elif kind == "foreign" or text in FOREIGN_SIGNS:
        return Token("foreign", text, text, at)
    else:
        name = text if text.isprintable() and text.isascii() else f"U+{ord(text):04X}"
        faults.add("Q103", at, f"the character {name} is no part of ADQL")
    return None


def _number(text: str, at: int, faults: Faults) -> Token:
    if len(text) > _LONGEST_NUMBER or float(text) == float("inf"):
        faults.add("Q109", at, "this number is too large or too long")
        return Token("number", "0", text, at)
    return Token("number", text, text, at)


def _quoted(kind: str, text: str, at: int, faults: Faults) -> Token:
    quote = text[0]
    value = text[1:-1].replace(quote * 2, quote)
    strange = next((c for c in value if c < " " and c not in "\t\r\n"), None)
    if strange is not None:
        faults.add("Q103", at, f"the character U+{ord(strange):04X} between quotes")
    if any("\ud800" <= c <= "\udfff" for c in value):
        faults.add("Q103", at, "half a character (a lone surrogate) between quotes")
    if kind == "text":
        return Token("text", value, text, at)
    if not value or len(value) > LONGEST_NAME:
        faults.add("Q108", at, f"a delimited name has 1 to {LONGEST_NAME} characters")
    return Token("name", value, text, at)


def _follows_well(token: Token, before: list[Token], faults: Faults) -> None:
    """Note a number that runs into a name or number (SQL-92 section 5.2)."""
    if token.kind not in {"word", "number"} or not before:
        return
    last = before[-1]
    if last.kind == "number" and last.at + len(last.text) == token.at:
        faults.add(
            "Q109",
            last.at,
            f"{last.text}{token.text} is no number (put a space "
            "between a number and a name)",
        )
