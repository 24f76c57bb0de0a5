"""Builds small GADF sets, right or wrong in any way that a test asks for."""

from __future__ import annotations

import gzip
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from astropy.io import fits

from distiller.archive import open_archive
from distiller.ingest.checks import check
from distiller.ingest.find import find
from distiller.ingest.gadf import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from distiller.archive import Archive
    from distiller.core.settings import Settings
    from distiller.ingest.run import Run

EVENTS: dict[str, Any] = {
    "HDUCLAS1": "EVENTS",
    "HDUVERS": "0.3",
    "TELESCOP": "TESTSCOPE",
    "INSTRUME": "Test array",
    "ORIGIN": "Test builders",
    "CREATOR": "builder 1",
    "OBSERVER": "A. Tester",
    "EV_CLASS": "std",
    "OBS_MODE": "POINTING",
    "OBJECT": "Test source",
    "RA_OBJ": 83.633,
    "DEC_OBJ": 22.014,
    "RA_PNT": 83.633,
    "DEC_PNT": 22.514,
    "ALT_PNT": 60.0,
    "AZ_PNT": 180.0,
    "TSTART": 1000.0,
    "TSTOP": 2800.0,
    "MJDREFI": 59000,
    "MJDREFF": 0.0,
    "TIMESYS": "TT",
    "TIMEUNIT": "s",
    "ONTIME": 1800.0,
    "LIVETIME": 1700.0,
    "DEADC": 0.9444,
    "TELAPSE": 1800.0,
    "N_TELS": 4,
    "TELLIST": "1,2,3,4",
    "GEOLON": 16.5,
    "GEOLAT": -23.27,
    "ALTITUDE": 1800.0,
    "DATE": "2021-02-03T04:05:06",
}
UNITS = {"TIME": "s", "RA": "deg", "DEC": "deg", "ENERGY": "TeV"}
TIME_KEYWORDS = ("MJDREFI", "MJDREFF", "TIMESYS", "TIMEUNIT")


