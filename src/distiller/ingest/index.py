"""GADF index files: which runs there are and in which files their tables lie."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io import fits

from distiller.core.errors import BadData

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

INDEX_NAME = re.compile(r"(?P<kind>hdu|obs)[-_]?index.*\.fits(\.gz)?", re.IGNORECASE)

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
    hdu_type, hdu_class
        As in the HDU index, lower case: ``psf``, ``psf_3gauss``.
    size
        Size of the HDU in bytes by the index, None where it does not say.
    md5
        MD5 of the file by the index.
    """

    path: Path
    hdu: str
    hdu_type: str
    hdu_class: str = ""
    md5: str | None = None


@dataclass(frozen=True, slots=True)
class Index:
    """Both index files of one folder.

    Attributes
    ----------
    rows
        Row of the observation index, by obs_id as text.
    hdus
        Tables of the HDU index, by obs_id as text.
    """

    paths: tuple[Path, ...]
    rows: Mapping[str, IndexRow]
    hdus: Mapping[str, tuple[HduRef, ...]]


def read_index(hdu_index: Path, obs_index: Path | None) -> Index:
    """Read the index files of one folder.

    Raises
    ------
    BadData
        D120 if one of them cannot be used.
    """
    hdus: dict[str, list[HduRef]] = {}
    for row in _rows(hdu_index, ("OBS_ID", "HDU_TYPE", "FILE_NAME")):
        folder = str(row.get("FILE_DIR") or "")
        path = hdu_index.parent / folder / str(row["FILE_NAME"])
        hdus.setdefault(_obs_id(row), []).append(
            HduRef(
                path=_plain(path),
                hdu=str(row.get("HDU_NAME") or "").upper(),
                hdu_type=str(row["HDU_TYPE"]).lower(),
                hdu_class=str(row.get("HDU_CLASS") or "").lower(),
                md5=str(row["MD5"]).lower() if row.get("MD5") else None,
            )
        )
    rows: dict[str, IndexRow] = {}
    if obs_index is not None:
        for row in _rows(obs_index, ("OBS_ID",)):
            rows.setdefault(_obs_id(row), row)
    paths = (hdu_index,) if obs_index is None else (hdu_index, obs_index)
    return Index(paths, rows, {name: tuple(refs) for name, refs in hdus.items()})


def _plain(path: Path) -> Path:
    """Return the path without ``..``, symbolic links followed where it exists."""
    return path.resolve()


def _obs_id(row: Mapping[str, IndexValue]) -> str:
    return str(row["OBS_ID"]).strip()


def _rows(path: Path, needed: tuple[str, ...]) -> list[IndexRow]:
    """Return the rows of the first table of a file as plain values."""
    try:
        columns = _table(path)
    except (OSError, EOFError, ValueError, TypeError, KeyError, IndexError) as error:
        # What astropy raises for damaged files is not one class.
        raise BadData("D120", str(path), f"cannot be read: {error}") from error
    if columns is None:
        raise BadData("D120", str(path), "holds no table")
    lacking = [name for name in needed if name not in columns]
    if lacking:
        raise BadData("D120", str(path), f"has no column {', '.join(lacking)}")
    rows = zip(*columns.values(), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _table(path: Path) -> dict[str, list[IndexValue]] | None:
    with fits.open(path, memmap=False) as hdus:
        table = next((h for h in hdus if isinstance(h, fits.BinTableHDU)), None)
        if table is None:
            return None
        names = [str(name) for name in table.columns.names]
        return {name: _plain_values(table.data[name]) for name in names}


def _plain_values(column: Any) -> list[IndexValue]:
    array = np.asarray(column)
    if array.ndim > 1 or array.dtype.kind not in "iufbSU":
        return [None] * len(array)
    if array.dtype.kind == "S":
        texts = (bytes(value).decode("latin-1") for value in array)
        return [text.strip() or None for text in texts]
    if array.dtype.kind == "U":
        return [str(value).strip() or None for value in array]
    if array.dtype.kind == "f":
        return [float(v) if np.isfinite(v) else None for v in array.tolist()]
    return array.tolist()  # type: ignore[no-any-return]  # integers and booleans
