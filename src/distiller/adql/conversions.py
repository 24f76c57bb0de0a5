"""Check of conversions: CAST, IN_UNIT, gavo_specconv."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final

from sqlglot import exp

from distiller.adql import functions, kinds, nodes, shapes, units
from distiller.adql.geometries import Geometries
from distiller.adql.instants import is_instant
from distiller.adql.kinds import DOUBLE, WORDS, kind
from distiller.adql.nodes import swap
from distiller.adql.typer import NUMBER, Place, Rule, bare

if TYPE_CHECKING:
    from collections.abc import Mapping

    from distiller.core.columns import Column

_CASTS: Final = {
    "number": {"number", "text"},
    "text": {"number", "text", "instant"},
    "instant": {"text", "instant"},
    "boolean": {"number", "text"},
    "moc": {"text"},
}


class Conversions(Geometries):
    """Types of conversions."""

    def _convert(self, node: nodes.Convert, place: Place) -> Column:
        own = self.typed(node.this, place)
        to = functions.CAST_TYPES[node.args["to"]]
        given, wanted = kind(own), kind(to)
        result = replace(to, nullable=own.nullable)
        if given == wanted == "number":
            result = replace(result, unit=own.unit, ucd=own.ucd)
        if isinstance(node.this, exp.Literal) and node.this.is_string:
            return self._convert_literal(node, wanted, result, place)
        if wanted in kinds.GEOMETRY:
            if given in {"text", "any"}:
                name = node.args["to"]
                self.fault(
                    "Q401", node, f"CAST AS {name} is translated for literals only"
                )
                return result
        elif given == "any" or wanted in _CASTS.get(given, set()):
            return result
        self.fault("Q312", node, f"CAST cannot make {WORDS[wanted]} of {WORDS[given]}")
        return result

    def _convert_literal(
        self, node: nodes.Convert, wanted: str, result: Column, place: Place
    ) -> Column:
        text = node.this.this
        if wanted in kinds.GEOMETRY:
            made = shapes.literal(node.args["to"], text)
            if made is None:
                return self.fault("Q312", node, f"{text!r} is no {node.args['to']}")
            made.meta["at"] = node.meta["at"]
            swap(node, made)
            return self.typed(made, place)
        if wanted == "instant" and not is_instant(text):
            hint = "write 'YYYY-MM-DDThh:mm:ss'"
            self.fault("Q312", node, f"{text!r} is no timestamp ({hint})")
        elif wanted == "number" and not _is_number(text):
            self.fault("Q312", node, f"{text!r} is no number")
        return result

    def _in_unit(self, node: nodes.InUnit, place: Place) -> Column:
        own = self.want(node.this, place, NUMBER, "argument 1 of IN_UNIT")
        unit = str(node.expression.this)
        result = replace(DOUBLE, unit=unit, nullable=own.nullable, ucd=own.ucd)
        given = unit if kind(own) == "any" else own.unit
        try:
            node.set("factor", units.factor(given or "", unit))
        except ValueError as error:
            # The unit of what is computed from columns is not known here.
            plain = isinstance(bare(node.this), exp.Column)
            computed = given is None and not plain and node.find(exp.Column)
            code = "Q401" if computed else "Q310"
            self.fault(code, node, str(error))
        return result

    def _spec_conv(self, node: nodes.SpecConv, place: Place) -> Column:
        own = self.want(node.this, place, NUMBER, "argument 1 of gavo_specconv")
        names = [str(u.this) for u in node.expressions]
        source = names[0] if len(names) > 1 else own.unit
        if source is None and kind(own) == "any":
            source = names[-1]
        try:
            number, over = units.spectral(source or "", names[-1])
            node.set("factor", number)
            node.set("over", over)
        except ValueError as error:
            self.fault("Q310", node, str(error))
        return replace(DOUBLE, unit=names[-1], nullable=own.nullable)

    RULES: ClassVar[Mapping[type[exp.Expr], Rule]] = {
        **Geometries.RULES,
        nodes.Convert: _convert,
        nodes.InUnit: _in_unit,
        nodes.SpecConv: _spec_conv,
    }


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
