"""The same query for other programs: addresses of its formats, and commands."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

if TYPE_CHECKING:
    from distiller.vo.formats import Kind

LONGEST_ADDRESS: Final = 6_000
"""Longest query string that programs and proxies carry without trouble."""

NAMES: Final[dict[Kind, str]] = {
    "votable/b2": "VOTable",
    "votable/td": "VOTable as text",
    "csv": "CSV",
    "tsv": "TSV",
    "json": "JSON",
    "fits": "FITS",
    "parquet": "Parquet",
}
"""What people choose between; programs may ask for others."""


@dataclass(frozen=True, slots=True)
class Twin:
    """The result in one format; ``address`` is empty where it would be too long."""

    name: str
    kind: Kind
    address: str


@dataclass(frozen=True, slots=True)
class Snippet:
    """What to type into another program."""

    name: str
    text: str


def twins(query: str) -> tuple[Twin, ...]:
    """Return the downloads, in the formats of the TAP service that people know."""
    return tuple(Twin(name, kind, _of(query, kind)) for kind, name in NAMES.items())


def _of(query: str, kind: Kind) -> str:
    given = urlencode({"format": kind, "query": query})
    return f"/adql/download?{given}" if len(given) <= LONGEST_ADDRESS else ""


def snippets(query: str, base_url: str) -> tuple[Snippet, ...]:
    """Return the query for pyVO, curl and STILTS; no text of it leaves its quotes."""
    service = f"{base_url.rstrip('/')}/tap"
    return (
        Snippet("pyVO", _pyvo(query, service)),
        Snippet(
            "curl",
            f"curl -fL -o result.vot {shlex.quote(f'{service}/sync')} \\\n"
            "  -d LANG=ADQL --data-urlencode "
            f"{shlex.quote(f'QUERY={query}')}\n",
        ),
        Snippet(
            "STILTS",
            f"stilts tapquery tapurl={shlex.quote(service)} sync=true \\\n"
            f"  adql={shlex.quote(query)} \\\n  out=result.fits\n",
        ),
    )


def _pyvo(query: str, service: str) -> str:
    """Write Python; the query stands as it is if its text can be, else escaped."""
    odd = any(part in query for part in ("\\", '"""', "\r"))
    text = repr(query) if odd else f'"""\n{query}\n"""'
    return (
        "import pyvo\n\n"
        f"service = pyvo.dal.TAPService({service!r})\n"
        f"result = service.search({text})\n"
        "print(result.to_table())\n"
    )
