"""Geometries in other systems, and boxes, as POINTs and POLYGONs of ICRS.

Numbers that are known become numbers; of others the formulas of `frames` are built from
functions of ADQL itself, so that every engine computes the same. What is no place gives
NaN there, and so a geometry that is none.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from sqlglot import exp

from distiller.adql import frames, lengths, nodes, shapes
from distiller.adql.kinds import DOUBLE, POINT, POLYGON
from distiller.adql.scope import type_of

if TYPE_CHECKING:
    from distiller.core.columns import Column

Node = TypeVar("Node", bound=exp.Expr)


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
    lon, lat = (_call("RADIANS", side) for side in sides)
    vector = (
        _of(exp.Mul, _call("COS", lat), _call("COS", lon)),
        _of(exp.Mul, _call("COS", lat), _call("SIN", lon)),
        _call("SIN", lat),
    )
    x, y, z = (
        _sum(
            [
                _of(exp.Mul, _number(factor), part)
                for factor, part in zip(row, vector, strict=True)
            ]
        )
        for row in frames.MATRICES[system]
    )
    beyond = _of(exp.Sub, _number(shapes.POLE_DEG), _call("ABS", sides[1]))
    return _place(x, y, z, beyond)


def box(point: nodes.Point, sizes: list[exp.Expr]) -> nodes.Polygon:
    """Return a BOX around a point as a polygon in the same system.

    >>> made = box(shapes.point(10, 0), [shapes.number(90), shapes.number(2)])
    >>> [round(shapes.constant(p.this)) for p in made.expressions]
    [325, 55, 55, 325]
    """
    sides = point.this, point.args["expression"]
    known = [
        value for s in (*sides, *sizes) if (value := shapes.constant(s)) is not None
    ]
    if len(known) == len(sides) + len(sizes):
        lon, lat, width, height = known
        corners = frames.box(lon, lat, width, height)
        points = [_point(_number(a), _number(b)) for a, b in corners]
    else:
        points = [_corner(sides, sizes, x, y) for x, y in frames.CORNERS]
    return _typed(nodes.Polygon(expressions=points), POLYGON, *points, *sides, *sizes)


def _corner(
    sides: tuple[exp.Expr, exp.Expr], sizes: list[exp.Expr], x: int, y: int
) -> nodes.Point:
    lat: exp.Expr = _call("RADIANS", sides[1])
    east, north = (
        _of(exp.Mul, _number(sign), _call("TAN", _half(size)))
        for sign, size in zip((x, y), sizes, strict=True)
    )
    out = _of(exp.Sub, _call("COS", lat), _of(exp.Mul, north, _call("SIN", lat)))
    up = _sum([_call("SIN", lat), _of(exp.Mul, north, _call("COS", lat))])
    beyond = [
        part
        for size in sizes
        for part in (size, _of(exp.Sub, _number(shapes.HALF_TURN_DEG), size))
    ]
    made = _place(out, east, up, *beyond)
    lon = _of(exp.Add, _number(360.0), _of(exp.Add, made.this, sides[0]))
    made.set("this", _call("MOD", lon, _number(360.0)))
    return made


def _half(size: exp.Expr) -> exp.Expr:
    return _call("RADIANS", _of(exp.Div, size, _number(2.0)))


def _place(x: exp.Expr, y: exp.Expr, z: exp.Expr, *beyond: exp.Expr) -> nodes.Point:
    """Return the direction of a vector; none where one of some numbers is below 0."""
    ra = _call("DEGREES", _call("ATAN2", y, x))
    squares = _sum([_call("POWER", part, _number(2.0)) for part in (x, y)])
    dec: exp.Expr = _call("DEGREES", _call("ATAN2", z, _call("SQRT", squares)))
    for number in beyond:
        dec = _sum([dec, _of(exp.Mul, _number(0.0), _call("SQRT", number))])
    turn = _of(exp.Add, ra, _number(360.0))
    return _point(_call("MOD", turn, _number(360.0)), dec)


def _point(lon: exp.Expr, lat: exp.Expr) -> nodes.Point:
    return _typed(nodes.Point(this=lon, expression=lat), POINT, lon, lat)


def _number(value: float) -> exp.Expr:
    made = shapes.number(value)
    for node in made.walk():
        _typed(node, DOUBLE)
    return made


def _call(name: str, *arguments: exp.Expr) -> nodes.Call:
    made = nodes.Call(this=name, expressions=[a.copy() for a in arguments])
    return _typed(made, DOUBLE, *arguments)


def _of(cls: type[exp.Binary], left: exp.Expr, right: exp.Expr) -> exp.Expr:
    made = cls(this=_operand(left), expression=_operand(right))
    _typed(made, DOUBLE, left, right)
    return _typed(exp.Paren(this=made), DOUBLE, left, right)


def _operand(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Binary | exp.Neg):
        return _typed(exp.Paren(this=node.copy()), type_of(node), node)
    return node.copy()


def _sum(parts: list[exp.Expr]) -> exp.Expr:
    whole = parts[0]
    for part in parts[1:]:
        whole = _of(exp.Add, whole, part)
    return whole


def _typed(node: Node, column: Column, *parts: exp.Expr) -> Node:
    """Give a node its type, which may lack a value where one of some parts may."""
    nullable = any(type_of(part).nullable for part in parts)
    node.meta["type"] = replace(column, nullable=nullable)
    if column.arraysize is not None:
        node.meta["length"] = lengths.estimate(node)
    return node
