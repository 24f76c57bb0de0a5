"""Count maps as jobs file them, for tests of services that serve images."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.web.conftest import AUTHORITY, COLLECTION, dataset

from distiller.core.files import sha256

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from distiller.core.bundle import Bundle, Row

CRAB_MAP = f"ivo://{AUTHORITY}/{COLLECTION}?9001"
CUBE = f"ivo://{AUTHORITY}/{COLLECTION}?9002"
OTHER = f"ivo://{AUTHORITY}/{COLLECTION}?9003"
CONTENT = b"SIMPLE  =                    T" + b" " * 50
_ON_CRAB = (85.0, 21.0, 85.0, 23.0, 82.0, 23.0, 82.0, 21.0)
_ON_MSH = (229.0, -60.0, 229.0, -58.0, 227.0, -58.0, 227.0, -60.0)
_MADE: Mapping[str, Row] = {
    "9001": {"product_type": "image", "s_region": _ON_CRAB, "energy_min": 1.0},
    "9002": {"product_type": "cube", "s_region": _ON_CRAB, "em_xel": 5, "s_fov": 2.0},
    "9003": {
        "product_type": "image",
        "s_region": _ON_MSH,
        "s_ra": 228.0,
        "s_dec": -59.0,
        "t_exptime": 60.0,
        "target_name": "MSH 15-52",
        "s_fov": 1.0,
    },
}


def maps(folder: Path) -> Iterator[Bundle]:
    """Yield an image and a cube of the Crab, and an image of another place."""
    for obs_id, changes in _MADE.items():
        path = folder / f"map_{obs_id}.fits"
        path.write_bytes(CONTENT)
        yield _as_map(dataset(obs_id, path), changes, path)


def _as_map(bundle: Bundle, changes: Row, path: Path) -> Bundle:
    (product,) = bundle.rows["cta.product"]
    (file,) = bundle.rows["cta.product_file"]
    made: Row = {
        **product,
        "observation_id": None,
        "data_level": "DL4",
        "product_subtype": "count-map",
        "o_ucd": "phot.count",
        "checksum": sha256(path),
        **changes,
    }
    rows = {
        "cta.collection": bundle.rows["cta.collection"],
        "cta.product": (made,),
        "cta.product_file": ({**file, "role": "product"},),
    }
    return replace(bundle, rows=rows)
