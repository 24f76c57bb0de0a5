"""The simulated set on disk: GADF files with their index files and a README."""

from __future__ import annotations

import errno
import gzip
import io
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io import fits

from distiller.analysis.simulate import fits_bytes, headers
from distiller.analysis.simulate.irf_tables import irf_hdus
from distiller.analysis.simulate.proposals import SETTINGS_NAME, settings_text
from distiller.analysis.simulate.schedule import FIRST_OBS_ID, MAX_RUNS
from distiller.core.errors import BadParameter, NoSpace
from distiller.core.files import atomic_file, sync_folder, write_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from distiller.analysis.simulate.response import Response
    from distiller.analysis.simulate.sample import Events
    from distiller.analysis.simulate.schedule import Run

NOTE = "Simulated data of an imaginary array. Not an observation."

README = """\
SIMULATED DATA
==============

Everything in this folder was made by `distiller simulate` (simulation version
{version}, seed {seed}, {runs} runs). It describes no real telescope and no
observation: sources, background and instrument responses are parametrised
functions. Use it to try and to test software, never for science.

Files: GADF 0.3 event lists with good time intervals and full-enclosure
responses, `obs-index.fits.gz` and `hdu-index.fits.gz`, and the settings of the
collection with (imaginary) proposals and telescopes. North writes times in TT
(PSF_3GAUSS, BKG_3D), South in UTC (PSF_TABLE, BKG_2D). MC_ID of an event is 0
for background and otherwise the number of the source in the header.

Terms of use: none. Whoever shows it says that it is simulated.
"""

TableNote = tuple[str, str, int]
"""HDU name, HDU class of the index, size in bytes."""

HduRow = tuple[int, str, str, str, str, str, int]
"""A row of the HDU index: OBS_ID, type, class, folder, file, HDU name, size."""


_README_NAME = "README.txt"
_INDEX_NAMES = ("obs-index.fits.gz", "hdu-index.fits.gz")  # the last one written first
_RUN_NAME = re.compile(r"sim_(\d{6,7})\.fits")
_IRF_NAMES = frozenset({"sim_irf_north.fits", "sim_irf_south.fits"})
_CUT_OFF = re.compile(r"\.(.+)\.[a-z0-9_]{8}")
"""A temporary file that `atomic_file` left when it was killed."""


@contextmanager
def refusals_told(path: Path) -> Iterator[None]:
    """Tell what the system refuses in our words.

    Raises
    ------
    BadParameter
        Naming the path and the system's reason.
    NoSpace
        If the disk or a quota is full.
    """
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            message = f"no space left to write {path}"
            raise NoSpace(message, hint="free space on that disk") from error
        reason = error.strerror or str(error)
        raise BadParameter(
            "DIR",
            f"cannot use {path}: {reason}",
            hint="name a folder that can be written",
        ) from error


def is_strange(folder: Path) -> bool:
    """Whether a folder holds anything, and no simulation."""
    readme = folder / _README_NAME
    if readme.is_file():
        ours = README.partition("{")[0]
        return not readme.read_text(errors="replace").startswith(ours)
    return any(not _is_cut_off(path.name, _README_NAME) for path in folder.iterdir())


def remove_earlier(folder: Path) -> None:
    """Remove the files of an earlier simulation, its indexes first.

    Files go by their name in their folder; nothing else is touched.
    """
    with refusals_told(folder):
        if not folder.is_dir():
            return
        for name in _INDEX_NAMES:
            (folder / name).unlink(missing_ok=True)
        sync_folder(folder)
        for below in (folder / "data", folder / "irf", folder):
            for path in sorted(below.iterdir()) if below.is_dir() else ():
                if _is_earlier(path, folder):
                    path.unlink()


def _is_earlier(path: Path, folder: Path) -> bool:
    """Whether a path is a run, a shared response, or a part of a file cut off."""
    if path.is_symlink() or not path.is_file():
        return False
    if path.parent == folder:
        return any(
            _is_cut_off(path.name, name)
            for name in (_README_NAME, SETTINGS_NAME, *_INDEX_NAMES)
        )
    cut_off = _CUT_OFF.fullmatch(path.name)
    name = cut_off[1] if cut_off else path.name
    if path.parent.name == "irf":
        return name in _IRF_NAMES
    run = _RUN_NAME.fullmatch(name)
    if run is None:
        return False
    obs_id = int(run[1])
    return name == _run_name(obs_id) and 0 <= obs_id - FIRST_OBS_ID < MAX_RUNS


