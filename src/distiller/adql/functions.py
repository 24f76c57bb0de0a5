"""Every function that ADQL text may call: a table, and what stands in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from sqlglot import exp

from distiller.adql.kinds import DOUBLE, INT, TEXT
from distiller.core.columns import Column

Argument: TypeAlias = Literal[
    "number", "text", "instant", "integer literal", "text literal"
]


@dataclass(frozen=True, slots=True)
class Function:
    """One function with a fixed list of arguments.

    Attributes
    ----------
    name
        Upper case.
    arguments
        What each argument must be.
    optional
        How many of the last ones may be left out.
    result
        Type, unit and UCD of the result.
    signature
        For user-defined functions, as TAPRegExt wants it.
    description
        What it returns, one sentence.
    """

    name: str
    arguments: tuple[Argument, ...]
    result: Column
    optional: int = 0
    signature: str | None = None
    description: str | None = None

    @property
    def counts(self) -> range:
        """How many arguments it may have."""
        return range(len(self.arguments) - self.optional, len(self.arguments) + 1)

    @property
    def form(self) -> str:
        """How a call of it is written.

        >>> FUNCTIONS["ROUND"].form, FUNCTIONS["IVO_TO_JD"].form
        ('ROUND(number[, integer])', 'ivo_to_jd(d TIMESTAMP) -> DOUBLE PRECISION')
        """
        if self.signature is not None:
            return self.signature
        kinds = [argument.removesuffix(" literal") for argument in self.arguments]
        needed = len(kinds) - self.optional
        first, more = ", ".join(kinds[:needed]), ", ".join(kinds[needed:])
        if not more:
            return f"{self.name}({first})"
        return f"{self.name}({first}[, {more}])" if first else f"{self.name}([{more}])"


_N: Final[Argument] = "number"
_T: Final[Argument] = "text"
_I: Final[Argument] = "integer literal"
_RAD: Final = Column("", "double", unit="rad")
_DEG: Final = Column("", "double", unit="deg")
_DAY: Final = Column("", "double", unit="d")

_TABLE: Final = (
    # Mathematics: ADQL 2.1 section 2.3, tables 1 and 2; every result is a double.
    Function("ABS", (_N,), DOUBLE, description="the absolute value"),
    Function("CEILING", (_N,), DOUBLE, description="rounded up to a whole number"),
    Function("DEGREES", (_N,), _DEG, description="radians as degrees"),
    Function("EXP", (_N,), DOUBLE, description="e to that power"),
    Function("FLOOR", (_N,), DOUBLE, description="rounded down to a whole number"),
    Function("LOG", (_N,), DOUBLE, description="the natural logarithm"),
    Function("LOG10", (_N,), DOUBLE, description="the logarithm to base 10"),
    Function("MOD", (_N, _N), DOUBLE, description="the remainder of a division"),
    Function("PI", (), DOUBLE, description="the number pi"),
    Function(
        "POWER", (_N, _N), DOUBLE,
        description="the first to the power of the second",
    ),
    Function("RADIANS", (_N,), _RAD, description="degrees as radians"),
    Function(
        "RAND", (_I,), DOUBLE, optional=1,
        description="a random number from 0 to 1",
    ),
    Function(
        "ROUND", (_N, _I), DOUBLE, optional=1,
        description="rounded, to that many decimals",
    ),
    Function("SQRT", (_N,), DOUBLE, description="the square root"),
    Function(
        "TRUNCATE", (_N, _I), DOUBLE, optional=1,
        description="cut towards 0, to that many decimals",
    ),
    Function("ACOS", (_N,), _RAD, description="the arc cosine, in radians"),
    Function("ASIN", (_N,), _RAD, description="the arc sine, in radians"),
    Function("ATAN", (_N,), _RAD, description="the arc tangent, in radians"),
    Function(
        "ATAN2", (_N, _N), _RAD,
        description="the arc tangent of the first by the second, in radians",
    ),
    Function("COS", (_N,), DOUBLE, description="the cosine of radians"),
    Function("COT", (_N,), DOUBLE, description="the cotangent of radians"),
    Function("SIN", (_N,), DOUBLE, description="the sine of radians"),
    Function("TAN", (_N,), DOUBLE, description="the tangent of radians"),
    # Text: section 4.4.
    Function("LOWER", (_T,), TEXT, description="in lower case"),
    Function("UPPER", (_T,), TEXT, description="in upper case"),
    # The IVOA catalogue of user-defined functions, and one of GAVO.
    Function(
        "IVO_NOCASEMATCH", (_T, _T), INT,
        signature="ivo_nocasematch(value VARCHAR, pat VARCHAR) -> INTEGER",
        description="1 if pat matches value as in LIKE, upper and lower case alike; "
        "0 otherwise",
    ),
    Function(
        "IVO_HASWORD", (_T, _T), INT,
        signature="ivo_hasword(haystack VARCHAR, needle VARCHAR) -> INTEGER",
        description="1 if needle stands in haystack as whole words, upper and lower "
        "case alike; 0 otherwise",
    ),
    Function(
        "IVO_HASHLIST_HAS", (_T, _T), INT,
        signature="ivo_hashlist_has(hashlist VARCHAR, item VARCHAR) -> INTEGER",
        description="1 if item is one of the words of hashlist, which are separated "
        "by #, upper and lower case alike; 0 otherwise",
    ),
    Function(
        "IVO_INTERVAL_OVERLAPS", (_N, _N, _N, _N), INT,
        signature="ivo_interval_overlaps(l1 DOUBLE PRECISION, h1 DOUBLE PRECISION, "
        "l2 DOUBLE PRECISION, h2 DOUBLE PRECISION) -> INTEGER",
        description="1 if the intervals [l1, h1] and [l2, h2] have a point in common; "
        "0 otherwise",
    ),
    Function(
        "IVO_TO_JD", ("instant",), _DAY,
        signature="ivo_to_jd(d TIMESTAMP) -> DOUBLE PRECISION",
        description="The Julian date of a timestamp, in days",
    ),
    Function(
        "IVO_TO_MJD", ("instant",), _DAY,
        signature="ivo_to_mjd(d TIMESTAMP) -> DOUBLE PRECISION",
        description="The modified Julian date of a timestamp, in days",
    ),
)  # fmt: skip

FUNCTIONS: Final = {f.name: f for f in _TABLE}

AGGREGATES: Final[dict[str, type[exp.AggFunc]]] = {
    "AVG": exp.Avg,
    "COUNT": exp.Count,
    "MAX": exp.Max,
    "MIN": exp.Min,
    "SUM": exp.Sum,
}

GEOMETRY_FUNCTIONS: Final = frozenset(
    """
    AREA BOX CENTROID CIRCLE CONTAINS COORD1 COORD2 COORDSYS DISTANCE INTERSECTS POINT
    POLYGON REGION
    """.split()  # noqa: SIM905
)

SPECIAL: Final = frozenset({"CAST", "COALESCE", "IN_UNIT", "GAVO_SPECCONV"})
"""Functions with a rule of their own for their arguments or result."""

SPECCONV_SIGNATURE: Final = (
    "gavo_specconv(expr DOUBLE PRECISION, from_unit VARCHAR, dest_unit VARCHAR) "
    "-> DOUBLE PRECISION"
)

UNTRANSLATED: Final = frozenset(
    """
    IVO_APPLY_PM IVO_DMS_TO_DEGREES IVO_EPOCH_PROP IVO_EPOCH_PROP_POS
    IVO_GEOM_TRANSFORM IVO_HEALPIX_CENTER IVO_HEALPIX_INDEX IVO_HISTOGRAM
    IVO_HMS_TO_DEGREES IVO_INTERVAL_HAS IVO_NORMAL_RANDOM IVO_SIMBADPOINT IVO_STRING_AGG
    IVO_TRANSFORM_GEOM
    """.split()  # noqa: SIM905
)
"""Functions of the IVOA catalogue that are known and refused by name."""

NAMES: Final = (
    frozenset(FUNCTIONS) | set(AGGREGATES) | GEOMETRY_FUNCTIONS | SPECIAL | UNTRANSLATED
)

CAST_TYPES: Final = {
    "SMALLINT": Column("", "short"),
    "INTEGER": INT,
    "BIGINT": Column("", "long"),
    "REAL": Column("", "float"),
    "DOUBLE PRECISION": DOUBLE,
    "CHAR": TEXT,
    "VARCHAR": TEXT,
    "TIMESTAMP": Column("", "char", "*", "timestamp"),
    "POINT": Column("", "double", "2", "point", unit="deg"),
    "CIRCLE": Column("", "double", "3", "circle", unit="deg"),
    "POLYGON": Column("", "double", "*", "polygon", unit="deg"),
}
"""Types that CAST knows, by name: ADQL 2.1 section 4.7.1."""


def takes_no_null(name: str) -> bool:
    """Whether arguments are ``numeric_value_expression`` and the like, not any value.

    >>> takes_no_null("ABS"), takes_no_null("COALESCE"), takes_no_null("IVO_TO_JD")
    (True, False, False)
    """
    if name in GEOMETRY_FUNCTIONS or name == "IN_UNIT":
        return True
    known = FUNCTIONS.get(name)
    return known is not None and known.signature is None


def is_numeric(name: str) -> bool:
    """Whether the grammar has a function among those of numbers.

    >>> is_numeric("ABS"), is_numeric("LOWER"), is_numeric("IVO_TO_JD")
    (True, False, False)
    """
    return (
        takes_no_null(name)
        and name in FUNCTIONS
        and (FUNCTIONS[name].result.datatype != "char")
    )
