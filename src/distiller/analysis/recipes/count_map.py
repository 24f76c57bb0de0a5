"""Counts per pixel of the sky (and energy bin), and the exposure of each.

Pixels follow Gammapy's ``WcsGeom.create``. A pixel takes in its lower borders and not
its upper ones, and so do an energy bin and a time range.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from gammapy.maps import MapAxis, WcsGeom, WcsNDMap

from distiller.analysis.recipes.event_rows import Events, Flags, Floats, event_rows

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gammapy.data import Observations
    from gammapy.irf import EffectiveAreaTable2D

SPECTRAL_INDEX: Final = 2.0
"""Of the power law with which the effective area is averaged within an energy bin."""

_FINE_PER_DECADE: Final = 40
_INWARDS: Final = 1e-9
_STEP_DEG: Final = 0.02
_BLOCK: Final = 16384
"""Pixels at once: their arrays stay in the processor's cache."""

Cells = np.typing.NDArray[np.int64]


@dataclass(frozen=True)
class Pixels:
    """The cells of a map and what is computed of them once.

    Attributes
    ----------
    edges_tev
        Of the energy bins; the outer ones exactly as asked for.
    shape
        Energy bins, rows, columns.
    """

    geom: WcsGeom
    edges_tev: Floats
    shape: tuple[int, int, int]

    @property
    def size(self) -> int:
        """Number of cells."""
        return int(np.prod(self.shape))

    def to_map(self, values: Floats | Cells, unit: str = "") -> WcsNDMap:
        """Return a map; without energy axis if there is one bin."""
        shape = self.shape[1:] if self.shape[0] == 1 else self.shape
        # As Gammapy keeps them; whole numbers are exact up to 16,777,216.
        return WcsNDMap(self.geom, values.reshape(shape).astype(np.float32), unit=unit)

    def directions(self, first: int, last: int) -> Floats:
        """Return unit vectors (ICRS, shape (3, n)) of the pixels of some rows.

        Flat in C order of (y, x); NaN where the projection shows nothing.

        Parameters
        ----------
        first, last
            Rows from this one up to, and without, that one.
        """
        _, _, columns = self.shape
        y, x = np.mgrid[first:last, :columns].reshape(2, -1)
        lon, lat = self.geom.wcs.wcs_pix2world(x, y, 0)
        if self.geom.frame == "galactic":
            sky = SkyCoord(lon, lat, unit="deg", frame="galactic").icrs
            lon, lat = sky.ra.deg, sky.dec.deg
        return _vectors(np.radians(lon), np.radians(lat))


def pixels_of(parameters: Mapping[str, Any]) -> Pixels:
    """Return the cells of a map."""
    low, high, n_e = (parameters[name] for name in ("e_min", "e_max", "n_e"))
    edges = np.geomspace(low, high, n_e + 1)
    edges[[0, -1]] = low, high
    axes = [MapAxis.from_energy_edges(edges * u.TeV, interp="log")] if n_e > 1 else []
    nx, ny = (max(1, round(w / parameters["binsz"])) for w in parameters["width"])
    geom = WcsGeom.create(
        skydir=SkyCoord(parameters["ra"], parameters["dec"], unit="deg", frame="icrs"),
        npix=(nx, ny),
        binsz=parameters["binsz"],
        proj=parameters["proj"],
        frame=parameters["frame"],
        axes=axes,
    )
    return Pixels(geom, edges, (n_e, ny, nx))


def cells_of(rows: Events, chosen: Flags, pixels: Pixels) -> tuple[Cells, int]:
    """Count events per cell, flat in C order of (energy, y, x).

    Returns
    -------
    The counts, and how many of the chosen events lie on the map.
    """
    lon, lat = rows.ra_deg[chosen], rows.dec_deg[chosen]
    if pixels.geom.frame == "galactic":
        galactic = SkyCoord(lon, lat, unit="deg", frame="icrs").galactic
        lon, lat = galactic.l.deg, galactic.b.deg
    x, y = pixels.geom.wcs.wcs_world2pix(lon, lat, 0)
    _, ny, nx = pixels.shape
    ix, iy = _bin(x, nx), _bin(y, ny)
    energy = rows.energy_tev[chosen]
    ie = np.searchsorted(pixels.edges_tev, energy, side="right") - 1
    inside = (ix >= 0) & (ix < nx) & (iy >= 0) & (iy < ny)
    flat = (ie[inside] * ny + iy[inside]) * nx + ix[inside]
    return np.bincount(flat, minlength=pixels.size), flat.size


def _bin(pixel: Floats, count: int) -> Cells:
    """Return the index i with i - 0.5 <= pixel < i + 0.5; outside is -1 or count."""
    edges = np.arange(count + 1) - 0.5
    # Directions that the projection cannot show come as NaN and are sorted last.
    return np.searchsorted(edges, pixel, side="right") - 1


@dataclass(frozen=True, slots=True)
class _Run:
    """What a run adds to the exposure: cm2 s at nodes of the offset, by energy bin."""

    pointing: Floats
    nodes_deg: Floats
    profiles: Floats

    def add_to(self, values: Floats, directions: Floats) -> None:
        """Add to pixels, shape (energy bins, pixels), that lie in these directions."""
        # From the chord, which keeps its digits at small angles.
        parts = zip(directions, self.pointing, strict=True)
        chords = np.sqrt(sum((part - at) ** 2 for part, at in parts))
        offsets = np.degrees(2.0 * np.arcsin(np.minimum(chords / 2.0, 1.0)))
        (near,) = np.nonzero(offsets <= self.nodes_deg[-1])  # NaN is nowhere
        for bin_values, profile in zip(values, self.profiles, strict=True):
            bin_values[near] += np.interp(offsets[near], self.nodes_deg, profile)


