"""GADF index files: which runs there are and in which files their tables lie."""

from __future__ import annotations

import math
import os
import re
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from distiller.core.errors import BadData
from distiller.ingest.fits_stream import fields, read_hdus
from distiller.ingest.values import obs_id_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from distiller.core.places import Place
    from distiller.ingest.fits_stream import CardValue, Field, Hdu, Header

INDEX_NAME = re.compile(
    r"(?P<kind>hdu|obs)[-_]?index(?P<variant>.*)\.fits(\.gz)?", re.IGNORECASE
)
_MOST_BYTES: Final = 1 << 30
_PATHS: Final = 1024

IndexValue = str | int | float | bool | None
IndexRow = dict[str, IndexValue]


@dataclass(frozen=True, slots=True)
class HduRef:
    """Where one table lies.

    Attributes
    ----------
    path
        The file; not looked at yet.
    hdu
        Name of the HDU in capitals; empty: any of its kind.
    hdu_type
        As in the HDU index, lower case: ``psf``.
    md5
        MD5 of the file by the index.
    """

    path: Place
    hdu: str
    hdu_type: str
    md5: str | None = None


@dataclass(frozen=True, slots=True)
class Index:
    """Both index files of one folder.

    Attributes
    ----------
    rows
        Row of the observation index, by obs_id as text.
    hdus
        Tables of the HDU index, by obs_id as text; each once.
    repeated
        Index file, obs_id and what is told of rows that a run has more than once.
    """

    rows: Mapping[str, IndexRow]
    hdus: Mapping[str, tuple[HduRef, ...]]
    repeated: tuple[tuple[Place, str, str], ...] = ()


def read_index(hdu_index: Place, obs_index: Place | None) -> Index:
    """Read the index files of one folder.

    Raises
    ------
    BadData
        D120 if one of them cannot be used.
    """
    hdus: dict[str, list[HduRef]] = {}
    folder = hdu_index.parent
    # Runs share responses, tables share files: one object for what is the same.
    refs: dict[HduRef, HduRef] = {}
    path_of = lru_cache(_PATHS)(_plain)
    for row in _rows(hdu_index, ("OBS_ID", "HDU_TYPE", "FILE_NAME")):
        obs_id, name = obs_id_text(row["OBS_ID"]), row["FILE_NAME"]
        if obs_id is None or name is None:
            continue  # a row that leads nowhere
        ref = HduRef(
            path=path_of(folder, str(row.get("FILE_DIR") or ""), str(name)),
            hdu=sys.intern(str(row.get("HDU_NAME") or "").upper()),
            hdu_type=sys.intern(str(row["HDU_TYPE"]).lower()),
            md5=str(row["MD5"]).lower() if row.get("MD5") else None,
        )
        hdus.setdefault(obs_id, []).append(refs.setdefault(ref, ref))
    once = {name: tuple(dict.fromkeys(refs)) for name, refs in hdus.items()}
    repeated = [
        (hdu_index, name, f"run {name}: {more} rows are there before")
        for name, refs in hdus.items()
        if (more := len(refs) - len(once[name]))
    ]
    rows: dict[str, IndexRow] = {}
    if obs_index is not None:
        for row in _rows(obs_index, ("OBS_ID",)):
            if (obs_id := obs_id_text(row["OBS_ID"])) is None:
                continue
            first = rows.setdefault(obs_id, row)
            if first is not row:
                differ = [name for name in row if row[name] != first[name]]
                text = f"another {', '.join(differ[:5])}" if differ else "the same"
                repeated.append((obs_index, obs_id, f"run {obs_id}: {text}"))
    return Index(rows, once, tuple(repeated))


def _plain(folder: Place, below: str, name: str) -> Place:
    """Return a path without ``..``, symbolic links followed where they lead on."""
    path = folder / below / name
    if not isinstance(path, Path):
        return path
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # a loop of links: reported when it is read
        return Path(os.path.normpath(path))


def _rows(path: Place, needed: tuple[str, ...]) -> Iterator[IndexRow]:
    """Return the rows of the first table of a file as plain values."""
    try:
        hdus = read_hdus(path, _is_table, most_bytes=_MOST_BYTES)
        table = next((hdu for hdu in hdus if _is_table(hdu.header)), None)
        columns = None if table is None else _columns(table, path)
    except BadData as error:
        text = f"{error.data_code}: {error.finding}"
        raise BadData("D120", str(path), text) from error
    if columns is None:
        raise BadData("D120", str(path), "holds no table")
    lacking = [name for name in needed if name not in columns]
    if lacking:
        raise BadData("D120", str(path), f"has no column {', '.join(lacking)}")
    rows = zip(*columns.values(), strict=True)
    return (dict(zip(columns, row, strict=True)) for row in rows)


def _is_table(header: Header) -> bool:
    return header.text("XTENSION") == "BINTABLE"


def _columns(table: Hdu, path: Place) -> dict[str, list[IndexValue]]:
    made: dict[str, list[IndexValue]] = {}
    for field in fields(table, path):
        if field.name not in made:
            made[field.name] = _values(field, table.header)
    return made


def _values(field: Field, header: Header) -> list[IndexValue]:
    """Return a column as plain values; None for NULL, blank, NaN and for arrays."""
    rows = len(field.content)
    if field.form == "A":
        texts = (bytes(row).partition(b"\0")[0] for row in field.content)
        once: dict[bytes, str | None] = {}  # most texts of an index come again
        return [
            once.setdefault(text, text.decode("latin-1").strip() or None)
            for text in texts
        ]
    if field.form == "L" and field.count == 1:
        return [{84: True, 70: False}.get(int(byte)) for (byte,) in field.content]
    numbers = field.numbers
    if numbers is None or field.count != 1:
        return [None] * rows
    scale = as_factor(header.values.get(f"TSCAL{field.number}"), 1)
    zero = as_factor(header.values.get(f"TZERO{field.number}"), 0)
    null = header.values.get(f"TNULL{field.number}")
    made: list[IndexValue] = []
    for value in numbers[:, 0].tolist():
        known = math.isfinite(value) if isinstance(value, float) else value != null
        made.append(value * scale + zero if known else None)
    return made


def as_factor(value: CardValue, default: int) -> int | float:
    """Return TSCAL or TZERO, whole where it is: unsigned columns stay whole numbers.

    >>> as_factor(32768.0, 0), as_factor(None, 1)
    (32768, 1)
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return default
    return int(value) if float(value).is_integer() else value
