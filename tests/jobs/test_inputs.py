"""Which datasets a job may have: none that the archive knows better than their file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.ingest.conftest import RunPlan

from distiller.archive import open_archive
from distiller.core.errors import BadParameter
from distiller.core.rights import NOBODY
from distiller.ingest import Options, ingest
from distiller.jobs.inputs import resolve

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from distiller.core.settings import Settings

_OVERRIDE = """
[[override]]
runs = [7]
keyword = "{keyword}"
value = {value}
reason = "as the logbook says"
"""


@pytest.mark.parametrize(
    ("keyword", "value", "refused"),
    [
        ("TIMESYS", '"TAI"', True),
        ("TIMESYS", '"TT"', False),
        ("RA_PNT", "83.0", True),
        ("OBSERVER", '"Ann"', False),
    ],
)
def test_a_run_that_is_mended_in_the_archive_only(
    make_home: Callable[..., Settings],
    tmp_path: Path,
    keyword: str,
    value: str,
    *,
    refused: bool,
) -> None:
    run = tmp_path / "set" / "run.fits"
    RunPlan(obs_id=7).write(run)
    said = tmp_path / "set.toml"
    said.write_text(_OVERRIDE.format(keyword=keyword, value=value))
    with open_archive(make_home()) as archive:
        report = ingest([run.parent], archive, "org.example", Options(settings=said))
        assert (report.counts["added"], report.refused) == (1, 0)
        if refused:
            with pytest.raises(BadParameter, match=f"jobs read the file: .*{keyword}"):
                resolve(archive, ["7"], NOBODY)
        else:
            (found,), _ = resolve(archive, ["7"], NOBODY)
            assert found.obs_id == "7"
