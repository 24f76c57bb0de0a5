"""Simple Image Access 2.0: parameters, errors, capabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from distiller.core.errors import BadParameter, DistillerError, PassingError, UserError
from distiller.vo import elements, intervals, shapes, votable
from distiller.vo.dali import Parameters
from distiller.vo.elements import InputParameter, add
from distiller.vo.formats import format_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from distiller.vo.intervals import Interval
    from distiller.vo.shapes import Shape

STANDARD: Final = "ivo://ivoa.net/std/SIA#query-2.0"
TYPES: Final = ("image", "cube")
"""Data products that an image service has (section 2.1.15), as ObsCore names them."""

STATES: Final = (
    *("I", "Q", "U", "V", "RR", "LL", "RL", "LR", "XX", "YY", "XY", "YX"),
    *("POLI", "POLA"),
)
"""Polarization states (ObsCore 1.1 section B.6.6)."""

MOST_VALUES: Final = 100
"""Values of one parameter at most."""

INTERVALS: Final[Mapping[str, tuple[str, str | None, str]]] = {
    "BAND": ("em", "m", "Wavelengths that the data overlap"),
    "TIME": ("t", "d", "Times that the data overlap, MJD (UTC)"),
    "FOV": ("s_fov", "deg", "Field of view"),
    "SPATRES": ("s_resolution", "arcsec", "Angular resolution"),
    "SPECRP": ("em_res_power", None, "Spectral resolving power"),
    "EXPTIME": ("t_exptime", "s", "Exposure time"),
    "TIMERES": ("t_resolution", "s", "Resolution in time"),
}
"""Parameters that are intervals: columns of ObsCore (the start of their names, where
the data have two ends), unit, meaning."""

TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "ID": ("obs_publisher_did", "Publisher DID of a dataset"),
    "COLLECTION": ("obs_collection", "Name of a collection"),
    "FACILITY": ("facility_name", "Name of an observatory"),
    "INSTRUMENT": ("instrument_name", "Name of an instrument"),
    "DPTYPE": ("dataproduct_type", "image or cube"),
    "TARGET": ("target_name", "Name of what was observed"),
    "FORMAT": ("access_format", "Media type of the data"),
}
"""Parameters that are texts: column of ObsCore, meaning."""

INPUTS: Final = (
    InputParameter(
        "POS", "Region that the data overlap: CIRCLE, RANGE or POLYGON", "char", "*"
    ),
    *(
        InputParameter(name, words, "double", "2", "interval", unit)
        for name, (_, unit, words) in INTERVALS.items()
    ),
    InputParameter("POL", "Polarization state", "char", "*"),
    *(InputParameter(n, words, "char", "*") for n, (_, words) in TEXTS.items()),
    InputParameter("CALIB", "Calibration level, 0 to 4", "int"),
    InputParameter("MAXREC", "Rows at most", "int"),
    InputParameter("RESPONSEFORMAT", "Format of the answer", "char", "*"),
)
"""What may be asked, for the descriptor of the service (section 3.1.2)."""

_LEVELS: Final = range(5)


@dataclass(frozen=True, slots=True)
class ImageParameters:
    """The parameters of one search, checked; several values of one are alternatives.

    Attributes
    ----------
    positions
        Regions that the images overlap.
    intervals
        By parameter of INTERVALS.
    texts
        By parameter of TEXTS.
    states
        Polarization states.
    levels
        Calibration levels.
    maxrec
        Rows, None where not given.
    responseformat
        As given; ``vo.formats`` knows it.
    """

    positions: tuple[Shape, ...]
    intervals: Mapping[str, tuple[Interval, ...]]
    texts: Mapping[str, tuple[str, ...]]
    states: tuple[str, ...] = ()
    levels: tuple[int, ...] = ()
    maxrec: int | None = None
    responseformat: str | None = None
    run_id: str | None = None

    @classmethod
    def parse(cls, pairs: Iterable[tuple[str, str]]) -> ImageParameters:
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
            positions=tuple(
                shapes.parse("POS", text) for text in _several(given, "POS")
            ),
            intervals={
                name: tuple(intervals.parse(name, text) for text in texts)
                for name in INTERVALS
                if (texts := _several(given, name))
            },
            texts={
                name: tuple(_text(name, text) for text in texts)
                for name in TEXTS
                if (texts := _several(given, name))
            },
            states=tuple(_state(text) for text in _several(given, "POL")),
            levels=tuple(_level(text) for text in _several(given, "CALIB")),
            maxrec=given.count("MAXREC"),
            responseformat=responseformat,
            run_id=given.single("RUNID"),
        )


def _several(given: Parameters, name: str) -> tuple[str, ...]:
    values = given.many(name)
    if len(values) > MOST_VALUES:
        raise BadParameter(
            name, f"given {len(values)} times", hint=f"give {MOST_VALUES} at most"
        )
    return values


def _text(name: str, text: str) -> str:
    """Return a text that a name can be."""
    strange = next((c for c in text if c < " " or "\ud800" <= c <= "\udfff"), None)
    if strange is not None:
        raise BadParameter(name, f"has the character U+{ord(strange):04X}")
    return text


def _state(text: str) -> str:
    state = text.strip().upper()
    if state not in STATES:
        raise BadParameter(
            "POL", f"unknown {text!r}", hint=f"there are {', '.join(STATES)}"
        )
    return state


def _level(text: str) -> int:
    level = text.strip()
    if level not in {str(known) for known in _LEVELS}:
        raise BadParameter("CALIB", f"unknown {text!r}", hint="there are 0 to 4")
    return int(level)


def error_document(error: DistillerError) -> bytes:
    """Return a whole VOTable that says an error; its class stands first (section 3.3).

    >>> b'value="ERROR">UsageFault: BAND: missing<' in error_document(
    ...     BadParameter("BAND", "missing")
    ... )
    True
    """
    return votable.error_document(f"{_class(error)}: {error.text}")


def _class(error: DistillerError) -> str:
    if isinstance(error, UserError):
        return "UsageFault"
    return "TransientFault" if isinstance(error, PassingError) else "FatalFault"


def capabilities(base_url: str) -> bytes:
    """Return the capabilities of an image service (section 2.3).

    Parameters
    ----------
    base_url
        Without a last slash, such as ``https://example.org/sia2``.
    """
    root = elements.capabilities()
    search = add(root, "capability", standardID=STANDARD)
    # No more, as in the standard's example: pyVO warns of every parameter here. The
    # answers describe them.
    elements.interface(search, f"{base_url}/query", use="base", version="2.0")
    elements.vosi(root, base_url, "capabilities", "availability", "tables")
    return elements.written(root)
