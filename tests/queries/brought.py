"""Documents of VOTable around some rows, and what is read of them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from distiller.queries.tables import Brought, Limits, read

if TYPE_CHECKING:
    from pathlib import Path

LIMITS = Limits(10**6, 1000)
INT = '<FIELD name="n" datatype="short"/>'
TEXT = '<FIELD name="s" datatype="char" arraysize="*"/>'


def rows_of(brought: Brought) -> list[list[Any]]:
    return [list(row.values()) for row in brought.rows.to_pylist()]


def taken(tmp_path: Path, data: bytes, limits: Limits = LIMITS) -> Brought:
    path = tmp_path / "brought"
    path.write_bytes(data)
    return read(path, limits)


def document(fields: str, rows: str, before: str = "") -> bytes:
    return (
        f'{before}<VOTABLE version="1.3"><RESOURCE><TABLE><DESCRIPTION> of it '
        f"</DESCRIPTION>{fields}<DATA><TABLEDATA>{rows}</TABLEDATA></DATA></TABLE>"
        "</RESOURCE></VOTABLE>"
    ).encode()


def binary(fields: str, data: bytes, kind: str = "BINARY2", more: str = "") -> bytes:
    text = base64.encodebytes(data).decode()
    return (
        f"<VOTABLE><RESOURCE><TABLE>{fields}<DATA><{kind}>"
        f'<STREAM encoding="base64"{more}>{text}</STREAM></{kind}></DATA></TABLE>'
        "</RESOURCE></VOTABLE>"
    ).encode()
