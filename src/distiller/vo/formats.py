"""RESPONSEFORMAT: which names and media types there are, and the writer of each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from distiller.core.errors import BadParameter
from distiller.vo import fits_table, json_table, parquet_table
from distiller.vo.text import CsvWriter, TsvWriter
from distiller.vo.votable import VOTableWriter

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from distiller.core.columns import Column
    from distiller.vo.spooled import SpooledWriter
    from distiller.vo.votable import Serialization, Status


class Writer(Protocol):
    """What the writer of a format offers whose parts lie end to end in a document.

    Other formats have a `SpooledWriter`.
    """

    @property
    def media_type(self) -> str:
        """Content-Type of the document."""
        ...

    @property
    def extension(self) -> str:
        """Ending of a file name, without the dot."""
        ...

    def head(self) -> bytes:
        """Return the start."""
        ...

    def rows(self, batch: pa.RecordBatch) -> bytes:
        """Return a batch of rows."""
        ...

    def tail(self, status: Status, message: str | None = None) -> bytes:
        """Return the end."""
        ...


_UTF_8 = ";charset=utf-8"

Kind = Literal[
    "votable/b2", "votable/td", "votable/b", "csv", "tsv", "json", "fits", "parquet"
]


@dataclass(frozen=True, slots=True)
class Format:
    """One output format.

    Attributes
    ----------
    kind
        Its short name.
    media_type
        As the capabilities name it.
    aliases
        Other values of RESPONSEFORMAT; one that is a media type is answered as such.
    ivo_id
        Its identifier in TAPRegExt, where it has one.
    is_spooled
        Whether its file begins with what is known only behind the last row.
    """

    kind: Kind
    media_type: str
    aliases: tuple[str, ...]
    ivo_id: str | None = None
    is_spooled: bool = False

    @property
    def answered(self) -> str:
        """Content-Type where the user gave a short name.

        Without a character set some clients take text for Latin-1 (RFC 2616 section
        3.7.1); RFC 4180 section 3 and RFC 6838 have it for text.
        """
        return f"{self.media_type}{_UTF_8 if self.kind in {'csv', 'tsv'} else ''}"

    @property
    def says_errors(self) -> bool:
        """Whether an error in mid-stream has a proper place in the document."""
        return self.kind == "json" or self.kind.startswith("votable")


FORMATS: tuple[Format, ...] = (
    Format(
        "votable/b2",
        "application/x-votable+xml",
        (
            "votable",
            "application/x-votable+xml;serialization=binary2",
            "text/xml",
            "text/xml;content=x-votable",
        ),
        "ivo://ivoa.net/std/TAPRegExt#output-votable-binary2",
    ),
    Format(
        "votable/td",
        "application/x-votable+xml;serialization=tabledata",
        (),
        "ivo://ivoa.net/std/TAPRegExt#output-votable-td",
    ),
    Format(
        "votable/b",
        "application/x-votable+xml;serialization=binary",
        ("votable/b1",),
        "ivo://ivoa.net/std/TAPRegExt#output-votable-binary",
    ),
    Format("csv", "text/csv;header=present", ("text/csv",)),
    Format("tsv", "text/tab-separated-values", ()),
    Format("json", json_table.MEDIA_TYPE, ()),
    Format("fits", fits_table.MEDIA_TYPE, (), is_spooled=True),
    Format("parquet", parquet_table.MEDIA_TYPE, (), is_spooled=True),
)
"""Every format, the default first."""

_SERIALIZATIONS: dict[Kind, Serialization] = {
    "votable/b2": "BINARY2",
    "votable/td": "TABLEDATA",
    "votable/b": "BINARY",
}


_MEDIA_TYPE = re.compile(
    r"""[\w.+-]+/[\w.+-]+(?:[ ]*;[ ]*[\w-]+=(?:[\w.+-]+|"[\w.+-]+"))*""", re.ASCII
)
"""What a header can have: no line ends, no blanks but beside a semicolon."""


_VERSION = re.compile(r"(?<=xml)(;.*?)?;version=1\.[345](?=;|$)")
"""Of VOTable; these share a namespace, so that who reads one reads the others."""


def _canonical(name: str) -> str:
    """Return a name without spaces, quotes, capitals, and the one character set."""
    plain = "".join(name.split()).replace('"', "").lower()
    return _VERSION.sub(r"\1", plain.replace(_UTF_8, ""))


_BY_NAME = {
    _canonical(name): form
    for form in FORMATS
    for name in (form.kind, form.media_type, *form.aliases)
}


def format_of(name: str | None) -> Format:
    """Return the format that a RESPONSEFORMAT names; VOTable where there is none.

    Raises
    ------
    BadParameter
        Listing what there is.
    """
    if name is None or name.strip() in {"", "*/*"}:
        return FORMATS[0]
    try:
        return _BY_NAME[_canonical(name)]
    except KeyError:
        known = ", ".join(
            ["votable", *(form.kind for form in FORMATS)]
            + [form.media_type for form in FORMATS]
        )
        raise BadParameter(
            "RESPONSEFORMAT", f"unknown format {name!r}", hint=f"there are {known}"
        ) from None


def content_type(name: str | None) -> str:
    """Return the Content-Type: the media type that was asked for, else the format's.

    >>> content_type("text/xml"), content_type("text/csv"), content_type("csv")
    ('text/xml', 'text/csv', 'text/csv;header=present;charset=utf-8')
    """
    form = format_of(name)
    asked = (name or "").strip()
    is_type = _MEDIA_TYPE.fullmatch(asked) and asked.lower() != form.kind
    if not is_type or _VERSION.search("".join(asked.lower().split())):
        return form.answered  # the version that was asked for may not be ours
    return asked


def writer_for(
    responseformat: str | None,
    columns: Sequence[Column],
    *,
    infos: Sequence[tuple[str, str]] = (),
    table_name: str = "result",
) -> Writer | SpooledWriter:
    """Return the writer of a format.

    Parameters
    ----------
    responseformat
        As the user gave it.
    columns
        Of the result.
    infos
        Name and value of what stands beside the table; CSV and TSV have no place.

    Raises
    ------
    BadParameter
        If there is no such format.
    """
    kind, media_type = format_of(responseformat).kind, content_type(responseformat)
    match kind:
        case "csv":
            return CsvWriter(columns, media_type)
        case "tsv":
            return TsvWriter(columns, media_type)
        case "json":
            return json_table.JsonWriter(columns, infos=infos, media_type=media_type)
        case "fits":
            return fits_table.FitsWriter(columns, infos=infos, media_type=media_type)
        case "parquet":
            return parquet_table.ParquetWriter(
                columns, infos=infos, media_type=media_type
            )
    return VOTableWriter(
        columns,
        serialization=_SERIALIZATIONS[kind],
        infos=infos,
        table_name=table_name,
        media_type=media_type,
    )
