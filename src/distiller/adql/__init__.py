"""Text to safe SQL: ``translate`` is the one public function.

The way of a query: ``tokens`` -> ``grammar`` (ADQL 2.1, into a tree of sqlglot) ->
``check`` (names, types) -> ``passes`` -> a writer of ``targets``.
"""

from __future__ import annotations

from distiller.adql.passes.access import Access, Rules
from distiller.adql.translate import Target, Translation, check_syntax, translate

__all__ = ["Access", "Rules", "Target", "Translation", "check_syntax", "translate"]
