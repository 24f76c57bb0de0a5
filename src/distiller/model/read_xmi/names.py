"""UML names into VO-DML names: any text into letters, digits and underscores."""

from __future__ import annotations

import re
import unicodedata

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_ID = re.compile(r"[a-zA-Z][a-zA-Z0-9._]*")
_GREEK = re.compile(r"GREEK (?:SMALL|CAPITAL) LETTER (?:FINAL )?(\w+)")
_CYRILLIC = """
a b v g d e zh z i i k l m n o p r s t u f kh ts ch sh shch - y - e yu ya
"""
"""The letters from U+0430 on."""
_LETTERS = {
    **{chr(0x430 + n): plain.strip("-") for n, plain in enumerate(_CYRILLIC.split())},
    "ß": "ss", "ø": "o", "æ": "ae", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "œ": "oe",
    "λ": "lambda",
}  # fmt: skip
"""Letters that Unicode does not take apart, in small."""
_MODEL = re.compile(r"[a-zA-Z][a-zA-Z0-9_\-]+")


def name_of(text: str) -> str:
    """Return the VO-DML name that is nearest to a name; empty for an empty one.

    A name that starts with a digit gets an ``n``: a column can have that name too.
    Signs count only where there is nothing else.

    >>> name_of("value"), name_of("2MASS source"), name_of("Größe (m)"), name_of("?!")
    ('value', 'n2MASS_source', 'Grosse_m', 'u3fu21')
    >>> name_of("温度"), name_of("Да"), name_of("λ min")
    ('u6e29u5ea6', 'Da', 'lambda_min')
    """
    if _NAME.fullmatch(text):
        return text
    words = re.sub(r"[^a-zA-Z0-9_]+", "_", _ascii(text)).strip("_")
    if not words:
        words = "".join(_code(sign) for sign in text)
    return f"n{words}" if words[:1].isdigit() else words


def model_name_of(text: str) -> str:
    """Return the name of a model that is nearest to a name; empty if nothing is left.

    References have it in front, and want two characters at least.

    >>> model_name_of("photdm-alt"), model_name_of("My model 2"), model_name_of("2x")
    ('photdm-alt', 'My_model_2', 'm2x')
    """
    if _MODEL.fullmatch(text):
        return text
    words = re.sub(r"[^a-zA-Z0-9_\-]+", "_", _ascii(text)).strip("_-")
    if words and (len(words) == 1 or not words[0].isalpha()):
        return f"m{words}"
    return words


def id_of(text: str) -> str | None:
    """Return a text as vodml-id, without the prefix of its model; None if it is none.

    >>> id_of("catalog.Source"), id_of("ivoa:complex"), id_of("no id")
    ('catalog.Source', 'complex', None)
    """
    found = text.rpartition(":")[2]
    return found if _ID.fullmatch(found) else None


def join_id(*parts: str) -> str:
    """Return a vodml-id made of names.

    >>> join_id("", "Source"), join_id("catalog", "Source"), join_id("_2MASS", "x")
    ('Source', 'catalog.Source', 'n_2MASS.x')
    """
    joined = ".".join(part for part in parts if part)
    return joined if joined[:1].isalpha() else f"n{joined}"


def _ascii(text: str) -> str:
    """Return a text in the letters of ASCII; what is no letter may be another sign."""
    return "".join(_plain(letter) for letter in text)


def _plain(letter: str) -> str:
    small = letter.lower()
    if small in _LETTERS:
        plain = _LETTERS[small]
        return plain if small == letter else plain.capitalize()
    plain = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
    if plain or not letter.isalnum():
        return plain or " " * (not unicodedata.combining(letter))
    base = unicodedata.normalize("NFD", letter)[0]
    found = _GREEK.fullmatch(unicodedata.name(base, ""))
    return found[1].lower() if found else _code(letter)


def _code(sign: str) -> str:
    """Return a name for a sign that has no other: its number in Unicode."""
    return f"u{ord(sign):x}"
