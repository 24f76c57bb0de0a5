"""Check of geometries: arguments of the geometry functions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final

from distiller.adql import kinds, nodes, shapes
from distiller.adql.kinds import DOUBLE, INT, kind
from distiller.adql.limits import DEEPEST_GEOMETRY, MOST_VERTICES
from distiller.adql.typer import NUMBER, POINT, SHAPE, Place, Rule, Typer, lacking

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
        flat = [side for p in node.expressions for side in (p.this, p.expression)]
        if kind(self.typed(flat[0].copy(), place)) == "point":
            node.set("expressions", flat)

    def _box(self, node: nodes.Box, place: Place) -> Column:
        self.want(node.this, place, POINT, "the centre of BOX")
        for size in node.expressions:
            self.want(size, place, NUMBER, "the size of BOX")
        self.fault("Q401", node, "BOX is deprecated and not translated (use POLYGON)")
        return kinds.POLYGON

    def _region(self, node: nodes.Region, place: Place) -> Column:
        del place
        self.fault(
            "Q401", node, "this REGION is not translated (one Circle, Polygon or "
            "Position in ICRS is)",
        )  # fmt: skip
        return kinds.REGION

    def _predicate_value(self, node: exp.Expr, place: Place) -> Column:
        """Check CONTAINS or INTERSECTS as a value: 1, 0 or NULL."""
        self._two_shapes(node, place)
        return INT

    def _two_shapes(self, node: exp.Expr, place: Place) -> None:
        inner = self._within(node, place)
        name = type(node).__name__.upper()
        found = [
            self.want(side, inner, SHAPE, f"an argument of {name}")
            for side in (node.this, node.args["expression"])
        ]
        if name == "CONTAINS" and kind(found[1]) == "point":
            self.fault("Q401", node, "CONTAINS in a POINT is not translated")

    def _distance(self, node: nodes.Distance, place: Place) -> Column:
        inner = self._within(node, place)
        for side in (node.this, node.expression):
            column = self.want(side, inner, SHAPE, "an argument of DISTANCE")
            if kind(column) in {"circle", "polygon", "region"}:
                self.fault("Q401", side, "DISTANCE is translated between points only")
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
        nodes.Contains: _predicate_value,
        nodes.Intersects: _predicate_value,
        nodes.Distance: _distance,
        nodes.Coord1: _coordinate,
        nodes.Coord2: _coordinate,
        nodes.Area: _measure,
        nodes.Centroid: _measure,
        nodes.Coordsys: _measure,
    }
