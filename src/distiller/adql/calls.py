"""Grammar of the geometry functions: their forms become one form of each node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlglot import exp

from distiller.adql import frames, nodes, stcs
from distiller.adql.cursor import Lost

if TYPE_CHECKING:
    from distiller.adql.expressions import ExpressionParser
    from distiller.adql.tokens import Token

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
_POINTS: Final = (nodes.Point, nodes.Centroid, nodes.Framed)


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
    system = _system(parser, start, arguments)
    arguments = without_frame(name, arguments)
    counts = _COUNTS.get(name)
    if counts is not None and len(arguments) not in counts:
        given = len(arguments)
        number = " or ".join(str(c) for c in counts)
        noun = "argument" if counts == (1,) else "arguments"
        parser.fault("Q302", f"{name} takes {number} {noun}, not {given}", start)
        raise Lost
    if name in _UNARY:
        return _unary(parser, start, arguments[0])
    if name in _BINARY:
        first, second = arguments
        return parser.make(_BINARY[name], start, this=first, expression=second)
    if name == "POINT":
        return _point(parser, start, arguments, system)
    if name == "POLYGON":
        return _polygon(parser, start, arguments, system)
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
    return _round(parser, start, arguments, system)


def _system(parser: ExpressionParser, start: Token, arguments: list[exp.Expr]) -> str:
    """Return the system that the old first argument names."""
    rest = without_frame(start.value, arguments)
    if len(rest) == len(arguments) or isinstance(arguments[0], exp.Null):
        return frames.ICRS
    text = str(arguments[0].this)
    found = frames.system(text)
    if found is None:
        parser.faults.add(
            "Q402", arguments[0].meta["at"],
            f"the coordinate system {text!r} is not translated for {start.value} "
            "(ICRS, FK5 and GALACTIC are; or give ICRS coordinates and leave it out)",
        )  # fmt: skip
    return found or frames.ICRS


def _unary(parser: ExpressionParser, start: Token, argument: exp.Expr) -> exp.Expr:
    """One argument. What asks for a coordinate or the system has them as written."""
    cls = _UNARY[start.value]
    if cls in {nodes.Coord1, nodes.Coord2} and isinstance(argument, nodes.Framed):
        return parser.make(cls, start, this=argument.this)
    node = parser.make(cls, start, this=argument)
    if cls is nodes.Coordsys:
        systems = {f.args["system"] for f in nodes.find(argument, nodes.Framed)}
        system = argument.meta.get("system") or (systems and min(systems))
        node.set("system", system or None)
    return node


def _point(
    parser: ExpressionParser,
    start: Token,
    pair: list[exp.Expr],
    system: str = frames.ICRS,
) -> exp.Expr:
    point = parser.make(nodes.Point, start, this=pair[0], expression=pair[1])
    if system == frames.ICRS:
        return point
    return parser.make(nodes.Framed, start, this=point, system=system)


def _round(
    parser: ExpressionParser, start: Token, arguments: list[exp.Expr], system: str
) -> exp.Expr:
    """CIRCLE and BOX: a centre as point or two numbers, then one or two sizes.

    A centre that is a point has a system of its own.
    """
    sizes = 1 if start.value == "CIRCLE" else 2
    centre = arguments[:-sizes]
    lone = len(centre) == 1
    point = centre[0] if lone else _point(parser, start, centre, system)
    if start.value == "CIRCLE":
        return parser.make(nodes.Circle, start, this=point, expression=arguments[-1])
    own = point.args["system"] if isinstance(point, nodes.Framed) else frames.ICRS
    if lone and own != system != frames.ICRS:
        parser.fault(
            "Q402", f"BOX in {system} around a point of {own} is not translated (give "
            "its centre as two numbers)", start,
        )  # fmt: skip
    return parser.make(nodes.Box, start, this=point, expressions=arguments[-sizes:])


def _polygon(
    parser: ExpressionParser,
    start: Token,
    arguments: list[exp.Expr],
    system: str = frames.ICRS,
) -> exp.Expr:
    """Vertices as points or as pairs of numbers.

    One POINT among them shows which of the two it is. Columns may be either: then an
    even number of six or more means numbers, unless they turn out to be points
    (``meta['either']``).
    """
    made = any(isinstance(a, _POINTS) for a in arguments)
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
            _point(parser, start, arguments[i : i + 2], system)
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
    found = stcs.region(str(argument.this))
    if found is None:
        return parser.make(nodes.Region, start, this=argument)
    return _built(parser, start, found)


def _built(
    parser: ExpressionParser, start: Token, found: stcs.Shape | stcs.Compound
) -> exp.Expr:
    """Return the node of a region in STC-S."""
    if isinstance(found, stcs.Compound):
        parts = [_built(parser, start, part) for part in found.parts]
        return parser.make(
            nodes.Compound, start, operator=found.operator, expressions=parts
        )
    numbers = [_number(parser, start, n) for n in found.numbers]
    node: exp.Expr
    if found.name == "POLYGON":
        node = _polygon(parser, start, numbers)
    else:
        node = _point(parser, start, numbers[:2])
    if found.name == "CIRCLE":
        node = parser.make(nodes.Circle, start, this=node, expression=numbers[2])
    if found.system != frames.ICRS:
        node.meta["system"] = found.system
    return node


def _number(parser: ExpressionParser, start: Token, value: float) -> exp.Expr:
    node: exp.Expr = parser.make(
        exp.Literal, start, this=repr(abs(value)), is_string=False
    )
    return parser.make(exp.Neg, start, this=node) if value < 0 else node
