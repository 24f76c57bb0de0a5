"""A count map with plain Gammapy, as a script that an astronomer would write.

python count_map.py OUT RUN.fits...
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
from astropy import units as u
from gammapy.data import EventList
from gammapy.maps import Map, WcsGeom


def main(out: Path, files: list[str]) -> None:
    """Write product.fits and plot.png."""
    out.mkdir(parents=True, exist_ok=True)
    geom = WcsGeom.create(
        skydir=(83.633, 22.014), width=5, binsz=0.02, proj="TAN", frame="icrs"
    )
    counts = Map.from_geom(geom)
    for file in files:
        events = EventList.read(file).select_energy([0.5, 40] * u.TeV)
        counts.fill_events(events)
    counts.write(out / "product.fits", overwrite=True)
    counts.plot(add_cbar=True, stretch="sqrt")
    plt.savefig(out / "plot.png", dpi=130)


if __name__ == "__main__":
    began = time.perf_counter()
    main(Path(sys.argv[1]), sys.argv[2:])
    print(time.perf_counter() - began)
