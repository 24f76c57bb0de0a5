"""Constants inside geometries: numbers that are known before the query runs."""

from __future__ import annotations

from typing import Final

from sqlglot import exp

from distiller.adql import nodes, stcs

POLE_DEG: Final = 90.0
HALF_TURN_DEG: Final = 180.0


def constant(node: exp.Expr) -> float | None:
    """Return the value of a number literal, signed or in parentheses, else None.

    >>> constant(exp.Neg(this=exp.Literal.number("2.5")))
    -2.5
    """
    if isinstance(node, exp.Paren):
        return constant(node.this)
    if isinstance(node, exp.Neg):
        inner = constant(node.this)
        return None if inner is None else -inner
    if isinstance(node, exp.Literal) and not node.is_string:
        return float(node.this)
    return None


def place(point: exp.Expr) -> tuple[float, float] | None:
    """Return longitude and latitude of a POINT of literals, else None.

    >>> place(point(1, -2.5)), place(exp.column("pos"))
    ((1.0, -2.5), None)
    """
    if not isinstance(point, nodes.Point):
        return None
    lon, lat = constant(point.this), constant(point.args["expression"])
    return None if lon is None or lat is None else (lon, lat)


def number(value: float) -> exp.Expr:
    """Return a literal.

    >>> number(-2.5).sql()
    '-2.5'
    """
    literal = exp.Literal.number(repr(abs(value)))
    return exp.Neg(this=literal) if value < 0 else literal


def point(lon_deg: float, lat_deg: float) -> nodes.Point:
    """Return a constant POINT."""
    return nodes.Point(this=number(lon_deg), expression=number(lat_deg))


def literal(name: str, text: str) -> exp.Expr | None:
    """Return the geometry that a DALI or simple STC-S text means, or None.

    >>> repr(literal("POINT", "12.3"))
    'None'
    """
    numbers = stcs.plain_numbers(text)
    if numbers is None or not stcs.fits(name, numbers):
        shape = stcs.simple(text)
        if shape is None or shape.name.replace("POSITION", "POINT") != name:
            return None
        numbers = shape.numbers
    if any(abs(lat) > POLE_DEG for lat in numbers[1::2]):
        return None
    if name == "POINT":
        return point(*numbers)
    if name == "CIRCLE":
        return nodes.Circle(this=point(*numbers[:2]), expression=number(numbers[2]))
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return nodes.Polygon(expressions=[point(*pair) for pair in pairs])
