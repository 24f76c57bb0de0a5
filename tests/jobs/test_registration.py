"""A product is filed whatever became of its inputs meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from tests.ingest.conftest import RunPlan

from distiller.analysis.count_map.parameters import CountMapParameters
from distiller.analysis.count_map.run import run
from distiller.archive import open_archive
from distiller.core.rights import NOBODY
from distiller.ingest import Options, ingest
from distiller.jobs.ends import End
from distiller.jobs.inputs import resolve
from distiller.jobs.registration import bundle
from distiller.jobs.spec import JobSpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from distiller.core.settings import Settings

pytestmark = pytest.mark.slow


def test_a_product_whose_collection_was_removed_meanwhile(
    make_home: Callable[..., Settings], tmp_path: Path
) -> None:
    settings = make_home(installed=True)
    RunPlan(obs_id=7).write(tmp_path / "set" / "run.fits")
    (tmp_path / "set" / "README").write_text("A title\n")
    did, made = "ivo://org.example/set?7", tmp_path / "made"
    with open_archive(settings) as archive:
        ingest([tmp_path / "set"], archive, "org.example")
        inputs, heritage = resolve(archive, [did], NOBODY)
        made.mkdir()
        asked = {"obs": [did], "ra": 2, "dec": 2, "width": 8, "binsz": 0.5}
        configuration = CountMapParameters.model_validate(asked)
        product = run(configuration, list(inputs), made, lambda _fraction, _text: None)
        spec = JobSpec(
            job_id=str(UUID(int=7, version=4)),
            task="count_map",
            task_version="1",
            owner=None,
            parameters=asked,
            inputs=inputs,
            heritage=heritage,
            duration_s=60,
            memory_mb=1000,
        )
        when = datetime(2026, 1, 2)
        end = End(phase="COMPLETED", error=None, started=when, ended=when,
                  product=product)  # fmt: skip
        assert archive.remove(did)
        filed = bundle(spec, product, end, made, settings)
        assert archive.store(filed) == "added"
        assert archive.check() == []
        rows = "SELECT name, title FROM cta.collection"
        assert archive.rows(rows) == [{"name": "set", "title": None}]
        # The next ingest finds the run removed, and says again what the collection is.
        again = ingest(
            [tmp_path / "set"], archive, "org.example", Options(restore=frozenset("7"))
        )
        assert again.counts["added"] == 1
        archive.store(replace(filed, checksum="later"))
        assert archive.rows(rows) == [{"name": "set", "title": "A title"}]
