"""The writer for PostgreSQL with pgSphere: what is declared here, nothing else.

Points are ``spoint`` and circles ``scircle``, both in rad. How regions are stored there
is not decided yet: everything about polygons and regions is a declared refusal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from sqlglot import exp
from sqlglot.generators.postgres import PostgresGenerator

from distiller.adql import nodes
from distiller.adql.kinds import kind
from distiller.adql.scope import type_of
from distiller.adql.targets.writer import NotTranslated, Refused, Write, Writer

if TYPE_CHECKING:
    from collections.abc import Mapping

_REGIONS: Final = "polygons and regions are not translated yet"
_ROUND: Final = frozenset({"point", "circle"})


class PgSphereWriter(Writer, PostgresGenerator):
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
        "ABS": "ABS(CAST({0} AS DOUBLE PRECISION))",
        "CEILING": "CEIL(CAST({0} AS DOUBLE PRECISION))",
        "DEGREES": "DEGREES({0})",
        "EXP": "EXP(CAST({0} AS DOUBLE PRECISION))",
        "FLOOR": "FLOOR(CAST({0} AS DOUBLE PRECISION))",
        "LOG": "LN(CAST({0} AS DOUBLE PRECISION))",
        "LOG10": "LOG(CAST({0} AS DOUBLE PRECISION))",
        "MOD": "CAST(MOD(CAST({0} AS NUMERIC), CAST({1} AS NUMERIC)) "
        "AS DOUBLE PRECISION)",
        "PI": "PI()",
        "POWER": "POWER(CAST({0} AS DOUBLE PRECISION), {1})",
        "RADIANS": "RADIANS({0})",
        "RAND": "RANDOM()",
        "ROUND": "CAST(ROUND(CAST({0} AS NUMERIC){rest}) AS DOUBLE PRECISION)",
        "SQRT": "SQRT(CAST({0} AS DOUBLE PRECISION))",
        "TRUNCATE": "CAST(TRUNC(CAST({0} AS NUMERIC){rest}) AS DOUBLE PRECISION)",
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
        "IVO_NOCASEMATCH": "CAST(LOWER({0}) LIKE LOWER({1}) ESCAPE '' AS INTEGER)",
        "IVO_HASWORD": Refused("whole words are not searched yet"),
        "IVO_HASHLIST_HAS": "CAST(LOWER({1}) = ANY(STRING_TO_ARRAY(LOWER({0}), '#')) "
        "AS INTEGER)",
        "IVO_INTERVAL_OVERLAPS": "CAST(({1}) >= ({2}) AND ({3}) >= ({0}) AS INTEGER)",
        "IVO_TO_JD": "CAST(EXTRACT(EPOCH FROM {0}) / 86400 + 2440587.5 "
        "AS DOUBLE PRECISION)",
        "IVO_TO_MJD": "CAST(EXTRACT(EPOCH FROM {0}) / 86400 + 40587 "
        "AS DOUBLE PRECISION)",
    }

    TRANSFORMS: ClassVar = {
        **PostgresGenerator.TRANSFORMS,
        exp.IntDiv: lambda writer, node: writer.binary(node, "/"),
    }

    def like_sql(self, expression: exp.Like) -> str:
        """Write LIKE without its escape character, which ADQL does not have."""
        return f"{self.binary(expression, 'LIKE')} ESCAPE ''"

    def ilike_sql(self, expression: exp.ILike) -> str:
        """Write ILIKE without its escape character."""
        return f"{self.binary(expression, 'ILIKE')} ESCAPE ''"

    def point(self, node: nodes.Point) -> str:
        """Write POINT as ``spoint``, NULL if a coordinate is NULL."""
        lon, lat = self.sql(node.this), self.sql(node.args["expression"])
        return f"spoint(RADIANS({lon}), RADIANS({lat}))"

    def circle(self, node: nodes.Circle) -> str:
        """Write CIRCLE as ``scircle``."""
        radius = self.sql(node.args["expression"])
        return f"scircle({self.sql(node.this)}, RADIANS({radius}))"

    def distance(self, node: nodes.Distance) -> str:
        """Write DISTANCE, deg."""
        first, second = self.sql(node.this), self.sql(node.args["expression"])
        return f"DEGREES({first} <-> {second})"

    def near(self, node: nodes.Near) -> str:
        """Write a cone so that a GiST index on the point is used."""
        first, second = self.sql(node.this), self.sql(node.args["expression"])
        reach = self.tight(node.args["distance"])
        inside = f"{first} <@ scircle({second}, RADIANS({reach}))"
        if not node.args.get("strict"):
            return f"({inside})"
        return f"({inside} AND DEGREES({first} <-> {second}) < {reach})"

    def related(self, operator: str, node: exp.Expr) -> str:
        """Write an operator between points and circles; refuse other shapes."""
        sides = node.this, node.args["expression"]
        if not {kind(type_of(side)) for side in sides} <= _ROUND:
            raise NotTranslated(node, _REGIONS)
        return f"({self.sql(sides[0])} {operator} {self.sql(sides[1])})"

    WRITES: ClassVar[Mapping[type[nodes.AdqlNode], Write | Refused]] = {
        nodes.Call: Writer.call,
        nodes.Point: point,
        nodes.Circle: circle,
        nodes.Polygon: Refused(_REGIONS),
        nodes.Box: Refused("BOX is deprecated and not translated (use POLYGON)"),
        nodes.Region: Refused(_REGIONS),
        nodes.Contains: lambda w, n: f"CAST({w.related('<@', n)} AS INTEGER)",
        nodes.Intersects: lambda w, n: f"CAST({w.related('&&', n)} AS INTEGER)",
        nodes.Distance: distance,
        nodes.Coord1: lambda w, n: f"DEGREES(LONG({w.sql(n.this)}))",
        nodes.Coord2: lambda w, n: f"DEGREES(LAT({w.sql(n.this)}))",
        nodes.Coordsys: Writer.coordsys,
        nodes.Area: Refused(_REGIONS),
        nodes.Centroid: Refused(_REGIONS),
        nodes.InUnit: Writer.in_unit,
        nodes.SpecConv: Writer.spec_conv,
        nodes.Convert: Writer.convert,
        nodes.Inside: lambda w, n: w.related("<@", n),
        nodes.Overlaps: lambda w, n: w.related("&&", n),
        nodes.Near: near,
        nodes.Typed: Writer.typed,
        nodes.RegionText: Refused(_REGIONS),
    }
