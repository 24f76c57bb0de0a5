"""What is left of each run, as a GADF file of its own, and the indexes over them.

Unpacked, `gammapy.data.DataStore.from_dir` opens the folder. A run keeps its own header
and its own times; its responses are copied, so that its file stands alone.
"""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.table import Table

from distiller.analysis import record, results
from distiller.analysis.recipes.select_events import put_subspace

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Mapping, Sequence

    from distiller.analysis.event_file import RunTables
    from distiller.analysis.products import InputDataset
    from distiller.analysis.recipes.selection import Selected

FOLDER: Final = "data"

_GADF: Final = {
    "HDUCLASS": "GADF",
    "HDUDOC": "https://github.com/open-gamma-ray-astro/gamma-astro-data-formats",
    "HDUVERS": "0.2",
}
_STALE: Final = (
    # Dates of the run beside those of the standard, and sums over its bytes.
    "DATE_OBS", "TIME_OBS", "DATE_END", "TIME_END", "DATE-BEG", "CHECKSUM", "DATASUM",
)  # fmt: skip
_INDEXED: Final[Mapping[str, str | None]] = {
    "RA_PNT": "deg", "DEC_PNT": "deg", "GLON_PNT": "deg", "GLAT_PNT": "deg",
    "ALT_PNT": "deg", "AZ_PNT": "deg", "OBJECT": None, "RA_OBJ": "deg",
    "DEC_OBJ": "deg", "ONTIME": "s", "LIVETIME": "s", "DEADC": None, "TSTART": "s",
    "TSTOP": "s", "DATE-OBS": None, "TIME-OBS": None, "DATE-END": None,
    "TIME-END": None, "TELESCOP": None, "INSTRUME": None, "N_TELS": None,
    "TELLIST": None, "OBS_MODE": None, "MUONEFF": None, "QUALITY": None,
}  # fmt: skip
_SAME_S: Final = 1e-6


class RunFiles:
    """Files of runs, written into an archive one after the other."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._observations: list[dict[str, Any]] = []
        self._hdus: list[tuple[Any, ...]] = []
        self._reference: Any = None

    def add(
        self,
        dataset: InputDataset,
        run: RunTables,
        selected: Selected,
        parameters: Mapping[str, Any],
        history: Sequence[str],
    ) -> None:
        """Write what is left of a run.

        Parameters
        ----------
        run
            Its tables as they were read, their headers corrected.
        history
            Lines on where it comes from and what was done.
        """
        events = fits.BinTableHDU(run.events.data[selected.chosen], run.events.header)
        good = _good_times(run.gti, selected)
        # Unsigned integers and what else a file scales come out as they were.
        named = _number_of(dataset.obs_id)
        for hdu, kind in ((events, "EVENTS"), (good, "GTI")):
            hdu.name = kind
            for keyword in _STALE[-2:]:
                hdu.header.remove(keyword, ignore_missing=True, remove_all=True)
            for keyword, value in (_GADF | {"HDUCLAS1": kind}).items():
                if not str(hdu.header.get(keyword, "")).strip():
                    hdu.header[keyword] = value
            _put_times(hdu.header, selected)
        events.header["OBS_ID"] = named
        _put_live_time(events.header, selected)
        put_subspace(events.header, parameters)
        for line in history:
            events.header["HISTORY"] = record.ascii_of(line)
        hdus = [fits.PrimaryHDU(header=_primary(run)), events, good]
        tables = [("events", "events", events), ("gti", "gti", good)]
        for (kind, gadf_class), hdu in run.responses.items():
            hdus.append(hdu)
            tables.append((kind, gadf_class, hdu))
        content = results.fits_bytes(fits.HDUList(hdus))
        name = f"run_{dataset.obs_id}.fits"
        results.put_into(self._archive, f"{FOLDER}/{name}", content)
        self._index(named, name, selected, events, tables)

    def _index(
        self,
        named: int | str,
        name: str,
        selected: Selected,
        events: fits.BinTableHDU,
        tables: Sequence[tuple[str, str, fits.BinTableHDU]],
    ) -> None:
        if self._reference is None:
            self._reference = selected.reference, selected.mjdref
        shift = float((selected.reference - self._reference[0]).sec)
        header = events.header
        row = {key: header[key] for key in _INDEXED if key in header}
        row |= {key: float(header[key]) + shift for key in ("TSTART", "TSTOP")}
        row |= {"OBS_ID": named, "EVENT_COUNT": len(events.data)}
        self._observations.append(row)
        self._hdus += [
            (named, kind, gadf_class, FOLDER, name, hdu.name, hdu.filebytes())
            for kind, gadf_class, hdu in tables
        ]

    def finish(self) -> None:
        """Write the indexes."""
        whole, part = self._reference[1]
        times = {
            "MJDREFI": whole, "MJDREFF": part, "TIMEUNIT": "s", "TIMESYS": "TT",
            "TIMEREF": "LOCAL",
        }  # fmt: skip
        rows = self._observations
        names = ["OBS_ID", *(n for n in _INDEXED if any(n in row for row in rows))]
        columns = [
            _index_column(name, [row.get(name) for row in rows])
            for name in [*names, "EVENT_COUNT"]
        ]
        self._put("obs-index.fits.gz", columns, "OBS", times)
        labels = (
            "OBS_ID", "HDU_TYPE", "HDU_CLASS", "FILE_DIR", "FILE_NAME", "HDU_NAME",
            "SIZE",
        )  # fmt: skip
        columns = [
            _index_column(label, list(values))
            for label, values in zip(labels, zip(*self._hdus, strict=True), strict=True)
        ]
        self._put("hdu-index.fits.gz", columns, "HDU", {})

    def _put(
        self,
        name: str,
        columns: list[fits.Column],
        kind: str,
        more: dict[str, Any],
    ) -> None:
        hdu = fits.BinTableHDU.from_columns(columns, name=f"{kind}_INDEX")
        header = _GADF | {"HDUCLAS1": "INDEX", "HDUCLAS2": kind} | more
        for keyword, value in header.items():
            hdu.header[keyword] = value
        hdu.header["CREATOR"] = record.creator()
        content = results.fits_bytes(fits.HDUList([fits.PrimaryHDU(), hdu]))
        packed = gzip.compress(content, compresslevel=6, mtime=0)
        results.put_into(self._archive, name, packed)


def _good_times(gti: fits.BinTableHDU, selected: Selected) -> fits.BinTableHDU:
    """Return the good time intervals that are left, under the header of the run's."""
    own = gti.header.copy()
    rows = Table({"START": selected.good_s[:, 0], "STOP": selected.good_s[:, 1]})
    for name in rows.colnames:
        rows[name].unit = u.s
    hdu = fits.table_to_hdu(rows)
    for card in own.cards:
        structural = card.keyword.rstrip("0123456789") in _STRUCTURE
        if not structural and card.keyword not in hdu.header:
            hdu.header.append(card, end=True)
    return hdu


