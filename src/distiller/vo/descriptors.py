"""Descriptors of services in a VOTable (DataLink 1.1 section 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import quoteattr

from distiller.vo.elements import InputParameter
from distiller.vo.xmltext import clean, escape_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pyarrow as pa

    from distiller.vo.formats import Writer
    from distiller.vo.votable import Status

_END: Final = b"</VOTABLE>"
_TEXT: Final = ("char", "*")
_START: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">\n'
)


def descriptor(
    name: str,
    standard: str,
    url: str,
    inputs: Iterable[InputParameter],
    *,
    words: str = "",
) -> bytes:
    """Return a RESOURCE that tells how a service is called.

    Parameters
    ----------
    name
        ``this`` for the service that answers.
    standard, url
        Its standardID and accessURL.
    words
        What it does.
    """
    own = "".join(
        _param(InputParameter(key, "", *_TEXT, value=value))
        for key, value in (("standardID", standard), ("accessURL", url))
    )
    asked = "".join(_param(one) for one in inputs)
    about = _described(words)
    return (
        f'<RESOURCE type="meta" utype="adhoc:service" name={quoteattr(name)}>\n'
        f'{about}{own}<GROUP name="inputParams">\n{asked}</GROUP>\n</RESOURCE>\n'
    ).encode()


def document(described: bytes) -> bytes:
    """Return a whole VOTable of descriptors, without a table."""
    return f"{_START}{described.decode()}</VOTABLE>\n".encode()


def _param(one: InputParameter) -> str:
    given = {
        "name": one.name,
        "datatype": one.datatype,
        "arraysize": one.arraysize,
        "xtype": one.xtype,
        "unit": one.unit,
        "ucd": one.ucd,
        "value": one.value,
    }
    listed = _attributes(given)
    inside = _described(one.description, end="") + _values(one)
    return f"<PARAM{listed}>{inside}</PARAM>\n" if inside else f"<PARAM{listed}/>\n"


def _values(one: InputParameter) -> str:
    """Return what a parameter may be."""
    ends = "".join(
        f"<{tag}{_attributes({'value': end.value, 'inclusive': inclusive})}/>"
        for tag, end in (("MIN", one.low), ("MAX", one.high))
        if end is not None
        for inclusive in (None if end.inclusive else "no",)
    )
    options = "".join(f"<OPTION{_attributes({'value': v})}/>" for v in one.options)
    return f"<VALUES>{ends}{options}</VALUES>" if ends or options else ""


def _attributes(given: Mapping[str, str | None]) -> str:
    return "".join(
        f" {key}={quoteattr(clean(text))}"
        for key, text in given.items()
        if text is not None
    )


def _described(words: str, *, end: str = "\n") -> str:
    return f"<DESCRIPTION>{escape_text(words)}</DESCRIPTION>{end}" if words else ""


@dataclass(frozen=True, slots=True)
class Describing:
    """A writer of VOTable that says at its end which services go with the table."""

    writer: Writer
    descriptors: bytes

    @property
    def media_type(self) -> str:
        """Content-Type of the document."""
        return self.writer.media_type

    @property
    def extension(self) -> str:
        """Ending of a file name, without the dot."""
        return self.writer.extension

    def head(self) -> bytes:
        """Return the start."""
        return self.writer.head()

    def rows(self, batch: pa.RecordBatch) -> bytes:
        """Return a batch of rows."""
        return self.writer.rows(batch)

    def tail(self, status: Status, message: str | None = None) -> bytes:
        """Return the end, the descriptors in it."""
        end = self.writer.tail(status, message)
        before, close, after = end.rpartition(_END)
        return before + self.descriptors + close + after
