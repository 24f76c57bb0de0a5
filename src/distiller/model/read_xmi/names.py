"""UML names into VO-DML names: any text into letters, digits and underscores."""

from __future__ import annotations

import re
import unicodedata

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_ID = re.compile(r"[a-zA-Z][a-zA-Z0-9._]*")
_MODEL = re.compile(r"[a-zA-Z][a-zA-Z0-9_\-]+")


def name_of(text: str) -> str:
    """Return the VO-DML name that is nearest to a name; empty if nothing is left.

    A name that starts with a digit gets an ``n``: a column can have that name too.

    >>> name_of("value"), name_of("2MASS source"), name_of("Größe (m)"), name_of("?!")
    ('value', 'n2MASS_source', 'Grosse_m', '')
    """
    if _NAME.fullmatch(text):
        return text
    simple = _ascii(text)
    words = re.sub(r"[^a-zA-Z0-9_]+", "_", simple).strip("_")
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
    for letter, plain in (("ß", "ss"), ("ø", "o"), ("æ", "ae"), ("ł", "l")):
        text = text.replace(letter, plain)
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
