"""A ring-background significance map with plain Gammapy, as an astronomer's script.

python significance_map.py OUT RA DEC FOLDER OBS_ID...
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
from astropy import units as u
from astropy.coordinates import SkyCoord
from gammapy.data import DataStore
from gammapy.datasets import MapDataset, MapDatasetOnOff
from gammapy.estimators import ExcessMapEstimator
from gammapy.makers import MapDatasetMaker, RingBackgroundMaker, SafeMaskMaker
from gammapy.maps import Map, MapAxis, WcsGeom
from regions import CircleSkyRegion


def main(out: Path, centre: SkyCoord, folder: str, runs: list[int]) -> None:
    """Write product.fits and plot.png."""
    out.mkdir(parents=True, exist_ok=True)
    axis = MapAxis.from_energy_bounds(0.7, 40, 8, per_decade=True, unit="TeV")
    geom = WcsGeom.create(
        skydir=centre, width=4, binsz=0.02, proj="TAN", frame="icrs", axes=[axis]
    )
    empty = MapDataset(counts=Map.from_geom(geom), name="empty")
    maker = MapDatasetMaker(selection=["counts", "background"])
    safe = SafeMaskMaker(methods=["offset-max"], offset_max=2.5 * u.deg)
    region = CircleSkyRegion(centre, 0.3 * u.deg)
    excluded = geom.to_image().region_mask([region], inside=False)
    ring = RingBackgroundMaker(
        r_in=0.5 * u.deg, width=0.3 * u.deg, exclusion_mask=excluded
    )
    stacked = MapDatasetOnOff.create(
        geom.squash("energy"), energy_axis_true=axis.copy(name="energy_true").squash()
    )
    for one in DataStore.from_dir(folder).get_observations(runs):
        dataset = maker.run(empty.copy(name=str(one.obs_id)), one)
        dataset = safe.run(dataset, one)
        stacked.stack(ring.run(dataset.to_image()))
    estimator = ExcessMapEstimator(0.1 * u.deg, selection_optional=[])
    maps = estimator.run(stacked)
    maps.write(out / "product.fits", overwrite=True)
    maps["sqrt_ts"].plot(add_cbar=True)
    plt.savefig(out / "plot.png", dpi=130)


if __name__ == "__main__":
    began = time.perf_counter()
    place = SkyCoord(float(sys.argv[2]), float(sys.argv[3]), unit="deg")
    main(Path(sys.argv[1]), place, sys.argv[4], [int(a) for a in sys.argv[5:]])
    print(time.perf_counter() - began)
