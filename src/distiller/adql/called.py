"""Check of functions: those of the table, and user-defined ones with own rules."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final

from sqlglot import exp

from distiller.adql import functions, kinds, lengths, nodes, rotations, shapes
from distiller.adql.conversions import Conversions
from distiller.adql.instants import is_instant
from distiller.adql.kinds import INT, MOC, TEXT, kind
from distiller.adql.limits import MOST_BINS, MOST_TEXT
from distiller.adql.mocs import is_time_moc
from distiller.adql.nodes import swap
from distiller.adql.typer import NUMBER, SHAPE, Place, Rule, bare
from distiller.adql.typer import TEXT as TEXT_KIND
from distiller.core.columns import Column

if TYPE_CHECKING:
    from collections.abc import Mapping

_DIGITS_MOST: Final = 9
_ORDER_MOST: Final = 29
_CELLS: Final = 1_000
"""Characters that are assumed for the cells of an interval."""

_MOCS: Final = frozenset({"moc", "text"})
_SHOWN: Final = 40
_COUNT: Final = 4
_JOINED: Final = MOST_TEXT // 10
"""Length that is assumed for the texts of a group."""

_NEEDED: Final = {"IVO_EPOCH_PROP_POS": (1, 2, 7, 8)}
"""Arguments that may not be NULL, by their number."""

_RANGES: Final = {
    ("IVO_HEALPIX_INDEX", 1): (0, _ORDER_MOST),
    ("IVO_HEALPIX_CENTER", 1): (0, _ORDER_MOST),
}
"""Of literals for arguments, by their number."""


class Called(Conversions):
    """Types of functions."""

    def _call(self, node: nodes.Call, place: Place) -> Column:
        name = node.name
        known = functions.FUNCTIONS[name]
        nullable = known.partial
        length = 0
        for number, (argument, wanted) in enumerate(
            zip(node.expressions, known.arguments, strict=False), 1
        ):
            what = f"argument {number} of {name}"
            if wanted == "integer literal":
                self._integer_literal(argument, what)
                if name == "RAND" and not isinstance(argument, exp.Literal):
                    message = "the argument of RAND must be an unsigned whole number"
                    self.fault("Q303", argument, message)
                argument.meta["type"] = INT
                continue
            column = self._argument(argument, wanted, place, what)
            if isinstance(bare(argument), exp.Null) and number in _NEEDED.get(name, ()):
                self.fault("Q303", argument, f"{what} must not be NULL")
            self._in_range(argument, _RANGES.get((name, number)), what)
            nullable = nullable or column.nullable
            length += lengths.of(argument)
        if known.result is MOC:
            node.meta["length"] = length + _CELLS
        return replace(known.result, nullable=nullable)

    def _argument(self, node: exp.Expr, wanted: str, place: Place, what: str) -> Column:
        """Check one argument."""
        if wanted == "instant" and isinstance(node, exp.Literal) and node.is_string:
            return self._instant(node, what)
        if wanted == "moc":
            return self._moc(node, place, what)
        if wanted != "integer":
            return self.want(node, place, frozenset({wanted}), what)
        column = self.want(node, place, NUMBER, what)
        if kind(column) == "number" and not kinds.is_integer(column):
            self.fault("Q303", node, f"{what} must be a whole number")
        return column

    def _instant(self, node: exp.Expr, what: str) -> Column:
        """Take a text for a timestamp."""
        column = replace(kinds.INSTANT, nullable=False)
        if not is_instant(str(node.this)):
            hint = "write 'YYYY-MM-DDThh:mm:ss'"
            self.fault("Q303", node, f"{what}: {node.this!r} is no timestamp ({hint})")
            return column
        made = nodes.Convert(this=node.copy(), to="TIMESTAMP")
        made.this.meta["type"] = replace(TEXT, nullable=False)
        made.meta.update({"at": node.meta["at"], "type": column})
        swap(node, made)
        return column

    def _moc(self, node: exp.Expr, place: Place, what: str) -> Column:
        column = self.want(node, place, _MOCS, what)
        literal = bare(node)
        if isinstance(literal, exp.Literal) and literal.is_string:
            text = str(literal.this)
            if not is_time_moc(text):
                shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
                hint = "write order/cells, as '31/197866603 41/202615400136'"
                self.fault("Q303", node, f"{what}: {shown!r} is no time MOC ({hint})")
        return column

    def _in_range(
        self, node: exp.Expr, bounds: tuple[int, int] | None, what: str
    ) -> None:
        value = shapes.constant(bare(node))
        if bounds is None or value is None:
            return
        low, high = bounds
        if not low <= value <= high:
            self.fault("Q311", node, f"{what} is {value:g}: not in {low}..{high}")

    def _integer_literal(self, node: exp.Expr, what: str) -> None:
        signed = isinstance(node, exp.Neg) or "signed" in node.meta
        literal = node.this if signed else node
        if not (
            isinstance(literal, exp.Literal)
            and str(literal.this).isdigit()
            and not literal.is_string
            and len(literal.this) <= _DIGITS_MOST
        ):
            self.fault("Q303", node, f"{what} must be a whole number as literal")

    # Functions with a rule of their own -----------------------------------------------

    def _transform(self, node: nodes.Transform, place: Place) -> Column:
        column = self.want(node.this, place, SHAPE, "argument 3 of ivo_geom_transform")
        names = [str(text.this) for text in node.expressions]
        for name, text in zip(names, node.expressions, strict=True):
            text.meta["type"] = TEXT
            if name not in rotations.FRAMES:
                known = ", ".join(rotations.FRAMES)
                message = f"the frame {name!r} is not known (known are {known})"
                self.fault("Q411", text, message)
        if all(name in rotations.FRAMES for name in names):
            node.set("matrix", rotations.rotation(*names))
        if kind(column) == "any":
            column = kinds.POINT
        made = replace(kinds.plain(column), unit=column.unit, nullable=True)
        return kinds.framed(made, names[1])

    def _object(self, node: nodes.Named, place: Place) -> Column:
        name = str(node.this.this)
        found = self.resolve(name)
        if found is None:
            self.fault(
                "Q410",
                node,
                f"no object {name!r} is known here (give its position by POINT)",
            )
            return replace(kinds.POINT, nullable=False)
        made = shapes.point(*found)
        made.meta["at"] = node.meta["at"]
        swap(node, made)
        return self.typed(made, place)

    # Aggregates -----------------------------------------------------------------------

    def string_agg(self, node: nodes.StringAgg, place: Place) -> Column:
        """Check ivo_string_agg."""
        self.want(node.this, place, TEXT_KIND, "argument 1 of ivo_string_agg")
        node.expressions[0].meta["type"] = replace(TEXT, nullable=False)
        node.meta["length"] = _JOINED
        return replace(TEXT, nullable=True)

    def histogram(self, node: nodes.Histogram, place: Place) -> Column:
        """Check ivo_histogram."""
        name = "ivo_histogram"
        self.want(node.this, place, NUMBER, f"argument 1 of {name}")
        *limits, bins = node.expressions
        values = [shapes.constant(limit) for limit in limits]
        for number, (limit, value) in enumerate(zip(limits, values, strict=True), 2):
            limit.meta["type"] = kinds.DOUBLE
            if value is None:
                message = f"argument {number} of {name} must be a number as literal"
                self.fault("Q303", limit, message)
        low, high = (math.nan if value is None else value for value in values)
        if None not in values and not 0 < high - low < math.inf:
            self.fault("Q311", limits[1], f"{high:g} is not above {low:g}")
        self._integer_literal(bins, f"argument 4 of {name}")
        bins.meta["type"] = INT
        count = shapes.constant(bins)
        if count is None or not 1 <= count <= MOST_BINS:
            message = f"argument 4 of {name} is not in 1..{MOST_BINS}"
            self.fault("Q311", bins, message)
            count = 1
        node.meta["length"] = _COUNT * (int(count) + 2)
        return Column("", "int", str(int(count) + 2), nullable=False)

    RULES: ClassVar[Mapping[type[exp.Expr], Rule]] = {
        **Conversions.RULES,
        nodes.Call: _call,
        nodes.Transform: _transform,
        nodes.Named: _object,
    }
