"""The outline of a map on the sky."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from astropy.coordinates import SkyCoord

if TYPE_CHECKING:
    from gammapy.maps import WcsGeom

    from distiller.analysis.map_geometry import MapGeometry

_WIDE_DEG: Final = 90.0
_TURN_DEG: Final = 360.0


def footprint_deg(
    geom: WcsGeom, configuration: MapGeometry
) -> tuple[float, ...] | None:
    """Return the outline (ICRS ra, dec...), counter-clockwise as DALI wants it.

    Lines of constant pixel are great circles for TAN only, so that other projections
    get points along their sides. None where a polygon would not say it: very wide maps
    and corners beyond the projection.
    """
    if max(configuration.span_deg) > _WIDE_DEG:
        return None
    nx, ny = configuration.shape
    steps = np.arange(8) / 8.0 if configuration.proj != "TAN" else np.zeros(1)
    ahead, back, still = steps, 1.0 - steps, np.ones_like(steps)
    x = np.concatenate([ahead, still, back, 0 * still]) * nx - 0.5
    y = np.concatenate([0 * still, ahead, still, back]) * ny - 0.5
    lon, lat = geom.wcs.wcs_pix2world(x, y, 0)
    if not np.isfinite([lon, lat]).all():
        return None
    sky = SkyCoord(lon, lat, unit="deg", frame=configuration.frame).icrs
    pairs = np.column_stack([sky.ra.deg, sky.dec.deg]).round(9)
    return tuple(float(v) for v in pairs.ravel())


def fov_deg(configuration: MapGeometry) -> float:
    """Return the diagonal of a map: ObsCore's s_fov."""
    return round(min(float(np.hypot(*configuration.span_deg)), _TURN_DEG), 9)