_STRUCTURE: Final = frozenset(
    {
        "XTENSION", "BITPIX", "NAXIS", "PCOUNT", "GCOUNT", "TFIELDS", "TTYPE", "TFORM",
        "TUNIT", "TNULL", "TSCAL", "TZERO", "TDISP", "TDIM", "TLMIN", "TLMAX",
    }
)  # fmt: skip


def _put_times(header: fits.Header, selected: Selected) -> None:
    """Write the bounds of the good time that is left; dates only if they moved."""
    start, stop = float(selected.good_s.min()), float(selected.good_s.max())
    moved = any(
        abs(float(now) - float(former)) > _SAME_S
        for now, former in (
            (start, selected.own_good_s.min()),
            (stop, selected.own_good_s.max()),
        )
    )
    for keyword, value in (("TSTART", start), ("TSTOP", stop)):
        if keyword in header or header["HDUCLAS1"] == "EVENTS":
            header[keyword] = value
    if "TELAPSE" in header:
        header["TELAPSE"] = stop - start
    if not moved or header["HDUCLAS1"] != "EVENTS":
        return
    for keyword in _STALE:
        header.remove(keyword, ignore_missing=True, remove_all=True)
    scale = str(header.get("TIMESYS", "TT")).strip().lower()
    for met, ending in ((start, "OBS"), (stop, "END")):
        instant = getattr(selected.reference + met * u.s, scale)
        header[f"DATE-{ending}"], header[f"TIME-{ending}"] = instant.isot.split("T")


def _put_live_time(header: fits.Header, selected: Selected) -> None:
    """Write good time and live time; the part of dead time stays that of the run."""
    own = float(np.diff(selected.own_good_s, axis=1).sum())
    live = selected.live
    is_whole = abs(own - selected.ontime_s) < _SAME_S
    former = header.get("LIVETIME") if is_whole else None
    header["ONTIME"] = selected.ontime_s
    if live is not None:
        header["DEADC"] = live
        header["LIVETIME"] = live * selected.ontime_s if former is None else former


def _primary(run: RunTables) -> fits.Header:
    header = run.hdus[0].header.copy()
    for keyword in ("CHECKSUM", "DATASUM"):
        header.remove(keyword, ignore_missing=True, remove_all=True)
    return header if header.get("NAXIS", 0) == 0 else fits.Header()


def _number_of(obs_id: str) -> int | str:
    return int(obs_id) if obs_id.isdecimal() else obs_id


def _index_column(name: str, values: Sequence[Any]) -> fits.Column:
    """Return a column of an index; what a run does not say is empty or no number."""
    unit = _INDEXED.get(name)
    known = [value for value in values if value is not None]
    if any(isinstance(value, str) for value in known):
        words = ["" if value is None else str(value) for value in values]
        width = max(1, *map(len, words))
        return fits.Column(name, f"{width}A", array=np.array(words))
    if all(isinstance(v, (int, np.integer)) for v in known) and len(known) == len(
        values
    ):
        return fits.Column(name, "1K", unit=unit, array=np.array(values))
    numbers = [np.nan if value is None else float(value) for value in values]
    return fits.Column(name, "1D", unit=unit, array=np.array(numbers))
