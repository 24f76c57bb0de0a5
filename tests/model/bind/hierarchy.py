"""A small model with everything that a binding has to decide."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from distiller.model.bind import bind
from distiller.model.binding import Binding, TableBinding, default_binding
from distiller.model.entities import (
    Constraint,
    Document,
    EnumLiteral,
    Import,
    Package,
    Role,
    Type,
)
from distiller.model.tables import Model

if TYPE_CHECKING:
    from distiller.model.bind.binder import Bound
    from distiller.model.entities import RoleKind, TypeKind
    from distiller.model.tables import Strategy


def role(
    kind: RoleKind, owner: str, name: str, ref: str, lower: int = 1, upper: int = 1
) -> Role:
    """Return a role of a type of the toy model."""
    return Role(kind, f"{owner}.{name}", name, ref, lower, upper, f"The {name}.")


def made(
    kind: TypeKind,
    identifier: str,
    *roles: tuple[RoleKind, str, str, int, int],
    extends: str | None = None,
    abstract: bool = False,
    rules: tuple[str, ...] = (),
    values: tuple[str, ...] = (),
) -> Type:
    """Return a type of the toy model."""
    return Type(
        kind=kind,
        id=identifier,
        name=identifier.rpartition(".")[2],
        description=f"A {identifier}.",
        package=identifier.rpartition(".")[0],
        abstract=abstract,
        extends=f"toy:{extends}" if extends else None,
        roles=tuple(role(k, identifier, n, r, lo, up) for k, n, r, lo, up in roles),
        values=tuple(EnumLiteral(f"{identifier}.{v}", v, v) for v in values),
        constraints=tuple(Constraint(words) for words in rules),
    )


_TYPES = (
    made("enumeration", "Band", values=("radio", "gamma")),
    made("dataType", "Place", ("attribute", "ra", "ivoa:real", 1, 1),
         ("attribute", "dec", "ivoa:real", 1, 1), rules=("-90 <= dec <= 90",)),
    made("dataType", "Error", abstract=True),
    made("dataType", "Circle", ("attribute", "radius", "ivoa:real", 1, 1),
         extends="Error", rules=("radius > 0",)),
    made("dataType", "Ellipse", ("attribute", "major", "ivoa:real", 1, 1),
         ("attribute", "minor", "ivoa:real", 1, 1), extends="Error",
         rules=("self.major >= self.minor",)),
    made("objectType", "Catalogue", ("attribute", "name", "ivoa:string", 1, 1),
         ("composition", "things", "toy:Thing", 0, -1)),
    made("objectType", "Thing", ("attribute", "name", "ivoa:string", 1, 1),
         ("attribute", "where", "toy:Place", 0, 1),
         ("attribute", "error", "toy:Error", 0, 1),
         ("attribute", "alias", "ivoa:string", 0, -1),
         ("attribute", "corner", "toy:Place", 0, 4),
         ("reference", "near", "toy:Thing", 0, -1),
         abstract=True, rules=("name <> ''", "The name is a good one.")),
    made("objectType", "Star", ("attribute", "flux", "ivoa:RealQuantity", 1, 1),
         ("attribute", "band", "toy:Band", 0, 1),
         extends="Thing", rules=("flux >= 0", "flux > 1 or name <> 'dim'")),
    made("objectType", "Pulsar", ("attribute", "period", "ivoa:real", 1, 1),
         ("reference", "companion", "toy:Star", 0, 1), extends="Star"),
    made("objectType", "Cloud", ("attribute", "flux", "ivoa:real", 0, 1),
         extends="Thing"),
    made("objectType", "Note", ("attribute", "text", "ivoa:string", 1, 1),
         ("reference", "about", "toy:Thing", 1, 1)),
)  # fmt: skip

TOY = Document(
    name="toy",
    title="Toy",
    description="A toy.",
    version="1",
    package_tree=(Package("", "", ""),),
    types=_TYPES,
    imported=(Import("ivoa"),),
)


def bound(strategy: Strategy) -> Bound:
    """Return what the toy becomes with one strategy, bound by default otherwise."""
    usual = default_binding(TOY)
    family = {"Star", "Pulsar", "Cloud"}
    left_out = {"joined": set[str](), "single": family, "concrete": {"Thing"}}
    tables: dict[str, TableBinding] = {
        name: table
        for name, table in usual.tables.items()
        if name not in left_out[strategy]
    }
    binding = Binding(
        model="toy", schema="toy", inheritance={"Thing": strategy}, tables=tables
    )
    return bind(TOY, binding, complete=False)


def model(strategy: Strategy) -> Model:
    """Return the toy as a model."""
    found = bound(strategy)
    assert found.faults == ()
    return Model((TOY,), found.tables, found.views, notes=found.notes)


def with_types(*types: Type) -> Document:
    """Return the toy with other types."""
    return replace(TOY, types=types)
