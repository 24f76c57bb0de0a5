"""Cone search and image search with clients that nobody here wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.clients import stilts
from tests.support.maps import CRAB_MAP, CUBE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.web.conftest import Server

pytestmark = [pytest.mark.slow, pytest.mark.debian("stilts")]

_PLACES = "name,ra,dec\ncrab,83.6,22\nmsh,228.5,-59\nnowhere,10,10\n"


@pytest.fixture
def places(tmp_path: Path) -> Path:
    """Return a table of positions."""
    path = tmp_path / "places.csv"
    path.write_text(_PLACES)
    return path


def test_stilts_cone(image_server: Server) -> None:
    done = stilts(
        "cone", f"serviceurl={image_server.url}/scs", "lon=83.6", "lat=22.0",
        "radius=0.48", "verb=3", "ofmt=csv", "ocmd=keepcols 'obs_id separation'",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    # The maps lie at the centre of the cone, the runs beside it.
    assert [line.partition(",")[0] for line in done.stdout.split()] == [
        "obs_id", "9001", "9002", "23523", "23526",
    ]  # fmt: skip


def test_stilts_shows_the_error(image_server: Server) -> None:
    done = stilts(
        "cone", f"serviceurl={image_server.url}/scs", "lon=83.6", "lat=22.0",
        "radius=181",
    )  # fmt: skip
    assert "SR: 181.0 is not from 0 to 180 deg" in done.stderr


def test_stilts_coneskymatch(image_server: Server, places: Path) -> None:
    done = stilts(
        "coneskymatch", f"in={places}", "ifmt=csv", "ra=ra", "dec=dec", "sr=1",
        "servicetype=cone", f"serviceurl={image_server.url}/scs", "find=all",
        "usefoot=false", "ofmt=csv", "ocmd=keepcols 'name obs_id'",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = {tuple(line.split(",")) for line in done.stdout.split()[1:]}
    runs = {("crab", run) for run in ("23523", "23526", "23559", "9001", "9002")}
    assert found == {*runs, *(("msh", n) for n in ("20136", "20137", "9003"))}


def test_stilts_image_search(image_server: Server) -> None:
    done = stilts(
        "cone", "servicetype=sia2", f"serviceurl={image_server.url}/sia2/query",
        "lon=83.6", "lat=22.0", "radius=1", "ofmt=csv",
        "ocmd=keepcols 'obs_publisher_did'",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[1:] == [CRAB_MAP, CUBE]


def test_stilts_tapskymatch(image_server: Server, places: Path) -> None:
    url = f"{image_server.url}/tap"
    done = stilts(
        "tapskymatch", f"in={places}", "ifmt=csv", "inlon=ra", "inlat=dec", "sr=1",
        f"tapurl={url}", "taptable=ivoa.obscore", "taplon=s_ra", "taplat=s_dec",
        "tapcols=obs_id", "find=all", "sync=true", "ofmt=csv",
        "ocmd=keepcols 'name obs_id'",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = {line.split(",")[0] for line in done.stdout.split()[1:]}
    assert found == {"crab", "msh"}
    assert len(done.stdout.split()) == 9
