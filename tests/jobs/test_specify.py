"""What a job is to do is whole once it is specified."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.ingest.conftest import RunPlan

from distiller.analysis.parameters import InvalidParameters
from distiller.archive import open_archive
from distiller.core.rights import NOBODY
from distiller.ingest import Options, ingest
from distiller.jobs.specify import Specifier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from distiller.core.settings import Settings

pytestmark = pytest.mark.slow


@pytest.fixture
def specifier(
    make_home: Callable[..., Settings], tmp_path: Path
) -> Iterator[Specifier]:
    settings = make_home(installed=True)
    path = RunPlan(obs_id=7).write(tmp_path / "set" / "run.fits")
    with open_archive(settings) as archive:
        report = ingest([path.parent], archive, "org.example", Options())
        assert report.refused == 0, report.findings
        yield Specifier(archive, settings, lambda _name: (228.53, -59.16))


def test_known_sources_stand_in_the_parameters_as_circles(specifier: Specifier) -> None:
    pairs = [("obs", "7"), ("target", "MSH 15-52")]
    found = specifier.check("significance_map", pairs, NOBODY)
    written = found.model_dump(mode="json")
    assert written["exclude"] == [[228.529, -59.157, 0.4]]
    assert written["ra"] == 228.53
    # The same again, from what was written.
    again = specifier.check("significance_map", found.to_pairs(), NOBODY)
    assert again == found
    pairs.append(("exclude_known", "false"))
    bare = specifier.check("significance_map", pairs, NOBODY)
    assert bare.model_dump()["exclude"] == ()


def test_more_circles_than_there_may_be_are_told(specifier: Specifier) -> None:
    pairs = [("obs", "7"), ("target", "MSH 15-52")]
    pairs += [("exclude", f"{number / 2},0,0.1") for number in range(200)]
    words = "exclude: 200 circles and 1 known sources are more than 200"
    with pytest.raises(InvalidParameters, match=words):
        specifier.check("significance_map", pairs, NOBODY)
