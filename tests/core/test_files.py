"""Atomic files: whole or not at all."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from distiller.core.errors import NoSpace
from distiller.core.files import atomic_file, sha256, write_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of 64 kB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    folder = tmp_path / "small"
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    mounted = subprocess.run(["mount", *options], check=False, capture_output=True)
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount a small disk here: {mounted.stderr.decode()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_block_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def fail_half_way() -> None:
        with atomic_file(path) as stream:
            stream.write(b"half of the new")
            message = "stop"
            raise RuntimeError(message)

    with pytest.raises(RuntimeError, match="stop"):
        fail_half_way()
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_mode_and_content(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "secret"
    write_text(path, "μ", mode=0o600)
    assert path.read_bytes() == "μ".encode()
    assert path.stat().st_mode & 0o777 == 0o600


def test_full_disk_says_so_and_leaves_nothing(small_disk: Path) -> None:
    path = small_disk / "big"
    with pytest.raises(NoSpace) as caught, atomic_file(path) as stream:
        stream.write(b"x" * 200_000)
    assert f"no space left to write {path}" in caught.value.text
    assert list(small_disk.iterdir()) == []


def test_sha256_of_known_content(tmp_path: Path) -> None:
    path = tmp_path / "abc"
    write_text(path, "abc")
    assert sha256(path) == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
