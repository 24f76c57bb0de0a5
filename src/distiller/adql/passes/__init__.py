"""Tree to tree functions, one file each, run in the order of ``PASSES``.

They take a tree that the checks have passed: columns are qualified, values typed. None
depends on the engine that the tree will be written for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from distiller.adql.passes.boxes import boxes
from distiller.adql.passes.cones import cones
from distiller.adql.passes.constants import constants
from distiller.adql.passes.division import division
from distiller.adql.passes.operands import operands
from distiller.adql.passes.output import output
from distiller.adql.passes.queries import queries
from distiller.adql.passes.regions import regions
from distiller.adql.passes.widths import widths

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlglot import exp

PASSES: Final[tuple[Callable[[exp.Query], exp.Query], ...]] = (
    queries,
    regions,
    cones,
    boxes,
    constants,
    widths,
    division,
    operands,
    output,
)
