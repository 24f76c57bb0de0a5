"""The gate: a query is prepared in a thread of it, and its place comes back."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory

from distiller.core.errors import BadParameter, Busy, TooMany
from distiller.core.settings import load_settings
from distiller.queries.spool import Spool
from distiller.web import site
from distiller.web.site import Site
from distiller.web.tap import stream
from distiller.web.tap.gate import WAITING, Gate, gate

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

PATIENT: Any = SimpleNamespace(patient=True)
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


def test_a_head_waits_for_a_place_like_any_query(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def refused() -> NoReturn:
        seen.append(threading.current_thread().name)
        raise BadParameter("QUERY", "it is long")

    async def nobody() -> AnonymousUser:
        return AnonymousUser()

    async def story() -> None:
        here = Site(load_settings(tmp_path, queries_at_once=1), NOTHING, NOTHING)
        monkeypatch.setattr(site._Holder, "site", here)
        request = RequestFactory().head("/tap/sync")
        request.auser = nobody
        places = gate(here.settings)
        await places.enter("another")
        asked = asyncio.ensure_future(stream.respond(refused, request=request))
        await settled()
        assert places._waiting.keys() == {"at 127.0.0.1"}
        assert seen == []
        places.leave("another")
        for _ in range(2):  # the place is given back each time
            with pytest.raises(BadParameter, match="it is long"):
                await asked
            asked = asyncio.ensure_future(stream.respond(refused, request=request))
        with pytest.raises(BadParameter, match="it is long"):
            await asked
        await settled()
        assert not places._running

    asyncio.run(asyncio.wait_for(story(), 20))
    assert len(seen) == 3
    assert all(name.startswith("query") for name in seen)


def test_a_client_that_leaves_before_its_query_is_accepted_leaves_no_task(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        run = stream._Run(Spool(tmp_path, 10**6))
        left = asyncio.ensure_future(stream._begun(run, 0.01))
        await settled()
        left.cancel()
        with pytest.raises(asyncio.CancelledError):
            await left
        run.conduit.end()
        await settled()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(story())


def test_a_patient_answer_waits_for_its_first_part_however_late_it_is_looked_at(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        run = stream._Run(Spool(tmp_path, 10**6))
        begun = asyncio.ensure_future(stream._begun(run, 0.0))
        await settled()
        # Prepared and begun while the loop was busy with something else.
        run.prepared = PATIENT
        run.began(lambda: None)
        await asyncio.sleep(0.05)
        assert not begun.done()
        await asyncio.to_thread(run.conduit.put, b"all of it")
        await begun

    run(story())


def run(story: Coroutine[None, None, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 20))


def gate_of(places: int, wait_s: float = 10) -> Gate:
    return Gate(places, Spool(None, 10**6), wait_s=wait_s)


async def settled() -> None:
    """Let everything happen that can."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_no_owner_has_all_places() -> None:
    async def story() -> None:
        gate = gate_of(8)
        for _ in range(6):
            await gate.enter("a")
        seventh = asyncio.ensure_future(gate.enter("a"))
        await settled()
        assert not seventh.done()
        await gate.enter("b")
        await gate.enter("c")
        gate.leave("a")
        await seventh

    run(story())


def test_of_two_places_one_is_kept_and_the_only_one_is_for_everybody() -> None:
    async def story() -> None:
        gate = gate_of(2)
        await gate.enter("a")
        second = asyncio.ensure_future(gate.enter("a"))
        await settled()
        assert not second.done()
        await gate.enter("b")
        gate.leave("a")
        await second
        await gate_of(1).enter("a")

    run(story())


def test_places_go_round() -> None:
    async def story() -> None:
        gate = gate_of(1)
        await gate.enter("x")
        order: list[str] = []

        async def ask(owner: str) -> None:
            await gate.enter(owner)
            order.append(owner)
            gate.leave(owner)

        asked = [asyncio.ensure_future(ask(owner)) for owner in "aaabbc"]
        await settled()
        gate.leave("x")
        await asyncio.gather(*asked)
        assert "".join(order) == "abcaba"

    run(story())


def test_who_has_less_goes_first() -> None:
    async def story() -> None:
        gate = gate_of(4)
        for owner in "aaab":
            await gate.enter(owner)
        a, b = (asyncio.ensure_future(gate.enter(owner)) for owner in "ab")
        await settled()
        gate.leave("a")
        await b
        assert not a.done()
        gate.leave("a")
        await a

    run(story())


def test_one_owner_may_not_fill_the_queue() -> None:
    async def story() -> None:
        gate = gate_of(2)
        await gate.enter("a")
        await gate.enter("z")
        waiting = [
            asyncio.ensure_future(gate.enter("a")) for _ in range(WAITING * 2 // 2)
        ]
        await settled()
        with pytest.raises(TooMany, match="too many of your queries") as mine:
            await gate.enter("a")
        assert mine.value.retry_after_s > 0
        other = asyncio.ensure_future(gate.enter("b"))
        await settled()
        gate.leave("z")
        await other
        for one in waiting:
            one.cancel()

    run(story())


def test_nobody_waits_for_ever() -> None:
    async def story() -> None:
        gate = gate_of(1, wait_s=0.05)
        await gate.enter("a")
        with pytest.raises(TooMany):
            await gate.enter("a")
        with pytest.raises(Busy) as theirs:
            await gate.enter("b")
        assert not isinstance(theirs.value, TooMany)
        gate.leave("a")
        await settled()
        await gate.enter("b")

    run(story())


def test_who_leaves_the_queue_takes_no_place() -> None:
    async def story() -> None:
        gate = gate_of(1)
        await gate.enter("a")
        gone = asyncio.ensure_future(gate.enter("b"))
        kept = asyncio.ensure_future(gate.enter("c"))
        await settled()
        gone.cancel()
        gate.leave("a")
        await kept
        gate.leave("c")
        # Leaving in the moment in which the turn comes gives the place on.
        await gate.enter("a")
        late = asyncio.ensure_future(gate.enter("b"))
        await settled()
        gate.leave("a")
        await asyncio.sleep(0)  # the turn is given, and not yet taken
        late.cancel()
        with pytest.raises(asyncio.CancelledError):
            await late
        await gate.enter("c")

    run(story())
