"""Which datasets there are and were, and what was made of them, for commands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

_AT_ONCE: Final = 500
_DATASETS: Final = (
    'SELECT p.publisher_did, p.title, p."size", p.rights FROM cta.product p '
    "JOIN cta.collection c ON c.collection_id = p.collection_id WHERE "
)
_INGESTED: Final = (
    "NOT EXISTS (SELECT 1 FROM cta.analysis a WHERE a.product_id = p.product_id)"
)
_MADE: Final = (
    "SELECT DISTINCT i.input_did, p.publisher_did, p.title "
    "FROM cta.analysis_input i "
    "JOIN cta.analysis a ON a.analysis_id = i.analysis_id "
    "JOIN cta.product p ON p.product_id = a.product_id WHERE "
)
_REMOVED: Final = (
    "SELECT v.publisher_did, v.ended, v.note FROM cta.dataset_version v "
    "WHERE v.end_reason = 'removed' AND starts_with(v.publisher_did, ?) "
    "AND NOT starts_with(coalesce(v.note, ''), ?) AND v.number = "
    "(SELECT max(w.number) FROM cta.dataset_version w "
    "WHERE w.publisher_did = v.publisher_did) ORDER BY 1"
)
_ELSEWHERE: Final = (
    "SELECT count(*) AS number, min(p.publisher_did) AS example "  # noqa: S608 - a fixed condition
    "FROM cta.product p "
    f"WHERE {_INGESTED} AND NOT starts_with(p.publisher_did, ?)"
)
_LEFT: Final = (
    "SELECT v.* FROM cta.dataset_version v "  # an earlier model has no rights there
    "WHERE v.end_reason = 'removed' AND strpos(v.publisher_did, ?) > 0 "
    "AND v.number = (SELECT max(w.number) FROM cta.dataset_version w "
    "WHERE w.publisher_did = v.publisher_did) ORDER BY v.ended, 1"
)
WITH_ALL: Final = "with the whole collection: "
"""How the note of a removal begins that later ingests take no heed of."""

_VERSIONS: Final = (
    "SELECT number, registered, ended, end_reason, note, checksum "
    "FROM cta.dataset_version WHERE publisher_did = ? ORDER BY number"
)


class Looker(Protocol):
    """An archive that answers small look-ups, here or in the server of its home."""

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Return all rows of a small look-up."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset of the archive; size in bytes."""

    publisher_did: str
    title: str | None
    size: int | None
    rights: str


@dataclass(frozen=True, slots=True)
class Made:
    """A product that was made from a dataset."""

    input_did: str
    publisher_did: str
    title: str | None


@dataclass(frozen=True, slots=True)
class Version:
    """One state of a dataset.

    Attributes
    ----------
    registered, ended
        From when to when the archive had it, UTC; ``ended`` None: it has it now.
    end_reason
        ``replaced`` or ``removed``.
    note
        Why it was removed.
    """

    number: int
    registered: datetime
    ended: datetime | None
    end_reason: str | None
    note: str | None
    checksum: str


@dataclass(frozen=True, slots=True)
class Removed:
    """A dataset that was taken out on its own: when (UTC), and why."""

    publisher_did: str
    ended: datetime
    note: str | None


@dataclass(frozen=True, slots=True)
class Left:
    """Who might see a dataset when it was removed; ``rights`` None: it is not known."""

    publisher_did: str
    rights: str | None
    access_group: str | None
    release_date: datetime | None


def datasets(archive: Looker, dids: Sequence[str]) -> list[Dataset]:
    """Return those of some publisher DIDs that the archive has, in its order."""
    return [
        Dataset(**row)
        for some in _portions(dids)
        for row in archive.rows(
            f"{_DATASETS} p.publisher_did IN ({_marks(some)}) ORDER BY p.publisher_did",
            some,
        )
    ]


def datasets_of(
    archive: Looker, collection: str, obs_ids: Sequence[str] = ()
) -> list[Dataset]:
    """Return the ingested datasets of a collection, all or those of some obs_ids.

    What jobs made and filed in the collection is not among them.
    """
    where = f"{_INGESTED} AND c.name = ?"
    if not obs_ids:
        found = archive.rows(f"{_DATASETS} {where} ORDER BY 1", [collection])
        return [Dataset(**row) for row in found]
    return [
        Dataset(**row)
        for some in _portions(obs_ids)
        for row in archive.rows(
            f"{_DATASETS} {where} AND p.obs_id IN ({_marks(some)}) ORDER BY 1",
            [collection, *some],
        )
    ]


def made_from(archive: Looker, dids: Sequence[str]) -> list[Made]:
    """Return the products that were made from datasets."""
    return [
        Made(**row)
        for some in _portions(dids)
        for row in archive.rows(
            f"{_MADE} i.input_did IN ({_marks(some)}) ORDER BY 2, 1", some
        )
    ]


def history(archive: Looker, did: str) -> list[Version]:
    """Return the states that a dataset was in, the first one first."""
    found = archive.rows(_VERSIONS, [did])
    return [Version(**row) for row in found]


def removed(archive: Looker, begin: str) -> list[Removed]:
    """Return the datasets that were removed on purpose and are not there again.

    Those that went with their whole collection are not among them.

    Parameters
    ----------
    begin
        With which their publisher DIDs begin: ``ivo://authority/collection?``.
    """
    return [Removed(**row) for row in archive.rows(_REMOVED, [begin, WITH_ALL])]


def rights_left(archive: Looker, collection: str) -> list[Left]:
    """Return the rights of removed datasets of a collection, the last gone last.

    Whether they went alone or with all, and under whatever authority.
    """
    return [
        Left(
            row["publisher_did"],
            row.get("rights"),
            row.get("access_group"),
            row.get("release_date"),
        )
        for row in archive.rows(_LEFT, [f"/{collection}?"])
    ]


def elsewhere(archive: Looker, authority: str) -> tuple[int, str | None]:
    """Return how many runs have another authority in their DID, and one of them."""
    (row,) = archive.rows(_ELSEWHERE, [f"ivo://{authority}/"])
    return row["number"], row["example"]


def _portions(values: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(values), _AT_ONCE):
        yield list(values[start : start + _AT_ONCE])


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))
