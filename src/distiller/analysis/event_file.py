"""Events files as analyses read them: opened, and with their headers corrected.

What the archive corrects is put into the headers in memory, before anything reads them;
the file stays as it is.
"""

from __future__ import annotations

import gzip
import warnings
import zlib
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from astropy.io import fits
from astropy.io.fits.verify import VerifyError
from astropy.utils.exceptions import AstropyWarning

from distiller.analysis.recipes import time_reference
from distiller.core.errors import BadData, Damaged
from distiller.core.files import sha256

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from distiller.analysis.products import HeaderCorrection, InputDataset

_SHA256_LENGTH: Final = 64
_OPERATORS: Final = "tell the operators; `distiller check --files` lists such files"
_CHOOSE: Final = (
    "choose other runs, or tell the operators; `distiller check --files` lists such "
    "files"
)
_INGEST: Final = "have the run ingested again, which tells the archive"
_BEGIN: Final = b"SIMPLE  ="
_GZIP: Final = b"\x1f\x8b"
_CHUNK: Final = 1 << 20
_CODES: Final = {"EVENTS": "D105", "GTI": "D104"}
_RESPONSE_CODE: Final = "D109"
_OF_THE_FILE: Final = (
    # What astropy and Gammapy raise over bytes that are no event list.
    OSError, EOFError, zlib.error, VerifyError, LookupError, ValueError, TypeError,
    AttributeError, OverflowError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RunTables:
    """The tables of one run, their headers corrected.

    Attributes
    ----------
    responses
        By kind and class, such as ``("psf", "psf_3gauss")``.
    hdus
        All tables of the events file.
    """

    events: fits.BinTableHDU
    gti: fits.BinTableHDU
    responses: Mapping[tuple[str, str], fits.BinTableHDU]
    hdus: fits.HDUList


@dataclass(frozen=True, slots=True)
class _File:
    """One file of a run, and how it is called in messages."""

    path: Path
    checksum: str
    words: str


Opened = dict[Path, tuple[_File, fits.HDUList]]
"""The files of a run, opened, by their paths."""


@contextmanager
def opened(dataset: InputDataset) -> Iterator[RunTables]:
    """Open the files of a dataset and find its tables, their headers corrected.

    Raises
    ------
    Damaged
        If a file is gone, cannot be opened or changed since it was ingested; or if
        nothing says which of several tables is that of the run.
    BadData
        If it is no event list; also if what reads it within the block fails on it.
        The text names file and run and says what is wrong.
    """
    files = _files(dataset)
    for file in files:
        _check(file)
    try:
        with ExitStack() as stack:
            # One opening for all tables: half of the time goes into unpacking.
            found = {
                file.path: (file, stack.enter_context(_open(file))) for file in files
            }
            yield _tables(dataset, found)
    except _OF_THE_FILE as error:
        for file in files:
            if (fault := _fault(file)) is not None:
                raise _bad(file, *fault) from error
        either = replace(files[0], words=" or ".join(file.words for file in files))
        raise _bad(either, *_words(error)) from error


def _open(file: _File) -> fits.HDUList:
    return fits.open(file.path, memmap=False)


def _files(dataset: InputDataset) -> tuple[_File, ...]:
    """Return the file of the events, then those others that hold tables of the run."""
    run = f"of run {dataset.obs_id} ({dataset.did})"
    own = dataset.path
    found = {own: _File(own, dataset.checksum, f"the events file {run}")}
    gti = dataset.gti_file
    if gti is not None:
        words = f"the file of the good times {run}"
        found.setdefault(gti.path, _File(gti.path, gti.checksum, words))
    for one in dataset.responses:
        words = f"the file of the responses {run}"
        found.setdefault(one.path, _File(one.path, one.checksum, words))
    return tuple(found.values())


def _tables(dataset: InputDataset, opened_files: Opened) -> RunTables:
    """Find the tables of a run and put right their headers."""
    gti = dataset.gti_file
    gti_path = dataset.path if gti is None else gti.path
    run = RunTables(
        events=_table(*opened_files[dataset.path], "EVENTS", dataset.events_hdu),
        gti=_table(*opened_files[gti_path], "GTI", dataset.gti_hdu),
        responses={
            (one.kind, one.gadf_class): _table(
                *opened_files[one.path], one.kind.upper(), one.hdu
            )
            for one in dataset.responses
        },
        hdus=opened_files[dataset.path][1],
    )
    _correct(run, dataset, opened_files)
    time_reference.complete(run.events.header, run.gti.header)
    return run


def _table(
    file: _File, hdus: fits.HDUList, kind: str, hdu: str | None
) -> fits.BinTableHDU:
    """Return a table of a run: never another one that looks like it.

    Raises
    ------
    BadData
        If there is none.
    Damaged
        If nothing says which of several is meant.
    """
    if hdu is None:
        found = [one for one in hdus[1:] if _is_of_kind(one, kind)]
    elif hdu.startswith("+"):
        found = hdus[int(hdu) : int(hdu) + 1]
    else:
        # Read no further than to the table.
        found = list(islice((one for one in hdus if one.name == hdu), 1))
    if len(found) > 1:
        message = (
            f"{file.words} has {len(found)} tables of {kind}, and the archive does not "
            f"say which is that of the run: {file.path.name}"
        )
        raise Damaged(message, hint=_INGEST)
    if not found or not isinstance(found[0], fits.BinTableHDU):
        lacking = (_CODES.get(kind, _RESPONSE_CODE), f"has no table {hdu or kind}")
        code, fault = _fault(file) or lacking
        raise _bad(file, code, fault)
    return found[0]


def _is_of_kind(hdu: fits.hdu.base.ExtensionHDU, kind: str) -> bool:
    """Whether the ingest would take a table for events or good time intervals."""
    said = str(hdu.header.get("HDUCLAS1", "")).strip()
    return isinstance(hdu, fits.BinTableHDU) and kind in {hdu.name, said}


def _correct(run: RunTables, dataset: InputDataset, opened_files: Opened) -> None:
    """Put right values into headers, in the order of the corrections, in memory only.

    Raises
    ------
    Damaged
        If the file has no table that a correction is for.
    """
    own = {"EVENTS": run.events, "GTI": run.gti}
    for one in dataset.corrections:
        if one.header in own:
            _put(own[one.header].header, one)
            continue
        for file, hdus in opened_files.values():
            if one.file != file.path.name:
                continue
            found = [hdu for hdu in hdus[1:] if hdu.name == one.hdu.upper()]
            if not found:
                message = f"{file.words} has no table {one.hdu}, whose {one.keyword} "
                raise Damaged(f"{message}the archive corrects", hint=_OPERATORS)
            for hdu in found:
                _put(hdu.header, one)


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


def _check(file: _File) -> None:
    """Refuse a file that is not the one that was ingested."""
    path = file.path
    try:
        has_sum = len(file.checksum) == _SHA256_LENGTH
        same = sha256(path) == file.checksum if has_sum else path.stat().st_size >= 0
    except OSError as error:
        raise _out_of_reach(file, error) from error
    if same:
        return
    found = _fault(file)
    if found is not None:
        code, fault = found
        raise _bad(file, code, f"{fault}, which it was not when it was ingested")
    message = f"{file.words} changed since it was ingested: {path.name}"
    raise Damaged(message, hint=_OPERATORS)


def _out_of_reach(file: _File, error: OSError) -> Damaged:
    name = file.path.name
    if isinstance(error, FileNotFoundError):
        message = f"{file.words} is gone: {name}"
    else:
        message = f"{file.words} cannot be opened: {name}: {error.strerror}"
    return Damaged(message, hint=_OPERATORS)


def _fault(file: _File) -> tuple[str, str] | None:
    try:
        return fault_of(file.path)
    except OSError as error:
        raise _out_of_reach(file, error) from error


def _bad(file: _File, code: str, fault: str) -> BadData:
    words = f"{file.words} {fault}"
    return BadData(code, file.path.name, words, hint=_CHOOSE)


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
