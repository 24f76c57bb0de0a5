"""The history of datasets: every state that they were in, and why it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from distiller.archive import Archive

_VERSIONS = (
    "SELECT number, checksum, entity_id, end_reason, note, registered, ended "
    "FROM cta.dataset_version WHERE publisher_did = ? ORDER BY number"
)


def _states(archive: Archive, did: str) -> list[tuple[Any, ...]]:
    wanted = ("number", "checksum", "end_reason", "note")
    return [tuple(row[n] for n in wanted) for row in archive.rows(_VERSIONS, [did])]


def test_each_state_of_a_dataset_is_kept(archive: Archive, toy: Any) -> None:
    did = toy.did_of(1)
    archive.store_many([toy.bundle(1), toy.bundle(2)])
    archive.store(toy.bundle(1))
    assert _states(archive, did) == [(1, "1", None, None)]
    archive.store(toy.bundle(1, checksum="2"))
    archive.remove(did, note="wrong calibration")
    archive.remove(did)
    archive.store(toy.bundle(1))
    assert _states(archive, did) == [
        (1, "1", "replaced", None),
        (2, "2", "removed", "wrong calibration"),
        (3, "1", None, None),
    ]
    rows = archive.rows(_VERSIONS, [did])
    for row in rows:
        assert row["entity_id"].startswith(f"{did}#")
        assert (row["ended"] is None) == (row["end_reason"] is None)
        assert row["ended"] is None or row["ended"] >= row["registered"]
    assert _states(archive, toy.did_of(2)) == [(1, "1", None, None)]
    assert archive.check() == []


def test_the_entity_of_a_state_is_valid_while_the_state_is_current(
    archive: Archive, toy: Any
) -> None:
    first, second = toy.with_entity(1, "a" * 64), toy.with_entity(1, "b" * 64)
    one, other = (f"{toy.did_of(1)}#{letter * 16}" for letter in "ab")

    def invalid() -> dict[str, bool]:
        rows = archive.rows(
            "SELECT entity_id, invalidated_at_time FROM provenance.entity"
        )
        return {r["entity_id"]: r["invalidated_at_time"] is not None for r in rows}

    archive.store(first)
    assert invalid() == {one: False}
    archive.store(second)
    assert invalid() == {one: True, other: False}
    archive.store(first)
    assert invalid() == {one: False, other: True}
    archive.remove(toy.did_of(1))
    assert invalid() == {one: True, other: True}
    assert archive.check() == []
