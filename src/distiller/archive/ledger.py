"""Which datasets there are, and what was made from them: look-ups for commands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_AT_ONCE: Final = 500
_DATASETS: Final = (
    'SELECT p.publisher_did, p.title, p."size", p.rights FROM cta.product p '
    "JOIN cta.collection c ON c.collection_id = p.collection_id WHERE "
)
_MADE: Final = (
    "SELECT DISTINCT i.input_did, p.publisher_did, p.title "
    "FROM cta.analysis_input i "
    "JOIN cta.analysis a ON a.analysis_id = i.analysis_id "
    "JOIN cta.product p ON p.product_id = a.product_id WHERE "
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
    """Return the datasets of a collection, all or those of some obs_ids."""
    if not obs_ids:
        found = archive.rows(f"{_DATASETS} c.name = ? ORDER BY 1", [collection])
        return [Dataset(**row) for row in found]
    return [
        Dataset(**row)
        for some in _portions(obs_ids)
        for row in archive.rows(
            f"{_DATASETS} c.name = ? AND p.obs_id IN ({_marks(some)}) ORDER BY 1",
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


def _portions(values: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(values), _AT_ONCE):
        yield list(values[start : start + _AT_ONCE])


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))
