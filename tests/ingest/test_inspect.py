"""Files of the archive that are gone, cut or changed are found."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from distiller.core.files import sha256
from distiller.core.places import stamp_of
from distiller.ingest.inspect import Inspector

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "run.fits"
    made.write_bytes(b"0123456789")
    return made


@pytest.fixture
def row(file: Path) -> dict[str, Any]:
    return {
        "path": str(file),
        "checksum": sha256(file),
        "size": 10,
        "mtime": stamp_of(file).mtime,
        "role": "events",
    }


def looks(row: dict[str, Any]) -> dict[str, str | None]:
    return {
        depth: Inspector(depth).look(row) for depth in ("present", "quick", "checksums")
    }


def test_a_file_as_it_was(row: dict[str, Any]) -> None:
    assert set(looks(row).values()) == {None}


def test_a_file_that_is_gone(file: Path, row: dict[str, Any]) -> None:
    file.unlink()
    for text in looks(row).values():
        assert text == (
            f"{file} (events): the file is missing: put the file back, or "
            "`distiller remove` the dataset"
        )


def test_a_file_that_was_cut(file: Path, row: dict[str, Any]) -> None:
    file.write_bytes(b"0123")
    found = looks(row)
    assert found["present"] is None
    for depth in ("quick", "checksums"):
        assert "has 4 bytes, had 10: ingest it again" in str(found[depth])


def test_a_change_that_keeps_size_and_time_needs_the_checksum(
    file: Path, row: dict[str, Any]
) -> None:
    status = file.stat()
    file.write_bytes(b"9876543210")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    found = looks(row)
    assert found["quick"] is None
    assert "the content has changed" in str(found["checksums"])


def test_a_file_of_another_time_is_read_by_a_quick_look(
    file: Path, row: dict[str, Any]
) -> None:
    os.utime(file, (1, 1))
    assert looks(row)["quick"] is None
    file.write_bytes(b"9876543210")
    os.utime(file, (1, 1))
    assert "the content has changed" in str(looks(row)["quick"])


def test_a_folder_in_its_place(file: Path, row: dict[str, Any]) -> None:
    file.unlink()
    file.mkdir()
    assert "cannot be read: it is no regular file" in str(looks(row)["quick"])


def test_files_are_counted_and_shared_ones_looked_at_once(
    file: Path, row: dict[str, Any]
) -> None:
    inspector = Inspector("checksums")
    assert inspector.look(row) is None
    file.unlink()
    assert inspector.look(row) is None  # the answer of the first look
    assert inspector.look({**row, "checksum": "other"}) is not None
    assert (inspector.seen, inspector.wrong) == (3, 1)


def test_what_is_remembered_is_bounded(row: dict[str, Any]) -> None:
    inspector = Inspector("quick")
    for number in range(1000):
        inspector.look({**row, "path": f"/nowhere/{number}"})
    assert len(inspector._known) == 256
