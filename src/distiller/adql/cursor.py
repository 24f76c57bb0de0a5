"""Walking over tokens: what every part of the grammar needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, TypeVar

from sqlglot import exp

from distiller.adql import nodes
from distiller.adql.limits import DEEPEST, MOST_HEIGHT
from distiller.adql.words import CLAUSES, FOREIGN_SIGNS, FOREIGN_WORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from distiller.adql.faults import Faults
    from distiller.adql.tokens import Token

Node = TypeVar("Node", bound=exp.Expr)
Part = TypeVar("Part")


class Lost(Exception):  # noqa: N818 - never leaves the parser
    """The parser cannot go on here; the fault is noted already."""


class Cursor:
    """A place in a list of tokens, with faults noted on the way."""

    def __init__(self, tokens: Sequence[Token], faults: Faults) -> None:
        self.tokens = tokens
        self.faults = faults
        self.pos = 0
        self.depth = 0
        self._closings: dict[int, int] | None = None

    @property
    def token(self) -> Token:
        """The token that comes next."""
        return self.tokens[self.pos]

    def ahead(self, count: int = 1) -> Token:
        """Return a later token; behind the end there is the end."""
        return self.tokens[min(self.pos + count, len(self.tokens) - 1)]

    def behind(self, opening: int) -> str:
        """Return what follows the end of the parenthesis at a position.

        Empty if it is not closed, or if the text ends there.
        """
        if self._closings is None:
            self._closings = _closings(self.tokens)
        closing = self._closings.get(opening)
        return "" if closing is None else self.tokens[closing + 1].value

    def advance(self) -> Token:
        """Take the next token."""
        token = self.token
        if token.kind != "end":
            self.pos += 1
        return token

    def is_word(self, *words: str) -> bool:
        """Whether one of these words comes next."""
        return self.token.kind == "word" and self.token.value in words

    def is_sign(self, *signs: str) -> bool:
        """Whether one of these signs comes next."""
        return self.token.kind == "sign" and self.token.value in signs

    def take_word(self, *words: str) -> Token | None:
        """Take the next token if it is one of these words."""
        return self.advance() if self.is_word(*words) else None

    def take_sign(self, *signs: str) -> Token | None:
        """Take the next token if it is one of these signs."""
        return self.advance() if self.is_sign(*signs) else None

    def need_word(self, word: str) -> Token:
        """Take this word, or note that it is missing."""
        return self.take_word(word) or self.lose(f"{word} is missing before")

    def need_sign(self, sign: str) -> Token:
        """Take this sign, or note that it is missing."""
        return self.take_sign(sign) or self.lose(f"{sign} is missing before")

    def lose(self, message: str) -> Token:
        """Note a fault at the next token and give up this part."""
        self.complain(message)
        raise Lost

    def complain(self, message: str) -> None:
        """Note a fault at the next token, which the message is about."""
        # Behind what could not be read, it is no news that something is missing.
        if not self.stranger() and not self.faults.has("Q102", "Q103", "Q108"):
            self.fault("Q101", f"{message} {self.token.shown}")

    def fault(self, code: str, message: str, token: Token | None = None) -> bool:
        """Note a fault at a token, the next one unless told."""
        self.faults.add(code, (token or self.token).at, message)
        return True

    def stranger(self) -> bool:
        """Note it if the next token belongs to another SQL dialect."""
        token = self.token
        if token.kind == "foreign":
            hint = FOREIGN_SIGNS[token.value]
        elif token.kind == "word" and token.value in FOREIGN_WORDS:
            hint = FOREIGN_WORDS[token.value]
        else:
            return False
        lacks = hint.startswith("ADQL has no")
        message = hint if lacks else f"ADQL does not know {token.shown} ({hint})"
        return self.fault("Q107", message)

    def make(self, cls: type[Node], at: Token, **args: object) -> Node:
        """Build a node that remembers where it stands."""
        node = cls(**args)
        node.meta["at"] = at.at
        self.measure(node)
        return node

    def measure(self, node: exp.Expr) -> None:
        """Note the height of a tree that was built or changed, and see that it is low.

        Its checks and its writing go down as far.
        """
        if nodes.measure(node) > MOST_HEIGHT:
            self.exceed(
                f"operators and parentheses more than {MOST_HEIGHT} levels deep"
            )

    def deeper(self) -> None:
        """Enter one level of nesting."""
        self.depth += 1
        if self.depth > DEEPEST:
            self.exceed(f"nested more than {DEEPEST} levels deep")

    def exceed(self, message: str, token: Token | None = None) -> NoReturn:
        """Note that a limit is reached, and read nothing of what follows."""
        self.fault("Q108", message, token)
        self.pos = len(self.tokens) - 1
        raise Lost

    def attempt(self, part: Callable[[], Part], ends: Collection[str]) -> Part | None:
        """Read a part; if that fails, go on where one of the words ``ends`` stands."""
        start, depth = self.pos, self.depth
        try:
            return part()
        except Lost:
            self.depth = depth
            self.skip(start, ends)
            return None

    def skip(self, start: int, ends: Collection[str]) -> None:
        """Go to the first word of ``ends``, or sign, at the level of ``start``."""
        level = 0
        for i in range(start, len(self.tokens)):
            token = self.tokens[i]
            here = token.value in ends and token.kind in {"word", "sign"}
            if token.kind == "sign" and token.value == ")":
                level -= 1
            if (
                level < 0
                or token.kind == "end"
                or (i >= self.pos and here and not level)
            ):
                self.pos = i
                return
            if token.kind == "sign" and token.value == "(":
                level += 1

    def identifier(self, what: str) -> exp.Identifier:
        """Take the name of something."""
        token = self.token
        if token.is_identifier:
            return self._name(self.advance())
        if token.is_reserved and token.value not in CLAUSES:
            if self.stranger():
                raise Lost
            self.reserved(token)
            return self._name(self.advance(), unknown=True)
        self.lose(f"{what} is missing before")
        raise Lost

    def reserved(self, token: Token) -> None:
        """Note that a reserved word stands where a name is due."""
        self.fault(
            "Q104", f'{token.text} is a reserved word of ADQL (as a name write '
            f'"{token.text.lower()}")', token,
        )  # fmt: skip

    def _name(self, token: Token, *, unknown: bool = False) -> exp.Identifier:
        value = token.value if token.kind == "name" else token.text.lower()
        node = self.make(exp.Identifier, token, this=value, quoted=True)
        if token.kind == "name":
            node.meta["delimited"] = True
        if unknown:
            node.meta["unknown"] = True
        return node


def _closings(tokens: Sequence[Token]) -> dict[int, int]:
    """Return the positions of closing parentheses by those of their openings."""
    found: dict[int, int] = {}
    open_ones: list[int] = []
    for position, token in enumerate(tokens):
        if token.kind == "sign" and token.value == "(":
            open_ones.append(position)
        elif token.kind == "sign" and token.value == ")" and open_ones:
            found[open_ones.pop()] = position
    return found
