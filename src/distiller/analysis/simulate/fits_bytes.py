"""Small FITS tables as bytes, ten times as fast as building them card by card.

Only what the simulation writes: logical, integer, float and text keywords and binary
tables of scalar columns (FITS 4.0, sections 4.2 and 7.3). The tests hold the output
against astropy's strict verification.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from distiller.core.errors import InternalError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

_BLOCK = 2880
_CARD = 80
_FORMS = {"i8": "1K", "f8": "1D", "f4": "1E", "i2": "1I"}

TableColumn = tuple[str, str, str, "NDArray[Any]"]
"""Name, numpy kind of `_FORMS`, unit (or empty), values."""


def primary(keywords: Mapping[str, Any], comment: str) -> bytes:
    """Return a primary HDU without data."""
    cards = [
        card("SIMPLE", value=True),
        card("BITPIX", 8),
        card("NAXIS", 0),
        card("EXTEND", value=True),
    ]
    return _header(cards, keywords, comment)


def table(
    name: str,
    columns: Sequence[TableColumn],
    keywords: Mapping[str, Any],
    comment: str = "",
) -> bytes:
    """Return a binary table HDU; keyword values may be ``(value, comment)``."""
    rows = len(columns[0][3])
    layout = np.dtype([(column, f">{kind}") for column, kind, _, _ in columns])
    data = np.empty(rows, dtype=layout)
    cards = [
        card("XTENSION", "BINTABLE"),
        card("BITPIX", 8),
        card("NAXIS", 2),
        card("NAXIS1", layout.itemsize),
        card("NAXIS2", rows),
        card("PCOUNT", 0),
        card("GCOUNT", 1),
        card("TFIELDS", len(columns)),
    ]
    for number, (column, kind, unit, values) in enumerate(columns, start=1):
        data[column] = values
        cards += [card(f"TTYPE{number}", column), card(f"TFORM{number}", _FORMS[kind])]
        if unit:
            cards.append(card(f"TUNIT{number}", unit))
    cards.append(card("EXTNAME", name))
    return _header(cards, keywords, comment) + _padded(data.tobytes(), b"\0")


def card(keyword: str, value: Any, comment: str = "") -> str:
    """Return one card of 80 characters.

    >>> card("OBS_ID", 1001).rstrip()
    'OBS_ID  =                 1001'
    """
    if isinstance(value, bool):
        text = f"{'T' if value else 'F':>20}"
    elif isinstance(value, int):
        text = f"{value:>20d}"
    elif isinstance(value, float):
        written = repr(value).upper()
        text = f"{written:>20}"
    else:
        quoted = str(value).replace("'", "''")
        text = f"'{quoted:<8}'"
    line = f"{keyword:<8}= {text}"
    if comment:
        line = f"{line} / {comment}"
    if len(line) > _CARD and comment:
        return card(keyword, value)
    if len(line) > _CARD or len(keyword) > 8:  # noqa: PLR2004 - FITS 4.0, 4.1.2.1
        raise InternalError(f"header card {keyword} is too long to be written")
    return f"{line:<{_CARD}}"


def _header(cards: Iterable[str], keywords: Mapping[str, Any], comment: str) -> bytes:
    lines = list(cards)
    for keyword, value in keywords.items():
        pair = value if isinstance(value, tuple) else (value,)
        lines.append(card(keyword, *pair))
    if comment:
        lines.append(f"{f'COMMENT {comment}':<{_CARD}}"[:_CARD])
    lines.append(f"{'END':<{_CARD}}")
    return _padded("".join(lines).encode("ascii"), b" ")


def _padded(content: bytes, filler: bytes) -> bytes:
    return content + filler * (-len(content) % _BLOCK)
