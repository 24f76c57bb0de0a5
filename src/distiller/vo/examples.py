"""Examples of a service as a page that programs can read (DALI 1.1 section 2.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from distiller.vo.xmltext import escape_text

if TYPE_CHECKING:
    from collections.abc import Sequence

MEDIA_TYPE: Final = "application/xhtml+xml"
STANDARD: Final = "ivo://ivoa.net/std/DALI#examples"

_PAGE: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" lang="en">
<head><title>Examples of queries</title></head>
<body vocab="http://www.ivoa.net/rdf/examples#">
<h1>Examples of queries</h1>
{examples}
</body>
</html>
"""
_EXAMPLE: Final = """\
<div id="{name}" resource="#{name}" typeof="example">
<h2 property="name">{title}</h2>
<p>{words}</p>
<pre property="query">{adql}</pre>
</div>"""


class Example(Protocol):
    """A question and the query that answers it."""

    @property
    def name(self) -> str:
        """Short name, for the address."""

    @property
    def title(self) -> str:
        """The question."""

    @property
    def words(self) -> str:
        """What the answer means."""

    @property
    def adql(self) -> str:
        """The query."""


def document(examples: Sequence[Example]) -> bytes:
    """Return the page: well-formed XHTML with RDFa."""
    listed = [
        _EXAMPLE.format(
            name=escape_text(one.name),
            title=escape_text(one.title),
            words=escape_text(one.words),
            adql=escape_text(one.adql.rstrip()),
        )
        for one in examples
    ]
    return _PAGE.format(examples="\n".join(listed)).encode()
