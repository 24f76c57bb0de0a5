"""Queries drawn by a seed: joins, sets, named queries, groups, casts, NULL, geometry.

Nothing in them is a matter of chance or can fail in a value, so that engines must give
the same rows: no TOP without an order of everything, no whole numbers that overflow.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

_OBSCORE: Final = {
    "obs_id": "text", "obs_collection": "text", "target_name": "text",
    "calib_level": "int", "s_ra": "deg", "s_dec": "deg", "s_fov": "deg",
    "s_region": "region", "t_min": "real", "em_res_power": "real",
    "data_rights": "text", "obs_creation_date": "instant",
}  # fmt: skip
_PRODUCT: Final = {
    "product_id": "text", "obs_id": "text", "product_type": "text", "quality": "int",
}  # fmt: skip
_TARGET: Final = {
    "target_id": "int", "name": "text", "pos": "point", "ra": "deg", "dec": "deg",
    '"Mixed Name"': "int",
}  # fmt: skip
_TABLES: Final = {
    "ivoa.obscore": _OBSCORE, "cta.product": _PRODUCT, "cta.target": _TARGET,
}  # fmt: skip
_WORDS: Final = ("'Crab'", "'%a%'", "'Größe'", "'hess'", "'1%'", "''", "'O''Neill'")
_SHAPES: Final = (
    "CIRCLE(20, 89.5, 12)", "CIRCLE(359.9, 10, 40)", "CIRCLE(180, 0, 120)",
    "POLYGON(350, 5, 10, 5, 0, 25)", "POLYGON(0, 60, 120, 60, 240, 60)",
    "POLYGON(30, -70, 150, -75, 270, -70)", "BOX(0, 0, 30, 60)", "BOX(10, 88, 20, 20)",
    "CIRCLE('GALACTIC', 0, 90, 50)", "REGION('Box FK5 355 -80 30 30')",
    "REGION('Union (Circle 0 0 30 Polygon 20 40 60 40 40 80)')",
    "REGION('Intersection ICRS (Circle 0 90 50 Not (Circle 0 90 5))')",
)  # fmt: skip
_JOINED: Final = ("Union", "Intersection")


@dataclass(frozen=True)
class Source:
    """What FROM says, and the columns that it offers by the kind of their values."""

    text: str
    columns: dict[str, list[str]]


class Generator:
    """Draws one query after another.

    >>> Generator(3).query() == Generator(3).query()
    True
    """

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311 - no secret
        self._names = 0

    def query(self) -> str:
        """Return one query."""
        draw = self._random.choice(
            [self._plain, self._grouped, self._set, self._named, self._plain]
        )
        return draw()

    # Whole queries --------------------------------------------------------------------

    def _plain(self) -> str:
        source = self._source()
        distinct = self._maybe("DISTINCT ", 0.2)
        values = [f"{self._value(source)} AS c{i}" for i in range(self._count(1, 4))]
        text = f"SELECT {distinct}{', '.join(values)} FROM {source.text}"
        return text + self._where(source)

    def _grouped(self) -> str:
        source = self._source()
        key = self._of(source, self._random.choice(["text", "int"]))
        parts = [f"{self._aggregate(source)} AS a{i}" for i in range(self._count(1, 3))]
        having = self._maybe(f" HAVING COUNT(*) > {self._count(0, 3)}", 0.5)
        return (
            f"SELECT {key} AS k, {', '.join(parts)} FROM {source.text}"
            f"{self._where(source)} GROUP BY {key}{having}"
        )

    def _set(self) -> str:
        kinds = [self._random.choice(["text", "int"]) for _ in range(self._count(1, 2))]
        text = self._operand(kinds)
        for _ in range(self._count(1, 3)):
            sign = self._random.choice(["UNION", "EXCEPT", "INTERSECT"])
            every = self._maybe(" ALL", 0.4)
            text = f"{text} {sign}{every} {self._operand(kinds)}"
        return f"{text} ORDER BY 1 DESC" if self._is(0.3) else text

    def _operand(self, kinds: list[str]) -> str:
        source = self._source()
        values = ", ".join(
            f"{self._of(source, k)} AS s{i}" for i, k in enumerate(kinds)
        )
        text = f"SELECT {values} FROM {source.text}{self._where(source)}"
        return f"({text})" if self._is(0.3) else text

    def _named(self) -> str:
        inner = self._source()
        query = (
            f"WITH q AS (SELECT {self._of(inner, 'text')} AS w, "
            f"{self._of(inner, 'int')} AS n, {self._of(inner, 'deg')} AS x "
            f"FROM {inner.text}{self._where(inner)})"
        )
        source = Source("q", {"text": ["w"], "int": ["n"], "deg": ["x"]})
        if self._is(0.5):
            return f"{query} SELECT w, COUNT(*) AS c, MAX(x) AS m FROM q GROUP BY w"
        return f"{query} SELECT w, n, x FROM q{self._where(source)}"

    # FROM -----------------------------------------------------------------------------

    def _source(self) -> Source:
        draw = self._random.choice([
            self._table, self._table, self._join, self._using, self._derived,
            self._nested,
        ])  # fmt: skip
        return draw()

    def _table(self, name: str | None = None) -> Source:
        name = name or self._random.choice(list(_TABLES))
        self._names += 1
        alias = f"t{self._names}"
        columns: dict[str, list[str]] = {}
        for column, kind in _TABLES[name].items():
            columns.setdefault(kind, []).append(f"{alias}.{column}")
        return Source(f"{name} AS {alias}", columns)

    def _join(self) -> Source:
        one, two = self._table(), self._table()
        kind = self._random.choice(["text", "int"])
        side = self._random.choice(["", "LEFT ", "RIGHT OUTER ", "FULL ", "INNER "])
        on = f"{self._pick(one, kind)} = {self._pick(two, kind)}"
        both = _together(one, two)
        text = f"{one.text} {side}JOIN {two.text} ON {on}"
        return Source(text, both.columns)

    def _using(self) -> Source:
        one, two = self._table("ivoa.obscore"), self._table("cta.product")
        side = self._random.choice(["", "LEFT ", "FULL OUTER "])
        both = _together(one, two)
        natural = f"{one.text} NATURAL {side}JOIN {two.text}"
        using = f"{one.text} {side}JOIN {two.text} USING (obs_id)"
        both.columns["text"].append("obs_id")
        return Source(self._random.choice([natural, using]), both.columns)

    def _nested(self) -> Source:
        one = self._table("cta.target")
        two, three = self._table("ivoa.obscore"), self._table("cta.product")
        inner = f"{self._pick(two, 'text')} = {self._pick(three, 'text')}"
        outer = f"{self._pick(one, 'int')} = {self._pick(three, 'int')}"
        text = (
            f"{one.text} LEFT JOIN {two.text} JOIN {three.text} ON {inner} ON {outer}"
        )
        return Source(text, _together(one, two, three).columns)

    def _derived(self) -> Source:
        inner = self._table()
        self._names += 1
        alias = f"d{self._names}"
        kinds = [k for k in inner.columns if k not in {"region", "point"}]
        values = [f"{self._of(inner, kind)} AS v{i}" for i, kind in enumerate(kinds)]
        columns = {kind: [f"{alias}.v{i}"] for i, kind in enumerate(kinds)}
        text = f"(SELECT {', '.join(values)} FROM {inner.text}{self._where(inner)})"
        return Source(f"{text} AS {alias}", columns)

    # Values ---------------------------------------------------------------------------

    def _value(self, source: Source) -> str:
        kinds = [k for k in source.columns if k != "region"]
        return self._of(source, self._random.choice(kinds))

    def _of(self, source: Source, kind: str) -> str:
        """Return a value of a kind, computed from columns where there are some."""
        if kind not in source.columns:
            return {"text": "'x'", "int": "7", "deg": "2.5", "real": "1e3"}.get(
                kind, "NULL"
            )
        column = self._pick(source, kind)
        if self._is(0.4):
            return column
        forms = {
            "text": [
                f"LOWER({column})", f"UPPER({column} || '!')",
                f"'<' || {column} || '>'",
                f"COALESCE({column}, 'none')", f"CAST({column} AS VARCHAR(3))",
            ],
            "int": [
                f"{column} + 1", f"-{column}", f"COALESCE({column}, -1)",
                f"{column} / 7", f"CAST({column} AS BIGINT) * 3",
                f"CAST({self._of_number(source)} AS INTEGER)",
            ],
            "deg": [
                f"{column} * 2 - 1", f"ROUND({column}, 2)", f"COALESCE({column}, 0.5)",
                f"SIN(RADIANS({column}))", f"TRUNCATE({column} / 3)", f"ABS({column})",
                f"MOD({column}, 7)", f"{column} / 0.",
            ],
            "real": [f"SQRT(ABS({column}))", f"{column} + 0.25", f"FLOOR({column})"],
            "instant": [f"ivo_to_mjd({column})", f"CAST({column} AS VARCHAR(10))"],
            "point": [f"COORD2({column})", f"AREA({column})", f"COORDSYS({column})"],
        }  # fmt: skip
        return self._random.choice(forms[kind] if self._fits(kind) else [column])

    def _fits(self, kind: str) -> bool:
        """Whether the forms of a kind have the same kind, which sets and keys need."""
        return kind not in {"instant", "point"} or self._is(0.7)

    def _of_number(self, source: Source) -> str:
        return self._pick(source, "deg") if "deg" in source.columns else "2.4"

    def _aggregate(self, source: Source) -> str:
        forms = ["COUNT(*)", f"COUNT(DISTINCT {self._of(source, 'text')})"]
        for kind in ("int", "text", "deg"):
            if kind in source.columns:
                column = self._pick(source, kind)
                forms += [f"MIN({column})", f"MAX({column})", f"COUNT({column})"]
        if "int" in source.columns:
            column = self._pick(source, "int")
            forms += [f"SUM({column})", f"AVG({column})", f"SUM(DISTINCT {column})"]
        if "region" in source.columns:
            where = self._pick(source, "region")
            forms.append(f"SUM(INTERSECTS({where}, {_SHAPES[0]}))")
        return self._random.choice(forms)

    # Conditions -----------------------------------------------------------------------

    def _where(self, source: Source) -> str:
        return f" WHERE {self._condition(source, 3)}" if self._is(0.7) else ""

    def _condition(self, source: Source, depth: int) -> str:
        if depth and self._is(0.4):
            sign = self._random.choice([" AND ", " OR "])
            parts = [self._condition(source, depth - 1) for _ in range(2)]
            return self._maybe("NOT ", 0.3) + f"({sign.join(parts)})"
        draw = self._random.choice([self._compared, self._tested, self._placed])
        return draw(source)

    def _compared(self, source: Source) -> str:
        kind = self._random.choice(["text", "int", "deg"])
        sign = self._random.choice(["=", "<>", "<", ">", "<=", ">=", "!="])
        other = "NULL" if self._is(0.05) else self._of(source, kind)
        return f"{self._of(source, kind)} {sign} {other}"

    def _tested(self, source: Source) -> str:
        kinds = [k for k in source.columns if k not in {"region", "point"}]
        column = self._pick(source, self._random.choice(kinds))
        text, number = self._of(source, "text"), self._of(source, "deg")
        word = self._random.choice(_WORDS)
        other = self._random.choice(["name", "obs_id", "product_id"])
        table = {"name": "cta.target", "obs_id": "ivoa.obscore"}.get(
            other, "cta.product"
        )
        return self._random.choice([
            f"{column} IS NULL", f"{column} IS NOT NULL", f"{text} LIKE {word}",
            f"{text} NOT ILIKE {word}", f"{number} BETWEEN -20 AND 200",
            f"{number} NOT BETWEEN {number} AND 90", f"{text} IN ({word}, 'cta', NULL)",
            f"{text} NOT IN ({word}, 'Sim')",
            f"{text} IN (SELECT {other} FROM {table})",
            f"EXISTS (SELECT 1 FROM {table} z WHERE z.{other} = {text})",
            f"1 = ivo_nocasematch({text}, {word})",
        ])  # fmt: skip

    def _placed(self, source: Source) -> str:
        shape = self._random.choice(_SHAPES)
        number = self._random.choice(["1 =", "0 =", "1 <>", "1 >"])
        if "region" in source.columns and self._is(0.5):
            region = self._pick(source, "region")
            joined = any(word in shape for word in _JOINED)
            name = "INTERSECTS" if joined or self._is(0.5) else "CONTAINS"
            shape = shape.replace("Intersection", "Union")
            return f"{number} {name}({region}, {shape})"
        place = self._place(source)
        if self._is(0.3):
            return f"DISTANCE({place}, POINT(359.5, 80)) < {self._count(1, 90)}"
        return f"{number} CONTAINS({place}, {shape})"

    def _place(self, source: Source) -> str:
        if "point" in source.columns and self._is(0.5):
            return self._pick(source, "point")
        if "region" in source.columns and self._is(0.3):
            return f"CENTROID({self._pick(source, 'region')})"
        pairs = [
            (c, c.replace("ra", "dec"))
            for c in source.columns.get("deg", [])
            if c.endswith((".ra", ".s_ra"))
        ]
        return "POINT({}, {})".format(*self._random.choice(pairs or [("12", "-5")]))

    # Chance ---------------------------------------------------------------------------

    def _pick(self, source: Source, kind: str) -> str:
        return self._random.choice(source.columns[kind])

    def _is(self, share: float) -> bool:
        return self._random.random() < share

    def _maybe(self, text: str, share: float) -> str:
        return text if self._is(share) else ""

    def _count(self, least: int, most: int) -> int:
        return self._random.randint(least, most)


def _together(*sources: Source) -> Source:
    columns: dict[str, list[str]] = {}
    for source in sources:
        for kind, names in source.columns.items():
            columns.setdefault(kind, []).extend(names)
    return Source("", columns)
