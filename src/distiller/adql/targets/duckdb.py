"""The writer for DuckDB. Geometries are ``DOUBLE[]``, deg; see ``dst_*`` functions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final

from sqlglot import exp
from sqlglot.generators.duckdb import DuckDBGenerator

from distiller.adql import nodes, shapes
from distiller.adql.limits import MOST_TEXT
from distiller.adql.nodes import find
from distiller.adql.scope import type_of
from distiller.adql.targets import strips
from distiller.adql.targets.covers import (
    apart,
    constant_cover,
    has_cover,
    longitude_within,
    longitudes,
    meridians,
    tables,
)
from distiller.adql.targets.writer import Refused, Write, Writer, double, numbers
from distiller.core.covers import cover_names

if TYPE_CHECKING:
    from collections.abc import Mapping

TOLERANCE_DEG: Final = 5.73e-10
"""Distances below this are none: what lies on the border of a region is inside."""

_WORDS_MOST: Final = 5
"""Words of a literal that are looked for by a pattern each; they take 5 ms to read."""

_NO_WORD: Final = r"[^\p{{L}}\p{{N}}_]"
"""A character that is no part of a word, in any alphabet; braces for ``format``."""

OVERLAPS: Final = (
    "CAST({1} >= {2} AND {3} >= {0} AND {0} <= {1} AND {2} <= {3} AS INTEGER)"
)
"""Of values that may be written twice."""

SLACK_DEG: Final = 1e-9
"""By how much a declination box is wider than its cone, against rounding."""

_HAVERSINES_DEG: Final = 1e-6
"""Likewise of places."""

_FARTHEST_DEG: Final = 179
"""Up to which haversines tell distances from each other."""


_TRUTHS: Final = {
    "CTA_TMOC_CONTAINS": "dst_moc_held({0}, {1})",
    "CTA_TMOC_HAS": "dst_moc_at({1}, {0})",
    "CTA_TMOC_INTERSECTS": "dst_moc_meet({0}, {1})",
}


class DuckDBWriter(Writer, DuckDBGenerator):
    """Writes a checked tree as SQL of DuckDB."""

    TYPES: ClassVar[Mapping[str, str]] = {
        "boolean": "BOOLEAN",
        "short": "SMALLINT",
        "int": "INTEGER",
        "long": "BIGINT",
        "float": "REAL",
        "double": "DOUBLE",
        "char": "VARCHAR",
        "timestamp": "TIMESTAMP",
        "SMALLINT": "SMALLINT",
        "INTEGER": "INTEGER",
        "BIGINT": "BIGINT",
        "REAL": "REAL",
        "DOUBLE PRECISION": "DOUBLE",
        "CHAR": "VARCHAR",
        "VARCHAR": "VARCHAR",
        "TIMESTAMP": "TIMESTAMP",
    }

    CALLS: ClassVar[Mapping[str, str | Refused]] = {
        "ABS": "ABS(CAST({0} AS DOUBLE))",
        "CEILING": "CEIL(CAST({0} AS DOUBLE))",
        "DEGREES": "DEGREES({0})",
        "EXP": "EXP({0})",
        "FLOOR": "FLOOR(CAST({0} AS DOUBLE))",
        "LOG": "LN({0})",
        "LOG10": "LOG10({0})",
        "MOD": "CAST(MOD({0}, {1}) AS DOUBLE)",
        "PI": "PI()",
        "POWER": "POW({0}, {1})",
        "RADIANS": "RADIANS({0})",
        "RAND": "RANDOM()",
        "ROUND": "ROUND(CAST({0} AS DOUBLE){rest})",
        "SQRT": "SQRT({0})",
        "TRUNCATE": "TRUNC(CAST({0} AS DOUBLE){rest})",
        "ACOS": "ACOS({0})",
        "ASIN": "ASIN({0})",
        "ATAN": "ATAN({0})",
        "ATAN2": "ATAN2({0}, {1})",
        "COS": "COS({0})",
        "COT": "COT({0})",
        "SIN": "SIN({0})",
        "TAN": "TAN({0})",
        "LOWER": "LOWER({0})",
        "UPPER": "UPPER({0})",
        "IVO_NOCASEMATCH": "CAST(LOWER({0}) LIKE LOWER({1}) AS INTEGER)",
        "IVO_HASWORD": f"CAST(REGEXP_MATCHES({{0}}, '(^|{_NO_WORD})' || "
        f"REGEXP_ESCAPE({{1}}) || '({_NO_WORD}|$)', 'i') AS INTEGER)",
        "IVO_HASHLIST_HAS": "CAST(LIST_CONTAINS(STRING_SPLIT(LOWER({0}), '#'), "
        "LOWER({1})) AS INTEGER)",
        "IVO_INTERVAL_OVERLAPS": "CAST(dst_overlaps({0}{rest}) AS INTEGER)",
        "IVO_HEALPIX_INDEX": "dst_healpix_index({0}, {1})",
        "IVO_HEALPIX_CENTER": "dst_healpix_center({0}, {1})",
        "IVO_EPOCH_PROP_POS": "dst_epoch({0}{rest})",
        "IVO_HMS_TO_DEGREES": "dst_hms({0})",
        "IVO_DMS_TO_DEGREES": "dst_dms({0})",
        "IVO_NORMAL_RANDOM": "(({0}) + ({1}) * SQRT(-2 * LN(1 - RANDOM())) "
        "* COS(6.283185307179586e0 * RANDOM()))",
        "CTA_TMOC": "dst_moc({0})",
        "CTA_TMOC_BETWEEN": "dst_moc_between({0}, {1})",
        "CTA_TMOC_DURATION": "dst_moc_seconds({0})",
        "CTA_TMOC_INTERSECTION": "dst_moc_and({0}, {1})",
        "CTA_TMOC_UNION": "dst_moc_or({0}, {1})",
        **{name: f"CAST({text} AS INTEGER)" for name, text in _TRUTHS.items()},
        "IVO_TO_JD": "(EPOCH_US(CAST({0} AS TIMESTAMP)) / 86400e6 + 2440587.5e0)",
        "IVO_TO_MJD": "(EPOCH_US(CAST({0} AS TIMESTAMP)) / 86400e6 + 40587e0)",
    }

    PREFIX: ClassVar[str] = "dst_"

    def call(self, node: nodes.Call) -> str:
        """Write a function of the table."""
        parts = node.expressions
        if node.name == "IVO_INTERVAL_OVERLAPS" and all(map(is_short, parts)):
            return OVERLAPS.format(*(self.sql(part) for part in parts))
        if node.name == "IVO_HASWORD":
            return self._has_words(node)
        return super().call(node)

    def _has_words(self, node: nodes.Call) -> str:
        """Write ivo_hasword: a pattern for each of a few words, if they are known."""
        haystack, needle = node.expressions
        text = str(needle.this) if isinstance(needle, exp.Literal) else ""
        words = [word for word in re.split(r"[ \t\n\r\f]+", text) if word]
        if not 0 < len(words) <= _WORDS_MOST:
            given = f"{self.sql(haystack)}, {self.sql(needle)}"
            return f"CAST(dst_has_words({given}) AS INTEGER)"
        template = str(self.CALLS[node.name])
        made = [
            template.format(self.sql(haystack), self.sql(exp.Literal.string(word)))
            for word in words
        ]
        return made[0] if len(made) == 1 else f"({' * '.join(made)})"

    def string_agg(self, node: nodes.StringAgg) -> str:
        """Write ivo_string_agg."""
        text, delimiter = self.sql(node.this), self.sql(node.expressions[0])
        # An order by what is the same in each row is an error.
        order = f" ORDER BY {text}" if find(node.this, exp.Column) else ""
        joined = f"STRING_AGG({text}, {delimiter}{order})"
        return f"dst_bounded({joined}, {MOST_TEXT})"

    def histogram(self, node: nodes.Histogram) -> str:
        """Write ivo_histogram."""
        low, high, count = numbers(node)
        cells = f"RANGE({count + 2})"
        found = (
            f"dst_bin({self.sql(node.this)}, {double(low)}, {double(high)}, {count})"
        )
        return (
            f"CAST(COALESCE(MAP_VALUES(HISTOGRAM_EXACT({found}, {cells})), "
            f"LIST_RESIZE([0], {count + 2}, 0)) AS INTEGER[])"
        )

    def select_sql(self, expression: exp.Select) -> str:
        """Write a query; a join by place with an uploaded table goes by cells."""
        strips.match(expression)
        return super().select_sql(expression)

    def table_sql(self, expression: exp.Table, sep: str = " AS ") -> str:
        """Write a table, of which each row may stand once for each of its cells."""
        text = super().table_sql(expression, sep)
        found = expression.meta.get("cells")
        if found is None:
            return text
        name = self.sql(expression.args["alias"])
        numbers = f"{double(found.radius_deg)}, {double(found.strip_deg)}"
        cells = f"dst_cells({', '.join(self.coordinates(found.brought))}, {numbers})"
        return (
            f"(SELECT {name}.*, UNNEST({cells}) AS {strips.CELL} FROM {text}) AS {name}"  # noqa: S608 - a checked tree
        )

    def _cells(self, node: nodes.Near) -> list[str]:
        """Write that two places have a cell in common, where rows stand by cells."""
        found = node.meta.get("cells")
        if found is None:
            return []
        table = next(iter(find(found.brought, exp.Column))).args["table"]
        own = ", ".join(self.coordinates(found.other))
        cell = f"dst_cell({own}, {double(found.strip_deg)})"
        return [f"{cell} = {self.sql(table)}.{strips.CELL}"]

    def coordinates(self, point: exp.Expr) -> tuple[str, str]:
        """Write longitude and latitude of a point, deg."""
        if isinstance(point, nodes.Point):
            return self.tight(point.this), self.tight(point.args["expression"])
        text = self.tight(point)
        return f"{text}[1]", f"{text}[2]"

    def point(self, node: nodes.Point) -> str:
        """Write POINT: NULL if a coordinate is NULL."""
        pair = node.this, node.args["expression"]
        return self._list(", ".join(self.sql(c) for c in pair), *pair)

    def _list(self, inner: str, *parts: exp.Expr) -> str:
        """Write a geometry from numbers, NULL if any number is NULL."""
        made = f"CAST([{inner}] AS DOUBLE[])"
        missing = [self.tight(p) for p in parts if type_of(p).nullable]
        if not missing:
            return made
        known = " AND ".join(f"{m} IS NOT NULL" for m in dict.fromkeys(missing))
        return f"CASE WHEN {known} THEN {made} END"

    def circle(self, node: nodes.Circle) -> str:
        """Write CIRCLE."""
        centre, radius = node.this, node.args["expression"]
        parts = [*self._parts(centre), radius]
        inner = ", ".join([*self.coordinates(centre), self.sql(radius)])
        return self._list(inner, *parts)

    def polygon(self, node: nodes.Polygon) -> str:
        """Write POLYGON."""
        inner = ", ".join(c for p in node.expressions for c in self.coordinates(p))
        return self._list(inner, *(q for p in node.expressions for q in self._parts(p)))

    def _parts(self, point: exp.Expr) -> list[exp.Expr]:
        if isinstance(point, nodes.Point):
            return [point.this, point.args["expression"]]
        return [point]

    def distance(self, node: nodes.Distance) -> str:
        """Write DISTANCE, deg."""
        return self._separation(node.this, node.args["expression"])

    def _separation(self, first: exp.Expr, second: exp.Expr) -> str:
        ends = (*self.coordinates(first), *self.coordinates(second))
        return f"dst_distance({', '.join(ends)})"

    def near(self, node: nodes.Near) -> str:
        """Write a cone: a box in declination that is cheap, then the distance."""
        first, second = node.this, node.args["expression"]
        distance = node.args["distance"]
        sign = "<" if node.args.get("strict") else "<="
        reach = self.tight(distance)
        if node.args.get("bordered"):
            radius = shapes.constant(distance)
            reach = (
                f"({reach} + {TOLERANCE_DEG!r})"
                if radius is None
                else double(radius + TOLERANCE_DEG)
            )
        exact = f"{self._separation(first, second)} {sign} {reach}"
        if not node.args.get("boxed"):
            return f"({exact})"
        coarse = [
            *self._cells(node),
            self._box(first, second, distance),
            *self._about_each_other(first, second, distance),
            *self._meridians(first, second, distance),
        ]
        return f"({' AND '.join([*coarse, exact])})"

    def _meridians(
        self, first: exp.Expr, second: exp.Expr, distance: exp.Expr
    ) -> list[str]:
        """Write a box in right ascension, of a column about a place far from the poles.

        Columns may hold turns beside [0, 360]: those pass.
        """
        if _latitude(first) is not None:
            first, second = second, first
        radius = shapes.constant(distance)
        if radius is None or not isinstance(second, nodes.Point):
            return []
        if not isinstance(first, nodes.Point) or not isinstance(first.this, exp.Column):
            return []
        lon, lat = (shapes.constant(p) for p in self._parts(second))
        if lon is None or lat is None:
            return []
        found = meridians(lon, lat, radius + TOLERANCE_DEG)
        if found is None:
            return []
        low, high = (double(number) for number in found)
        own = self.tight(first.this)
        word = "AND" if found[0] <= found[1] else "OR"
        within = f"{own} >= {low} {word} {own} <= {high}"
        return [f"({within} OR {own} < 0 OR {own} > 360)"]

    def _about_each_other(
        self, first: exp.Expr, second: exp.Expr, distance: exp.Expr
    ) -> list[str]:
        """Write that places of two tables are near: of many pairs in a box few are.

        Of a place that is constant the box leaves few already.
        """
        if not tables(first) or not tables(second) or not apart(first, second):
            return []
        reach = f"GREATEST({self.tight(distance)}, 0e0) + {_HAVERSINES_DEG!r}"
        return [_within(self.coordinates(first), self.coordinates(second), reach)]

    def _box(self, first: exp.Expr, second: exp.Expr, distance: exp.Expr) -> str:
        latitudes = [self.coordinates(p)[1] for p in (first, second)]
        values = [_latitude(p) for p in (first, second)]
        if values[0] is not None:
            latitudes.reverse()
            values.reverse()
        radius = shapes.constant(distance)
        if values[1] is not None and radius is not None:
            low, high = values[1] - radius - SLACK_DEG, values[1] + radius + SLACK_DEG
            return f"{latitudes[0]} BETWEEN {double(low)} AND {double(high)}"
        # What is not a number is larger than all: then nothing is too far.
        reach = f"LEAST({self.tight(distance)} + {SLACK_DEG!r}, 360e0)"
        middle = latitudes[1]
        return f"{latitudes[0]} BETWEEN {middle} - {reach} AND {middle} + {reach}"

    def two(self, name: str, node: exp.Expr) -> str:
        """Write a function of two geometries."""
        return f"{name}({self.sql(node.this)}, {self.sql(node.args['expression'])})"

    def inside(self, node: nodes.Inside) -> str:
        """Write whether a geometry lies in another."""
        return self._found(node, self.two("dst_contains", node))

    def overlaps(self, node: nodes.Overlaps) -> str:
        """Write whether two geometries meet."""
        return self._found(node, self.two("dst_intersects", node))

    def _found(self, node: exp.Expr, exact: str) -> str:
        coarse = self._covered(node)
        return f"({' AND '.join([*coarse, exact])})" if coarse else exact

    def _covered(self, node: exp.Expr) -> list[str]:
        """Write conditions on the covers of stored regions, coarse but cheap."""
        sides = node.this, node.args["expression"]
        if not node.args.get("boxed"):
            return []
        for region, other in (sides, sides[::-1]):
            if has_cover(region) and apart(region, other):
                return self._may_meet(region, other)
        return []

    def _may_meet(self, region: exp.Expr, other: exp.Expr) -> list[str]:
        about = self._about(other)
        if about is None:
            return []
        lon, lat, reach = about
        own, south, north = self._cover(region)
        between = longitudes(other)
        middle = own, f"({south} + {north}) / 2"
        radii = f"({north} - {south}) / 2 + {reach}"
        return [
            f"{south} <= {lat} + {reach}",
            f"{north} >= {lat} - {reach}",
            *([longitude_within(own, between)] if between else []),
            _within(middle, (lon, lat), radii),
        ]

    def _cover(self, region: exp.Expr) -> tuple[str, ...]:
        """Write longitude, south and north of the cover of a stored region."""
        table = self.sql(region.args["table"])
        names = cover_names(region.name)
        return tuple(f"{table}.{self.sql(exp.to_identifier(n))}" for n in names)

    def _about(self, shape: exp.Expr) -> tuple[str, str, str] | None:
        """Write middle and radius of a circle about a shape, deg; None if it is far."""
        if has_cover(shape):
            lon, south, north = self._cover(shape)
            return lon, f"({south} + {north}) / 2", f"({north} - {south}) / 2"
        if isinstance(shape, nodes.Polygon):
            found = constant_cover(shape.expressions)
            texts = [f"({double(number)})" for number in found or ()]
            return (texts[0], texts[1], texts[2]) if texts else None
        if isinstance(shape, nodes.Circle):
            return *self.coordinates(shape.this), self._reach(shape)
        if isinstance(shape, nodes.Point):
            return *self.coordinates(shape), repr(SLACK_DEG)
        return None

    def _reach(self, circle: nodes.Circle) -> str:
        radius = shapes.constant(circle.args["expression"])
        if radius is not None:
            return double(max(radius, 0.0) + SLACK_DEG)
        given = self.tight(circle.args["expression"])
        return f"LEAST(GREATEST({given}, 0e0) + {SLACK_DEG!r}, 360e0)"

    WRITES: ClassVar[Mapping[type[nodes.AdqlNode], Write | Refused]] = {
        nodes.Call: call,
        nodes.Transform: Writer.transform,
        nodes.Named: lambda w, n: w.sql(n.this),
        nodes.StringAgg: string_agg,
        nodes.Histogram: histogram,
        nodes.Point: point,
        nodes.Circle: circle,
        nodes.Polygon: polygon,
        nodes.Truth: Writer.truth,
        nodes.Contains: lambda w, n: f"CAST({w.two('dst_contains', n)} AS INTEGER)",
        nodes.Intersects: lambda w, n: f"CAST({w.two('dst_intersects', n)} AS INTEGER)",
        nodes.Distance: distance,
        nodes.Coord1: lambda w, n: w.coordinates(n.this)[0],
        nodes.Coord2: lambda w, n: w.coordinates(n.this)[1],
        nodes.Coordsys: Writer.coordsys,
        nodes.Area: lambda w, n: f"dst_area({w.sql(n.this)})",
        nodes.Centroid: lambda w, n: f"dst_centroid({w.sql(n.this)})",
        nodes.InUnit: Writer.in_unit,
        nodes.SpecConv: Writer.spec_conv,
        nodes.Convert: Writer.convert,
        nodes.Inside: inside,
        nodes.Overlaps: overlaps,
        nodes.Near: near,
        nodes.Holds: lambda w, n: _TRUTHS[n.this.name].format(*w.arguments(n.this)),
        nodes.Typed: Writer.typed,
        nodes.RegionText: Writer.region_text,
    }


def _within(one: tuple[str, str], other: tuple[str, str], reach: str) -> str:
    """Write that two places are within a distance, by haversines.

    They are half the work of ``dst_distance``, and let pass 4e-6 deg more. Every place
    passes a distance that is no number: that is larger than all.
    """
    (lon, lat), (its_lon, its_lat) = one, other
    apart = (
        f"POW(SIN(RADIANS({lat} - {its_lat}) / 2), 2) + COS(RADIANS({lat})) "
        f"* COS(RADIANS({its_lat})) * POW(SIN(RADIANS({lon} - {its_lon}) / 2), 2)"
    )
    most = f"POW(SIN(RADIANS({reach}) / 2), 2) + 1e-15"
    return (
        f"{apart} <= CASE WHEN {reach} < {_FARTHEST_DEG} THEN {most} "
        "ELSE CAST('nan' AS DOUBLE) END"
    )


def is_short(node: exp.Expr) -> bool:
    """Whether a value may be written twice."""
    return isinstance(node, exp.Column | exp.Literal)


def _latitude(point: exp.Expr) -> float | None:
    """Return the latitude of a point if it is a constant, deg."""
    if isinstance(point, nodes.Point):
        return shapes.constant(point.args["expression"])
    return None
