"""The writer for PostgreSQL with pgSphere, which gives the answers of DuckDB.

Geometries are arrays of double precision, deg, as in DuckDB; functions of the schema
``dst`` (`distiller.archive.postgres`) work on them. Beside the exact condition stands a
coarser one where an index can answer that: on ``dst.place(ra, dec)`` of
two columns, or on ``dst.cover(region)`` of one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from sqlglot import exp

from distiller.adql import functions, nodes, shapes
from distiller.adql.kinds import is_integer, kind
from distiller.adql.limits import MOST_TEXT
from distiller.adql.scope import type_of
from distiller.adql.targets import tmoc
from distiller.adql.targets.covers import apart, tables
from distiller.adql.targets.duckdb import OVERLAPS, TOLERANCE_DEG, is_short
from distiller.adql.targets.plain import PLAIN_WRITES, PlainWriter, constant
from distiller.adql.targets.writer import Refused, Write, Writer, numbers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LARGE_DEG: Final = 85.0
"""Radius from which a circle is no better than the whole sphere, for an index."""

_COVERED: Final = frozenset({"circle", "polygon", "region"})


class PgSphereWriter(PlainWriter):
    """Writes a checked tree as SQL of PostgreSQL 15 with pgSphere."""

    TYPES: ClassVar[Mapping[str, str]] = {
        "boolean": "BOOLEAN",
        "short": "SMALLINT",
        "int": "INTEGER",
        "long": "BIGINT",
        "float": "REAL",
        "double": "DOUBLE PRECISION",
        "char": "TEXT",
        "timestamp": "TIMESTAMP",
        "SMALLINT": "SMALLINT",
        "INTEGER": "INTEGER",
        "BIGINT": "BIGINT",
        "REAL": "REAL",
        "DOUBLE PRECISION": "DOUBLE PRECISION",
        "CHAR": "TEXT",
        "VARCHAR": "TEXT",
        "TIMESTAMP": "TIMESTAMP",
    }

    CALLS: ClassVar[Mapping[str, str | Refused]] = {
        "ABS": "ABS({0})",
        "CEILING": "CEIL({0})",
        "DEGREES": "dst.degrees({0})",
        "EXP": "dst.exp({0})",
        "FLOOR": "FLOOR({0})",
        "LOG": "dst.ln({0})",
        "LOG10": "dst.log10({0})",
        "MOD": "dst.mod({0}, {1})",
        "PI": "PI()",
        "POWER": "dst.power({0}, {1})",
        "RADIANS": "dst.radians({0})",
        "RAND": "RANDOM()",
        "ROUND": "dst.round({0}{rest})",
        "SQRT": "dst.sqrt({0})",
        "TRUNCATE": "dst.truncate({0}{rest})",
        "ACOS": "dst.acos({0})",
        "ASIN": "dst.asin({0})",
        "ATAN": "ATAN({0})",
        "ATAN2": "ATAN2({0}, {1})",
        "COS": "dst.cos({0})",
        "COT": "dst.cot({0})",
        "SIN": "dst.sin({0})",
        "TAN": "dst.tan({0})",
        "LOWER": "dst.lower({0})",
        "UPPER": "dst.upper({0})",
        "IVO_NOCASEMATCH": "CAST(dst.lower({0}) LIKE dst.lower({1}) ESCAPE '' "
        "AS INTEGER)",
        "IVO_HASWORD": "CAST(dst.has_words({0}, {1}) AS INTEGER)",
        "IVO_HASHLIST_HAS": "CAST(dst.has_item({0}, {1}) AS INTEGER)",
        "IVO_INTERVAL_OVERLAPS": "CAST(dst.overlaps({0}{rest}) AS INTEGER)",
        "IVO_HEALPIX_INDEX": "dst.healpix_index({0}, {1})",
        "IVO_HEALPIX_CENTER": "dst.healpix_center({0}, {1})",
        "IVO_EPOCH_PROP_POS": "dst.epoch({0}{rest})",
        "IVO_HMS_TO_DEGREES": "dst.hms({0})",
        "IVO_DMS_TO_DEGREES": "dst.dms({0})",
        "IVO_NORMAL_RANDOM": "dst.plus_any({0}, dst.times_any({1}, "
        "SQRT(-2 * LN(1 - RANDOM())) * COS(6.283185307179586 * RANDOM())))",
        **tmoc.CALLS,
        "IVO_TO_JD": "dst.days({0}, 2440587.5e0)",
        "IVO_TO_MJD": "dst.days({0}, 40587e0)",
    }

    PREFIX: ClassVar[str] = "dst."

    TRANSFORMS: ClassVar = {**PlainWriter.TRANSFORMS, **PLAIN_WRITES}

    def call(self, node: nodes.Call) -> str:
        """Write a function of the table; its arguments have its types exactly."""
        arguments = node.expressions
        if node.name == "MOD" and all(is_integer(type_of(a)) for a in arguments):
            first, second = (self.sql(a) for a in arguments)
            return f"CAST(MOD({first}, {second}) AS DOUBLE PRECISION)"
        if node.name == "IVO_INTERVAL_OVERLAPS" and all(map(is_short, arguments)):
            return OVERLAPS.format(*self.arguments(node))
        return super().call(node)

    def arguments(self, node: nodes.Call) -> list[str]:
        """Write the arguments of a function."""
        write = {
            "number": self.number,
            "text": self.text,
            "integer": self._whole_number,
            "integer literal": _whole,
            "point": self.geometry,
        }
        if node.name in tmoc.CALLS:
            return tmoc.arguments(self, node)
        wanted = functions.FUNCTIONS[node.name].arguments
        return [
            write.get(what, self.sql)(argument)
            for argument, what in zip(node.expressions, wanted, strict=False)
        ]

    def _whole_number(self, node: exp.Expr) -> str:
        return f"CAST({self.sql(node)} AS BIGINT)"

    def string_agg(self, node: nodes.StringAgg) -> str:
        """Write ivo_string_agg."""
        text, delimiter = self.text(node.this), self.sql(node.expressions[0])
        joined = f'STRING_AGG({text}, {delimiter} ORDER BY {text} COLLATE "C")'
        return f"dst.bounded({joined}, {MOST_TEXT})"

    def histogram(self, node: nodes.Histogram) -> str:
        """Write ivo_histogram."""
        low, high, count = numbers(node)
        ends = f"{constant(low)}, {constant(high)}"
        found = f"dst.bin({self.number(node.this)}, {ends}, {count})"
        return (
            f"COALESCE(dst.histogram({found}, {count}), "
            f"ARRAY_FILL(0, ARRAY[{count + 2}]))"
        )

    def geometry(self, node: exp.Expr) -> str:
        """Write a geometry; NULL needs a type."""
        text = self.sql(node)
        if kind(type_of(node)) != "any":
            return text
        return f"CAST({text} AS DOUBLE PRECISION[])"

    def array(self, numbers: str) -> str:
        """Write an array of doubles."""
        return f"CAST(ARRAY[{numbers}] AS DOUBLE PRECISION[])"

    # Geometries -----------------------------------------------------------------------

    def coordinates(self, point: exp.Expr) -> tuple[str, str]:
        """Write longitude and latitude of a point, deg."""
        if isinstance(point, nodes.Point):
            return self.number(point.this), self.number(point.args["expression"])
        text = self.sql(point)
        if not isinstance(point, exp.Column):
            text = f"({text})"
        return f"{text}[1]", f"{text}[2]"

    def point(self, node: nodes.Point) -> str:
        """Write POINT: NULL if a coordinate is NULL."""
        return self._array(self.coordinates(node), node.this, node.args["expression"])

    def circle(self, node: nodes.Circle) -> str:
        """Write CIRCLE."""
        centre, radius = node.this, node.args["expression"]
        numbers = *self.coordinates(centre), self.number(radius)
        return self._array(numbers, *_parts(centre), radius)

    def polygon(self, node: nodes.Polygon) -> str:
        """Write POLYGON."""
        numbers = [c for p in node.expressions for c in self.coordinates(p)]
        return self._array(numbers, *(q for p in node.expressions for q in _parts(p)))

    def _array(self, numbers: Sequence[str], *parts: exp.Expr) -> str:
        """Write a geometry from numbers, NULL if any number is NULL."""
        made = f"CAST(ARRAY[{', '.join(numbers)}] AS DOUBLE PRECISION[])"
        missing = [self.tight(p) for p in parts if type_of(p).nullable]
        if not missing:
            return made
        known = " AND ".join(f"{m} IS NOT NULL" for m in dict.fromkeys(missing))
        return f"CASE WHEN {known} THEN {made} END"

    def distance(self, node: nodes.Distance) -> str:
        """Write DISTANCE, deg."""
        return self._separation(node.this, node.args["expression"])

    def _separation(self, first: exp.Expr, second: exp.Expr) -> str:
        ends = (*self.coordinates(first), *self.coordinates(second))
        return f"dst.distance({', '.join(ends)})"

    def contains(self, node: exp.Expr) -> str:
        """Write whether a geometry lies in another, exactly."""
        inner, outer = node.this, node.args["expression"]
        if isinstance(inner, nodes.Point):
            ra, dec = self.coordinates(inner)
            return f"dst.holds({self.sql(outer)}, {ra}, {dec})"
        return f"dst.contains({self.sql(inner)}, {self.sql(outer)})"

    def intersects(self, node: exp.Expr) -> str:
        """Write whether two geometries meet, exactly."""
        first, second = self.sql(node.this), self.sql(node.args["expression"])
        return f"dst.intersects({first}, {second})"

    # Predicates, with conditions for indexes ------------------------------------------

    def near(self, node: nodes.Near) -> str:
        """Write a cone."""
        first, second = node.this, node.args["expression"]
        distance = node.args["distance"]
        sign = "<" if node.args.get("strict") else "<="
        radius = shapes.constant(distance)
        reach = self.number(distance)
        if node.args.get("bordered"):
            reach = (
                f"{reach} + {constant(TOLERANCE_DEG)}"
                if radius is None
                else constant(radius + TOLERANCE_DEG)
            )
        conditions = [f"{self._separation(first, second)} {sign} {reach}"]
        if node.args.get("boxed"):
            for place, other in ((first, second), (second, first)):
                if _is_indexed(place) and apart(place, other, distance):
                    conditions.insert(0, self._reached(place, other, distance))
        return f"({' AND '.join(c for c in conditions if c)})"

    def _reached(self, place: exp.Expr, other: exp.Expr, distance: exp.Expr) -> str:
        radius = shapes.constant(distance)
        if radius is not None and not 0 <= radius < _LARGE_DEG:
            return ""
        name = "may_be_near" if radius is None else "may_be_close"
        ends = (*self.coordinates(place), *self.coordinates(other))
        return f"dst.{name}({', '.join(ends)}, {self.number(distance)})"

    def inside(self, node: nodes.Inside) -> str:
        """Write whether a geometry lies in another."""
        inner, outer = node.this, node.args["expression"]
        conditions = [*self._covered(node), self.contains(node)]
        boxed = node.args.get("boxed")
        if boxed and _is_indexed(inner) and apart(inner, outer):
            ra, dec = self.coordinates(inner)
            conditions.insert(0, f"dst.may_be_in({ra}, {dec}, {self.sql(outer)})")
        return f"({' AND '.join(conditions)})"

    def overlaps(self, node: nodes.Overlaps) -> str:
        """Write whether two geometries meet."""
        return f"({' AND '.join([*self._covered(node), self.intersects(node)])})"

    def _covered(self, node: exp.Expr) -> list[str]:
        """Write the conditions that an index on a region answers."""
        sides = node.this, node.args["expression"]
        if not node.args.get("boxed"):
            return []
        return [
            f"dst.may_meet({self.sql(region)}, {self.sql(other)})"
            for region, other in (sides, sides[::-1])
            if isinstance(region, exp.Column)
            and kind(type_of(region)) in _COVERED
            and apart(region, other)
        ]

    WRITES: ClassVar[Mapping[type[nodes.AdqlNode], Write | Refused]] = {
        nodes.Call: call,
        nodes.Transform: PlainWriter.transform,
        nodes.Named: lambda w, n: w.sql(n.this),
        nodes.StringAgg: string_agg,
        nodes.Histogram: histogram,
        nodes.Point: point,
        nodes.Circle: circle,
        nodes.Polygon: polygon,
        nodes.Truth: Writer.truth,
        nodes.Contains: lambda w, n: f"CAST({w.contains(n)} AS INTEGER)",
        nodes.Intersects: lambda w, n: f"CAST({w.intersects(n)} AS INTEGER)",
        nodes.Distance: distance,
        nodes.Coord1: lambda w, n: w.coordinates(n.this)[0],
        nodes.Coord2: lambda w, n: w.coordinates(n.this)[1],
        nodes.Coordsys: Writer.coordsys,
        nodes.Area: lambda w, n: f"dst.area({w.sql(n.this)})",
        nodes.Centroid: lambda w, n: f"dst.centroid({w.sql(n.this)})",
        nodes.InUnit: PlainWriter.in_unit,
        nodes.SpecConv: PlainWriter.spec_conv,
        nodes.Convert: PlainWriter.convert,
        nodes.Inside: inside,
        nodes.Overlaps: overlaps,
        nodes.Near: near,
        nodes.Holds: lambda w, n: (
            f"({tmoc.TRUTHS[n.this.name].format(*w.arguments(n.this))})"
        ),
        nodes.Typed: Writer.typed,
        nodes.RegionText: Writer.region_text,
    }


def _whole(node: exp.Expr) -> str:
    return f"{shapes.constant(node) or 0:.0f}"


def _parts(point: exp.Expr) -> list[exp.Expr]:
    if isinstance(point, nodes.Point):
        return [point.this, point.args["expression"]]
    return [point]


def _is_indexed(point: exp.Expr) -> bool:
    """Whether a point is a pair of columns of one table, which may have an index."""
    if not isinstance(point, nodes.Point):
        return False
    pair = _parts(point)
    return (
        all(isinstance(part, exp.Column) for part in pair) and len(tables(point)) == 1
    )
