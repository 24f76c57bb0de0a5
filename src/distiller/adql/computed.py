"""Geometries in other systems, and boxes, as POINTs and POLYGONs of ICRS.

Numbers that are known become numbers; of others the formulas of `frames` are built from
functions of ADQL itself, so that every engine computes the same. What is no place gives
NaN there, and so a geometry that is none.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from sqlglot import exp

from distiller.adql import frames, lengths, nodes, shapes
from distiller.adql.kinds import DOUBLE, POINT, POLYGON
from distiller.adql.scope import type_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from distiller.core.columns import Column

Node = TypeVar("Node", bound=exp.Expr)

PARTS_TURNED: Final = 150
PARTS_BOX: Final = 350
COPIES_TURNED: Final = 15
COPIES_BOX: Final = 20
"""How many parts these have at most, and how often one of their arguments."""

_NUMBER: Final = replace(DOUBLE, nullable=True)


def turned(point: nodes.Point, system: str) -> nodes.Point:
    """Return a point of another system in ICRS.

    >>> shapes.constant(turned(shapes.point(0, 90), "GALACTIC").this)
    192.859...
    """
    sides = point.this, point.args["expression"]
    known = [shapes.constant(side) for side in sides]
    if known[0] is not None and known[1] is not None:
        pair = frames.to_icrs(known[0], known[1], system)
        return _point(*(_number(value) for value in pair))

    def lon() -> exp.Expr:
        return _call("RADIANS", _again(sides[0]))

    def lat() -> exp.Expr:
        return _call("RADIANS", _again(sides[1]))

    def along(row: Sequence[float]) -> exp.Expr:
        across = _of(exp.Add,
            _of(exp.Mul, _number(row[0]), _call("COS", lon())),
            _of(exp.Mul, _number(row[1]), _call("SIN", lon())),
        )  # fmt: skip
        flat = _of(exp.Mul, _call("COS", lat()), across)
        return _of(exp.Add, flat, _of(exp.Mul, _number(row[2]), _call("SIN", lat())))

    x, y, z = (partial(along, row) for row in frames.MATRICES[system])
    beyond = _of(exp.Sub, _number(shapes.POLE_DEG), _call("ABS", _again(sides[1])))
    return _place(x, y, z, beyond)


def box(point: nodes.Point, sizes: list[exp.Expr]) -> nodes.Polygon:
    """Return a BOX around a point as a polygon in the same system.

    >>> made = box(shapes.point(10, 0), [shapes.number(90), shapes.number(2)])
    >>> [round(shapes.constant(p.this)) for p in made.expressions]
    [325, 55, 55, 325]
    """
    sides = point.this, point.args["expression"]
    values = [shapes.constant(side) for side in (*sides, *sizes)]
    known = [value for value in values if value is not None]
    if len(known) == len(values):
        lon, lat, width, height = known
        corners = frames.box(lon, lat, width, height)
        points = [_point(_number(a), _number(b)) for a, b in corners]
    else:
        points = [_corner(sides, sizes, x, y) for x, y in frames.CORNERS]
    return _typed(nodes.Polygon(expressions=points), POLYGON, *points)


def _corner(
    sides: tuple[exp.Expr, exp.Expr], sizes: list[exp.Expr], x: int, y: int
) -> nodes.Point:
    def lat() -> exp.Expr:
        return _call("RADIANS", _again(sides[1]))

    def arm(sign: int, size: exp.Expr) -> exp.Expr:
        half = _of(exp.Div, _again(size), _number(2.0))
        return _of(exp.Mul, _number(sign), _call("TAN", _call("RADIANS", half)))

    def out() -> exp.Expr:
        less = _of(exp.Mul, arm(y, sizes[1]), _call("SIN", lat()))
        return _of(exp.Sub, _call("COS", lat()), less)

    def up() -> exp.Expr:
        more = _of(exp.Mul, arm(y, sizes[1]), _call("COS", lat()))
        return _of(exp.Add, _call("SIN", lat()), more)

    beyond = [
        part
        for size in sizes
        for part in (
            _again(size),
            _of(exp.Sub, _number(shapes.HALF_TURN_DEG), _again(size)),
        )
    ]
    made = _place(out, partial(arm, x, sizes[0]), up, *beyond)
    whole = _of(exp.Add, made.this, _again(sides[0]))
    made.set("this", _within(whole))
    return made


def _place(
    x: Callable[[], exp.Expr],
    y: Callable[[], exp.Expr],
    z: Callable[[], exp.Expr],
    *beyond: exp.Expr,
) -> nodes.Point:
    """Return the direction of a vector; none where one of some numbers is below 0."""
    ra = _call("DEGREES", _call("ATAN2", y(), x()))
    squares = _of(
        exp.Add, _call("POWER", x(), _number(2.0)), _call("POWER", y(), _number(2.0))
    )
    dec: exp.Expr = _call("DEGREES", _call("ATAN2", z(), _call("SQRT", squares)))
    for number in beyond:
        nothing = _of(exp.Mul, _number(0.0), _call("SQRT", number))
        dec = _of(exp.Add, dec, nothing)
    return _point(_within(ra), dec)


def _within(lon: exp.Expr) -> exp.Expr:
    """Return a longitude of -360 deg or more as one from 0 to below 360 deg."""
    turn = _of(exp.Add, lon, _number(360.0))
    return _call("MOD", turn, _number(360.0))


def _point(lon: exp.Expr, lat: exp.Expr) -> nodes.Point:
    return _typed(nodes.Point(this=lon, expression=lat), POINT, lon, lat)


def _number(value: float) -> exp.Expr:
    made = shapes.number(value)
    for node in made.walk():
        node.meta["type"] = DOUBLE
    made.meta["type"] = replace(DOUBLE, nullable=False)
    return made


def _call(name: str, *arguments: exp.Expr) -> exp.Expr:
    made = nodes.Call(this=name, expressions=list(arguments))
    made.meta["type"] = _NUMBER
    return made


def _of(cls: type[exp.Binary], left: exp.Expr, right: exp.Expr) -> exp.Expr:
    made = exp.Paren(this=cls(this=left, expression=right))
    made.this.meta["type"] = made.meta["type"] = _NUMBER
    return made


def _again(node: exp.Expr) -> exp.Expr:
    """Return a copy of an argument, which operators may stand beside."""
    copied = node.copy()
    if not isinstance(node, exp.Binary | exp.Neg):
        return copied
    made = exp.Paren(this=copied)
    made.meta["type"] = type_of(node)
    return made


def _typed(node: Node, column: Column, *parts: exp.Expr) -> Node:
    """Give a geometry its type, which may lack a value where one of some parts may."""
    nullable = any(type_of(part).nullable for part in parts)
    node.meta["type"] = replace(column, nullable=nullable)
    node.meta["length"] = lengths.estimate(node)
    return node
