"""What a file says of a column, and the column of ADQL that it becomes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from distiller.adql.limits import LONGEST_NAME
from distiller.adql.names import Labels
from distiller.core.columns import Column
from distiller.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from distiller.core.columns import Datatype

_DATATYPES: Final[dict[str, Datatype]] = {
    "boolean": "boolean",
    "bit": "boolean",
    "unsignedByte": "short",
    "short": "short",
    "int": "int",
    "long": "long",
    "float": "float",
    "double": "double",
    "char": "char",
    "unicodeChar": "char",
}
"""VOTable types, and those in which the archive holds their values."""

_INSTANTS: Final = frozenset({"timestamp", "adql:TIMESTAMP"})
_SHAPES: Final = {"point": "2", "circle": "3", "polygon": "*"}
_KEPT_TEXT: Final = frozenset({"adql:REGION", "moc", "shape", "multishape"})
"""Text that means something else: it is given out as it came in, and not compared."""

_SYSTEMS: Final = frozenset({"icrs", "eq_fk5", "fk5"})
"""Systems that are ICRS, to some 0.01 arcsec."""

_REGULAR: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_LONGEST: Final = LONGEST_NAME - 8
"""Characters of a name; a number may come behind it."""
_UNSEEN: Final = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Field:
    """A column as a file describes it (VOTable 1.4 section 4.1).

    Attributes
    ----------
    null
        Text of the integer that stands for NULL.
    system
        Of its coordinates, as COOSYS names it; None where nothing is said.
    """

    name: str
    datatype: str
    arraysize: str | None = None
    unit: str | None = None
    ucd: str | None = None
    utype: str | None = None
    xtype: str | None = None
    description: str | None = None
    null: str | None = None
    system: str | None = None

    @property
    def is_text(self) -> bool:
        """Whether its cells are characters."""
        return self.datatype in {"char", "unicodeChar"}

    @property
    def length(self) -> int | None:
        """Number of elements of a cell, None where it varies.

        >>> Field("x", "int", "2x3").length, Field("x", "char", "8*").length
        (6, None)
        """
        if self.arraysize is None:
            return 1
        if "*" in self.arraysize:
            return None
        product = 1
        for side in self.arraysize.split("x"):
            product *= int(side)
        return product


_SIZE: Final = re.compile(r"(?:[0-9]{1,6}x){0,4}(?:[1-9][0-9]{0,8}|[0-9]{0,9}\*)")


def column_of(field: Field, name: str) -> Column:
    """Return the column of ADQL that a field becomes.

    >>> column_of(Field("B", "unsignedByte", unit="mag"), "b").datatype
    'short'

    Raises
    ------
    UserError
        Naming the column, if its type cannot be used.
    """
    size = field.arraysize
    if size is not None and not _SIZE.fullmatch(size):
        raise _refused(field, f"of arraysize {size!r}, which VOTable does not know")
    datatype = _DATATYPES.get(field.datatype)
    if datatype is None:
        raise _refused(field, f"of type {field.datatype}, which no query can use")
    several = size not in {None, "1"}
    if several and datatype == "boolean":
        raise _refused(field, f"an array of {field.datatype}, which no query can use")
    if field.is_text and size is not None and "x" in size:
        raise _refused(field, "an array of texts, which no query can use")
    if datatype == "char":
        size, xtype = "*", _text_xtype(field)
    elif several:
        datatype, size, xtype = _several(field, datatype)
    else:
        size, xtype = None, None
    return Column(
        name,
        datatype,
        size,
        xtype,
        unit=field.unit,
        ucd=field.ucd,
        utype=field.utype,
        description=field.description,
    )


def _text_xtype(field: Field) -> str | None:
    if field.xtype in _INSTANTS:
        return "timestamp"
    return field.xtype if field.xtype in _KEPT_TEXT else None


def _several(field: Field, datatype: Datatype) -> tuple[Datatype, str, str | None]:
    """Return type, size and xtype of a column of arrays."""
    xtype, size = field.xtype, field.arraysize or "*"
    if xtype in _SHAPES:
        if datatype in {"float", "double"}:
            _check_degrees(field)
            return "double", _SHAPES[xtype], xtype
        xtype = None
    # Of what has several dimensions only the sum of them is fixed for our writers.
    return datatype, size.rpartition("x")[0] + "x*" if "x" in size else size, xtype


def _check_degrees(field: Field) -> None:
    """Refuse shapes that are not in degrees of ICRS, as all functions take them."""
    units = set(re.split(r"[ ,]+", field.unit or "deg"))
    if not units <= {"deg", "degree", "degrees", ""}:
        raise UserError(
            f"column {field.name!r} is of the unit {field.unit!r}, and a {field.xtype} "
            "is in degrees",
            hint="convert it, or leave out the xtype: then it is an array of numbers",
        )
    if field.system and field.system.lower() not in _SYSTEMS:
        raise UserError(
            f"column {field.name!r} is in the system {field.system!r}, and a "
            f"{field.xtype} is in ICRS",
            hint="convert it, or leave out the xtype: then it is an array of numbers",
        )


def named(fields: Sequence[Field]) -> tuple[list[str], list[str]]:
    """Return the names of columns, and a word on each that is another than in the file.

    A regular name is one in any case; others are kept, to be written in double quotes.

    >>> named([Field(n, "int") for n in ("RA", "B-V", "ra", "")])
    (['ra', 'B-V', 'ra_2', 'column_4'], ["the second column 'ra' is called ra_2", \
'column 4 has no name and is called column_4'])
    """
    labels, names, words = Labels(), [], []
    for number, field in enumerate(fields, 1):
        given = _UNSEEN.sub("", field.name).strip()
        short = given[:_LONGEST]
        plain = short.lower() if _REGULAR.fullmatch(short) else short
        name = labels.unique(plain or f"column_{number}")
        names.append(name)
        if short != given:
            words.append(
                f"the name of column {number} has {len(given)} characters and is cut "
                f"to {name}"
            )
        elif not plain:
            words.append(f"column {number} has no name and is called {name}")
        elif name != plain:
            words.append(f"the second column {given!r} is called {name}")
    return names, words


def _refused(field: Field, words: str) -> UserError:
    return UserError(
        f"column {field.name!r} is {words}", hint="leave it out, or convert it"
    )
