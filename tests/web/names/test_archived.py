"""Targets of the archive: which have one place, and how data spell them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest

from distiller.archive import open_archive
from distiller.core.identifiers import key
from distiller.web import site
from distiller.web.names import archived

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from distiller.core.bundle import Bundle
    from distiller.core.settings import Settings
    from distiller.jobs.service import JobService

pytestmark = pytest.mark.slow

PLACES: tuple[tuple[str, float | None, float | None], ...] = (
    ("Off data", 10.0, -20.0),
    ("Off data", 200.0, 30.0),
    ("PKS 9999-99 (flare)", 329.7, -30.2),
    ("PKS 9999-99 (flare)", 329.8, -30.2),
    ("Galactic Plane Survey", None, None),
)


def _seen(bundle: Bundle, name: str, ra: float | None, dec: float | None) -> Bundle:
    """Give a bundle another target."""
    own = key("target", name, str(ra))
    rows = dict(bundle.rows)
    rows["cta.target"] = ({"target_id": own, "name": name, "ra": ra, "dec": dec},)
    for table, change in (
        ("cta.observation", {"target_id": own}),
        ("cta.product", {"target_name": name}),
    ):
        rows[table] = ({**rows[table][0], **change},)
    return replace(bundle, rows=rows)


@pytest.fixture
def _archive(
    tmp_home: Settings, make_bundle: Callable[..., Bundle], tmp_path: Path
) -> Iterator[None]:
    with closing(open_archive(tmp_home)) as archive:
        for number, place in enumerate(PLACES):
            bundle = make_bundle(str(100 + number), tmp_path / f"{number}.fits")
            archive.store(_seen(bundle, *place))
        no_jobs = cast("JobService", None)
        site.install(site.Site(tmp_home, archive, no_jobs))
        yield
        site.install(None)


@pytest.mark.usefixtures("_archive")
def test_a_target_with_one_place_is_found_however_it_is_written() -> None:
    found = archived.place_of("pks 9999-99 (FLARE)")
    assert found == ("PKS 9999-99 (flare)", 329.7, -30.2)


@pytest.mark.usefixtures("_archive")
@pytest.mark.parametrize("name", ["Off data", "Galactic Plane Survey", "nowhere"])
def test_a_target_with_several_places_or_none_has_no_place(name: str) -> None:
    assert archived.place_of(name) is None


@pytest.mark.usefixtures("_archive")
def test_spelling_is_that_of_obscore() -> None:
    assert archived.spelling_of("off DATA") == "Off data"
    assert archived.spelling_of("nowhere") is None
