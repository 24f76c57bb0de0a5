"""The real sets are the same rows on both engines."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

import pytest

from distiller.archive import open_archive
from distiller.core.settings import load_settings
from distiller.ingest import ingest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from distiller.core.settings import Settings


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_the_real_sets_dump_to_the_same_rows(
    make_home: Callable[..., Settings], hess: Path, cta_1dc: Path, tmp_path: Path
) -> None:
    embedded = load_settings(tmp_path / "embedded", authority="org.example")
    with (
        open_archive(make_home(installed=True)) as ours,
        open_archive(embedded) as theirs,
    ):
        for archive in (ours, theirs):
            report = ingest([hess, cta_1dc], archive, "org.example")
            assert report.counts["added"] == 109
            assert archive.check() == []
        tables = set()
        for one, other in zip_longest(ours.dump(), theirs.dump()):
            assert one == other
            tables.add(one[0])
        assert {"cta.product", "cta.gti", "cta.response", "ivoa.obscore"} <= tables
        assert ours.digest() == theirs.digest()
