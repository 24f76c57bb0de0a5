"""The first table extension of a FITS file, by astropy."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from distiller.core.errors import UserError
from distiller.queries.tables.fields import Field
from distiller.queries.tables.values import from_bytes, not_utf8, without_nan

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.queries.tables.limits import Limits

_DATATYPES: Final = {
    "b1": "boolean",
    "u1": "unsignedByte",
    "i1": "short",
    "i2": "short",
    "u2": "int",
    "i4": "int",
    "u4": "long",
    "i8": "long",
    "f4": "float",
    "f8": "double",
}
_ARROW: Final[dict[str, pa.DataType]] = {
    "boolean": pa.bool_(),
    "unsignedByte": pa.int16(),
    "short": pa.int16(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
}
_FORM: Final = re.compile(r"\d*([A-Z])")
_REFUSED: Final = {
    "C": "complex numbers",
    "M": "complex numbers",
    "X": "bits",
    "P": "arrays of varying length",
    "Q": "arrays of varying length",
}


def read(
    path: Path, limits: Limits
) -> tuple[list[Field], list[Any], str | None, list[str]]:
    """Return the fields, their values as Arrow arrays, the table's name, and words.

    Raises
    ------
    UserError
        If there is no table, or one that cannot be used.
    """
    # Astropy is slow to import, and few uploads are FITS.
    from astropy.io import fits  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with fits.open(path, memmap=False, lazy_load_hdus=True) as hdus:
                return _table(hdus, limits, path.stat().st_size)
        except UserError:
            raise
        except Exception as error:
            # What astropy meets in a broken file has every class.
            said = "its header is damaged"
            if isinstance(error, KeyError) and str(error.args[0]).isupper():
                said = f"its header has no {error.args[0]}"
            elif isinstance(error, fits.VerifyError):
                said = str(error).partition("\n")[0][:200]
            raise UserError(
                f"it is no FITS file that can be read: {said}",
                hint="`fitsverify` says what is wrong with a file",
            ) from error


def _table(
    hdus: Any, limits: Limits, size: int
) -> tuple[list[Field], list[Any], str | None, list[str]]:
    for hdu in hdus:
        if hdu.header.get("XTENSION", "").strip() in {"BINTABLE", "TABLE"}:
            break
    else:
        raise UserError("there is no table in the FITS file")
    if hdu.header.get("ZIMAGE"):
        raise UserError("the first table of the FITS file is a compressed image")
    width, rows = _sizes(hdu, limits, size)
    limits.check_rows(rows)
    definitions = list(hdu.columns)
    limits.check_columns(len(definitions))
    fields, arrays = [], []
    words: list[str] = []
    for definition in definitions:
        form = _FORM.match(str(definition.format).strip())
        refused = _REFUSED.get(form[1]) if form else None
        if refused:
            raise UserError(
                f"column {definition.name!r} is of {refused}, which no query can use",
                hint="leave it out, or convert it",
            )
    needed = hdu.columns.dtype.itemsize
    if hdu.header["XTENSION"].strip() == "BINTABLE" and needed != width:
        raise UserError(
            f"its columns (TFORMn) have {needed} bytes in a row, and NAXIS1 is {width}"
        )
    for number, definition in enumerate(definitions, 1):
        cells = np.asarray(hdu.data.field(number - 1))
        field = _field(hdu.header, definition, number, cells)
        fields.append(field)
        arrays.append(_values(field, cells, definition.null, words))
    name = str(hdu.header.get("EXTNAME", "")).strip()
    return fields, arrays, name or None, words


def _sizes(hdu: Any, limits: Limits, size: int) -> tuple[int, int]:
    """Return bytes of a row and rows, once it is known that the file has them.

    Astropy would make room for all that a header says.
    """
    found = []
    for key in ("NAXIS1", "NAXIS2"):
        value = hdu.header[key]
        if not isinstance(value, int) or value < 0:
            raise UserError(f"its header has {key} = {value!r}, which is no size")
        found.append(value)
    width, rows = found
    limits.check_size(width * rows)
    there = size - int(hdu.fileinfo()["datLoc"])
    if width * rows > there:
        raise UserError(
            f"it breaks off: its header says {rows} rows of {width} bytes, and "
            f"{max(there, 0)} bytes are there",
            hint="send it again, whole",
        )
    return width, rows


def _field(header: Any, definition: Any, number: int, cells: Any) -> Field:
    if cells.dtype.kind in "SU":
        datatype, size = "unicodeChar", "*"
        if cells.ndim > 1:
            size = "*x" + "x".join(map(str, cells.shape[1:]))
    else:
        code = f"{cells.dtype.kind}{cells.dtype.itemsize}"
        datatype = _DATATYPES.get(code, str(cells.dtype))
        size = "x".join(map(str, reversed(cells.shape[1:])))

    def word(key: str) -> str | None:
        return str(header.get(f"{key}{number}", "")).strip() or None

    return Field(
        str(definition.name),
        datatype,
        size or None,
        str(definition.unit).strip() or None if definition.unit else None,
        word("TUCD"),
        word("TUTYP"),
        word("TXTYP"),
        word("TCOMM"),
    )


def _values(field: Field, cells: Any, null: Any, words: list[str]) -> Any:
    if field.is_text:
        if cells.ndim > 1:
            return None  # it will be refused by its field
        if cells.dtype.kind == "S":  # as astropy leaves what is not ASCII
            texts, others = from_bytes(cells.tolist())
            if others:
                words.append(not_utf8(field.name, others))
        else:
            texts = cells.tolist()
        return pa.array([text.rstrip() or None for text in texts], pa.string())
    kind = _ARROW.get(field.datatype)
    if kind is None:
        return None
    native = np.ascontiguousarray(cells.astype(cells.dtype.newbyteorder("=")))
    if native.ndim > 1:
        width = int(np.prod(native.shape[1:]))
        offsets = np.arange(len(native) + 1) * width
        flat = pa.array(native.reshape(-1)).cast(kind)
        return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), flat)
    mask = None
    if null is not None and native.dtype.kind in "iu":
        mask = native == null
    return without_nan(pa.array(native, mask=mask).cast(kind))