def _is_cut_off(name: str, of: str) -> bool:
    found = _CUT_OFF.fullmatch(name)
    return found is not None and found[1] == of


def _run_name(obs_id: int) -> str:
    return f"sim_{obs_id:06d}.fits"


def write_run(
    folder: Path,
    run: Run,
    events: Events,
    weather: headers.Keywords,
    irfs: Response | None,
) -> tuple[HduRow, ...]:
    """Write one run as ``data/sim_<obs_id>.fits``; return its rows of the HDU index.

    Without ``irfs`` the file holds events and good time intervals only.
    """
    content = [_PRIMARY, _events(run, events, weather), _gti(run)]
    tables = [("EVENTS", "events", len(content[1])), ("GTI", "gti", len(content[2]))]
    if irfs is not None:
        common = headers.common(run) | {
            "CONFIG": headers.processing(run)["CONFIG"],
            "ZENITH": (round(90.0 - run.alt_deg, 4), "[deg]"),
            "AZIMUTH": (run.az_deg, "[deg]"),
        }
        hdus = irf_hdus(irfs, common, tables_for=run.site.name)
        content.append(_without_primary(hdus))
        tables += described(hdus)
    name = _run_name(run.obs_id)
    _write(folder / "data" / name, b"".join(content))
    return hdu_rows(run.obs_id, "data", name, tables)


def write_shared_irfs(
    folder: Path, site: str, response: Response
) -> tuple[TableNote, ...]:
    """Write a response file that many runs share; describe its tables."""
    common = {
        "ORIGIN": "SYNTHETIC",
        "TELESCOP": "SIMULATED",
        "INSTRUME": f"Simulated array {site}",
        "DATE": headers.DATE,
    }
    hdus = irf_hdus(response, common, tables_for=site)
    path = folder / "irf" / f"sim_irf_{site.lower()}.fits"
    _write(path, _PRIMARY + _without_primary(hdus))
    return described(hdus)


def described(hdus: Sequence[fits.BinTableHDU]) -> tuple[TableNote, ...]:
    """Return HDU name, class and size of response tables."""
    return tuple(
        (hdu.name, str(hdu.header["HDUCLAS4"]).lower(), int(hdu.filebytes()))
        for hdu in hdus
    )


def hdu_rows(
    obs_id: int, folder: str, name: str, tables: Iterable[TableNote]
) -> tuple[HduRow, ...]:
    """Return rows of the HDU index for these tables of one file."""
    return tuple(
        (obs_id, hdu.lower(), hdu_class, folder, name, hdu, size)
        for hdu, hdu_class, size in tables
    )


def write_indexes(
    folder: Path, observations: Sequence[dict[str, Any]], hdus: Sequence[HduRow]
) -> None:
    """Write both index files, which make the folder a whole set."""
    names = list(dict.fromkeys(key for row in observations for key in row))
    columns = [
        _index_column(name, [r.get(name) for r in observations]) for name in names
    ]
    observation_index = _index_hdu("OBS_INDEX", "OBS", columns)
    labels = (
        "OBS_ID", "HDU_TYPE", "HDU_CLASS", "FILE_DIR", "FILE_NAME", "HDU_NAME", "SIZE",
    )  # fmt: skip
    listed = [
        _index_column(label, list(values))
        for label, values in zip(labels, zip(*hdus, strict=True), strict=True)
    ]
    last, first = _INDEX_NAMES
    for name, hdu in (
        (first, _index_hdu("HDU_INDEX", "HDU", listed)),
        (last, observation_index),
    ):
        whole = _PRIMARY + _without_primary([hdu])
        _write(folder / name, gzip.compress(whole, compresslevel=6, mtime=0))


def write_readme(folder: Path, runs: int, seed: int) -> None:
    """Write README.txt, which says that all is simulated."""
    text = README.format(version=headers.VERSION, runs=runs, seed=seed)
    path = folder / _README_NAME
    with refusals_told(path):
        write_text(path, text)


