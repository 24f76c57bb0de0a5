"""TAP 1.1: the parameters of a query, and how many rows it may give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from distiller.core.errors import BadParameter
from distiller.vo.dali import Parameters
from distiller.vo.formats import format_of

if TYPE_CHECKING:
    from collections.abc import Iterable

LANGUAGES = ("ADQL", "ADQL-2.1", "ADQL-2.0")
"""Values of LANG; all are read as ADQL 2.1, which has what 2.0 had."""


@dataclass(frozen=True, slots=True)
class RowLimit:
    """How many rows a result may have, and who says so."""

    rows: int
    set_by: Literal["user", "server"]

    @property
    def message(self) -> str:
        """Text that goes with OVERFLOW.

        >>> RowLimit(10, "user").message
        'rows were cut at 10 by the MAXREC of this request'
        """
        if self.set_by == "user":
            return f"rows were cut at {self.rows} by the MAXREC of this request"
        return (
            f"rows were cut at {self.rows}, the limit of this server; "
            "ask for less, or for more with MAXREC where the server allows it"
        )


@dataclass(frozen=True, slots=True)
class TapParameters:
    """The parameters of one TAP query (TAP 1.1 section 2.7), checked.

    Attributes
    ----------
    query
        ADQL as it was submitted.
    maxrec
        Rows, None where not given.
    responseformat
        As given; ``vo.formats`` knows it.
    """

    query: str
    lang: str = LANGUAGES[0]
    maxrec: int | None = None
    responseformat: str | None = None
    run_id: str | None = None

    @classmethod
    def parse(cls, pairs: Iterable[tuple[str, str]]) -> TapParameters:
        """Read the parameters of a request; unknown ones are ignored.

        Raises
        ------
        BadParameter
            Naming the parameter and what it may be.
        """
        given = Parameters(pairs)
        request = given.single("REQUEST")
        if request is not None and request.strip().lower() != "doquery":
            raise BadParameter(
                "REQUEST", f"unknown {request!r}", hint="leave it out, or give doQuery"
            )
        lang = given.required("LANG", hint="give LANG=ADQL").strip().upper()
        if lang not in LANGUAGES:
            raise BadParameter(
                "LANG", f"unknown {lang!r}", hint=f"there are {', '.join(LANGUAGES)}"
            )
        if given.many("UPLOAD"):
            raise BadParameter(
                "UPLOAD",
                "this service takes no uploaded tables",
                hint="write the values into the query",
            )
        formats = given.single("RESPONSEFORMAT"), given.single("FORMAT")
        if all(formats):
            raise BadParameter(
                "RESPONSEFORMAT", "given beside FORMAT", hint="give one of the two"
            )
        responseformat = formats[0] or formats[1]
        format_of(responseformat)
        return cls(
            query=given.required("QUERY", hint="give QUERY=SELECT ..."),
            lang=lang,
            maxrec=given.count("MAXREC"),
            responseformat=responseformat,
            run_id=given.single("RUNID"),
        )

    def limit(self, *, default: int, most: int) -> RowLimit:
        """Return the limit on rows.

        Parameters
        ----------
        default, most
            Rows where MAXREC is not given, and the largest MAXREC.
        """
        if self.maxrec is not None and self.maxrec <= most:
            return RowLimit(self.maxrec, "user")
        return RowLimit(
            most if self.maxrec is not None else min(default, most), "server"
        )
