"""UWS values: phases and their legal order, as a state machine; reading requests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distiller.core.errors import BadParameter
from distiller.vo.uws import (
    ACTIVE,
    FINAL,
    TRANSITIONS,
    Phase,
    read_phase,
    read_wait_s,
    sources,
)

phases = st.sampled_from(list(Phase))


def test_every_phase_of_the_standard_has_its_row() -> None:
    assert set(TRANSITIONS) == set(Phase)
    assert {p.value for p in Phase} == {
        "PENDING", "QUEUED", "EXECUTING", "COMPLETED", "ERROR", "UNKNOWN", "HELD",
        "SUSPENDED", "ABORTED", "ARCHIVED",
    }  # fmt: skip


@given(phases, phases)
def test_sources_are_the_table_read_backwards(before: Phase, after: Phase) -> None:
    assert (before in sources(after)) == (after in TRANSITIONS[before])


@given(st.lists(phases, max_size=12))
def test_no_walk_leaves_a_final_phase_but_for_the_archive(walk: list[Phase]) -> None:
    here = Phase.PENDING
    for step in walk:
        if step in TRANSITIONS[here]:
            assert here not in FINAL or step is Phase.ARCHIVED
            here = step


def test_every_unfinished_phase_can_be_aborted() -> None:
    unfinished = set(Phase) - FINAL - {Phase.UNKNOWN}
    assert unfinished <= sources(Phase.ABORTED)


def test_nothing_returns_to_pending() -> None:
    assert sources(Phase.PENDING) == frozenset()


def test_clients_wait_in_the_three_phases_of_the_standard() -> None:
    assert {Phase.PENDING, Phase.QUEUED, Phase.EXECUTING} == ACTIVE


@pytest.mark.parametrize("text", ["RUNNING", "", "-", "COMPLETED,ERROR"])
def test_unknown_phase_is_refused_with_the_known_ones(text: str) -> None:
    with pytest.raises(BadParameter, match="one of PENDING, QUEUED"):
        read_phase(text)


@pytest.mark.parametrize("text", ["1.5", "", "soon", "-2"])
def test_wait_is_a_whole_number_from_minus_one(text: str) -> None:
    with pytest.raises(BadParameter, match="WAIT"):
        read_wait_s(text)


@given(st.integers(min_value=-1, max_value=10**9))
def test_wait_never_outlives_a_proxy(seconds: int) -> None:
    assert 0 <= read_wait_s(str(seconds)) <= 50