def write_settings(folder: Path, plan: Sequence[Run]) -> None:
    """Write the settings of the collection: proposals, telescopes, an observation."""
    path = folder / SETTINGS_NAME
    with refusals_told(path):
        write_text(path, settings_text(plan))


def _events(run: Run, events: Events, weather: headers.Keywords) -> bytes:
    keywords: headers.Keywords = {
        "HDUCLASS": "GADF",
        "HDUVERS": "0.3",
        "HDUCLAS1": "EVENTS",
        **headers.common(run),
        **headers.timing(run),
        **headers.observation(run),
        **headers.array(run),
        **weather,
        **headers.processing(run),
        "NMCIDS": len(run.field.sources),
    }
    for number, source in enumerate(run.field.sources, start=1):
        keywords[f"MID{number:05d}"] = number
        keywords[f"MMN{number:05d}"] = source.name
    columns = (
        ("EVENT_ID", "i8", "", np.arange(1, len(events.met_s) + 1)),
        ("TIME", "f8", "s", events.met_s),
        ("RA", "f4", "deg", events.ra_deg),
        ("DEC", "f4", "deg", events.dec_deg),
        ("ENERGY", "f4", "TeV", events.energy_tev),
        ("MC_ID", "i2", "", events.origin),
    )
    return fits_bytes.table("EVENTS", columns, keywords, NOTE)


def _gti(run: Run) -> bytes:
    good = np.array(run.intervals_s) + run.start_met
    keywords = {
        "HDUCLASS": "GADF",
        "HDUVERS": "0.3",
        "HDUCLAS1": "GTI",
        **headers.common(run),
        **headers.timing(run),
    }
    columns = (("START", "f8", "s", good[:, 0]), ("STOP", "f8", "s", good[:, 1]))
    return fits_bytes.table("GTI", columns, keywords, NOTE)


def _index_column(name: str, values: list[Any]) -> fits.Column:
    first = next(value for value in values if value is not None)
    if isinstance(first, str):
        width = max(len(value or "") for value in values)
        return fits.Column(name, f"{width}A", array=np.array([v or "" for v in values]))
    if isinstance(first, int):
        return fits.Column(name, "1K", array=np.array(values))
    filled = [np.nan if value is None else value for value in values]
    unit = _UNITS.get(name.rpartition("_")[0] or name, _UNITS.get(name))
    return fits.Column(name, "1D", unit=unit, array=np.array(filled))


_UNITS = {
    "RA": "deg", "DEC": "deg", "GLON": "deg", "GLAT": "deg", "ALT": "deg", "AZ": "deg",
    "ZEN": "deg", "OFFSET": "deg", "GEOLON": "deg", "GEOLAT": "deg", "ALTITUDE": "m",
    "TSTART": "s", "TSTOP": "s", "ONTIME": "s", "LIVETIME": "s", "TRGRATE": "Hz",
    "ZTRGRATE": "Hz", "PRESSURE": "hPa",
}  # fmt: skip


def _index_hdu(
    name: str, kind: str, columns: Sequence[fits.Column]
) -> fits.BinTableHDU:
    hdu = fits.BinTableHDU.from_columns(list(columns), name=name)
    hdu.header["HDUCLASS"] = "GADF"
    hdu.header["HDUVERS"] = "0.3"
    hdu.header["HDUCLAS1"] = "INDEX"
    hdu.header["HDUCLAS2"] = kind
    hdu.header["ORIGIN"] = ("SYNTHETIC", "simulated: not an observation")
    hdu.header["DATE"] = headers.DATE
    return hdu


def _without_primary(hdus: Sequence[fits.BinTableHDU]) -> bytes:
    buffer = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(buffer)
    return buffer.getvalue()[_EMPTY_PRIMARY:]


_PRIMARY = fits_bytes.primary({"ORIGIN": "SYNTHETIC"}, NOTE)
_EMPTY_PRIMARY = 2880


def _write(path: Path, content: bytes) -> None:
    with refusals_told(path), atomic_file(path) as stream:
        stream.write(content)
