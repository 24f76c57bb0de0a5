"""What happens while an ingest runs: files that change, an archive that refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.archive import changed
from tests.ingest.conftest import RunPlan
from tests.ingest.loading import counts, load, obs_ids, refused, said

from distiller.archive import open_archive
from distiller.core.errors import (
    Damaged,
    DistillerError,
    IllegalState,
    NoSpace,
    Unreachable,
)
from distiller.ingest import gadf, ingest
from distiller.ingest.collection import NO_SETTINGS
from distiller.ingest.loader import Loader
from distiller.ingest.refused import Memory, Request
from distiller.ingest.to_rows import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from distiller.archive import Archive
    from distiller.core.bundle import Bundle, Stored
    from distiller.core.refusal import Refusal
    from distiller.core.settings import Settings


pytestmark = pytest.mark.slow


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
    assert counts(report) == {"added": 2, "refused": 1}
    assert refused(report) == {"run_1.fits.gz": "D115"}


class Choosy:
    """An archive that refuses one dataset."""

    def __init__(
        self,
        archive: Archive,
        refused: str,
        error: type[DistillerError] = IllegalState,
    ) -> None:
        self.archive = archive
        self.refused = refused
        self.error = error

    def store_many(
        self,
        bundles: Sequence[Bundle],
        refused: Sequence[Refusal],
        cleared: Sequence[str],
    ) -> Any:
        if any(bundle.publisher_did.endswith(self.refused) for bundle in bundles):
            message = f"{bundles[0].publisher_did}: it contradicts what is there"
            raise self.error(message)
        return self.archive.store_many(bundles, refused, cleared)

    def stored(self, collection: str) -> Mapping[str, Stored]:
        return self.archive.stored(collection)

    def refusals(self, collection: str | None) -> Sequence[Refusal]:
        return self.archive.refusals(collection)

    def record_refusals(self, added: Sequence[Refusal], cleared: Sequence[str]) -> None:
        self.archive.record_refusals(added, cleared)

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[dict[str, Any]]:
        return self.archive.rows(sql, params)


def test_a_run_that_the_archive_refuses_takes_no_neighbour_along(
    archive: Archive, gadf_set: Path
) -> None:
    report = ingest([gadf_set], Choosy(archive, "?2"), "org.example")
    assert counts(report) == {"added": 2, "refused": 1}
    assert refused(report) == {"run_2.fits.gz": "D117"}
    assert "it contradicts what is there" in said(report, "D117")[0]
    assert obs_ids(archive) == ["1", "3"]


def test_a_loader_that_has_nothing_to_do(archive: Archive) -> None:
    target = Target("org.example", "nothing")
    loader = Loader(archive, "nothing", "org.example", rights_given=False)
    assert (
        list(loader.load([], target, NO_SETTINGS, Memory(Request("nothing", "/"))))
        == []
    )


def with_constraint(folder: Path, words: str) -> None:
    """Copy the packaged model, and add a constraint to the ambient conditions."""
    changed.copied(folder)
    first = (
        "<constraint>\n        <description>zenith &gt;= 0</description>\n"
        "      </constraint>\n"
    )
    added = first.replace("zenith &gt;= 0", words)
    changed.replace(folder / "cta.vo-dml.xml", first, f"{first}      {added}")


def test_a_run_that_breaks_a_constraint_of_the_model_is_refused_in_its_words(
    make_home: Callable[..., Settings], tmp_path: Path
) -> None:
    with_constraint(tmp_path / "uml", "zenith &lt;= 50 or pressure is not null")
    home = make_home(model_dir=tmp_path / "uml")
    for number, altitude in ((1, 60.0), (2, 30.0), (3, 45.0)):
        plan = RunPlan(obs_id=number, n_events=number, header={"ALT_PNT": altitude})
        plan.write(tmp_path / "set" / f"run_{number}.fits")
    with open_archive(home) as archive:
        report = load(archive, tmp_path / "set")
        assert counts(report) == {"added": 2, "refused": 1}
        assert obs_ids(archive) == ["1", "3"]
        (one,) = archive.refusals()
        assert archive.check() == []
    assert one.code == "D117"
    assert one.path == str(tmp_path / "set" / "run_2.fits")
    assert (
        "cta.ambient_conditions: zenith = 60.0, pressure = nothing, against the "
        "constraint of cta:AmbientConditions.AmbientConditions: "
        "zenith <= 50 or pressure is not null (Zenith angle"
    ) in one.message


@pytest.mark.parametrize("error", [NoSpace, Unreachable, Damaged])
def test_what_is_no_fault_of_the_runs_ends_the_ingest(
    archive: Archive, gadf_set: Path, error: type[DistillerError]
) -> None:
    broken = Choosy(archive, "?2", error)
    with pytest.raises(error, match="it contradicts"):
        ingest([gadf_set], broken, "org.example")
    assert archive.refusals() == []
