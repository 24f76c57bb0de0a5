"""From what a person types to a position: coordinates, known names, Sesame."""

from __future__ import annotations

from distiller.web.names import archived
from distiller.web.names.box import Place, parse_place
from distiller.web.names.resolver import (
    Target,
    UnknownTarget,
    UnresolvedTarget,
    resolve,
)

__all__ = [
    "Place",
    "Target",
    "UnknownTarget",
    "UnresolvedTarget",
    "archived",
    "parse_place",
    "resolve",
]
