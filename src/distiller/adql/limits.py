"""Limits on the size of a query (code Q108), so that no text costs much.

Reading a text, and planning its SQL in the engine, cannot be interrupted: only what is
counted here bounds them.
"""

from __future__ import annotations

from typing import Final

MOST_CHARACTERS: Final = 200_000
MOST_TOKENS: Final = 40_000
LONGEST_NAME: Final = 128
DEEPEST: Final = 40
MOST_HEIGHT: Final = 160
MOST_SELECTS: Final = 100
MOST_TABLES: Final = 100
MOST_JOINS: Final = 50
MOST_ITEMS: Final = 1_000
MOST_COLUMNS: Final = 20_000
MOST_TERMS: Final = 20_000
MOST_CONDITIONS: Final = 2_000
MOST_COMPOUND: Final = 500
MOST_OPERATORS: Final = 100
MOST_SORTED: Final = 300
MOST_VERTICES: Final = 1_000
MOST_PARTS: Final = 100
MOST_BINS: Final = 1_000
DEEPEST_PARTS: Final = 10
DEEPEST_GEOMETRY: Final = 2
MOST_TEXT: Final = 100_000
MOST_COPIED: Final = 20_000
MOST_WRITTEN: Final = 200_000

# PostgreSQL makes 1,664 columns of one SELECT at most, and one of each term that is
# grouped or sorted by.

ASSUMED_TEXT: Final = 50
"""Characters that a stored text is taken to have, where lengths are estimated."""

LIMITS: Final[tuple[tuple[int, str], ...]] = (
    (MOST_CHARACTERS, "characters"),
    (MOST_TOKENS, "words and signs"),
    (LONGEST_NAME, "characters of a name"),
    (DEEPEST, "levels of parentheses, sub-queries and functions"),
    (MOST_HEIGHT, "levels of these and of operators and clauses together"),
    (MOST_SELECTS, "SELECTs"),
    (MOST_TABLES, "tables, each counted as often as it is named"),
    (MOST_JOINS, "joins: tables that are not the first of their FROM"),
    (MOST_ITEMS, "columns of one SELECT, those of `*` included"),
    (MOST_COLUMNS, "columns of all tables and SELECTs together"),
    (MOST_TERMS, "values of one list, and arguments of one function"),
    (MOST_CONDITIONS, "conditions joined by AND or OR"),
    (
        MOST_COMPOUND,
        "alternatives of OR that are joined by AND, BETWEEN, or of geometries",
    ),
    (MOST_OPERATORS, "operators in one chain of arithmetic"),
    (MOST_SORTED, "terms of one GROUP BY or ORDER BY"),
    (MOST_VERTICES, "vertices of a polygon"),
    (DEEPEST_PARTS, "levels of regions in each other in one text of REGION"),
    (MOST_PARTS, "regions of one text in REGION, those that join others included"),
    (MOST_BINS, "bins of a histogram (Q311)"),
    (
        DEEPEST_GEOMETRY,
        "levels of AREA, CENTROID, CONTAINS, DISTANCE and INTERSECTS in each other",
    ),
    (
        MOST_TEXT,
        f"characters of texts in a row, {ASSUMED_TEXT} assumed for a stored one",
    ),
    (MOST_COPIED, "parts that names of the SELECT list bring into other clauses"),
    (MOST_WRITTEN, "parts of the SQL that is made"),
)
"""Every limit with what it counts, for the reference."""


class Exceeded(Exception):  # noqa: N818 - never leaves the room
    """A limit is reached, and going on would cost too much; the fault is noted."""
