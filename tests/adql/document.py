"""Cases of ADQL 2.1, written from the document paragraph by paragraph.

They stand in ``fixtures/document_*.sql``, a file a section: a comment with the
paragraph (or the production of appendix A), one with "valid" or with the places and
codes of all faults, sometimes one with why the parser of DaCHS decides otherwise, then
the text; an empty line ends a case.

``python -m tests.adql.document > docs/reference/adql-second-opinion.md`` writes the
page of what that parser decides otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

_FIXTURES: Final = Path(__file__).parent / "fixtures"
_MARK: Final = "-- "
_DACHS: Final = "-- DaCHS: "


@dataclass(frozen=True)
class Case:
    """One text and what the document says of it.

    Attributes
    ----------
    paragraph
        Where the document says so.
    faults
        Place and code of each fault, as ``1:8 Q101``; empty for what is valid.
    text
        The text.
    otherwise
        Why DaCHS decides otherwise; None if it does not.
    """

    paragraph: str
    faults: tuple[str, ...]
    text: str
    otherwise: str | None


def cases() -> list[Case]:
    """Return all cases in the order of the document."""
    paths = sorted(_FIXTURES.glob("document_*.sql"))
    return [case for path in paths for case in _read(path.read_text(encoding="utf-8"))]


def _read(text: str) -> list[Case]:
    return [_case(block.splitlines()) for block in text.strip("\n").split("\n\n")]


def _case(lines: list[str]) -> Case:
    paragraph, verdict, *rest = lines
    otherwise = rest.pop(0).removeprefix(_DACHS) if rest[0].startswith(_DACHS) else None
    found = verdict.removeprefix(_MARK)
    faults = () if found == "valid" else tuple(found.split("; "))
    return Case(paragraph.removeprefix(_MARK), faults, "\n".join(rest), otherwise)


def page() -> str:
    """Return the page of disagreements with DaCHS."""
    every = cases()
    differing = [case for case in every if case.otherwise is not None]
    rows = "\n".join(map(_row, differing))
    return _PAGE.format(every=len(every), differing=len(differing), rows=rows)


_PAGE: Final = """\
# ADQL: a second opinion

`tests/adql/fixtures/document_*.sql` holds {every} cases written from the document of
ADQL 2.1, paragraph by paragraph. `distiller adql --syntax` decides them all as the
document does. The parser of DaCHS 2.7 (`gavo.adql`, Debian package `python3-gavo`)
decides {differing} of them otherwise:

| paragraph | text | the document | why DaCHS says otherwise |
|---|---|---|---|
{rows}

The document itself is not always of one mind. Here decides: for `IN` a list of one
value and for `POLYGON` three vertices, which the prose has and the grammar has not; for
joins SQL-92 section 7.5, by which NATURAL takes no condition and every other join takes
one; for `POINT(NULL, ra, dec)` the validation suite of the IVOA, which accepts it; for
functions that nobody declared the same suite, which refuses them. One semicolon may end
a query.
"""


def _row(case: Case) -> str:
    verdict = "invalid" if case.faults else "valid"
    text = " ".join(case.text.split()).replace("|", "\\|")
    return f"| {case.paragraph} | `{text}` | {verdict} | {case.otherwise} |"


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - that is what it is for
