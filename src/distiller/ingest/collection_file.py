"""Find and read the settings file of a collection, and say what is wrong with it.

Of the file that the command names, ``HOME/collections/<collection>.toml`` and
``distiller-collection.toml`` in the data folder, the first that is there is the only
one that counts (docs/decisions/0046-collection-settings.md).
"""

from __future__ import annotations

import difflib
import hashlib
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from distiller.core.errors import BadParameter
from distiller.ingest.collection import NO_SETTINGS, CollectionSettings
from distiller.ingest.parts import Part
from distiller.ingest.run_settings import ConfigFile

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic_core import ErrorDetails

    from distiller.core.places import Place

FILE_NAME: Final = "distiller-collection.toml"
_MOST_BYTES: Final = 1 << 20
_HEADER = re.compile(r"\s*(\[\[|\[)\s*([^\]]+?)\s*\]{1,2}\s*(#.*)?$")
_ENTRY = re.compile(r"""\s*("[^"]*"|'[^']*'|[\w-]+)\s*[=.]""")
_PART = re.compile(r""""([^"]*)"|'([^']*)'|([\w-]+)""")
_DEEP = re.compile(r"[\[{]{50}")
_LONG = re.compile(r"[0-9_]{4000}")
_KNOWN = "docs/reference/collection-settings.md has all names"

Location = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Declared:
    """The settings of a collection with the file that they were read from.

    Attributes
    ----------
    where
        The file; None where there is none.
    """

    settings: CollectionSettings = NO_SETTINGS
    file: ConfigFile | None = None
    where: str | None = None


def declared(
    collection: str,
    named: Path | None,
    home_folder: Path | None,
    data_folder: Place,
) -> Declared:
    """Return the settings that hold for a data folder.

    Parameters
    ----------
    collection
        Name of the collection by option, or derived from the folder.
    named
        The file that the command names.
    home_folder
        ``HOME/collections``.

    Raises
    ------
    BadParameter
        If the file cannot be read or understood.
    """
    if named is not None:
        return read_file(named)
    if home_folder is not None:
        own = home_folder / f"{collection}.toml"
        if own.is_file():
            found = read_file(own)
            if found.settings.name not in {None, collection}:
                message = f"name is {found.settings.name!r}, the file is {own.name}"
                raise BadParameter(str(own), message, hint="make them the same")
            return found
    beside = data_folder / FILE_NAME
    return read_file(beside) if beside.is_file() else Declared()


def read_file(path: Place) -> Declared:
    """Read a settings file.

    Raises
    ------
    BadParameter
        Naming file, line and key, with a hint.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        what = error.strerror or str(error)
        raise BadParameter(str(path), f"cannot be read: {what}") from error
    if len(content) > _MOST_BYTES:
        raise BadParameter(str(path), "is larger than 1 MB", hint="is it the right one")
    try:
        text = content.decode()
        settings = parse(text, str(path))
    except UnicodeDecodeError as error:
        raise BadParameter(
            str(path), "is not UTF-8", hint="save it as UTF-8"
        ) from error
    made = ConfigFile(path.name, hashlib.sha256(content).hexdigest(), text)
    return Declared(settings, made, str(path))


def parse(text: str, where: str) -> CollectionSettings:
    """Read settings; ``where`` names them in errors."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        hint = 'texts stand in quotes: name = "value"'
        raise BadParameter(where, f"is no TOML: {error}", hint=hint) from error
    except RecursionError as error:
        message = f"{_at(_DEEP, text)}brackets are nested too deeply"
        raise BadParameter(where, message, hint=_KNOWN) from error
    except ValueError as error:  # of Python: a number with thousands of digits
        message = f"{_at(_LONG, text)}a number has too many digits"
        raise BadParameter(where, message, hint=_KNOWN) from error
    try:
        return CollectionSettings.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        line = _line_of(first["loc"], text)
        at = f"line {line}: " if line else ""
        key = _shown(first["loc"])
        message = f"{at}{key}{_words(first)}"
        raise BadParameter(where, message, hint=_hint(first)) from error


def _at(fault: re.Pattern[str], text: str) -> str:
    """Return the words for the first line that shows a fault; empty: none does."""
    lines = enumerate(text.splitlines(), start=1)
    number = next((number for number, line in lines if fault.search(line)), None)
    return f"line {number}: " if number else ""


def _shown(location: Location) -> str:
    """Return the key as a person would look for it.

    >>> _shown(("override", 1, "keyword"))
    'keyword of override 2: '
    """
    names = [
        part
        for part in location
        if not isinstance(part, str) or part not in _PYDANTIC_PARTS
    ]
    shown: list[str] = []
    for part in names:
        if isinstance(part, int) and shown:
            shown[-1] = f"{shown[-1]} {part + 1}"
        else:
            shown.append(str(part))
    return f"{' of '.join(reversed(shown))}: " if shown else ""


_PYDANTIC_PARTS: Final = frozenset({"bool", "int", "float", "str", "date", "datetime"})
"""Names of the alternatives of a value, which pydantic appends to its place."""


def _words(fault: ErrorDetails) -> str:
    kind = fault["type"]
    if kind == "extra_forbidden":
        return "there is no such setting"
    if kind == "missing":
        return "is missing"
    return fault["msg"].removeprefix("Value error, ")


def _hint(fault: ErrorDetails) -> str:
    if fault["type"] != "extra_forbidden":
        return _KNOWN
    known = _known_at(fault["loc"][:-1])
    near = difflib.get_close_matches(str(fault["loc"][-1]), known, n=1)
    return f"did you mean {near[0]}" if near else f"there are {', '.join(known)}"


def _known_at(location: Location) -> list[str]:
    """Return the names that may stand at a place."""
    model: type[Part] = CollectionSettings
    for part in location:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        inner = None if field is None else part_of(field.annotation)
        if inner is None:
            break
        model = inner
    return list(model.model_fields)


def part_of(annotation: Any) -> type[Part] | None:
    """Return the part that a field holds, be it alone, in a list or optional."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return annotation
    inner = (part_of(one) for one in getattr(annotation, "__args__", ()))
    return next((one for one in inner if one is not None), None)


def _line_of(location: Location, text: str) -> int | None:
    """Return the line at which a setting stands, else that of what it stands in."""
    lines = _lines(text)
    while location:
        if location in lines:
            return lines[location]
        location = location[:-1]
    return None


def _lines(text: str) -> dict[Location, int]:
    r"""Return the lines of tables and keys; values of several lines are passed over.

    >>> _lines('a = 1\n[[b]]\nc = 2\n[[b]]\nc = 3')[("b", 1, "c")]
    5
    """
    found: dict[Location, int] = {}
    table: Location = ()
    counts: dict[Location, int] = {}
    closing: str | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        if closing is not None:
            closing = None if closing in line else closing
            continue
        if match := _HEADER.match(line):
            names: Location = tuple(_names(match[2]))
            if match[1] == "[[":
                counts[names] = counts.get(names, -1) + 1
                table = (*names, counts[names])
            else:
                table = names
            found.setdefault(table, number)
        elif match := _ENTRY.match(line):
            found.setdefault((*table, _names(match[1])[0]), number)
        for mark in ('"""', "'''"):
            if line.count(mark) == 1:
                closing = mark
    return found


def _names(text: str) -> list[str]:
    return [a or b or c for a, b, c in _PART.findall(text)]
