"""Grammar of the geometry functions: their forms become one form of each node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlglot import exp

from distiller.adql import nodes, stcs
from distiller.adql.cursor import Lost

if TYPE_CHECKING:
    from distiller.adql.expressions import ExpressionParser
    from distiller.adql.tokens import Token

FRAMES: Final = frozenset({"", "ICRS", "ICRS GEOCENTER", "ICRS BARYCENTER"})
"""Coordinate system arguments that mean ICRS, or nothing."""

_UNARY: Final[dict[str, type[nodes.AdqlNode]]] = {
    "AREA": nodes.Area,
    "CENTROID": nodes.Centroid,
    "COORD1": nodes.Coord1,
    "COORD2": nodes.Coord2,
    "COORDSYS": nodes.Coordsys,
}
_BINARY: Final[dict[str, type[nodes.AdqlNode]]] = {
    "CONTAINS": nodes.Contains,
    "INTERSECTS": nodes.Intersects,
}
_COUNTS: Final = {
    "AREA": (1,), "CENTROID": (1,), "COORD1": (1,), "COORD2": (1,), "COORDSYS": (1,),
    "CONTAINS": (2,), "INTERSECTS": (2,), "DISTANCE": (2, 4), "REGION": (1,),
    "POINT": (2,), "CIRCLE": (2, 3), "BOX": (3, 4),
}  # fmt: skip
_FRAMED: Final = frozenset({"BOX", "CIRCLE", "POINT", "POLYGON"})
_TRIANGLE: Final = 3


def without_frame(name: str, arguments: list[exp.Expr]) -> list[exp.Expr]:
    """Return the arguments without a first one that names the coordinate system.

    The grammar has a text there; the validation suite of the IVOA has NULL as well.
    """
    framed = name in _FRAMED and arguments and _is_frame(arguments[0])
    return arguments[1:] if framed else arguments


def _is_frame(node: exp.Expr) -> bool:
    return isinstance(node, exp.Null) or (
        isinstance(node, exp.Literal) and bool(node.is_string)
    )


def geometry(  # noqa: PLR0911 - one per form
    parser: ExpressionParser, start: Token, arguments: list[exp.Expr]
) -> exp.Expr:
    """Build the node of a geometry function from its arguments, in any of its forms."""
    name = start.value
    if name in _FRAMED:
        arguments = _without_frame(parser, start, arguments)
    counts = _COUNTS.get(name)
    if counts is not None and len(arguments) not in counts:
        given = len(arguments)
        number = " or ".join(str(c) for c in counts)
        noun = "argument" if counts == (1,) else "arguments"
        parser.fault("Q302", f"{name} takes {number} {noun}, not {given}", start)
        raise Lost
    if name in _UNARY:
        return parser.make(_UNARY[name], start, this=arguments[0])
    if name in _BINARY:
        first, second = arguments
        return parser.make(_BINARY[name], start, this=first, expression=second)
    if name == "POINT":
        return _point(parser, start, arguments)
    if name == "POLYGON":
        return _polygon(parser, start, arguments)
    if name == "DISTANCE":
        if len(arguments) == 4:  # noqa: PLR2004 - two pairs of coordinates
            arguments = [
                _point(parser, start, arguments[:2]),
                _point(parser, start, arguments[2:]),
            ]
        first, second = arguments
        return parser.make(nodes.Distance, start, this=first, expression=second)
    if name == "REGION":
        return _region(parser, start, arguments[0])
    return _round(parser, start, arguments)


def _without_frame(
    parser: ExpressionParser, start: Token, arguments: list[exp.Expr]
) -> list[exp.Expr]:
    """Take away the old first argument that names the coordinate system."""
    if not arguments:
        return arguments
    first = arguments[0]
    if isinstance(first, exp.Null):
        return arguments[1:]
    if not (isinstance(first, exp.Literal) and first.is_string):
        return arguments
    frame = str(first.this)
    if frame.strip().upper() not in FRAMES:
        parser.faults.add(
            "Q402",
            first.meta["at"],
            f"the coordinate frame {frame!r} is not "
            f"translated for {start.value} (leave it out and give ICRS coordinates)",
        )
    return arguments[1:]


def _point(parser: ExpressionParser, start: Token, pair: list[exp.Expr]) -> nodes.Point:
    return parser.make(nodes.Point, start, this=pair[0], expression=pair[1])


def _round(
    parser: ExpressionParser, start: Token, arguments: list[exp.Expr]
) -> exp.Expr:
    """CIRCLE and BOX: a centre as point or two numbers, then one or two sizes."""
    sizes = 1 if start.value == "CIRCLE" else 2
    centre = arguments[:-sizes]
    point = centre[0] if len(centre) == 1 else _point(parser, start, centre)
    if start.value == "CIRCLE":
        return parser.make(nodes.Circle, start, this=point, expression=arguments[-1])
    return parser.make(nodes.Box, start, this=point, expressions=arguments[-sizes:])


def _polygon(
    parser: ExpressionParser, start: Token, arguments: list[exp.Expr]
) -> exp.Expr:
    """Vertices as points or as pairs of numbers.

    One POINT among them shows which of the two it is. Columns may be either: then an
    even number of six or more means numbers, unless they turn out to be points
    (``meta['either']``).
    """
    made = any(isinstance(a, nodes.Point | nodes.Centroid) for a in arguments)
    pairs = not made and len(arguments) % 2 == 0 and len(arguments) >= 2 * _TRIANGLE
    if len(arguments) < _TRIANGLE or not (made or pairs or _columns(arguments)):
        parser.fault(
            "Q302", "POLYGON takes three or more points, or six or more coordinates "
            f"in pairs, not {len(arguments)} arguments", start,
        )  # fmt: skip
        raise Lost
    vertices = arguments
    if pairs:
        vertices = [
            _point(parser, start, arguments[i : i + 2])
            for i in range(0, len(arguments), 2)
        ]
    node = parser.make(nodes.Polygon, start, expressions=vertices)
    if pairs and _columns(arguments):
        node.meta["either"] = True
    return node


def _columns(arguments: list[exp.Expr]) -> bool:
    return all(isinstance(a, exp.Column) for a in arguments)


def _region(parser: ExpressionParser, start: Token, argument: exp.Expr) -> exp.Expr:
    """REGION('Circle ICRS 1 2 3'), Position and Polygon too; others stay REGION."""
    if not (isinstance(argument, exp.Literal) and argument.is_string):
        parser.fault("Q303", "REGION takes a text literal", start)
        raise Lost
    shape = stcs.simple(str(argument.this))
    if shape is None:
        return parser.make(nodes.Region, start, this=argument)
    numbers = [_number(parser, start, n) for n in shape.numbers]
    if shape.name == "POLYGON":
        return _polygon(parser, start, numbers)
    if shape.name == "CIRCLE":
        return parser.make(
            nodes.Circle, start, this=_point(parser, start, numbers[:2]),
            expression=numbers[2],
        )  # fmt: skip
    return _point(parser, start, numbers)


def _number(parser: ExpressionParser, start: Token, value: float) -> exp.Expr:
    node: exp.Expr = parser.make(
        exp.Literal, start, this=repr(abs(value)), is_string=False
    )
    return parser.make(exp.Neg, start, this=node) if value < 0 else node
