"""The conduit: order, back-pressure, the file for slow readers, leaving early."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from distiller.queries.spool import Spool
from distiller.web.tap.conduit import Abandoned, Conduit, Failure

if TYPE_CHECKING:
    from collections.abc import Coroutine


def run(story: Coroutine[None, None, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 20))


def feed(conduit: Conduit, parts: list[bytes]) -> threading.Thread:
    """Put parts from a thread, then the end."""

    def work() -> None:
        with contextlib.suppress(Abandoned):
            for part in parts:
                conduit.put(part)
        conduit.end()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


async def drain(conduit: Conduit) -> bytes:
    whole = b""
    while isinstance(part := await conduit.get(), bytes):
        whole += part
    assert part is None
    return whole


PARTS = [bytes([n]) * 1000 for n in range(200)]


class Counted(Spool):
    """Remembers how many bytes ever went through a file."""

    def __init__(self) -> None:
        super().__init__(None, 10**6)
        self.written = 0

    def count(self, change: int) -> None:
        """Note them."""
        self.written += max(change, 0)
        super().count(change)


def test_parts_come_in_order() -> None:
    async def story() -> None:
        spool = Counted()
        conduit = Conduit(spool)
        thread = feed(conduit, PARTS)
        assert await drain(conduit) == b"".join(PARTS)
        thread.join()
        assert spool.written == 0

    run(story())


def test_what_a_slow_reader_leaves_waits_in_a_file() -> None:
    async def story() -> None:
        spool = Counted()
        conduit = Conduit(spool, most_held=5000, patience_s=0.05)
        thread = feed(conduit, PARTS)
        # The thread is done although nobody has read: its database is free.
        await asyncio.to_thread(thread.join, 10)
        assert not thread.is_alive()
        assert spool.written == sum(map(len, PARTS)) - 5000
        assert await drain(conduit) == b"".join(PARTS)

    run(story())


def test_a_quick_reader_needs_no_file() -> None:
    async def story() -> None:
        spool = Counted()
        conduit = Conduit(spool, most_held=2000, patience_s=5)
        thread = feed(conduit, PARTS)
        assert await drain(conduit) == b"".join(PARTS)
        thread.join()
        assert spool.written == 0

    run(story())


def test_a_full_file_holds_the_thread_up() -> None:
    async def story() -> None:
        spool = Counted()
        conduit = Conduit(spool, most_held=1000, patience_s=0.01, most_spooled=3000)
        thread = feed(conduit, PARTS)
        await asyncio.to_thread(thread.join, 0.3)
        assert thread.is_alive()
        assert spool.written <= 4000
        assert await drain(conduit) == b"".join(PARTS)
        thread.join()

    run(story())


def test_leaving_stops_the_work() -> None:
    async def story() -> None:
        conduit = Conduit(most_held=1000, patience_s=10)
        cancelled = threading.Event()
        conduit.on_abandon(cancelled.set)
        thread = feed(conduit, PARTS)
        assert await conduit.get() == PARTS[0]
        began = time.monotonic()
        conduit.abandon()
        await asyncio.to_thread(thread.join, 5)
        assert not thread.is_alive()
        assert cancelled.is_set()
        assert time.monotonic() - began < 2

    run(story())


def test_leaving_before_the_work_can_be_cancelled_cancels_it_then() -> None:
    async def story() -> None:
        conduit = Conduit()
        conduit.abandon()
        cancelled = threading.Event()
        conduit.on_abandon(cancelled.set)
        assert cancelled.is_set()
        with pytest.raises(Abandoned):
            conduit.put(b"x")

    run(story())


def test_a_failure_comes_after_what_was_made() -> None:
    async def story() -> None:
        conduit = Conduit()
        failure = Failure(ValueError("no"), b"tail")
        conduit.put(b"one")
        conduit.end(failure)
        assert await conduit.get() == b"one"
        assert await conduit.get() is failure

    run(story())


def test_all_answers_share_the_disk_and_give_it_back() -> None:
    async def story() -> None:
        spool = Spool(None, 3000)
        first = Conduit(spool, most_held=1000, patience_s=0.01)
        second = Conduit(spool, most_held=1000, patience_s=0.01)
        threads = [feed(first, PARTS[:4])]
        await asyncio.to_thread(threads[0].join, 10)
        assert spool.used == 3000
        threads.append(feed(second, PARTS[:4]))
        await asyncio.to_thread(threads[1].join, 0.3)
        assert threads[1].is_alive(), "the disk is taken"
        assert await drain(first) == b"".join(PARTS[:4])
        assert await drain(second) == b"".join(PARTS[:4])
        threads[1].join()
        assert spool.used == 0

    run(story())


def test_a_reader_that_caught_up_is_served_from_memory() -> None:
    async def story() -> None:
        spool = Counted()
        conduit = Conduit(spool, most_held=1000, patience_s=0.01)
        for part in PARTS[:4]:
            await asyncio.to_thread(conduit.put, part)
        assert spool.used == 3000
        taken = b""
        while len(taken) < 4000:
            got = await conduit.get()
            assert isinstance(got, bytes)
            taken += got
        assert spool.used == 0
        conduit.put(PARTS[4])
        assert spool.written == 3000
        assert await conduit.get() == PARTS[4]

    run(story())


def test_leaving_gives_the_disk_back() -> None:
    async def story() -> None:
        spool = Spool(None, 10**6)
        conduit = Conduit(spool, most_held=1000, patience_s=0.01)
        thread = feed(conduit, PARTS)
        await asyncio.to_thread(thread.join, 10)
        assert spool.used > 0
        conduit.abandon()
        for thread in threading.enumerate():
            if thread.name == "spool-end":
                await asyncio.to_thread(thread.join, 10)
        assert spool.used == 0

    run(story())


class Stuck(Spool):
    """Its files take nothing until they may."""

    def __init__(self) -> None:
        super().__init__(None, 10**6)
        self.begun = threading.Event()
        self.may = threading.Event()

    def open(self) -> Any:
        """Return a file of a disk that hangs."""
        file = super().open()
        stuck = self

        class File:
            def write(self, data: bytes) -> int:
                stuck.begun.set()
                stuck.may.wait(30)
                return int(file.write(data))

            def __getattr__(self, name: str) -> Any:
                return getattr(file, name)

        return File()


@pytest.mark.parametrize("leaves", [False, True])
def test_the_loop_does_not_wait_for_a_disk_that_hangs(*, leaves: bool) -> None:
    spool = Stuck()
    # A loop that waits could not be stopped by its own clock.
    rescue = threading.Timer(15, spool.may.set)
    rescue.start()

    async def story() -> None:
        conduit = Conduit(spool, most_held=1000, patience_s=0.01)
        thread = feed(conduit, PARTS[:5])
        await asyncio.to_thread(spool.begun.wait, 20)
        if leaves:
            conduit.abandon()
        else:
            assert await conduit.get() == PARTS[0]
        assert conduit.waiting == (1000 if leaves else 0)
        assert not spool.may.is_set()
        spool.may.set()
        if not leaves:
            assert await drain(conduit) == b"".join(PARTS[1:5])
        await asyncio.to_thread(thread.join, 20)
        assert spool.used == 0

    run(story())
    rescue.cancel()


def test_a_quiet_part_is_found_by_who_looks_again() -> None:
    async def story() -> None:
        conduit = Conduit()
        assert not await conduit.ready(0.01)
        conduit.put(b"small", quietly=True)
        assert await conduit.ready(60)
        assert conduit.whole() is None, "it goes on"
        conduit.end()
        assert conduit.whole() == b"small"
        assert await conduit.get() is None

    run(story())


def test_a_quiet_part_wakes_who_waits_for_it() -> None:
    async def story() -> None:
        conduit = Conduit()
        wanted = asyncio.ensure_future(conduit.get())
        await asyncio.sleep(0)
        await asyncio.to_thread(conduit.put, b"small", quietly=True)
        assert await wanted == b"small"

    run(story())


def test_the_end_wakes_who_only_looks() -> None:
    async def story() -> None:
        conduit = Conduit()
        looks = asyncio.ensure_future(conduit.ready(60))
        await asyncio.sleep(0)
        await asyncio.to_thread(conduit.put, b"small", quietly=True)
        await asyncio.to_thread(conduit.end)
        assert await looks

    run(story())


def test_what_failed_or_waits_in_a_file_is_not_whole() -> None:
    async def story() -> None:
        conduit = Conduit()
        failure = Failure(ValueError("no"), b"tail")
        conduit.put(b"one")
        conduit.end(failure)
        assert conduit.whole() is None
        early = conduit.failure
        assert early is None, "a part comes before"
        assert await conduit.get() == b"one"
        assert conduit.failure is failure
        slow = Conduit(Spool(None, 10**6), most_held=1000, patience_s=0.01)
        for part in PARTS[:3]:
            await asyncio.to_thread(slow.put, part)
        slow.end()
        assert slow.whole() is None
        assert await drain(slow) == b"".join(PARTS[:3])

    run(story())
