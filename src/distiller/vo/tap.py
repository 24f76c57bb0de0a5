"""TAP 1.1: the parameters of a query, and how many rows it may give."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from distiller.core.errors import BadParameter
from distiller.core.reserved import RESERVED
from distiller.vo.dali import Parameters
from distiller.vo.formats import format_of

if TYPE_CHECKING:
    from collections.abc import Iterable

LANGUAGES = ("ADQL", "ADQL-2.1", "ADQL-2.0")
"""Values of LANG; all are read as ADQL 2.1, which has what 2.0 had."""

UPLOAD_SCHEMA = "tap_upload"
"""Schema of uploaded tables; ADQL does not tell ``TAP_UPLOAD`` from it."""

INLINE = "param:"
"""Begins the address of a table that is a part of the request itself."""

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_LONGEST_NAME = 60
_MOST_TABLES = 10


@dataclass(frozen=True, slots=True)
class Upload:
    """One table that comes with a query (TAP 1.1 section 2.7.6).

    Attributes
    ----------
    name
        Lower case: the query calls it ``TAP_UPLOAD.name``.
    uri
        ``param:`` and the name of a file of the request, or an http or https address.
    """

    name: str
    uri: str

    @property
    def part(self) -> str | None:
        """Name of the file of the request, None for one from elsewhere.

        >>> Upload("t", "param:cat.vot").part
        'cat.vot'
        """
        return self.uri[len(INLINE) :] if self.uri.startswith(INLINE) else None

    @classmethod
    def parse_all(cls, values: Iterable[str]) -> tuple[Upload, ...]:
        """Read the values of UPLOAD: pairs of name and address, semicolons between.

        >>> Upload.parse_all(["a,param:x;b,http://h/t.vot", "C,param:y"])[2]
        Upload(name='c', uri='param:y')

        Raises
        ------
        BadParameter
            If one is no such pair, a name is no ADQL name or stands twice, or there
            are too many.
        """
        found: dict[str, Upload] = {}
        for pair in (p for value in values for p in _PAIRS.split(value) if p.strip()):
            name, _, uri = (part.strip() for part in pair.partition(","))
            upload = cls(table_name(name, "UPLOAD"), _address(uri, pair))
            if upload.name in found:
                raise BadParameter("UPLOAD", f"two tables are called {upload.name}")
            found[upload.name] = upload
            if len(found) > _MOST_TABLES:
                raise BadParameter(
                    "UPLOAD",
                    f"a query may bring {_MOST_TABLES} tables, and there are more",
                    hint="leave out those that it does not name, or join them before",
                )
        return tuple(found.values())


_PAIRS = re.compile(r";(?=\s*[A-Za-z_][A-Za-z0-9_]*\s*,|\s*$)")
"""A semicolon of an address is none between pairs: a name and comma follow those."""


def table_name(text: str, parameter: str) -> str:
    """Return the name of a user's table in lower case.

    Raises
    ------
    BadParameter
        Naming the parameter, if it is no regular identifier of ADQL, or reserved.
    """
    if not _IDENTIFIER.fullmatch(text) or len(text) > _LONGEST_NAME:
        raise BadParameter(
            parameter,
            f"{text!r} is no name of a table",
            hint="a name is a letter, then letters, digits and _, up to "
            f"{_LONGEST_NAME} characters",
        )
    if text.upper() in RESERVED:
        raise BadParameter(
            parameter, f"{text!r} is a reserved word of ADQL", hint="take another name"
        )
    return text.lower()


def _address(uri: str, pair: str) -> str:
    if not uri:
        raise BadParameter(
            "UPLOAD",
            f"{pair.strip()!r} is no pair of name and address",
            hint="give UPLOAD=name,param:file or name,http://...",
        )
    if not uri.lower().startswith((INLINE, "http://", "https://")):
        raise BadParameter(
            "UPLOAD",
            f"{uri!r} cannot be fetched",
            hint="param:, http: and https: can",
        )
    return uri


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
    uploads
        Tables that come with the query, in order.
    """

    query: str
    lang: str = LANGUAGES[0]
    maxrec: int | None = None
    responseformat: str | None = None
    run_id: str | None = None
    uploads: tuple[Upload, ...] = ()

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
        query, lang = _query_and_language(given)
        formats = given.single("RESPONSEFORMAT"), given.single("FORMAT")
        if all(formats):
            raise BadParameter(
                "RESPONSEFORMAT", "given beside FORMAT", hint="give one of the two"
            )
        responseformat = formats[0] or formats[1]
        format_of(responseformat)
        return cls(
            query=query,
            lang=lang,
            maxrec=given.count("MAXREC"),
            responseformat=responseformat,
            run_id=given.single("RUNID"),
            uploads=Upload.parse_all(given.many("UPLOAD")),
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


def _query_and_language(given: Parameters) -> tuple[str, str]:
    """Return the two that must be given; the error names each that is missing."""
    query, lang = given.single("QUERY"), given.single("LANG")
    if query is None or lang is None:
        missing = [
            (name, example)
            for name, example, value in (
                ("LANG", "LANG=ADQL", lang),
                ("QUERY", "QUERY=SELECT ...", query),
            )
            if value is None
        ]
        names, examples = (" and ".join(words) for words in zip(*missing, strict=True))
        raise BadParameter(names, "missing", hint=f"give {examples}")
    language = lang.strip().upper()
    if language not in LANGUAGES:
        raise BadParameter(
            "LANG", f"unknown {language!r}", hint=f"there are {', '.join(LANGUAGES)}"
        )
    return query, language