class Exposure:
    """Effective area times live time of runs, summed for each cell, cm2 s.

    Within an energy bin the effective area is the mean over true energies, weighted
    with a power law; energy dispersion is not considered. It is known on a grid of
    offsets and linear in between, so that one table a run serves for all pixels.
    """

    def __init__(self, pixels: Pixels) -> None:
        self._pixels = pixels
        self._runs: list[_Run] = []

    def add(
        self,
        area: EffectiveAreaTable2D,
        pointing_deg: tuple[float, float],
        live_s: float,
    ) -> None:
        """Add a run."""
        nodes = _offsets_of(area)
        profiles = live_s * _averaged(area, nodes, self._pixels.edges_tev)
        self._runs.append(_Run(_vectors(*np.radians(pointing_deg)), nodes, profiles))

    def summed(self) -> Floats:
        """Return the exposure of each cell, shape (energy bins, rows, columns)."""
        _, rows, columns = self._pixels.shape
        found = np.zeros(self._pixels.shape)
        step = max(1, _BLOCK // columns)
        flat = found.reshape(len(found), -1)
        for first in range(0, rows, step):
            last = min(first + step, rows)
            directions = self._pixels.directions(first, last)
            for run in self._runs:
                run.add_to(flat[:, first * columns : last * columns], directions)
        return found


def _offsets_of(area: EffectiveAreaTable2D) -> Floats:
    """Return offsets in deg between which an effective area is as good as linear.

    Its own nodes, and others in between: beyond the last bin centre it is extrapolated
    and cut off where it would be negative, which is not linear.
    """
    axis = area.axes["offset"]
    known = np.concatenate([part.to_value("deg") for part in (axis.edges, axis.center)])
    last = known.max() * (1.0 - _INWARDS)  # at the border itself it is 0
    steps = np.linspace(0.0, last, int(np.ceil(last / _STEP_DEG)) + 1)
    return np.unique(np.concatenate([known[(known >= 0) & (known < last)], steps]))


def reaches(area: EffectiveAreaTable2D) -> bool:
    """Whether an effective area is known at more than one offset.

    Point-like ones are often given at that of the source alone: no map follows from it.
    """
    return bool(area.axes["offset"].nbin > 1)


def _vectors(lon_rad: Any, lat_rad: Any) -> Floats:
    around = np.cos(lat_rad)
    return np.stack(
        [around * np.cos(lon_rad), around * np.sin(lon_rad), np.sin(lat_rad)]
    )


def _averaged(
    area: EffectiveAreaTable2D, offsets_deg: Floats, edges_tev: Floats
) -> Floats:
    """Return mean effective areas in cm2, shape (energy bins, offsets)."""
    found = []
    for low, high in itertools.pairwise(edges_tev):
        steps = max(4, int(np.ceil(_FINE_PER_DECADE * np.log10(high / low))))
        fine = np.geomspace(low, high, steps + 1)
        power = 1.0 - SPECTRAL_INDEX
        weights = (fine[1:] ** power - fine[:-1] ** power) / power
        values = area.evaluate(
            energy_true=np.sqrt(fine[1:] * fine[:-1])[:, None] * u.TeV,
            offset=offsets_deg[None, :] * u.deg,
        ).to_value("cm2")
        found.append(weights @ values / weights.sum())
    return np.array(found)


def make(
    observations: Observations, parameters: Mapping[str, Any]
) -> dict[str, WcsNDMap]:
    """Return the maps ``counts`` and, if asked for and possible, ``exposure``."""
    pixels = pixels_of(parameters)
    t_min, t_max = parameters.get("t_min"), parameters.get("t_max")
    cells = np.zeros(pixels.size, dtype=np.int64)
    wanted = parameters.get("exposure", True)
    exposure = Exposure(pixels) if wanted else None
    for one in observations:
        rows = event_rows(one.events.table, one.gti)
        chosen = rows.in_energy(parameters["e_min"], parameters["e_max"])
        cells += cells_of(rows, chosen & rows.in_time(t_min, t_max), pixels)[0]
        live_s = rows.live_s(t_min, t_max)
        known = one.aeff is not None and reaches(one.aeff)
        if not known or rows.pointing_deg is None or live_s is None:
            exposure = None
        elif exposure is not None:
            exposure.add(one.aeff, rows.pointing_deg, live_s)
    maps = {"counts": pixels.to_map(cells)}
    if exposure is not None:
        maps["exposure"] = pixels.to_map(exposure.summed(), "cm2 s")
    return maps


def to_hdus(maps: Mapping[str, WcsNDMap]) -> Any:
    """Return the file: counts in the primary HDU, the exposure in EXPOSURE."""
    hdus = maps["counts"].to_hdulist()
    if "exposure" in maps:
        more = maps["exposure"].to_hdulist(hdu="EXPOSURE", hdu_bands="EXPOSURE_BANDS")
        for hdu in more[1:]:
            hdus.append(hdu)
    return hdus


def write(made: Mapping[str, WcsNDMap], folder: Path) -> None:
    """Write the maps as ``product.fits``."""
    to_hdus(made).writeto(folder / "product.fits", overwrite=True)


def numbers(made: Mapping[str, WcsNDMap]) -> dict[str, float]:
    """Return sum and maximum of the counts, and the largest exposure."""
    counts = made["counts"].data
    found = {"total": float(counts.sum()), "maximum": float(counts.max())}
    if "exposure" in made:
        found["exposure_cm2_s"] = float(made["exposure"].data.max())
    return found
