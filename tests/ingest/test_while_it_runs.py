"""What happens while an ingest runs: files that change, an archive that refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.ingest.conftest import RunPlan
from tests.ingest.loading import counts, load, obs_ids, refused, said

from distiller.core.errors import IllegalState
from distiller.ingest import gadf, ingest
from distiller.ingest.collection import NO_SETTINGS
from distiller.ingest.loader import Loader
from distiller.ingest.to_rows import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import pytest

    from distiller.archive import Archive
    from distiller.core.bundle import Bundle, Stored
    from distiller.core.refusal import Refusal


def changing(
    monkeypatch: pytest.MonkeyPatch, path: Path, times: int
) -> Callable[[], int]:
    """Replace a file each time that it has been read; return how often it was."""
    real, read = gadf._contents, 0

    def reading(asked: Path) -> gadf.Contents:
        nonlocal read
        made = real(asked)
        if asked == path:
            read += 1
            if read <= times:
                RunPlan(obs_id=1, n_events=100 + read).write(path)
        return made

    monkeypatch.setattr(gadf, "_contents", reading)
    return lambda: read


def test_a_file_that_is_replaced_while_it_is_read_is_read_again(
    archive: Archive, gadf_set: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = gadf_set.resolve() / "data" / "run_1.fits.gz"
    changing(monkeypatch, path, 1)
    assert counts(load(archive, gadf_set)) == {"added": 3}
    (row,) = archive.rows("SELECT n_events FROM cta.observation WHERE obs_id = '1'")
    assert row["n_events"] == 101
    assert counts(load(archive, gadf_set)) == {"unchanged": 3}


def test_a_file_that_never_rests_is_refused(
    archive: Archive, gadf_set: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = gadf_set.resolve() / "data" / "run_1.fits.gz"
    changing(monkeypatch, path, 99)
    report = load(archive, gadf_set)
    assert counts(report) == {"added": 2, "skipped": 1}
    assert refused(report) == {"run_1.fits.gz": "D115"}


class Choosy:
    """An archive that refuses one dataset."""

    def __init__(self, archive: Archive, refused: str) -> None:
        self.archive = archive
        self.refused = refused

    def store_many(self, bundles: Sequence[Bundle]) -> Any:
        if any(bundle.publisher_did.endswith(self.refused) for bundle in bundles):
            message = f"{bundles[0].publisher_did}: it contradicts what is there"
            raise IllegalState(message)
        return self.archive.store_many(bundles)

    def stored(self, collection: str) -> Mapping[str, Stored]:
        return self.archive.stored(collection)

    def refusals(self, collection: str | None) -> Sequence[Refusal]:
        return self.archive.refusals(collection)

    def record_refusals(self, added: Sequence[Refusal], cleared: Sequence[str]) -> None:
        self.archive.record_refusals(added, cleared)


def test_a_run_that_the_archive_refuses_takes_no_neighbour_along(
    archive: Archive, gadf_set: Path
) -> None:
    report = ingest([gadf_set], Choosy(archive, "?2"), "org.example")
    assert counts(report) == {"added": 2, "skipped": 1}
    assert refused(report) == {"run_2.fits.gz": "D117"}
    assert "it contradicts what is there" in said(report, "D117")[0]
    assert obs_ids(archive) == ["1", "3"]


def test_a_loader_that_has_nothing_to_do(archive: Archive) -> None:
    target = Target("org.example", "nothing")
    loader = Loader(archive, "nothing", rights_given=False)
    assert list(loader.load([], target, NO_SETTINGS)) == []
