"""Events files as analyses read them: opened, and with their headers corrected.

What the archive corrects is put into the headers in memory, before anything reads them;
the file stays as it is.
"""

from __future__ import annotations

import gzip
import warnings
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Final

from astropy.io import fits
from astropy.io.fits.verify import VerifyError
from astropy.utils.exceptions import AstropyWarning

from distiller.core.errors import BadData, Damaged
from distiller.core.files import sha256

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from distiller.analysis.products import HeaderCorrection, InputDataset

_SHA256_LENGTH: Final = 64
_OPERATORS: Final = "tell the operators; `distiller check --files` lists such files"
_CHOOSE: Final = (
    "choose other runs, or tell the operators; `distiller check --files` lists such "
    "files"
)
_BEGIN: Final = b"SIMPLE  ="
_GZIP: Final = b"\x1f\x8b"
_CHUNK: Final = 1 << 20
_TIME: Final = (("TIMESYS",), ("MJDREFI", "MJDREFF"))
_LACKING: Final = {"EVENTS": "D105", "GTI": "D104"}
_OF_THE_FILE: Final = (
    # What astropy and Gammapy raise over bytes that are no event list.
    OSError, EOFError, zlib.error, VerifyError, LookupError, ValueError, TypeError,
    AttributeError, OverflowError,
)  # fmt: skip


@contextmanager
def opened(dataset: InputDataset) -> Iterator[fits.HDUList]:
    """Open the events file of a dataset, its headers corrected.

    Raises
    ------
    Damaged
        If the file is gone, cannot be opened or changed since it was ingested.
    BadData
        If it is no event list; also if what reads it within the block fails on it.
        The text names file and run and says what is wrong.
    """
    _check(dataset)
    try:
        # One opening for all tables: half of the time goes into unpacking.
        with fits.open(dataset.path, memmap=False) as hdus:
            correct(hdus, dataset)
            _complete(hdus)
            yield hdus
    except _OF_THE_FILE as error:
        code, fault = _fault(dataset) or _words(error)
        raise _bad(dataset, code, fault) from error


def table(
    hdus: fits.HDUList, name: str, dataset: InputDataset
) -> fits.hdu.table.BinTableHDU:
    """Return the table ``EVENTS`` or ``GTI`` of an events file.

    Raises
    ------
    BadData
        If there is none.
    """
    if name not in hdus:
        code, fault = _fault(dataset) or (_LACKING[name], f"has no table {name}")
        raise _bad(dataset, code, fault)
    return hdus[name]


def correct(hdus: fits.HDUList, dataset: InputDataset) -> None:
    """Put right values into headers, in the order of the corrections, in memory only.

    Raises
    ------
    Damaged
        If the file has no table that a correction is for.
    """
    for one in dataset.corrections:
        if one.file != dataset.path.name:
            continue
        found = [hdu for hdu in hdus[1:] if hdu.name == one.hdu.upper()]
        if not found:
            message = f"{_file(dataset)} has no table {one.hdu}, whose {one.keyword} "
            raise Damaged(f"{message}the archive corrects", hint=_OPERATORS)
        for hdu in found:
            _put(hdu.header, one)


def _complete(hdus: fits.HDUList) -> None:
    """Give EVENTS and GTI the time scale and the reference that only the other has.

    As the ingest does it: a reader that takes each table alone would assume TT for one
    of them, and the times of a product would not be those of the run in the archive.
    """
    if "EVENTS" not in hdus or "GTI" not in hdus:
        return
    events, gti = hdus["EVENTS"].header, hdus["GTI"].header
    for keywords in _TIME:
        for own, other in ((events, gti), (gti, events)):
            if not any(_says(own, keyword) for keyword in keywords):
                for keyword in keywords:
                    if _says(other, keyword):
                        own[keyword] = other[keyword]


def _says(header: fits.Header, keyword: str) -> bool:
    return keyword in header and str(header[keyword]).strip() != ""