@dataclass
class RunPlan:
    """What goes into a file; change anything before `write`.

    ``events`` None leaves the table out; so does ``gti`` None. A header value None
    takes the keyword away.
    """

    obs_id: Any = 1
    header: dict[str, Any] = field(default_factory=dict)
    columns: tuple[str, ...] = ("TIME", "RA", "DEC", "ENERGY")
    n_events: int = 5
    values: dict[str, Any] = field(default_factory=dict)
    has_events: bool = True
    gti: tuple[tuple[float, float], ...] | None = ((1000.0, 2800.0),)
    gti_header: dict[str, Any] = field(default_factory=dict)
    responses: Callable[[], list[fits.BinTableHDU]] | None = None

    def hdus(self) -> fits.HDUList:
        """Return the HDUs."""
        made = fits.HDUList([fits.PrimaryHDU()])
        header = {**EVENTS, "OBS_ID": self.obs_id, **self.header}
        if self.has_events:
            arrays = [
                fits.Column(name, "D", unit=UNITS.get(name), array=values)
                for name in self.columns
                for values in (self._column(name),)
            ]
            table = fits.BinTableHDU.from_columns(arrays, name="EVENTS")
            _update(table, header)
            made.append(table)
        if self.gti is not None:
            good = np.array(self.gti, dtype=float).reshape(-1, 2)
            table = fits.BinTableHDU.from_columns(
                [
                    fits.Column("START", "D", unit="s", array=good[:, 0]),
                    fits.Column("STOP", "D", unit="s", array=good[:, 1]),
                ],
                name="GTI",
            )
            times = {key: header.get(key) for key in TIME_KEYWORDS}
            _update(table, {"HDUCLAS1": "GTI", **times, **self.gti_header})
            made.append(table)
        make = responses if self.responses is None else self.responses
        made.extend(make())
        return made

    def _column(self, name: str) -> Any:
        made = np.arange(self.n_events, dtype=float)
        return self.values.get(name, made)

    def write(self, path: Path) -> Path:
        """Write the file, gzipped if its name says so."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.hdus().writeto(path, overwrite=True)
        return path


def _update(hdu: fits.BinTableHDU, keywords: dict[str, Any]) -> None:
    for keyword, value in keywords.items():
        if value is not None:
            hdu.header[keyword] = value


def response_hdu(
    name: str,
    classes: tuple[str, str],
    axes: dict[str, np.ndarray],
    arrays: dict[str, np.ndarray],
    enclosure: str = "FULL-ENCLOSURE",
) -> fits.BinTableHDU:
    """Return a response table from the edges of its axes and its arrays."""
    columns = []
    for axis, edges in axes.items():
        unit = {"ENERG": "TeV", "MIGRA": None}.get(axis, "deg")
        for suffix, values in (("LO", edges[:-1]), ("HI", edges[1:])):
            columns.append(
                fits.Column(
                    f"{axis}_{suffix}", f"{len(values)}E", unit=unit, array=[values]
                )
            )
    for column, values in arrays.items():
        shape = ",".join(str(n) for n in reversed(values.shape))
        columns.append(
            fits.Column(column, f"{values.size}E", dim=f"({shape})", array=[values])
        )
    table = fits.BinTableHDU.from_columns(columns, name=name)
    table.header["HDUCLAS1"] = "RESPONSE"
    table.header["HDUCLAS2"] = classes[0]
    table.header["HDUCLAS3"] = enclosure
    table.header["HDUCLAS4"] = classes[1]
    return table


ENERGY = np.geomspace(0.1, 100.0, 31)
THETA = np.linspace(0.0, 2.5, 6)


def aeff_hdu(**keywords: Any) -> fits.BinTableHDU:
    """Return an effective area for 0.1-100 TeV and 0-2.5 deg."""
    table = response_hdu(
        "AEFF",
        ("EFF_AREA", "AEFF_2D"),
        {"ENERG": ENERGY, "THETA": THETA},
        {"EFFAREA": np.ones((5, 30))},
        keywords.pop("enclosure", "FULL-ENCLOSURE"),
    )
    _update(table, {"LO_THRES": 0.5, "HI_THRES": 80.0, **keywords})
    return table


def psf_hdu(sigma_deg: float = 0.05) -> fits.BinTableHDU:
    """Return a PSF_3GAUSS that is one Gaussian."""
    one, none = np.ones((5, 30)), np.zeros((5, 30))
    return response_hdu(
        "PSF",
        ("RPSF", "PSF_3GAUSS"),
        {"ENERG": ENERGY, "THETA": THETA},
        {
            "SCALE": one,
            "SIGMA_1": sigma_deg * one,
            "AMPL_2": none,
            "SIGMA_2": none,
            "AMPL_3": none,
            "SIGMA_3": none,
        },
    )


def edisp_hdu(sigma: float = 0.1) -> fits.BinTableHDU:
    """Return an energy dispersion: a Gaussian around 1."""
    migra = np.linspace(0.2, 2.0, 181)
    centre = 0.5 * (migra[1:] + migra[:-1])
    profile = np.exp(-0.5 * ((centre - 1.0) / sigma) ** 2)
    matrix = np.broadcast_to(profile[None, :, None], (5, 180, 30)).copy()
    return response_hdu(
        "EDISP",
        ("EDISP", "EDISP_2D"),
        {"ENERG": ENERGY, "MIGRA": migra, "THETA": THETA},
        {"MATRIX": matrix},
    )


def responses() -> list[fits.BinTableHDU]:
    """Return full-enclosure responses."""
    return [aeff_hdu(), psf_hdu(), edisp_hdu()]


def no_responses() -> list[fits.BinTableHDU]:
    """Return nothing."""
    return []


def write_indexes(
    folder: Path,
    files: dict[Any, str],
    rows: dict[str, list[Any]] | None = None,
    hdus: tuple[str, ...] = ("EVENTS", "GTI", "AEFF", "PSF", "EDISP"),
    extra: dict[str, list[Any]] | None = None,
) -> None:
    """Write both index files for runs (obs_id -> file, relative to the folder)."""
    folder.mkdir(parents=True, exist_ok=True)
    listed = [(o, h, Path(f)) for o, f in files.items() for h in hdus]
    hdu_columns = {
        "OBS_ID": [o for o, _, _ in listed],
        "HDU_TYPE": [h.lower() for _, h, _ in listed],
        "HDU_CLASS": [h.lower() for _, h, _ in listed],
        "FILE_DIR": [str(f.parent) for _, _, f in listed],
        "FILE_NAME": [f.name for _, _, f in listed],
        "HDU_NAME": [h for _, h, _ in listed],
        **(extra or {}),
    }
    write_table(folder / "hdu-index.fits.gz", hdu_columns)
    write_table(folder / "obs-index.fits.gz", {"OBS_ID": list(files), **(rows or {})})


def write_table(path: Path, columns: dict[str, list[Any]]) -> None:
    """Write one table of scalars and texts."""
    made = []
    for name, values in columns.items():
        array = np.array(values)
        letters = {"i": "K", "f": "D", "U": f"{max(1, array.dtype.itemsize // 4)}A"}
        made.append(fits.Column(name, letters[array.dtype.kind], array=array))
    table = fits.BinTableHDU.from_columns(made, name="INDEX")
    table.writeto(path, overwrite=True)


@pytest.fixture
def archive(tmp_home: Settings, empty_file: Path) -> Iterator[Archive]:
    """Return an archive of DuckDB; a file of tests may have one of its own."""
    shutil.copy(empty_file, tmp_home.archive_path)
    with open_archive(tmp_home) as opened:
        yield opened


@pytest.fixture
def judged(tmp_path: Path) -> Callable[[RunPlan], Run]:
    """Write a run to a file, read it back and judge it."""

    def judge(plan: RunPlan) -> Run:
        path = plan.write(tmp_path / "judged.fits")
        found = find(path)
        assert not found.findings
        return check(Reader(found.files).read(found.runs[0]))

    return judge


@pytest.fixture
def gadf_set(tmp_path: Path, good_set: Path) -> Path:
    """Return a folder with three good runs and index files."""
    return Path(shutil.copytree(good_set, tmp_path / good_set.name))


@pytest.fixture(scope="session")
def good_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return that folder to copy: writing it takes longer."""
    folder = tmp_path_factory.mktemp("good") / "Good Set"
    for obs_id in (1, 2, 3):
        RunPlan(obs_id=obs_id, n_events=obs_id).write(
            folder / "data" / f"run_{obs_id}.fits.gz"
        )
    write_indexes(folder, {n: f"data/run_{n}.fits.gz" for n in (1, 2, 3)})
    (folder / "README.txt").write_text("Terms of the good set\n\nUse it well.\n")
    return folder


def cut_gzip(path: Path, keep: float) -> None:
    """Cut a file after a share of its bytes."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])


def gunzipped(path: Path) -> bytes:
    """Return the content of a gzipped file."""
    return gzip.decompress(path.read_bytes())
