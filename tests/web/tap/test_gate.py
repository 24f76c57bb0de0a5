"""The gate: a query is prepared in a thread of it, and its place comes back."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from distiller.core.errors import BadParameter
from distiller.core.settings import load_settings
from distiller.web.site import Site
from distiller.web.tap import stream

if TYPE_CHECKING:
    from pathlib import Path

NOTHING: Any = None
"""In the place of an archive and of jobs: no query comes so far as to use them."""


def test_a_query_is_read_in_a_thread_of_the_gate(tmp_path: Path) -> None:
    seen: list[str] = []

    def refused() -> NoReturn:
        seen.append(threading.current_thread().name)
        raise BadParameter("QUERY", "it is long")

    async def story() -> None:
        here = Site(load_settings(tmp_path, queries_at_once=1), NOTHING, NOTHING)
        for _ in range(3):  # the one place is given back each time
            with pytest.raises(BadParameter, match="it is long"):
                await stream.body_of(here, refused)

    asyncio.run(asyncio.wait_for(story(), 20))
    assert len(seen) == 3
    assert all(name.startswith("query") for name in seen)


def test_a_client_that_leaves_while_its_query_is_read(tmp_path: Path) -> None:
    going_on = threading.Event()

    def slow() -> NoReturn:
        going_on.wait(10)
        raise BadParameter("QUERY", "too late")

    def quick() -> NoReturn:
        raise BadParameter("QUERY", "the place is free")

    async def story() -> None:
        here = Site(load_settings(tmp_path, queries_at_once=1), NOTHING, NOTHING)
        left = asyncio.ensure_future(stream.body_of(here, slow))
        await asyncio.sleep(0.1)
        left.cancel()
        with pytest.raises(asyncio.CancelledError):
            await left
        going_on.set()
        with pytest.raises(BadParameter, match="the place is free"):
            await stream.body_of(here, quick)

    asyncio.run(asyncio.wait_for(story(), 20))
