"""The tables of one query together: how many, how large, how often read."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest

from distiller.core.errors import BadParameter, TimedOut, Unreachable
from distiller.core.settings import load_settings
from distiller.queries import tables, uploads
from distiller.queries.fetch import Patience
from distiller.vo.tap import Upload

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from distiller.core.settings import Settings


def home(folder: Path, **given: object) -> Settings:
    return load_settings(folder, upload_url_private=True, **given)


def files(folder: Path, count: int, rows: int) -> dict[str, Path]:
    found = {}
    for number in range(count):
        path = folder / f"t{number}.csv"
        path.write_text("n\n" + "1\n" * rows)
        found[f"f{number}"] = path
    return found


def asked(*pairs: str) -> tuple[Upload, ...]:
    return Upload.parse_all(pairs)


def test_more_than_ten_tables_are_refused() -> None:
    pairs = [f"t{n},param:x" for n in range(11)]
    assert len(asked(*pairs[:10])) == 10
    with pytest.raises(BadParameter, match="a query may bring 10 tables, and there"):
        asked(";".join(pairs))


def test_rows_and_bytes_of_all_tables_count_together(tmp_path: Path) -> None:
    brought = files(tmp_path, 2, 60)
    two = asked("a,param:f0;b,param:f1")
    few = home(tmp_path, upload_rows=100)
    message = "b: with the tables before it, it has more than the 100 rows that are"
    with pytest.raises(BadParameter, match=message):
        uploads.gather(two, brought, few)
    # A file with two names is the rows of two tables.
    with pytest.raises(BadParameter, match=message):
        uploads.gather(asked("a,param:f0;b,param:f0"), brought, few)
    assert len(uploads.gather(two[:1], brought, few).given) == 1
    large = files(tmp_path, 2, 100_000)
    small = home(tmp_path, upload_mb=1)
    with pytest.raises(BadParameter, match=r"b: with .* more than the 1 MB that are"):
        uploads.gather(two, large, small)


def test_a_file_of_several_names_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    reader = tables.read

    def counted(path: Path, *more: object) -> tables.Brought:
        read.append(path)
        return reader(path, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(tables, "read", counted)
    names = [f"t{n},param:f0" for n in range(10)]
    found = uploads.gather(asked(*names), files(tmp_path, 1, 5), home(tmp_path))
    assert len(read) == 1
    assert [given.rows.num_rows for given in found.given.values()] == [5] * 10


def test_tables_of_long_names_are_stored_apart(tmp_path: Path) -> None:
    alike = "n" * 58
    two = asked(f"{alike}_a,param:f0", f"{alike}_b,param:f1")
    found = uploads.gather(two, files(tmp_path, 2, 1), home(tmp_path))
    stored = [given.name for given in found.given.values()]
    assert stored == ["upload_1", "upload_2"]
    assert [table.stored for table in found.catalog.values()] == stored


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """Run a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def test_all_urls_have_one_time_together(tmp_path: Path, silent: socket.socket) -> None:
    url = f"http://127.0.0.1:{silent.getsockname()[1]}"
    patience = Patience(0.2)
    for name in "ab":
        # Without one time for both, the second would be asked anew.
        with pytest.raises(TimedOut, match=f"UPLOAD: {name}: .* within 0.2 s"):
            uploads.gather(asked(f"{name},{url}"), {}, home(tmp_path), patience)
    silent.accept()[0].close()
    silent.settimeout(0.1)
    with pytest.raises(TimeoutError):
        silent.accept()


def test_a_fetch_that_nobody_waits_for_ends(
    tmp_path: Path, silent: socket.socket
) -> None:
    url = f"http://127.0.0.1:{silent.getsockname()[1]}"
    patience = Patience(600)

    def leave() -> None:
        connection, _ = silent.accept()
        with connection:
            connection.recv(1)  # the question has come
            patience.stop()

    thread = threading.Thread(target=leave)
    thread.start()
    with pytest.raises(Unreachable, match=r"a: the tables .* not waited for any more"):
        uploads.gather(asked(f"a,{url}"), {}, home(tmp_path), patience)
    thread.join()
    with pytest.raises(Unreachable, match="not waited for any more"):
        uploads.gather(
            asked("a,param:f0"), files(tmp_path, 1, 1), home(tmp_path), patience
        )
