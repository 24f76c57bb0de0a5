"""Every function that ADQL text may call: a table, and what stands in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from sqlglot import exp

from distiller.adql import nodes
from distiller.adql.kinds import DOUBLE, INT, MOC, POINT, TEXT
from distiller.adql.rotations import FRAMES
from distiller.core.columns import Column

Argument: TypeAlias = Literal[
    "number", "text", "instant", "integer", "point", "geometry", "moc",
    "number literal", "integer literal", "text literal",
]  # fmt: skip


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
    signatures
        For user-defined functions, as TAPRegExt wants them: one for each form.
    description
        What it returns, one sentence.
    pair
        Whether the last argument is a point that may be given as two numbers.
    partial
        Whether the result may be NULL though no argument is.
    """

    name: str
    arguments: tuple[Argument, ...]
    result: Column
    optional: int = 0
    signatures: tuple[str, ...] = ()
    description: str | None = None
    pair: bool = False
    partial: bool = False

    @property
    def counts(self) -> range:
        """How many arguments it may have."""
        most = len(self.arguments)
        return range(most - self.optional, most + 1 + self.pair)

    @property
    def form(self) -> str:
        """How a call of it is written.

        >>> FUNCTIONS["ROUND"].form, FUNCTIONS["IVO_TO_JD"].form
        ('ROUND(number[, integer])', 'ivo_to_jd(d TIMESTAMP) -> DOUBLE PRECISION')
        """
        if self.signatures:
            return self.signatures[0]
        kinds = [argument.removesuffix(" literal") for argument in self.arguments]
        needed = len(kinds) - self.optional
        first, more = ", ".join(kinds[:needed]), ", ".join(kinds[needed:])
        if not more:
            return f"{self.name}({first})"
        return f"{self.name}({first}[, {more}])" if first else f"{self.name}([{more}])"


_WORDS: Final = {
    "D": "DOUBLE PRECISION", "I": "INTEGER", "L": "BIGINT", "S": "TIMESTAMP",
    "T": "VARCHAR",
}  # fmt: skip


def _signed(*short: str) -> tuple[str, ...]:
    """Return signatures as TAPRegExt wants them.

    >>> _signed("ivo_to_jd(d S) -> D")
    ('ivo_to_jd(d TIMESTAMP) -> DOUBLE PRECISION',)
    """
    return tuple(re.sub(r"\b[DILST]\b", lambda x: _WORDS[x[0]], one) for one in short)


