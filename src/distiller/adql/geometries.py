"""Check of geometries: arguments of the geometry functions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final

from distiller.adql import compounds, computed, kinds, nodes, shapes
from distiller.adql.kinds import DOUBLE, INT, kind
from distiller.adql.limits import DEEPEST_GEOMETRY, MOST_HEIGHT, MOST_VERTICES
from distiller.adql.nodes import swap
from distiller.adql.typer import NUMBER, POINT, SHAPE, Place, Rule, Typer, bare, lacking

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlglot import exp

    from distiller.core.columns import Column

_MEASURES: Final[dict[type[exp.Expr], Column]] = {
    nodes.Area: replace(DOUBLE, unit="deg**2", ucd="phys.angArea"),
    nodes.Centroid: kinds.POINT,
    nodes.Coordsys: kinds.TEXT,
}


class Geometries(Typer):
    """Types of geometry functions."""

    def _within(self, node: exp.Expr, place: Place) -> Place:
        """Return the place of the arguments of a geometry function."""
        expanded = place.expanded + isinstance(node, nodes.EXPANDED)
        if expanded > DEEPEST_GEOMETRY:
            names = "AREA, CENTROID, CONTAINS, DISTANCE, INTERSECTS"
            message = f"{names} nested more than {DEEPEST_GEOMETRY} levels deep"
            self.fault("Q108", node, message)
        return replace(place, expanded=expanded)

    def _point(self, node: nodes.Point, place: Place) -> Column:
        inner = self._within(node, place)
        for side in (node.this, node.expression):
            self.want(side, inner, NUMBER, "a coordinate of POINT")
        latitude = shapes.constant(node.expression)
        if latitude is not None and abs(latitude) > shapes.POLE_DEG:
            self.fault("Q311", node, f"the declination {latitude:g} is not in -90..90")
        return replace(kinds.POINT, nullable=lacking(node.this, node.expression))

    def _circle(self, node: nodes.Circle, place: Place) -> Column:
        inner = self._within(node, place)
        self.want(node.this, inner, POINT, "the centre of CIRCLE")
        self.want(node.expression, inner, NUMBER, "the radius of CIRCLE")
        radius = shapes.constant(node.expression)
        if radius is not None and not 0 <= radius <= shapes.HALF_TURN_DEG:
            self.fault("Q311", node, f"the radius {radius:g} is not in 0..180")
        return replace(kinds.CIRCLE, nullable=lacking(node.this, node.expression))

    def _polygon(self, node: nodes.Polygon, place: Place) -> Column:
        if node.meta.get("either"):
            self._decide(node, place)
        inner = self._within(node, place)
        if len(node.expressions) > MOST_VERTICES:
            message = f"a POLYGON of more than {MOST_VERTICES} vertices"
            self.exceed(message, node.meta.get("at", 0))
        for vertex in list(node.expressions):
            self.want(vertex, inner, POINT, "a vertex of POLYGON")
        return replace(kinds.POLYGON, nullable=lacking(*node.expressions))

    def _decide(self, node: nodes.Polygon, place: Place) -> None:
        """Six columns: three pairs of numbers, or six points."""
        points = [
            p.this if isinstance(p, nodes.Framed) else p for p in node.expressions
        ]
        flat = [side for p in points for side in (p.this, p.expression)]
        if kind(self.typed(flat[0].copy(), place)) == "point":
            node.set("expressions", flat)

    def _framed(self, node: nodes.Framed, place: Place) -> Column:
        point = node.this
        column = self.typed(point, place)
        self._count_turned(point)
        made = computed.turned(point, node.args["system"])
        return self._instead(node, made, column)

    def _count_turned(self, point: exp.Expr) -> None:
        if shapes.place(point) is None:
            self.count_copies(computed.COPIES_TURNED, point, more=computed.PARTS_TURNED)

    def _count_box(self, *parts: exp.Expr) -> None:
        self.count_copies(computed.COPIES_BOX, *parts, more=computed.PARTS_BOX)

    def _instead(self, node: exp.Expr, made: exp.Expr, column: Column) -> Column:
        """Put what is computed in the place of a node, if the tree stays low."""
        at = made.meta["at"] = node.meta["at"]
        if nodes.levels(node, made) > MOST_HEIGHT:
            message = f"with what is computed here more than {MOST_HEIGHT} levels deep"
            self.exceed(message, at)
        swap(node, made)
        return column

    def _box(self, node: nodes.Box, place: Place) -> Column:
        inner = self._within(node, place)
        point = node.this.this if isinstance(node.this, nodes.Framed) else node.this
        centre = self.want(point, inner, POINT, "the centre of BOX")
        for size in list(node.expressions):
            self.want(size, inner, NUMBER, "the size of BOX")
            value = shapes.constant(size)
            if value is not None and not 0 <= value < shapes.HALF_TURN_DEG:
                message = f"the size {value:g} of a BOX is not from 0 to below 180"
                self.fault("Q311", node, message)
                return kinds.POLYGON
        if kind(centre) != "point":
            return kinds.POLYGON
        if not isinstance(point, nodes.Point):
            point = _taken_apart(node.this)
        self._count_box(point, *node.expressions)
        made = computed.box(point, node.expressions)
        if isinstance(node.this, nodes.Framed):
            system = node.this.args["system"]
            for corner in made.expressions:
                self._count_turned(corner)
            made.set(
                "expressions",
                [computed.turned(corner, system) for corner in made.expressions],
            )
        column: Column = made.meta["type"]
        return self._instead(node, made, column)

    def _region(self, node: nodes.Region, place: Place) -> Column:
        del place
        self.fault(
            "Q401", node, "this REGION is not translated (Position, Circle, Box, "
            "Polygon, AllSky, Union, Intersection, Not in ICRS, FK5 or GALACTIC are)",
        )  # fmt: skip
        return kinds.REGION

    def _compound(self, node: nodes.Compound, place: Place) -> Column:
        del place
        self.fault(
            "Q430", node, "joined regions are translated as an argument of CONTAINS "
            "and INTERSECTS only",
        )  # fmt: skip
        return kinds.REGION

    def _predicate_value(self, node: exp.Expr, place: Place) -> Column:
        """Check CONTAINS or INTERSECTS as a value: 1, 0 or NULL."""
        self._two_shapes(node, place)
        return INT

    def _two_shapes(self, node: exp.Expr, place: Place) -> None:
        inner = self._within(node, place)
        name = type(node).__name__.upper()
        for side in (node.this, node.args["expression"]):
            if isinstance(bare(side), nodes.Compound):
                for part in nodes.find(side, nodes.Point, nodes.Circle, nodes.Polygon):
                    self.typed(part, inner)
            else:
                self.want(side, inner, SHAPE, f"an argument of {name}")
        sides = node.this, node.args["expression"]
        if not any(isinstance(bare(side), nodes.Compound) for side in sides):
            return
        try:
            made = compounds.condition(node, self.count_copies)
        except compounds.Undecided as undecided:
            self.fault("Q430", node, str(undecided))
            return
        self._instead(node, made, INT)

    def _distance(self, node: nodes.Distance, place: Place) -> Column:
        inner = self._within(node, place)
        for side in (node.this, node.expression):
            self.want(side, inner, POINT, "an argument of DISTANCE")
        nullable = lacking(node.this, node.expression)
        return replace(DOUBLE, unit="deg", ucd="pos.angDistance", nullable=nullable)

    def _coordinate(self, node: exp.Expr, place: Place) -> Column:
        name = type(node).__name__.upper()
        inner = self._within(node, place)
        column = self.want(node.this, inner, POINT, f"the argument of {name}")
        return replace(DOUBLE, unit="deg", nullable=column.nullable)

    def _measure(self, node: exp.Expr, place: Place) -> Column:
        inner = self._within(node, place)
        name = type(node).__name__.upper()
        column = self.want(node.this, inner, SHAPE, f"the argument of {name}")
        return replace(_MEASURES[type(node)], nullable=column.nullable)

    RULES: ClassVar[Mapping[type[exp.Expr], Rule]] = {
        nodes.Point: _point,
        nodes.Circle: _circle,
        nodes.Polygon: _polygon,
        nodes.Box: _box,
        nodes.Region: _region,
        nodes.Framed: _framed,
        nodes.Compound: _compound,
        nodes.Contains: _predicate_value,
        nodes.Intersects: _predicate_value,
        nodes.Distance: _distance,
        nodes.Coord1: _coordinate,
        nodes.Coord2: _coordinate,
        nodes.Area: _measure,
        nodes.Centroid: _measure,
        nodes.Coordsys: _measure,
    }


def _taken_apart(point: exp.Expr) -> nodes.Point:
    """Return a point that is a column, or is computed, as a pair of coordinates."""
    pair = nodes.Coord1(this=point.copy()), nodes.Coord2(this=point.copy())
    column = replace(DOUBLE, nullable=point.meta["type"].nullable)
    made = nodes.Point(this=pair[0], expression=pair[1])
    made.meta["type"] = replace(kinds.POINT, nullable=column.nullable)
    for side in pair:
        side.meta["type"] = column
    return made
