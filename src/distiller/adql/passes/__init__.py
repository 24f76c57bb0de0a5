"""Tree to tree functions, one file each, run in the order of ``PASSES``.

They take a tree that the checks have passed: columns are qualified, values typed. None
depends on the engine that the tree will be written for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from distiller.adql.passes.boxes import boxes
from distiller.adql.passes.cones import cones
from distiller.adql.passes.division import division
from distiller.adql.passes.operands import operands
from distiller.adql.passes.output import output
from distiller.adql.passes.regions import regions

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlglot import exp

PASSES: Final[tuple[Callable[[exp.Query], exp.Query], ...]] = (
    regions,
    cones,
    boxes,
    division,
    operands,
    output,
)
