"""Tables that come with a query, how they are sent, and what is said of them."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import httpx
import numpy as np
from astropy.table import Table

if TYPE_CHECKING:
    from tests.web.conftest import Server

NEAR = (
    "SELECT o.obs_id, u.* FROM ivoa.obscore AS o JOIN TAP_UPLOAD.mine AS u "
    "ON DISTANCE(o.s_ra, o.s_dec, u.ra, u.dec) < 0.2 ORDER BY o.obs_id"
)


def sources(count: int = 0) -> Table:
    """Return two sources, the second near one run, and others far from all."""
    far = np.linspace(0, 359, count)
    return Table(
        {
            "ra": [10.0, 83.62, *far],
            "dec": [20.0, 22.52, *np.full(count, 80.0)],
            "Name": ["far", "a<b & ü", *(f"s{i}" for i in range(count))],
        },
        units={"ra": "deg", "dec": "deg"},
    )


def votable(table: Table, serialization: str = "tabledata") -> bytes:
    out = io.BytesIO()
    table.write(out, format="votable", tabledata_format=serialization)
    return out.getvalue()


def send(
    server: Server, adql: str, files: dict[str, bytes], **more: str
) -> httpx.Response:
    pairs = {"LANG": "ADQL", "QUERY": adql, "RESPONSEFORMAT": "csv", **more}
    pairs.setdefault("UPLOAD", ";".join(f"{name},param:{name}" for name in files))
    return httpx.post(
        f"{server.url}/tap/sync",
        data=pairs,
        files={name: (name, data) for name, data in files.items()},
        timeout=60,
    )


def error_of(answer: httpx.Response) -> str:
    found = re.search(r'value="ERROR">(.*)</INFO>', answer.text, re.DOTALL)
    assert found is not None, answer.text
    return found[1]
