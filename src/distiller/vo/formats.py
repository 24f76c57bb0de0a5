"""RESPONSEFORMAT: which names and media types there are, and the writer of each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from distiller.core.errors import BadParameter
from distiller.vo.text import CsvWriter, TsvWriter
from distiller.vo.votable import VOTableWriter

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from distiller.core.columns import Column
    from distiller.vo.votable import Status


class Writer(Protocol):
    """What every format's writer offers; the parts lie end to end in a document."""

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


Kind = Literal["votable/b2", "votable/td", "csv", "tsv"]


@dataclass(frozen=True, slots=True)
class Format:
    """One output format.

    Attributes
    ----------
    kind
        Its short name.
    media_type
        As answered where the user gave a short name.
    aliases
        Other values of RESPONSEFORMAT; one that is a media type is answered as such.
    ivo_id
        Its identifier in TAPRegExt, where it has one.
    """

    kind: Kind
    media_type: str
    aliases: tuple[str, ...]
    ivo_id: str | None = None

    @property
    def is_votable(self) -> bool:
        """Whether an error has a proper place in the document itself."""
        return self.kind.startswith("votable")


FORMATS: tuple[Format, ...] = (
    Format(
        "votable/b2",
        "application/x-votable+xml",
        ("votable", "application/x-votable+xml;serialization=binary2", "text/xml"),
        "ivo://ivoa.net/std/TAPRegExt#output-votable-binary2",
    ),
    Format(
        "votable/td",
        "application/x-votable+xml;serialization=tabledata",
        (),
        "ivo://ivoa.net/std/TAPRegExt#output-votable-td",
    ),
    Format("csv", "text/csv;header=present", ("text/csv",)),
    Format("tsv", "text/tab-separated-values", ()),
)
"""Every format, the default first."""

_SERIALIZATIONS: dict[Kind, Literal["BINARY2", "TABLEDATA"]] = {
    "votable/b2": "BINARY2",
    "votable/td": "TABLEDATA",
}


_MEDIA_TYPE = re.compile(
    r"""[\w.+-]+/[\w.+-]+(?:[ ]*;[ ]*[\w-]+=(?:[\w.+-]+|"[\w.+-]+"))*""", re.ASCII
)
"""What a header can have: no line ends, no blanks but beside a semicolon."""


def _canonical(name: str) -> str:
    """Return a name without spaces, quotes, capitals, and the one character set."""
    plain = "".join(name.split()).replace('"', "").lower()
    return plain.replace(";charset=utf-8", "")


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
    if name is None or not name.strip():
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

    >>> content_type("text/xml"), content_type("csv"), content_type("text/ csv")
    ('text/xml', 'text/csv;header=present', 'text/csv;header=present')
    """
    form = format_of(name)
    asked = (name or "").strip()
    is_type = _MEDIA_TYPE.fullmatch(asked) and asked.lower() != form.kind
    return asked if is_type else form.media_type


def writer_for(
    responseformat: str | None,
    columns: Sequence[Column],
    *,
    infos: Sequence[tuple[str, str]] = (),
    table_name: str = "result",
) -> Writer:
    """Return the writer of a format.

    Parameters
    ----------
    responseformat
        As the user gave it.
    columns
        Of the result.
    infos
        Name and value of INFO elements; only VOTable has a place for them.

    Raises
    ------
    BadParameter
        If there is no such format.
    """
    form = format_of(responseformat)
    if form.kind == "csv":
        return CsvWriter(columns, content_type(responseformat))
    if form.kind == "tsv":
        return TsvWriter(columns, content_type(responseformat))
    return VOTableWriter(
        columns,
        serialization=_SERIALIZATIONS[form.kind],
        infos=infos,
        table_name=table_name,
        media_type=content_type(responseformat),
    )
