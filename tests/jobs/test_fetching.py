"""Inputs in a store are at hand while a job runs, and gone after it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import fsspec
import pytest

from distiller.analysis import events
from distiller.analysis.products import InputDataset
from distiller.core.errors import BadData, Damaged, Unreachable
from distiller.core.places import Unanswered, Url
from distiller.core.rights import NOBODY
from distiller.jobs.fetching import at_hand
from distiller.jobs.inputs import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTENT = b"events" * 1000


@pytest.fixture
def url() -> Iterator[str]:
    store = fsspec.filesystem("memory")
    store.pipe("/top/run.fits", CONTENT)
    yield "memory://top/run.fits"
    store.store.clear()


def dataset(path: Path, url: str | None, checksum: str = "") -> InputDataset:
    return InputDataset(
        did="ivo://org.example/c?1",
        obs_id="1",
        collection="c",
        path=path,
        checksum=checksum or hashlib.sha256(CONTENT).hexdigest(),
        url=url,
    )


def test_copies_live_as_long_as_the_job(tmp_path: Path, url: str) -> None:
    own = dataset(tmp_path / "own.fits", None)
    with at_hand([own, dataset(Path("run.fits"), url)], tmp_path) as (first, second):
        assert first == own
        assert second.path.read_bytes() == CONTENT
        assert second.path.name == "run.fits"
        assert second.url is None
    assert not (tmp_path / "inputs").exists()


def test_another_content_is_not_used(tmp_path: Path, url: str) -> None:
    given = dataset(Path("run.fits"), url, "0" * 64)
    message = (
        r"^D106 run.fits: the events file of run 1 \(.*\) is not FITS, which it was "
    )
    with (
        pytest.raises(BadData, match=message),
        at_hand([given], tmp_path) as (found,),
    ):
        events.read(found)
    assert not (tmp_path / "inputs").exists()


def test_what_is_gone_is_the_operators(tmp_path: Path) -> None:
    given = dataset(Path("run.fits"), "memory://top/none.fits")
    with (
        pytest.raises(Damaged, match=r"from its store: run\.fits: there is no"),
        at_hand([given], tmp_path),
    ):
        pass


def test_a_silent_store_may_answer_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    def silent(_: Url, __: str) -> None:
        raise Unanswered(5, "the store does not answer")

    monkeypatch.setattr(Url, "open", silent)
    with (
        pytest.raises(Unreachable, match="run the job again later"),
        at_hand([dataset(Path("run.fits"), url)], tmp_path),
    ):
        pass


def test_a_job_knows_that_its_input_is_in_a_store() -> None:
    class Finder:
        def rows(self, sql: str, _: object = ()) -> list[dict[str, object]]:
            if "cta.header_correction" in sql:
                return []
            names = (
                "release_date owner access_group facility_name instrument_name "
                "target_name collection_id simulated events_hdu gti_hdu gti_path "
                "product_subtype"
            )
            return [
                dict.fromkeys(names.split())
                | {
                    "publisher_did": "ivo://org.example/c?1",
                    "obs_id": "1",
                    "rights": "public",
                    "collection": "c",
                    "collection_id": "k",
                    "path": "s3://bucket/set/run.fits",
                    "checksum": "0" * 64,
                }
            ]

    (found,), _ = resolve(Finder(), ["1"], NOBODY)
    assert (found.url, found.path) == ("s3://bucket/set/run.fits", Path("run.fits"))
