"""Simple Cone Search 1.03, and what 1.1 adds: parameters, errors, capabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, get_args
from xml.sax.saxutils import quoteattr

from distiller.core.errors import BadParameter
from distiller.vo import elements, votable
from distiller.vo.dali import Parameters
from distiller.vo.elements import InputParameter, add
from distiller.vo.formats import format_of
from distiller.vo.xmltext import clean

if TYPE_CHECKING:
    from collections.abc import Iterable

STANDARD: Final = "ivo://ivoa.net/std/ConeSearch"
MEDIA_TYPE: Final = "text/xml;content=x-votable"
"""Of an answer where no format is asked for (1.03 section 2)."""

RADIUS_MAX_DEG: Final = 180.0
MAIN_UCDS: Final = {
    "obs_publisher_did": "ID_MAIN",
    "s_ra": "POS_EQ_RA_MAIN",
    "s_dec": "POS_EQ_DEC_MAIN",
}
"""UCDs of 1.03, which every client knows; each stands once in a table."""

Verbosity = Literal[1, 2, 3]

_NAMESPACE: Final = "http://www.ivoa.net/xml/ConeSearch/v1.0"
_INPUTS: Final = (
    *(
        InputParameter(name, words, "double", unit="deg", required=True)
        for name, words in (
            ("RA", "Right ascension of the centre, ICRS"),
            ("DEC", "Declination of the centre, ICRS"),
            ("SR", "Radius; 0 asks for the columns only"),
        )
    ),
    InputParameter("VERB", "Columns: 1 the fewest, 2, 3 all", "int"),
    InputParameter("MAXREC", "Rows at most", "int"),
    InputParameter("RESPONSEFORMAT", "Format of the answer", arraysize="*"),
)


@dataclass(frozen=True, slots=True)
class ConeParameters:
    """The parameters of one search, checked.

    Attributes
    ----------
    ra_deg, dec_deg, radius_deg
        Centre (ICRS) and radius, deg; a radius of 0 asks for the columns only.
    verbosity
        How many columns: 1 the fewest, 3 all.
    maxrec
        Rows, None where not given.
    responseformat
        As given; ``vo.formats`` knows it.
    """

    ra_deg: float
    dec_deg: float
    radius_deg: float
    verbosity: Verbosity = 2
    maxrec: int | None = None
    responseformat: str | None = None
    run_id: str | None = None

    @classmethod
    def parse(cls, pairs: Iterable[tuple[str, str]]) -> ConeParameters:
        """Read the parameters of a request; unknown ones are ignored.

        Raises
        ------
        BadParameter
            Naming the parameter and what it may be.
        """
        given = Parameters(pairs)
        responseformat = given.single("RESPONSEFORMAT")
        format_of(responseformat)
        return cls(
            ra_deg=_required(given, "RA", 0.0, 360.0),
            dec_deg=_required(given, "DEC", -90.0, 90.0),
            radius_deg=_required(given, "SR", 0.0, RADIUS_MAX_DEG),
            verbosity=_verbosity(given),
            maxrec=given.count("MAXREC"),
            responseformat=responseformat,
            run_id=given.single("RUNID"),
        )


def _required(given: Parameters, name: str, lowest: float, highest: float) -> float:
    value = given.number(name, lowest=lowest, highest=highest, unit="deg")
    if value is None:
        raise BadParameter(
            name,
            "missing",
            hint="give RA, DEC and SR in deg, as RA=83.63&DEC=22.01&SR=2",
        )
    return value


def _verbosity(given: Parameters) -> Verbosity:
    value = given.count("VERB")
    if value is None:
        return 2
    for known in get_args(Verbosity):
        if value == known:
            verbosity: Verbosity = known
            return verbosity
    raise BadParameter("VERB", f"unknown {value}", hint="there are 1, 2 and 3")


def error_document(message: str) -> bytes:
    """Return a whole VOTable that says an error, to clients of 1.03 and of 1.1."""
    info = f'<INFO ID="Error" name="Error" value={quoteattr(clean(message))}/>\n'
    return votable.error_document(message, before=info)


@dataclass(frozen=True, slots=True)
class ConeService:
    """What a cone search says of itself.

    Attributes
    ----------
    base_url
        Without a last slash, such as ``https://example.org/scs``.
    rows_max
        Rows of an answer at most.
    place_deg
        Right ascension and declination where something is found, for a test.
    """

    base_url: str
    rows_max: int
    place_deg: tuple[float, float] | None = None


def capabilities(service: ConeService) -> bytes:
    """Return the capabilities of a cone search (ConeSearch 1.1, the schema)."""
    root = elements.capabilities(cs=_NAMESPACE)
    search = add(root, "capability", standardID=STANDARD)
    search.set(elements.TYPE, "cs:ConeSearch")
    described = elements.interface(
        search, f"{service.base_url}?", use="base", version="1.03"
    )
    add(described, "queryType", "GET")
    add(described, "resultType", MEDIA_TYPE)
    elements.parameters(described, _INPUTS)
    add(search, "maxSR", f"{RADIUS_MAX_DEG:g}")
    add(search, "maxRecords", str(service.rows_max))
    add(search, "verbosity", "true")
    if service.place_deg is not None:
        test = add(search, "testQuery")
        ra, dec = service.place_deg
        for name, value in (("ra", ra), ("dec", dec), ("sr", 1.0)):
            add(test, name, repr(value))
    elements.vosi(root, service.base_url, "capabilities", "availability", "tables")
    return elements.written(root)
