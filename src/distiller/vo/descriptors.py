"""Descriptors of services in a VOTable (DataLink 1.1 section 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import quoteattr

from distiller.vo.xmltext import clean, escape_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

    from distiller.vo.elements import InputParameter
    from distiller.vo.formats import Writer
    from distiller.vo.votable import Status

_END: Final = b"</VOTABLE>"
_TEXT: Final = ("char", "*")


def descriptor(
    name: str, standard: str, url: str, inputs: Iterable[InputParameter]
) -> bytes:
    """Return a RESOURCE that tells how a service is called.

    Parameters
    ----------
    name
        ``this`` for the service that answers.
    standard, url
        Its standardID and accessURL.
    """
    own = "".join(
        _param(key, *_TEXT, value=value)
        for key, value in (("standardID", standard), ("accessURL", url))
    )
    asked = "".join(
        _param(one.name, one.datatype, one.arraysize, words=one.description,
               xtype=one.xtype, unit=one.unit)
        for one in inputs
    )  # fmt: skip
    return (
        f'<RESOURCE type="meta" utype="adhoc:service" name={quoteattr(name)}>\n'
        f'{own}<GROUP name="inputParams">\n{asked}</GROUP>\n</RESOURCE>\n'
    ).encode()


def _param(  # noqa: PLR0913 - the attributes of one element
    name: str,
    datatype: str,
    arraysize: str | None,
    *,
    value: str = "",
    words: str = "",
    xtype: str | None = None,
    unit: str | None = None,
) -> str:
    given = {
        "name": name,
        "datatype": datatype,
        "arraysize": arraysize,
        "xtype": xtype,
        "unit": unit,
        "value": value,
    }
    listed = "".join(
        f" {key}={quoteattr(clean(text))}"
        for key, text in given.items()
        if text is not None
    )
    if not words:
        return f"<PARAM{listed}/>\n"
    return f"<PARAM{listed}><DESCRIPTION>{escape_text(words)}</DESCRIPTION></PARAM>\n"


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
