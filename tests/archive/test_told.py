"""Rows of history are sent once by one process, and again after any trouble."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from distiller.archive import told
from distiller.archive.statements import TAKEN_BACK
from distiller.archive.told import Told
from distiller.core.errors import IllegalState

if TYPE_CHECKING:
    from distiller.archive import Archive
    from distiller.core.bundle import Bundle

_TABLE = "provenance.activity_description"
_KIND = {"activity_description_id": "kind", "name": "making", "version": "1"}


def _made(toy: Any, number: int, kind: str = "kind") -> Bundle:
    """Return a run with the activity that made it, of a kind that all are of."""
    bundle = toy.bundle(number)
    activity = {
        "activity_id": f"activity-{number}",
        "name": "making it",
        "activity_description_id": kind,
    }
    rows = {_TABLE: (_KIND,), "provenance.activity": (activity,)}
    found: Bundle = replace(bundle, rows=bundle.rows | rows)
    return found


def _kinds(archive: Archive) -> list[str]:
    rows = archive.rows(f"SELECT activity_description_id AS kind FROM {_TABLE}")
    return [row["kind"] for row in rows]


def _fail(known: Told) -> None:
    with known.committing():
        known.untold("t", [("b",)])
        raise IllegalState("no")


def test_what_was_committed_is_told_no_more() -> None:
    known = Told("duckdb")
    with known.committing():
        assert known.untold("t", [("b",), ("a",)]) == [("a",), ("b",)]
        # A transaction that is done again tells all of it again.
        assert known.untold("t", [("a",)]) == [("a",)]
    with known.committing():
        assert known.untold("t", [("a",), ("c",)]) == [("c",)]
        assert known.untold("other", [("a",)]) == [("a",)]


def test_after_any_error_all_is_told_again() -> None:
    known = Told("duckdb")
    with known.committing():
        known.untold("t", [("a",)])
    with pytest.raises(IllegalState):
        _fail(known)
    with known.committing():
        assert known.untold("t", [("a",), ("b",)]) == [("a",), ("b",)]


@pytest.mark.parametrize("name", sorted(TAKEN_BACK))
def test_what_may_be_taken_back_is_always_told(name: str) -> None:
    known = Told("duckdb")
    for _ in range(2):
        with known.committing():
            assert known.untold(name, [("a",)]) == [("a",)]


def test_keys_that_never_come_again_do_not_pile_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(told, "_KEYS_MAX", 10)
    known = Told("duckdb")
    most = 0
    for number in range(100):
        with known.committing():
            known.untold("t", [("kind",), (f"activity-{number}",)])
        most = max(most, sum(map(len, known._known.values())))
    assert most <= 12


def test_a_kind_is_there_however_many_are_of_it(archive: Archive, toy: Any) -> None:
    for number in (1, 2, 3):
        assert archive.store(_made(toy, number)) == "added"
    assert _kinds(archive) == ["kind"]
    assert archive.check() == []


def test_what_a_failed_transaction_told_is_told_again(
    archive: Archive, toy: Any
) -> None:
    with pytest.raises(IllegalState, match="no row of"):
        archive.store(_made(toy, 1, kind="unknown"))
    assert _kinds(archive) == []
    archive.store(_made(toy, 1))
    assert _kinds(archive) == ["kind"]


def test_a_database_that_others_may_change_is_told_each_time() -> None:
    known = Told("postgresql")
    for _ in range(2):
        with known.committing():
            assert known.untold("t", [("a",)]) == [("a",)]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_an_older_copy_beneath_a_server_is_told_what_it_lacks(
    archive: Archive, toy: Any
) -> None:
    archive.store(_made(toy, 1))
    session = archive._writer._session
    session.execute("DELETE FROM provenance.activity")
    session.execute(f"DELETE FROM {_TABLE}")
    assert archive.store(_made(toy, 2)) == "added"
    assert _kinds(archive) == ["kind"]
