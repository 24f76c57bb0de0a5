"""Places: paths and URLs answer to the same names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import fsspec
import pytest

from distiller.core.errors import BadParameter
from distiller.core.files import sha256
from distiller.core.places import Url, files_below, is_folder, place, stamp_of

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def store() -> Iterator[Url]:
    """Return a folder of the store in memory."""
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    memory.pipe("/top/set/a.txt", b"aaaa")
    memory.pipe("/top/set/sub/b.txt", b"bb")
    memory.pipe("/top/set/.hidden/c.txt", b"c")
    yield Url("memory", "top/set")
    memory.store.clear()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ftp://host/x", "ftp:// is not read (known: s3://, https://"),
        ("s3://key:secret@bucket/x", "s3://bucket/x: a URL here has no password"),
        ("https://host/x?X-Amz-Signature=secret", "https://host/x: a URL here has no"),
        ("https://host/x#secret", "a URL here has no password, no query and no frag"),
        ("s3:///x", "names no host or bucket"),
    ],
)
def test_what_is_no_place_is_refused_without_secrets(text: str, message: str) -> None:
    with pytest.raises(BadParameter) as caught:
        place(text)
    assert message in caught.value.text
    assert "secret" not in caught.value.text


def test_paths_stay_paths() -> None:
    assert place("data/x.fits") == Path("data/x.fits")
    assert place("file:///data/x.fits") == Path("/data/x.fits")
    assert place("S3://bucket//a//b/") == Url("s3", "bucket/a/b")


def test_a_url_has_the_parts_of_a_path() -> None:
    url = Url("s3", "bucket/a/b/run.fits.gz")
    assert (url.name, url.suffix, str(url.parent)) == (
        "run.fits.gz",
        ".gz",
        "s3://bucket/a/b",
    )
    assert [str(one) for one in url.parents] == [
        "s3://bucket/a/b",
        "s3://bucket/a",
        "s3://bucket",
    ]
    assert url.parts[-3:] == ("a", "b", "run.fits.gz")
    assert url.parent / "../c.fits" == Url("s3", "bucket/a/c.fits")
    assert url.parent / "/../../../../other/x" == Url("s3", "bucket/other/x")


def test_files_below(store: Url) -> None:
    found = list(files_below(store, lambda error: pytest.fail(str(error))))
    assert [str(one) for one in found] == [
        "memory://top/set/a.txt",
        "memory://top/set/sub/b.txt",
    ]
    assert is_folder(store)
    assert not is_folder(found[0])


def test_reading(store: Url) -> None:
    file = store / "a.txt"
    with file.open() as stream:
        assert stream.read(2) == b"aa"
        stream.seek(1)
        assert stream.read() == b"aaa"
    assert stamp_of(file).size == 4
    assert stamp_of(file).mtime_ns > 0
    expected = "61be55a8e2f6b4e172338bddf184d6dbee29c98853e0a0485ecee7f27b9af0b4"
    assert sha256(file) == expected
    assert file.is_file()
    assert not (store / "none").is_file()


def test_what_is_not_there(store: Url) -> None:
    for asked in (stamp_of, is_folder, sha256):
        with pytest.raises(FileNotFoundError, match="no such file in the store"):
            asked(store / "none.fits")
    with pytest.raises(OSError, match="it is no regular file"):
        stamp_of(store)
    with pytest.raises(OSError, match="only read"):
        (store / "a.txt").open("wb")
