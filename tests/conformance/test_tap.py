"""TAP as validators and clients see it that nobody here wrote."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
import pyvo
from pyvo.dal.exceptions import DALOverflowWarning, DALQueryError

if TYPE_CHECKING:
    from tests.web.conftest import Server, StartServer

pytestmark = pytest.mark.slow


@pytest.mark.debian("stilts")
def test_tapquery(each_server: Server) -> None:
    done = subprocess.run(
        [
            "stilts",
            "tapquery",
            f"tapurl={each_server.url}/tap",
            "sync=true",
            "adql=SELECT obs_id, s_ra, t_min FROM ivoa.obscore ORDER BY obs_id",
            "ofmt=csv",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:2] == ["obs_id,s_ra,t_min", "20136,228.3,53379.9"]


def test_pyvo_search_tables_and_limits(each_server: Server) -> None:
    service = pyvo.dal.TAPService(f"{each_server.url}/tap")
    result = service.search("SELECT * FROM ivoa.obscore")
    assert len(result) == 5
    assert result.fieldnames[0] == "dataproduct_type"
    table = result.to_table()
    assert str(table["s_ra"].unit) == "deg"
    columns = [c.name for c in service.tables["cta.observation"].columns]
    assert "livetime" in columns
    assert '"size"' in [c.name for c in service.tables["cta.product"].columns]


def test_pyvo_notices_the_limit_of_the_server(start_server: StartServer) -> None:
    service = pyvo.dal.TAPService(f"{start_server(query_rows_default=2).url}/tap")
    with pytest.warns(DALOverflowWarning, match="truncated due to server limits"):
        assert len(service.search("SELECT obs_id FROM ivoa.obscore")) == 2


def test_pyvo_shows_the_fault(each_server: Server) -> None:
    service = pyvo.dal.TAPService(f"{each_server.url}/tap")
    with pytest.raises(DALQueryError) as caught:
        service.search("SELECT obs_idd FROM ivoa.obscore")
    assert "1:8 Q202 there is no column obs_idd (did you mean obs_id?)" in str(
        caught.value
    )
