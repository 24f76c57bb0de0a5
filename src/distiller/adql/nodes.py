"""Nodes of ADQL that sqlglot's tree has no class for."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from sqlglot import exp

Found = TypeVar("Found", bound=exp.Expr)


class AdqlNode(exp.Expression, exp.Func):
    """Base of our nodes; every target translates or refuses each sub-class."""


class Call(AdqlNode):
    """A function of the table ``functions.FUNCTIONS``; ``name`` in upper case."""

    arg_types: ClassVar = {"this": True, "expressions": False}


class Point(AdqlNode):
    """``POINT(lon, lat)``, deg."""

    arg_types: ClassVar = {"this": True, "expression": True}


class Circle(AdqlNode):
    """``CIRCLE(centre, radius)``; ``this`` is a point, the radius in deg."""

    arg_types: ClassVar = {"this": True, "expression": True}


class Polygon(AdqlNode):
    """``POLYGON(vertex, ...)``; each of ``expressions`` is a point."""

    arg_types: ClassVar = {"expressions": True}


class Box(AdqlNode):
    """``BOX(centre, width, height)``; ``this`` is a point, sizes in deg.

    The checks make it a polygon.
    """

    arg_types: ClassVar = {"this": True, "expressions": True}


class Framed(AdqlNode):
    """A POINT in another system than ICRS; the checks make it one in ICRS."""

    arg_types: ClassVar = {"this": True, "system": True}


class Region(AdqlNode):
    """``REGION('STC-S text')`` that is not understood, which the checks refuse."""

    arg_types: ClassVar = {"this": True}


class Compound(AdqlNode):
    """Regions of one text that are joined by ``operator``: UNION, INTERSECTION, NOT.

    The checks make a `Truth` of the function that it is an argument of.
    """

    arg_types: ClassVar = {"operator": True, "expressions": True}


class Truth(AdqlNode):
    """A condition as a value: 1, 0 or NULL. Made by the checks."""


class Contains(AdqlNode):
    """``CONTAINS(a, b)``: 1 if a lies inside b, else 0."""

    arg_types: ClassVar = {"this": True, "expression": True}


class Intersects(AdqlNode):
    """``INTERSECTS(a, b)``: 1 if a and b have a point in common, else 0."""

    arg_types: ClassVar = {"this": True, "expression": True}


class Distance(AdqlNode):
    """``DISTANCE(p, q)`` of two points, deg."""

    arg_types: ClassVar = {"this": True, "expression": True}


class Coord1(AdqlNode):
    """``COORD1(point)``, deg."""


class Coord2(AdqlNode):
    """``COORD2(point)``, deg."""


class Coordsys(AdqlNode):
    """``COORDSYS(geometry)``; ``system`` if the geometry names one."""

    arg_types: ClassVar = {"this": True, "system": False}


class Area(AdqlNode):
    """``AREA(geometry)``, deg2."""


class Centroid(AdqlNode):
    """``CENTROID(geometry)``, a point."""


class InUnit(AdqlNode):
    """``IN_UNIT(number, 'unit')``; ``factor`` is known once units are."""

    arg_types: ClassVar = {"this": True, "expression": True, "factor": False}


class SpecConv(AdqlNode):
    """``gavo_specconv(x, ['unit',] 'unit')``: ``factor`` times or over x."""

    arg_types: ClassVar = {"this": True, "expressions": True, "factor": False,
                           "over": False}  # fmt: skip


class Transform(AdqlNode):
    """``ivo_geom_transform``: a geometry turned by a matrix, known once frames are."""

    arg_types: ClassVar = {"this": True, "expressions": True, "matrix": False}


class Named(AdqlNode):
    """``ivo_simbadpoint('name')``; the checks put the point in its place."""


class StringAgg(AdqlNode, exp.AggFunc):
    """``ivo_string_agg(text, 'delimiter')``."""

    arg_types: ClassVar = {"this": True, "expressions": True}


class Histogram(AdqlNode, exp.AggFunc):
    """``ivo_histogram(number, lower, upper, bins)``."""

    arg_types: ClassVar = {"this": True, "expressions": True}


class Convert(AdqlNode):
    """``CAST(value AS type)``; ``to`` names a type of ``functions.CAST_TYPES``."""

    arg_types: ClassVar = {"this": True, "to": True, "length": False}


class Inside(AdqlNode):
    """Predicate: geometry ``this`` lies inside ``expression``. Made by a pass.

    ``boxed`` as in `Near`.
    """

    arg_types: ClassVar = {"this": True, "expression": True, "boxed": False}


class Overlaps(AdqlNode):
    """Predicate: two geometries have a point in common. Made by a pass.

    ``boxed`` as in `Near`.
    """

    arg_types: ClassVar = {"this": True, "expression": True, "boxed": False}


class Near(AdqlNode):
    """Predicate: two points lie within a distance (deg) of each other. Made by a pass.

    ``strict`` for less than, ``bordered`` where the border is inside within the
    tolerance of regions, ``boxed`` where a coarser condition may stand beside it,
    because false and unknown mean the same there.
    """

    arg_types: ClassVar = {"this": True, "expression": True, "distance": True,
                           "strict": False, "bordered": False,
                           "boxed": False}  # fmt: skip


class Holds(AdqlNode):
    """Predicate: a function of ``functions.TRUTHS`` gives 1. Made by a pass."""


class Typed(AdqlNode):
    """A value made exactly the VOTable type ``to``. Made by a pass."""

    arg_types: ClassVar = {"this": True, "to": True}


class RegionText(AdqlNode):
    """A region as the text in which it leaves the service. Made by a pass."""


SHAPES = (
    Area, Box, Centroid, Circle, Contains, Coord1, Coord2, Coordsys, Distance, Framed,
    Intersects, Point, Polygon,
)  # fmt: skip
"""Nodes of ADQL text that take or make geometries."""

NUMERIC = (
    Area, Box, Centroid, Circle, Compound, Contains, Coord1, Coord2, Distance, Framed,
    InUnit, Intersects, Point, Polygon, Region,
)  # fmt: skip
"""Nodes of ADQL text that the grammar has among numbers or geometries, not texts."""

REPLACED = (Box, Compound, Framed, Region)
"""Nodes that no tree has any more when the checks have passed it."""

EXPANDED = (Area, Centroid, Contains, Distance, Intersects)
"""Those of them that engines expand: each level multiplies what is below it."""

NODES: tuple[type[AdqlNode], ...] = tuple(
    node for node in AdqlNode.__subclasses__() if node not in REPLACED
)
"""All others: what a target must translate or refuse."""


_LEAVES = frozenset({exp.Column, exp.Identifier, exp.Literal, exp.Null, exp.TableAlias})
"""Nodes below which there are only names."""


def measure(node: exp.Expr) -> int:
    """Note and return the height of the tree of a node, whose parts were measured.

    >>> term = exp.column("a")
    >>> measure(term), measure(exp.Neg(this=term))
    (1, 2)
    """
    parts = node.iter_expressions() if type(node) not in _LEAVES else ()
    height = 1 + max((int(p.meta.get("height", 1)) for p in parts), default=0)
    node.meta["height"] = height
    return height


def levels(node: exp.Expr, below: exp.Expr) -> int:
    """Return how high a tree becomes on a way to the root through a node.

    Parameters
    ----------
    node
        What stands in the tree.
    below
        What is to stand in its place.

    >>> tree = exp.Neg(this=exp.column("a"))
    >>> levels(tree.this, exp.Paren(this=exp.column("b")))
    3
    """
    count, above = 0, node.parent
    while above is not None:
        count, above = count + 1, above.parent
    stack, most = [(below, 1)], 0
    while stack:
        part, height = stack.pop()
        most = max(most, height)
        if type(part) not in _LEAVES:
            stack += [(inner, height + 1) for inner in part.iter_expressions()]
    return count + most


def swap(old: exp.Expr, new: exp.Expr) -> None:
    """Put a node in the place of another, at the same cost wherever that stands.

    The method of sqlglot goes through the whole list for each node of a list.

    >>> row = exp.Tuple(expressions=[exp.column("a"), exp.column("b")])
    >>> swap(row.expressions[1], exp.column("c"))
    >>> row.sql(), row.expressions[1].index
    ('(a, c)', 1)
    """
    parent, key, index = old.parent, old.arg_key, old.index
    if parent is None or key is None or old is new:
        return
    if index is None:
        parent.args[key] = new
    else:
        parent.args[key][index] = new
    new.parent, new.arg_key, new.index = parent, key, index
    if old.parent is parent:
        old.parent = old.arg_key = old.index = None
    above: exp.Expr | None = parent
    while above is not None and above._hash is not None:  # noqa: SLF001 - as it does
        above._hash = None  # noqa: SLF001
        above = above.parent


def find(tree: exp.Expr, *classes: type[Found]) -> list[Found]:
    """Return every node of some classes, in no particular order.

    The walk of sqlglot itself takes five times as long, and every pass walks once.

    >>> len(find(exp.and_("a", "b", "c"), exp.Column))
    3
    """
    found: list[Found] = []
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, classes):
            found.append(node)
        if type(node) in _LEAVES:
            continue
        for value in node.args.values():
            if isinstance(value, exp.Expr):
                stack.append(value)
            elif isinstance(value, list):
                stack.extend([part for part in value if isinstance(part, exp.Expr)])
    return found
