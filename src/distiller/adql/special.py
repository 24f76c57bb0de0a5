"""Grammar of functions that become a node of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlglot import exp

from distiller.adql import nodes
from distiller.adql.cursor import Lost

if TYPE_CHECKING:
    from distiller.adql.expressions import ExpressionParser
    from distiller.adql.tokens import Token

_COUNTS: Final = {
    "GAVO_SPECCONV": range(2, 4),
    "IN_UNIT": range(2, 3),
    "IVO_GEOM_TRANSFORM": range(3, 4),
    "IVO_HISTOGRAM": range(4, 5),
    "IVO_SIMBADPOINT": range(1, 2),
    "IVO_STRING_AGG": range(2, 3),
}


def special(
    parser: ExpressionParser, start: Token, arguments: list[exp.Expr]
) -> exp.Expr:
    """Build the node of a function with a rule of its own from its arguments."""
    name = start.value.upper()
    if name == "COALESCE":
        if not arguments:
            parser.fault("Q302", "COALESCE needs at least one argument", start)
            arguments = [parser.make(exp.Null, start)]
        return parser.make(
            exp.Coalesce, start, this=arguments[0], expressions=arguments[1:]
        )
    if len(arguments) not in _COUNTS[name]:
        parser.count_fault(start, _COUNTS[name], len(arguments))
        raise Lost
    first, more = arguments[0], arguments[1:]
    if name == "IN_UNIT":
        _texts(parser, start, more, "the unit of IN_UNIT must be a text literal")
        return parser.make(nodes.InUnit, start, this=first, expression=more[0])
    if name == "GAVO_SPECCONV":
        _texts(parser, start, more, "the units of gavo_specconv must be text literals")
        return parser.make(nodes.SpecConv, start, this=first, expressions=more)
    if name == "IVO_GEOM_TRANSFORM":
        what = "the frames of ivo_geom_transform must be text literals"
        _texts(parser, start, arguments[:2], what)
        return parser.make(
            nodes.Transform, start, this=arguments[2], expressions=arguments[:2]
        )
    what = "the name in ivo_simbadpoint must be a text literal"
    _texts(parser, start, arguments, what)
    return parser.make(nodes.Named, start, this=first)


def aggregate(
    parser: ExpressionParser, start: Token, arguments: list[exp.Expr]
) -> exp.Expr:
    """Build the node of an aggregate with several arguments."""
    name = start.value.upper()
    if len(arguments) not in _COUNTS[name]:
        parser.count_fault(start, _COUNTS[name], len(arguments))
        raise Lost
    first, more = arguments[0], arguments[1:]
    if name == "IVO_STRING_AGG":
        what = "the delimiter of ivo_string_agg must be a text literal"
        _texts(parser, start, more, what)
        return parser.make(nodes.StringAgg, start, this=first, expressions=more)
    return parser.make(nodes.Histogram, start, this=first, expressions=more)


def _texts(
    parser: ExpressionParser, start: Token, arguments: list[exp.Expr], message: str
) -> None:
    if not all(isinstance(a, exp.Literal) and a.is_string for a in arguments):
        parser.fault("Q303", message, start)
        raise Lost
