"""What is refused is remembered by several ingests at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from distiller.archive import open_archive
from distiller.core.refusal import Refusal

if TYPE_CHECKING:
    from distiller.archive import Archive
    from distiller.core.settings import Settings

pytestmark = pytest.mark.slow

_WHEN = datetime(2026, 1, 2)


def refusal(path: str, message: str = "m") -> Refusal:
    nothing = (None,) * 4
    return Refusal("c", path, None, "D103", message, None, "/", *nothing, _WHEN, _WHEN)


def test_the_same_twice_in_one_call_is_one(archive: Archive) -> None:
    archive.record_refusals([refusal("/a"), refusal("/a", "later")], [])
    assert [one.message for one in archive.refusals()] == ["later"]


@pytest.mark.slow
def test_ingests_at_once_refuse_the_same_paths(
    installed_home: Settings, engine: str
) -> None:
    """Of PostgreSQL each has its own connection; of DuckDB they share a process."""
    paths = [f"/run_{n}.fits" for n in range(40)]
    with ExitStack() as stack:
        opened = [stack.enter_context(open_archive(installed_home))]
        if engine == "postgresql":
            again = range(3)
            opened += [stack.enter_context(open_archive(installed_home)) for _ in again]

        def work(number: int) -> None:
            archive = opened[number % len(opened)]
            order = paths if number % 2 else paths[::-1]
            for _ in range(5):
                archive.record_refusals([refusal(path) for path in order], [])
                archive.record_refusals([], [refusal(p).refusal_id for p in order[:9]])
                archive.record_refusals([refusal(path) for path in order], [])

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))
        assert len(opened[0].refusals()) == len(paths)