def _put(header: fits.Header, one: HeaderCorrection) -> None:
    # All of them: of a keyword that stands there twice, the second is wrong as well.
    header.remove(one.keyword, ignore_missing=True, remove_all=True)
    if one.value is None:
        return
    value = one.value
    if isinstance(value, str):
        # A header holds nothing else; no analysis computes with such letters.
        value = value.encode("ascii", "backslashreplace").decode()
    header[one.keyword] = value


def _check(dataset: InputDataset) -> None:
    """Refuse a file that is not the one that was ingested."""
    path = dataset.path
    try:
        has_sum = len(dataset.checksum) == _SHA256_LENGTH
        same = sha256(path) == dataset.checksum if has_sum else path.stat().st_size >= 0
    except OSError as error:
        raise _out_of_reach(dataset, error) from error
    if same:
        return
    found = _fault(dataset)
    if found is not None:
        code, fault = found
        raise _bad(dataset, code, f"{fault}, which it was not when it was ingested")
    message = f"{_file(dataset)} changed since it was ingested: {path.name}"
    raise Damaged(message, hint=_OPERATORS)


def _out_of_reach(dataset: InputDataset, error: OSError) -> Damaged:
    name = dataset.path.name
    if isinstance(error, FileNotFoundError):
        message = f"{_file(dataset)} is gone: {name}"
    else:
        message = f"{_file(dataset)} cannot be opened: {name}: {error.strerror}"
    return Damaged(message, hint=_OPERATORS)


def _fault(dataset: InputDataset) -> tuple[str, str] | None:
    try:
        return fault_of(dataset.path)
    except OSError as error:
        raise _out_of_reach(dataset, error) from error


def _file(dataset: InputDataset) -> str:
    return f"the events file of run {dataset.obs_id} ({dataset.did})"


def _bad(dataset: InputDataset, code: str, fault: str) -> BadData:
    words = f"{_file(dataset)} {fault}"
    return BadData(code, dataset.path.name, words, hint=_CHOOSE)


def _words(error: Exception) -> tuple[str, str]:
    """Return code and words for what a reader says of a file that is whole."""
    said = f"has no {error.args[0]}" if isinstance(error, KeyError) else str(error)
    return "D109", f"cannot be read as a DL3 event list: {said}"


def fault_of(path: Path) -> tuple[str, str] | None:
    """Return what is wrong with the bytes of a file: the code and words; or None.

    Codes are those of the ingest: D103 empty, D106 not FITS, D107 truncated, D108
    compression damaged.
    """
    with path.open("rb") as raw:
        magic = raw.read(len(_GZIP))
        raw.seek(0)
        if not magic:
            return "D103", "is empty"
        if magic != _GZIP:
            return _fault_of_stream(path, raw)
        try:
            with gzip.GzipFile(fileobj=raw) as unpacked:
                return _fault_of_stream(path, unpacked)  # type: ignore[arg-type]  # it reads as a file does
        except EOFError:
            return "D107", "is cut off"
        except (gzip.BadGzipFile, zlib.error):
            return "D108", "is damaged: its compression is broken"


def _fault_of_stream(path: Path, stream: BinaryIO) -> tuple[str, str] | None:
    begin = stream.read(len(_BEGIN))
    total = len(begin)
    while chunk := stream.read(_CHUNK):
        total += len(chunk)
    if begin != _BEGIN[: len(begin)]:
        return "D106", "is not FITS"
    if total < _needed(path):
        return "D107", "is cut off"
    return None


def _needed(path: Path) -> float:
    """Return up to which byte the headers of a file say that it reaches."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", AstropyWarning)  # of a header that is cut off
        try:
            with fits.open(path, memmap=False) as hdus:
                last = [hdu.fileinfo() for hdu in hdus][-1]
        except (*_OF_THE_FILE, AstropyWarning) as error:
            is_cut = "truncated" in str(error) or "multiple of 2880" in str(error)
            is_cut |= "Empty or corrupt" in str(error)
            return float("inf") if is_cut else 0.0
    return float(last["datLoc"] + last["datSpan"])