_N: Final[Argument] = "number"
_T: Final[Argument] = "text"
_M: Final[Argument] = "moc"
_I: Final[Argument] = "integer literal"
_RAD: Final = Column("", "double", unit="rad")
_DEG: Final = Column("", "double", unit="deg")
_DAY: Final = Column("", "double", unit="d")
_SECONDS: Final = Column("", "double", unit="s", ucd="time.duration")
_HEALPIX: Final = Column("", "long", ucd="pos.healpix")

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
        signatures=_signed("ivo_nocasematch(value T, pat T) -> I"),
        description="1 if pat matches value as in LIKE, upper and lower case alike; "
        "0 otherwise",
    ),
    Function(
        "IVO_HASWORD", (_T, _T), INT,
        signatures=_signed("ivo_hasword(haystack T, needle T) -> I"),
        description="1 if all words of needle stand in haystack as whole words, upper "
        "and lower case alike; 0 otherwise",
    ),
    Function(
        "IVO_HASHLIST_HAS", (_T, _T), INT,
        signatures=_signed("ivo_hashlist_has(hashlist T, item T) -> I"),
        description="1 if item is one of the words of hashlist, which are separated "
        "by #, upper and lower case alike; 0 otherwise",
    ),
    Function(
        "IVO_INTERVAL_OVERLAPS", (_N, _N, _N, _N), INT,
        signatures=_signed("ivo_interval_overlaps(l1 D, h1 D, l2 D, h2 D) -> I"),
        description="1 if the intervals [l1, h1] and [l2, h2] have a point in common; "
        "0 otherwise",
    ),
    Function(
        "IVO_TO_JD", ("instant",), _DAY,
        signatures=_signed("ivo_to_jd(d S) -> D"),
        description="The Julian date of a timestamp, in days",
    ),
    Function(
        "IVO_TO_MJD", ("instant",), _DAY,
        signatures=_signed("ivo_to_mjd(d S) -> D"),
        description="The modified Julian date of a timestamp, in days",
    ),
    Function(
        "IVO_HEALPIX_INDEX", ("integer", "point"), _HEALPIX, pair=True, partial=True,
        signatures=_signed(
            "ivo_healpix_index(hpxOrder I, long D, lat D) -> L",
            "ivo_healpix_index(hpxOrder I, point POINT) -> L",
        ),
        description="the HEALPix cell of order 0 to 29 that holds a place, in NESTED "
        "numbering",
    ),
    Function(
        "IVO_HEALPIX_CENTER", ("integer", "integer"), POINT, partial=True,
        signatures=_signed("ivo_healpix_center(hpxOrder I, hpxIndex L) -> POINT"),
        description="the centre of a HEALPix cell of order 0 to 29, in NESTED "
        "numbering; NULL where there is no such cell",
    ),
    Function(
        "IVO_EPOCH_PROP_POS", (_N,) * 8, POINT, partial=True,
        signatures=_signed(
            "ivo_epoch_prop_pos(ra D, dec D, parallax D, pmra D, pmdec D, "
            "radial_velocity D, ref_epoch D, out_epoch D) -> POINT"
        ),
        description="the position at out_epoch, in Julian years, of what moves with a "
        "proper motion in mas/yr and a radial velocity in km/s, its parallax in mas",
    ),
    Function(
        "IVO_HMS_TO_DEGREES", (_T,), _DEG, partial=True,
        signatures=_signed("ivo_hms_to_degrees(hms T) -> D"),
        description="degrees of h:m:s, hhmmss or hHmMsS; NULL if it is none of these",
    ),
    Function(
        "IVO_DMS_TO_DEGREES", (_T,), _DEG, partial=True,
        signatures=_signed("ivo_dms_to_degrees(dms T) -> D"),
        description="degrees of d:m:s, ddmmss or dDmMsS, with or without a sign; NULL "
        "if it is none of these",
    ),
    Function(
        "IVO_NORMAL_RANDOM", (_N, _N), DOUBLE,
        signatures=_signed("ivo_normal_random(mu D, sigma D) -> D"),
        description="a random number of a normal distribution, another in each row",
    ),
    # Time MOCs: our own names, as ADQL wants them with a prefix (decision 0035).
    Function(
        "CTA_TMOC", (_M,), MOC, partial=True,
        signatures=_signed("cta_tmoc(moc T) -> MOC"),
        description="a time MOC of its text, written with the fewest cells; NULL if it "
        "is none",
    ),
    Function(
        "CTA_TMOC_BETWEEN", (_N, _N), MOC, partial=True,
        signatures=_signed("cta_tmoc_between(start_mjd D, stop_mjd D) -> MOC"),
        description="the time MOC of an interval of UTC, given as MJD; NULL if it ends "
        "before it begins",
    ),
    Function(
        "CTA_TMOC_CONTAINS", (_M, _M), INT, partial=True,
        signatures=_signed("cta_tmoc_contains(inner MOC, outer MOC) -> I"),
        description="1 if all times of inner are in outer; 0 otherwise",
    ),
    Function(
        "CTA_TMOC_DURATION", (_M,), _SECONDS, partial=True,
        signatures=_signed("cta_tmoc_duration(moc MOC) -> D"),
        description="how long the times of a MOC are together, in s",
    ),
    Function(
        "CTA_TMOC_HAS", (_M, _N), INT, partial=True,
        signatures=_signed("cta_tmoc_has(moc MOC, mjd D) -> I"),
        description="1 if a moment of UTC, given as MJD, is in a time MOC; 0 otherwise",
    ),
    Function(
        "CTA_TMOC_INTERSECTION", (_M, _M), MOC, partial=True,
        signatures=_signed("cta_tmoc_intersection(a MOC, b MOC) -> MOC"),
        description="the times that two MOCs have in common",
    ),
    Function(
        "CTA_TMOC_INTERSECTS", (_M, _M), INT, partial=True,
        signatures=_signed("cta_tmoc_intersects(a MOC, b MOC) -> I"),
        description="1 if two MOCs have a time in common; 0 otherwise",
    ),
    Function(
        "CTA_TMOC_UNION", (_M, _M), MOC, partial=True,
        signatures=_signed("cta_tmoc_union(a MOC, b MOC) -> MOC"),
        description="the times of two MOCs together",
    ),
)  # fmt: skip

