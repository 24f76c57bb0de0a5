"""A real DaCHS takes in the descriptor and the rows that this program writes for it.

It runs where DaCHS is installed (Debian: gavodachs2-server), its PostgreSQL runs, and
the tests run as root: DaCHS' commands belong to its user dachsroot.
"""

from __future__ import annotations

import io
import math
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from astropy.io.votable import parse_single_table
from click.testing import CliRunner

from distiller.archive import open_archive
from distiller.cli import program
from distiller.core.bundle import Bundle
from distiller.core.identifiers import key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.core.bundle import Row
    from distiller.core.settings import Settings

pytestmark = [pytest.mark.prove, pytest.mark.slow]

_SCHEMA = "distiller_test"
_USER = "dachsroot"
_PLACES: dict[str, Row] = {
    "circle": {"s_ra": 83.6, "s_dec": 22.0, "s_region": (83.6, 22.0, 2.5)},
    "polygon": {
        "s_ra": 359.9,
        "s_dec": -45.0,
        "s_region": (359.0, -46.0, 1.0, -46.0, 0.0, -44.0),
    },
    "point": {"s_ra": 10.0, "s_dec": -89.5, "s_region": (10.0, -89.5)},
    "nowhere": {
        "rights": "proprietary",
        "title": 'Nowhere, "really"; not\nπ or ñ',
        "size": 5_000_000_000,
    },
}
_EXACT = (
    "dataproduct_type", "calib_level", "obs_collection", "obs_id",
    "obs_publisher_did", "access_url", "access_format", "access_estsize",
    "target_name", "s_xel1", "s_xel2", "t_xel", "em_xel", "pol_xel", "o_ucd",
    "pol_states", "facility_name", "instrument_name", "dataproduct_subtype",
)  # fmt: skip
# DaCHS keeps some of these in single precision.
_CLOSE = (
    "s_ra", "s_dec", "s_fov", "s_resolution", "t_min", "t_max", "t_exptime",
    "t_resolution", "em_min", "em_max", "em_res_power", "s_pixel_scale",
)  # fmt: skip
_RELATIVE = 1e-6


def _dachs(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["runuser", "-u", _USER, "--", *arguments],
        cwd="/",
        capture_output=True,
        timeout=300,
        check=False,
    )


def _done(*arguments: str) -> bytes:
    result = _dachs("dachs", *arguments)
    said = (result.stdout + result.stderr).decode(errors="replace")
    assert result.returncode == 0, said
    assert "ERROR" not in said, said
    return result.stdout


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder in the inputs of a DaCHS that works; what it took in goes."""
    if shutil.which("dachs") is None:
        pytest.skip("no DaCHS here (a peer: Debian's gavodachs2-server)")
    if os.geteuid() != 0:
        pytest.skip("DaCHS' commands belong to its own user: only root can be that")
    if _dachs("psql", "-d", "gavo", "-c", "SELECT 1").returncode != 0:
        pytest.skip("DaCHS' PostgreSQL does not answer: start it")
    inputs = _dachs("dachs", "config", "inputsDir").stdout.decode().strip()
    made = Path(inputs) / _SCHEMA
    (made / "data").mkdir(parents=True)
    yield made
    _dachs("dachs", "drop", f"{_SCHEMA}/q")
    shutil.rmtree(made)
    gone = _dachs("psql", "-d", "gavo", "-c", f"DROP SCHEMA IF EXISTS {_SCHEMA}")
    assert gone.returncode == 0, gone.stderr


def _bundle(name: str, place: Row) -> Bundle:
    did = f"ivo://org.example/dachs?{name}"
    collection, product = key("collection", "dachs"), key(did, "product")
    return Bundle(
        did,
        "1",
        {
            "cta.collection": ({"collection_id": collection, "name": "dachs"},),
            "cta.product": (
                {
                    "product_id": product,
                    "publisher_did": did,
                    "obs_id": name,
                    "collection_id": collection,
                    "data_level": "DL3",
                    "product_type": "event",
                    "rights": "public",
                    "t_min": 59000.123456789,
                    "t_max": 59000.25,
                    "energy_min": 0.1,
                    "energy_max": 100.0,
                    **place,
                },
            ),
            "cta.product_file": (
                {
                    "file_id": key(did, "file"),
                    "product_id": product,
                    "name": f"{name}.fits",
                    "path": f"/nowhere/{name}.fits",
                    "role": "events",
                },
            ),
        },
    )


def _printed(settings: Settings, *arguments: str) -> str:
    given = ["--home", str(settings.home), *arguments]
    result = CliRunner().invoke(program, given, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def _plain(value: Any) -> Any:
    """Return a cell of a VOTable as Python; masked, NaN and empty are None."""
    if value is np.ma.masked:
        return None
    item = value.item() if hasattr(value, "item") else value
    if item is None or item == "" or (isinstance(item, float) and math.isnan(item)):
        return None
    return item


def test_dachs_has_the_same_observations(tmp_home: Settings, folder: Path) -> None:
    with open_archive(tmp_home) as archive:
        archive.store_many([_bundle(*item) for item in _PLACES.items()])
        ours = {
            str(row["obs_id"]): row
            for row in archive.rows("SELECT * FROM ivoa.obscore")
        }  # fmt: skip
    query = ("query", "SELECT * FROM ivoa.obscore", "--format", "csv")
    descriptor = _printed(tmp_home, "model", "dachs-rd", "--schema", _SCHEMA)
    (folder / "q.rd").write_text(descriptor)
    (folder / "data" / "obscore.csv").write_text(_printed(tmp_home, *query))
    for path in (folder / "q.rd", folder / "data" / "obscore.csv"):
        shutil.chown(path, _USER)
    assert b"OK" in _done("val", f"{_SCHEMA}/q")
    _done("imp", f"{_SCHEMA}/q")

    names = ", ".join((*_EXACT, *_CLOSE, "s_region"))
    where = f"source_table = '{_SCHEMA}.obscore'"
    answer = _done("adql", f"SELECT {names} FROM ivoa.obscore WHERE {where}")
    table = parse_single_table(io.BytesIO(answer)).to_table()
    theirs = {str(row["obs_id"]): row for row in table}
    assert set(theirs) == set(ours) == set(_PLACES)
    for name, row in theirs.items():
        for column in _EXACT:
            assert _plain(row[column]) == ours[name][column], (name, column)
        for column in _CLOSE:
            wanted = ours[name][column]
            given = _plain(row[column])
            assert given == (
                None if wanted is None else pytest.approx(wanted, rel=_RELATIVE)
            ), (name, column)
    # Its VOTables have no letters beyond ASCII; its database has.
    title = f"SELECT obs_title FROM {_SCHEMA}.obscore WHERE obs_id = 'nowhere'"
    stored = _dachs("psql", "-X", "-d", "gavo", "-Atc", title).stdout.decode()
    assert stored.rstrip("\n") == _PLACES["nowhere"]["title"]
    regions = {name: str(_plain(row["s_region"])) for name, row in theirs.items()}
    assert regions["nowhere"] == regions["point"] == "None"
    corners = [float(x) for x in regions["polygon"].split()[2:]]
    assert corners == pytest.approx([359.0, -46.0, 1.0, -46.0, 0.0, -44.0])
    around = "1 = CONTAINS(POINT(83.6, 19.51), s_region)"
    found = _done("adql", f"SELECT obs_id FROM ivoa.obscore WHERE {where} AND {around}")
    inside = parse_single_table(io.BytesIO(found)).to_table()
    assert [str(row["obs_id"]) for row in inside] == ["circle"]
