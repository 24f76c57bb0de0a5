"""A position search finds datasets that do not say their field of view."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from distiller.adql import translate
from distiller.archive import open_archive
from distiller.web.pages.search import adql
from distiller.web.pages.search.form import SearchForm

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.web.conftest import MakeBundle

    from distiller.archive import Archive
    from distiller.core.bundle import Bundle
    from distiller.core.settings import Settings

pytestmark = pytest.mark.slow

WITH, NEAR, FAR = "500", "501", "502"
CRAB = SearchForm(ra_deg=83.63, dec_deg=22.01)


def _without_region(bundle: Bundle) -> Bundle:
    (product,) = bundle.rows["cta.product"]
    bare = {**product, "s_region": None, "s_fov": None}
    return replace(bundle, rows={**bundle.rows, "cta.product": (bare,)})


@pytest.fixture
def archive(installed_home: Settings, make_bundle: MakeBundle) -> Iterator[Archive]:
    """Hold a dataset with its region, and two without: 0.4 and 2.9 deg off the Crab."""

    def made(obs_id: str, dec: float) -> Bundle:
        return make_bundle(obs_id, Path(f"run_{obs_id}.fits"), ra=83.63, dec=dec)

    with closing(open_archive(installed_home)) as ready:
        ready.store(made(WITH, 22.41))
        ready.store(_without_region(made(NEAR, 22.41)))
        ready.store(_without_region(made(FAR, 24.91)))
        yield ready


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (CRAB, {WITH, NEAR}),
        (replace(CRAB, radius_deg=0.1), {WITH, NEAR}),
        (replace(CRAB, radius_deg=3.0), {WITH, NEAR, FAR}),
        (replace(CRAB, radius_deg=0.3, position_mode="pointing"), set()),
        (replace(CRAB, dec_deg=-22.0), set()),
    ],
)
def test_found_by_the_pointing(
    archive: Archive, form: SearchForm, expected: set[str]
) -> None:
    query = translate(adql.search(form), archive.catalog, target=archive.target)
    with archive.query(query.sql, timeout_s=30) as result:
        found = {row["obs_id"] for b in result.batches for row in b.to_pylist()}
    assert found == expected
    (level,) = (f for f in adql.FACETS if f.field == "level")
    count = translate(adql.facet(form, level), archive.catalog, target=archive.target)
    with archive.query(count.sql, timeout_s=30) as result:
        rows = [row for b in result.batches for row in b.to_pylist()]
    assert sum(row["n"] for row in rows) == len(expected)