FUNCTIONS: Final = {f.name: f for f in _TABLE}

TRUTHS: Final = frozenset({"CTA_TMOC_CONTAINS", "CTA_TMOC_HAS", "CTA_TMOC_INTERSECTS"})
"""Functions that are written as a condition where they are compared with 1 or 0."""

AGGREGATES: Final[dict[str, type[exp.AggFunc]]] = {
    "AVG": exp.Avg,
    "COUNT": exp.Count,
    "IVO_HISTOGRAM": nodes.Histogram,
    "IVO_STRING_AGG": nodes.StringAgg,
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

SPECIAL: Final = frozenset(
    {
        "CAST", "COALESCE", "GAVO_SPECCONV", "IN_UNIT", "IVO_GEOM_TRANSFORM",
        "IVO_SIMBADPOINT",
    }
)  # fmt: skip
"""Functions with a rule of their own for their arguments or result."""


@dataclass(frozen=True, slots=True)
class Form:
    """How a function is advertised that is no `Function`."""

    signatures: tuple[str, ...]
    description: str


FORMS: Final = {
    "GAVO_SPECCONV": Form(
        _signed(
            "gavo_specconv(expr D, from_unit T, dest_unit T) -> D",
            "gavo_specconv(expr D, dest_unit T) -> D",
        ),
        "a spectral value in another unit, energies, frequencies, wavenumbers and "
        "wavelengths among them; its own may be left out where the column has one",
    ),
    "IVO_GEOM_TRANSFORM": Form(
        _signed("ivo_geom_transform(from_sys T, to_sys T, geo GEOMETRY) -> GEOMETRY"),
        f"a geometry in another frame, by a rotation; the frames, given as text "
        f"literals, are {', '.join(FRAMES)}",
    ),
    "IVO_HISTOGRAM": Form(
        _signed("ivo_histogram(val D, lower D, upper D, nbins I) -> I[]"),
        "of the rows of a group, the number of values below lower and of NULL, in each "
        "of nbins bins, and above upper; all but val are literals",
    ),
    "IVO_SIMBADPOINT": Form(
        _signed("ivo_simbadpoint(identifier T) -> POINT"),
        "the position of an object that is given by its name, a text literal; the "
        "service knows the usual sources of its field and asks nobody else",
    ),
    "IVO_STRING_AGG": Form(
        _signed("ivo_string_agg(expression T, delimiter T) -> T"),
        "the texts of a group that are not NULL, in their order, with the delimiter, a "
        "text literal, between them",
    ),
}
"""User-defined functions with a rule of their own, and the aggregates among them."""


def advertised() -> tuple[tuple[str, str], ...]:
    """Return signature and description of every form of a user-defined function."""
    told = {f.name: Form(f.signatures, f.description or "") for f in _TABLE}
    return tuple(
        (signature, form.description)
        for _, form in sorted((told | FORMS).items())
        for signature in form.signatures
    )


NAMES: Final = frozenset(FUNCTIONS) | set(AGGREGATES) | GEOMETRY_FUNCTIONS | SPECIAL

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
    return known is not None and not known.signatures


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
