"""Words that a query may have, for who helps people to write one."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Final

from distiller.adql.functions import (
    AGGREGATES,
    CAST_TYPES,
    FORMS,
    FUNCTIONS,
    GEOMETRY_FUNCTIONS,
    SPECIAL,
)
from distiller.adql.words import CLAUSES

_FORMS: Final = {
    "AVG": ("AVG(number)", "the mean of the rows"),
    "COUNT": ("COUNT(*)", "the number of rows, or of values that are not NULL"),
    "MAX": ("MAX(value)", "the largest value of the rows"),
    "MIN": ("MIN(value)", "the smallest value of the rows"),
    "SUM": ("SUM(number)", "the sum of the rows"),
    "AREA": ("AREA(region)", "the area, in square degrees"),
    "BOX": (
        "BOX(ra, dec, width, height)",
        "a box with great circles as sides, deprecated: POLYGON is not",
    ),
    "CENTROID": ("CENTROID(region)", "the point in the middle"),
    "CIRCLE": ("CIRCLE(ra, dec, radius)", "a circle, ICRS, in degrees"),
    "CONTAINS": (
        "CONTAINS(inner, outer)",
        "1 if outer holds all of inner, else 0: 1 = CONTAINS(POINT(ra, dec), region)",
    ),
    "COORD1": ("COORD1(point)", "the right ascension, in degrees"),
    "COORD2": ("COORD2(point)", "the declination, in degrees"),
    "COORDSYS": ("COORDSYS(region)", "the coordinate system, as text"),
    "DISTANCE": ("DISTANCE(point, point)", "the angle between two points, in degrees"),
    "INTERSECTS": (
        "INTERSECTS(region, region)",
        "1 if they have a point in common, else 0: 1 = INTERSECTS(a, b)",
    ),
    "POINT": ("POINT(ra, dec)", "a position, ICRS, in degrees"),
    "POLYGON": (
        "POLYGON(ra1, dec1, ra2, dec2, ra3, dec3[, ...])",
        "a polygon, ICRS, in degrees",
    ),
    "REGION": ("REGION('Circle ICRS 83.6 22.0 1.5')", "a region from text in STC-S"),
    "CAST": ("CAST(value AS type)", "the value as another type"),
    "COALESCE": ("COALESCE(value, value[, ...])", "the first that is not NULL"),
    "IN_UNIT": ("IN_UNIT(column, 'unit')", "the value in another unit"),
}


@dataclass(frozen=True, slots=True)
class Callable:
    """A function: its name as written, how a call looks, and what it returns."""

    name: str
    form: str
    description: str


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Keywords and types in upper case, and functions, each in alphabetic order."""

    keywords: tuple[str, ...]
    types: tuple[str, ...]
    functions: tuple[Callable, ...]


@functools.cache
def vocabulary() -> Vocabulary:
    """Return every word that the grammar takes, apart from names of tables and columns.

    >>> [f.form for f in vocabulary().functions if f.name == "LOWER"]
    ['LOWER(text)']
    """
    listed = set(FUNCTIONS) | set(AGGREGATES) | GEOMETRY_FUNCTIONS | SPECIAL
    return Vocabulary(
        tuple(sorted(CLAUSES)),
        tuple(CAST_TYPES),
        tuple(_callable(name) for name in sorted(listed)),
    )


def _callable(name: str) -> Callable:
    known = FUNCTIONS.get(name)
    if name in FORMS:
        form, description = FORMS[name].signatures[0], FORMS[name].description
    elif known is None:
        form, description = _FORMS[name]
    else:
        form, description = known.form, known.description or ""
    return Callable(form.partition("(")[0], form, description)
