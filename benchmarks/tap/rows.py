"""One million synthetic rows of the 30 mandatory columns of ObsCore, always the same.

Half of the regions are polygons of 4 vertices, half of 12 in the place of circles. They
are the rows that the peer's archive holds: the same numbers from the same seed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterator

    Floats = np.ndarray[Any, np.dtype[np.float64]]

SEED: Final = 20261122
KINDS: Final = ("event", "image", "cube", "spectrum")
UCDS: Final = ("phot.count", *["phot.flux.density"] * 3)
LEVELS: Final = (2, 3, 3, 3)
COLLECTIONS: Final = (
    "HESS-DL3-DR1", "CTAO-SIM-DL3", "MAGIC-DL3", "VERITAS-DL3", "FACT-DL3",
)  # fmt: skip
FACILITIES: Final = ("H.E.S.S.", "CTAO", "MAGIC", "VERITAS", "FACT")
COLUMNS: Final = (
    "dataproduct_type", "calib_level", "obs_collection", "obs_id", "obs_publisher_did",
    "access_url", "access_format", "access_estsize", "target_name", "s_ra", "s_dec",
    "s_fov", "s_region", "s_xel1", "s_xel2", "s_resolution", "t_min", "t_max",
    "t_exptime", "t_resolution", "t_xel", "em_min", "em_max", "em_res_power", "em_xel",
    "o_ucd", "pol_states", "pol_xel", "facility_name", "instrument_name",
)  # fmt: skip
_FIRST_ID = 20_000
_STEP = 50_000
_HC = 1.23984198e-18


def batches(count: int) -> Iterator[pa.RecordBatch]:
    """Yield the first rows, in their order."""
    rng = np.random.default_rng(SEED)
    given = _Given(rng, count)
    for start in range(0, count, _STEP):
        yield given.batch(slice(start, min(start + _STEP, count)))


class _Given:
    """The numbers that were drawn, in the order in which they have to be drawn."""

    def __init__(self, rng: np.random.Generator, count: int) -> None:
        self.ra = rng.uniform(0, 360, count)
        self.dec = np.degrees(np.arcsin(rng.uniform(-1, 1, count)))
        self.fov = np.round(rng.uniform(1.0, 8.0, count), 2)
        self.turn = rng.uniform(0, 360, count)
        self.t_min = np.round(rng.uniform(53000, 60600, count), 6)
        self.exposure = np.round(rng.uniform(600, 1800, count), 2)
        self.t_max = np.round(self.t_min + self.exposure / 86400 / 0.93, 8)
        self.low = 10 ** rng.uniform(-2, 0, count)
        self.high = self.low * 10 ** rng.uniform(1, 2.5, count)
        self.size = rng.integers(200, 200000, count)
        self.kind = rng.integers(0, 4, count)
        self.collection = rng.integers(0, 5, count)
        self.target = rng.integers(0, 3000, count)
        self.resolution = np.round(rng.uniform(120, 720, count), 1)
        self.pixels = rng.integers(100, 2000, count)

    def batch(self, rows: slice) -> pa.RecordBatch:
        """Return some rows."""
        kind, collection = self.kind[rows], self.collection[rows]
        names = [COLLECTIONS[c] for c in collection]
        ids = [f"{_FIRST_ID + i:08d}" for i in range(rows.start, rows.stop)]
        pairs = list(zip(names, ids, strict=True))
        no_pixels = (kind != 1) & (kind != 2)  # noqa: PLR2004 - images and cubes
        count = len(kind)
        nothing = pa.nulls(count, pa.float64())
        pixels = pa.array(self.pixels[rows], mask=no_pixels)
        columns: dict[str, Any] = {
            "dataproduct_type": pa.array([KINDS[k] for k in kind]),
            "calib_level": pa.array(np.array(LEVELS, np.int32)[kind]),
            "obs_collection": pa.array(names),
            "obs_id": pa.array(ids),
            "obs_publisher_did": pa.array(
                [f"ivo://x-bench.invalid/~?dl3/{c}/{i}" for c, i in pairs]
            ),
            "access_url": pa.array(
                [
                    f"http://127.0.0.1:8080/getproduct/dl3/{c}/obs_{i}.fits.gz"
                    for c, i in pairs
                ]
            ),
            "access_format": pa.array(["application/fits"] * count),
            "access_estsize": pa.array(self.size[rows]),
            "target_name": pa.array([f"Source {t}" for t in self.target[rows]]),
            "s_ra": pa.array(self.ra[rows]),
            "s_dec": pa.array(self.dec[rows]),
            "s_fov": pa.array(self.fov[rows]),
            "s_region": self._regions(rows),
            "s_xel1": pixels,
            "s_xel2": pixels,
            "s_resolution": pa.array(self.resolution[rows]),
            "t_min": pa.array(self.t_min[rows]),
            "t_max": pa.array(self.t_max[rows]),
            "t_exptime": pa.array(self.exposure[rows]),
            "t_resolution": pa.array(np.full(count, 1e-6), mask=kind != 0),
            "t_xel": pa.nulls(count, pa.int64()),
            "em_min": pa.array([float(f"{_HC / e:.9e}") for e in self.high[rows]]),
            "em_max": pa.array([float(f"{_HC / e:.9e}") for e in self.low[rows]]),
            "em_res_power": pa.array(np.full(count, 7.5), mask=kind != 0),
            "em_xel": pa.array(np.full(count, 48), mask=kind < 2),  # noqa: PLR2004 - cubes and spectra
            "o_ucd": pa.array([UCDS[k] for k in kind]),
            "pol_states": nothing.cast(pa.string()),
            "pol_xel": nothing.cast(pa.int64()),
            "facility_name": pa.array([FACILITIES[c] for c in collection]),
            "instrument_name": pa.array([f"{FACILITIES[c]}-array" for c in collection]),
        }
        return pa.record_batch([columns[name] for name in COLUMNS], names=list(COLUMNS))

    def _regions(self, rows: slice) -> pa.Array[Any]:
        """Return polygons, deg: of 4 vertices in even rows, of 12 in odd ones."""
        quads, dodecagons = self._ring(rows, 4), self._ring(rows, 12)
        odd = np.arange(rows.start, rows.stop) % 2 == 1
        lengths = np.where(odd, 24, 8)
        values = np.empty(int(lengths.sum()))
        starts = np.concatenate(([0], np.cumsum(lengths)))
        for chosen, rings in ((~odd, quads), (odd, dodecagons)):
            places = starts[:-1][chosen][:, None] + np.arange(rings.shape[1])
            values[places] = rings[chosen]
        return pa.ListArray.from_arrays(pa.array(starts, pa.int32()), pa.array(values))

    def _ring(self, rows: slice, corners: int) -> Floats:
        """Return vertices half a field of view from the centres, shape (n, 2 m)."""
        turn = self.turn[rows][:, None] + np.arange(corners) * 360.0 / corners
        along = np.radians(turn)
        reach = np.radians(self.fov[rows] / 2)[:, None]
        dec = np.radians(self.dec[rows])[:, None]
        lat = np.arcsin(
            np.sin(dec) * np.cos(reach) + np.cos(dec) * np.sin(reach) * np.cos(along)
        )
        lon = np.radians(self.ra[rows])[:, None] + np.arctan2(
            np.sin(along) * np.sin(reach) * np.cos(dec),
            np.cos(reach) - np.sin(dec) * np.sin(lat),
        )
        ring = np.empty((lon.shape[0], 2 * corners))
        ring[:, 0::2] = np.degrees(lon) % 360
        ring[:, 1::2] = np.degrees(lat)
        return np.asarray(np.round(ring, 6), np.float64)
