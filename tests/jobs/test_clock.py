"""Clocks that are set while jobs run."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from distiller.jobs.clock import TRUST_S, Clock

from .conftest import prepare

if TYPE_CHECKING:
    from pathlib import Path


class Watches:
    """A clock on the wall and one that nobody sets."""

    def __init__(self) -> None:
        self.today = datetime(2026, 3, 1)
        self.elapsed_s = 50.0

    def after(self, seconds: float, jump: timedelta = timedelta()) -> None:
        self.today += timedelta(seconds=seconds) + jump
        self.elapsed_s += seconds


@pytest.mark.parametrize("jump", [timedelta(days=4000), timedelta(days=-4000)])
def test_a_jump_is_believed_after_an_hour(
    jump: timedelta, caplog: pytest.LogCaptureFixture
) -> None:
    watches = Watches()
    clock = Clock(lambda: watches.today, lambda: watches.elapsed_s)
    for seconds in (10, 10, 40_000):  # asked seldom is no jump
        watches.after(seconds, timedelta(seconds=2))
        assert not clock.has_jumped()
    with caplog.at_level(logging.WARNING):
        watches.after(10, jump)
        assert clock.has_jumped()
        watches.after(TRUST_S - 20)
        assert clock.has_jumped()
    assert len(caplog.records) == 1
    assert "no job is removed for an hour" in caplog.text
    watches.after(30)
    assert not clock.has_jumped()


def test_a_clock_that_is_put_right_has_jumped_again() -> None:
    watches = Watches()
    clock = Clock(lambda: watches.today, lambda: watches.elapsed_s)
    watches.after(10, timedelta(days=1))
    assert clock.has_jumped()
    watches.after(TRUST_S - 10, -timedelta(days=1))
    assert clock.has_jumped()
    watches.after(TRUST_S - 10)
    assert clock.has_jumped()


def test_clocks_that_nobody_sets_agree() -> None:
    clock = Clock()
    assert not clock.has_jumped()


@pytest.mark.slow
@pytest.mark.parametrize("jump_s", [-7200, 7200])
def test_a_run_lasts_as_long_as_it_does(herd: Any, tmp_path: Path, jump_s: int) -> None:
    del tmp_path
    folder = prepare(herd.parent, "slow", seconds=60, duration_s=2)
    process = herd.shepherd(folder, f"{jump_s}")
    process.wait(30)
    state = herd.state(folder)
    assert state["phase"] == "ABORTED"
    started, ended = (datetime.fromisoformat(state[k]) for k in ("started", "ended"))
    # Not two hours more or less.
    assert 2.0 <= (ended - started).total_seconds() < 60.0
