"""`distiller preview`, and what `ingest`, `remove` and `check` do about quick looks."""

from __future__ import annotations

import fcntl
import shutil
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from astropy.io import fits
from click.testing import CliRunner

from distiller.archive import open_archive
from distiller.cli.check import command as check
from distiller.cli.ingest import command as ingest
from distiller.cli.preview import command as preview
from distiller.cli.remove import command as remove
from distiller.core.settings import Settings, load_settings
from distiller.core.times import now
from distiller.jobs import (
    preview_files,
)
from distiller.jobs.previews import Previews

from .quick_looks import DID, OTHER, hurry, kept, stamps

if TYPE_CHECKING:
    from distiller.jobs.engines.local import LocalEngine
    from distiller.jobs.preview_files import Dataset

pytestmark = pytest.mark.slow

NO_ZYGOTE = ["-c", "raise SystemExit(1)"]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, quick_engine: LocalEngine) -> None:
    hurry(monkeypatch, quick_engine)


@pytest.fixture
def own(tmp_path: Path, runs: Path) -> tuple[Settings, Path]:
    """Give a home with runs of its own, and the folder of these."""
    folder = tmp_path / "own-runs"
    shutil.copytree(runs, folder)
    place = tmp_path / "own"
    place.mkdir()
    (place / "distiller.toml").write_text('authority = "org.example"\n')
    call(ingest, place, str(folder), "--collection", "sim")
    return load_settings(place), folder


def call(command: Any, home: Path, *words: str, exit_code: int = 0) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DISTILLER_HOME", str(home))
        done = CliRunner().invoke(command, list(words), obj=home)
    assert done.exit_code == exit_code, done.output
    return str(done.output)


def datasets(home: Settings) -> dict[str, Dataset]:
    with closing(open_archive(home)) as archive:
        return {one.did: one for one in preview_files.datasets(archive)}


def events_file(home: Settings, did: str) -> Path:
    with closing(open_archive(home)) as archive:
        (row,) = archive.rows(
            "SELECT f.path FROM cta.product_file f JOIN cta.product p ON "
            "p.product_id = f.product_id WHERE f.role = 'events' "
            "AND p.publisher_did = ?",
            [did],
        )
    return Path(row["path"])


def test_the_command_makes_what_is_lacking(own: tuple[Settings, Path]) -> None:
    home, _ = own
    said = call(preview, home.home, DID)
    assert said == "quick looks: 1 there, 0 failed\n"
    assert len(kept(home)) == 2
    before = stamps(home)
    assert call(preview, home.home) == "quick looks: 2 there, 0 failed\n"
    assert stamps(home).items() > before.items()
    call(preview, home.home, "--again", DID)
    assert not before.items() <= stamps(home).items()
    said = call(preview, home.home, "ivo://org.example/sim?7", exit_code=1)
    del said
    assert call(check, home.home).endswith("nothing is wrong\n")


def test_ingested_anew_it_is_made_anew(own: tuple[Settings, Path]) -> None:
    home, folder = own
    call(preview, home.home)
    before = kept(home)
    path = events_file(home, DID)
    with fits.open(path) as hdus:
        hdus["EVENTS"].data = hdus["EVENTS"].data[:50]
        hdus.writeto(path, overwrite=True)
    call(ingest, home.home, str(folder), "--collection", "sim")
    # That of the file as it was is not shown for the new one.
    one = datasets(home)[DID]
    assert preview_files.read(home, one.name) is None
    assert call(preview, home.home) == "quick looks: 2 there, 0 failed\n"
    record = preview_files.read(home, one.name)
    assert record is not None
    assert record.numbers is not None
    assert record.numbers.events == 50
    assert len(set(before) & set(kept(home))) == 2
    assert len(kept(home)) == 4


def test_a_failure_is_told_and_not_tried_again(own: tuple[Settings, Path]) -> None:
    home, _ = own
    path = events_file(home, DID)
    whole = path.read_bytes()
    path.write_bytes(whole[:9000])
    said = call(preview, home.home, exit_code=3)
    assert f"{DID}: U600 D107 " in said
    assert "is cut off, which it was not when it was ingested" in said
    assert said.endswith("quick looks: 1 there, 1 failed\n")
    record = preview_files.read(home, datasets(home)[DID].name)
    assert record is not None
    assert record.error is not None
    assert str(path.parent) not in record.error
    assert record.is_final
    assert not record.is_due(now() + timedelta(days=9999))
    # Not by itself; but when the operators say so.
    path.write_bytes(whole)
    call(preview, home.home, exit_code=3)
    assert call(preview, home.home, "--again") == "quick looks: 2 there, 0 failed\n"


def test_a_dataset_that_cannot_be_resolved_holds_up_no_other(
    own: tuple[Settings, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, _ = own
    real = Previews._specify

    def specify(self: Previews, dataset: Dataset) -> Any:
        if dataset.did == DID:
            message = "a defect"
            raise ZeroDivisionError(message)
        return real(self, dataset)

    monkeypatch.setattr(Previews, "_specify", specify)
    said = call(preview, home.home, exit_code=3)
    assert f"{DID}: I000 ZeroDivisionError: a defect\n" in said
    assert said.endswith("quick looks: 1 there, 1 failed\n")


def test_a_list_that_needs_too_much_memory_is_told(
    own: tuple[Settings, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, _ = own
    small = home.model_copy(update={"job_memory_mb": 1})
    monkeypatch.setattr("distiller.cli.preview.settings_of", lambda _ctx: small)
    said = call(preview, home.home, exit_code=3)
    assert "needed more than its memory limit of 1 MB" in said


def test_remove_takes_them_along(own: tuple[Settings, Path]) -> None:
    home, _ = own
    call(preview, home.home)
    call(remove, home.home, DID, "--reason", "a test", "--yes")
    assert len(kept(home)) == 2
    assert {name.partition("-")[0] for name in kept(home)} == {
        datasets(home)[OTHER].product_id.partition("-")[0]
    }


def test_check_finds_what_belongs_to_nobody(own: tuple[Settings, Path]) -> None:
    home, _ = own
    call(preview, home.home)
    with closing(open_archive(home)) as archive:
        archive.remove(DID, note="by hand")
    said = call(check, home.home, exit_code=1)
    assert said.count("quick look of a dataset that is not in the archive") == 2
    call(preview, home.home)
    assert call(check, home.home).endswith("nothing is wrong\n")


def test_the_command_waits_for_who_is_at_work(own: tuple[Settings, Path]) -> None:
    home, _ = own
    call(preview, home.home)
    home.jobs_path.mkdir(exist_ok=True)
    with (home.jobs_path / preview_files.LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = call(preview, home.home)
    assert said == (
        "a server or runner of this home makes them; waiting for it\n"
        "quick looks: 2 there, 0 failed\n"
    )
