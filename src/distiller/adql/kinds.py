"""What kind of value an expression has; its full type is a ``core.columns.Column``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from distiller.core.columns import Column

if TYPE_CHECKING:
    from distiller.core.columns import Datatype

Kind: TypeAlias = Literal[
    "number",
    "text",
    "instant",
    "boolean",
    "point",
    "circle",
    "polygon",
    "region",
    "moc",
    "other",
    "any",
]
"""``any`` is NULL, or a column not looked up; ``other`` can only be selected."""

GEOMETRY: Final = frozenset({"point", "circle", "polygon", "region"})

_XTYPES: Final[dict[str, Kind]] = {
    "timestamp": "instant",
    "point": "point",
    "circle": "circle",
    "polygon": "polygon",
    "adql:REGION": "region",
    "moc": "moc",
    "?": "any",
}
_WIDTH: Final = ("short", "int", "long", "float", "double")
INTEGERS: Final = frozenset({"short", "int", "long"})

ANY: Final = Column("", "char", "*", "?")
INT: Final = Column("", "int")
LONG: Final = Column("", "long")
DOUBLE: Final = Column("", "double")
TEXT: Final = Column("", "char", "*")
INSTANT: Final = Column("", "char", "*", "timestamp")
MOC: Final = Column("", "char", "*", "moc")
CONDITION: Final = Column("", "boolean", None, "?condition")
POINT: Final = Column("", "double", "2", "point", unit="deg")
CIRCLE: Final = Column("", "double", "3", "circle", unit="deg")
POLYGON: Final = Column("", "double", "*", "polygon", unit="deg")
REGION: Final = Column("", "char", "*", "adql:REGION")


def kind(column: Column) -> Kind:
    """Return the kind of values of a column.

    >>> kind(Column("s_region", "char", "*", "adql:REGION"))
    'region'
    """
    if column.xtype in _XTYPES:
        return _XTYPES[column.xtype]
    if column.xtype is not None:
        return "other"
    if column.datatype == "char":
        return "text"
    if column.arraysize not in {None, "1"}:
        return "other"
    return "boolean" if column.datatype == "boolean" else "number"


_FRAMED: Final = "coordinates are "


def framed(column: Column, frame: str) -> Column:
    """Return the type of a geometry in another frame, which its description tells.

    >>> frame(framed(POINT, "GALACTIC"))
    'GALACTIC'
    """
    note = None if frame == "ICRS" else f"{_FRAMED}{frame}"
    return replace(column, description=note)


def frame(column: Column) -> str:
    """Return the frame of the coordinates of a geometry.

    >>> frame(POINT)
    'ICRS'
    """
    found = column.description or ""
    return found.removeprefix(_FRAMED) if found.startswith(_FRAMED) else "ICRS"


def is_integer(column: Column) -> bool:
    """Whether values are whole numbers of a whole-number type."""
    return kind(column) == "number" and column.datatype in INTEGERS


def plain(column: Column) -> Column:
    """Return the bare type: no name, unit, UCD, utype, description.

    >>> column = plain(Column("t_min", "double", unit="d", ucd="time.start"))
    >>> column.datatype, column.unit, column.ucd
    ('double', None, None)
    """
    return Column(
        "", column.datatype, column.arraysize, column.xtype, nullable=column.nullable
    )


def common(left: Column, right: Column) -> Column | None:
    """Return the type that holds both, or None; metadata of the left one stay.

    >>> common(INT, DOUBLE).datatype
    'double'
    >>> common(TEXT, DOUBLE) is None
    True
    """
    kinds = kind(left), kind(right)
    if kinds[0] == "any":
        return replace(right, nullable=True)
    if kinds[1] == "any":
        return replace(left, nullable=True)
    nullable = left.nullable or right.nullable
    if kinds[0] == kinds[1] == "number":
        return replace(left, datatype=wider(left, right), nullable=nullable)
    if kinds[0] == kinds[1]:
        same = left.arraysize == right.arraysize
        size = left.arraysize if same else "*"
        return replace(left, arraysize=size, nullable=nullable)
    if set(kinds) <= GEOMETRY:
        return replace(REGION, nullable=nullable, description=left.description)
    return None


def wider(left: Column, right: Column) -> Datatype:
    """Return the number type of the two that holds both."""
    first, second = sorted((left.datatype, right.datatype), key=_WIDTH.index)
    if second == "float" and first != "float":
        return "double"
    return second


def comparable(left: Column, right: Column) -> bool:
    """Whether ``=`` and ``<`` between the two mean something."""
    kinds = {kind(left), kind(right)}
    return "any" in kinds or (len(kinds) == 1 and not kinds & {*GEOMETRY, "other"})


WORDS: Final[dict[Kind, str]] = {
    "number": "a number",
    "text": "text",
    "instant": "a timestamp",
    "boolean": "a truth value",
    "point": "a POINT",
    "circle": "a CIRCLE",
    "polygon": "a POLYGON",
    "region": "a region",
    "moc": "a MOC",
    "other": "an array",
    "any": "NULL",
}
"""Kinds as messages name them."""
