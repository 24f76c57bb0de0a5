"""Where quick looks are kept, of which datasets, and what is known of each.

``HOME/files/previews/<ab>/<product id>-<mark>.png`` and ``.json``: the mark is another
once the dataset was ingested anew or the program makes other pictures, so that an old
one is never shown for the new. The JSON file is the record, written last: a picture
without one is not there yet.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from distiller.analysis.preview.numbers import VERSION, PreviewNumbers
from distiller.core.files import write_text
from distiller.core.rights import Terms
from distiller.jobs.presence import is_locked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from distiller.core.settings import Settings
    from distiller.jobs.store import DatasetFinder

LOCK: Final = "previews.lock"
"""In the folder of the jobs; whoever makes quick looks holds it locked."""

TRIES: Final = 5
"""How often to try what fails for a reason that may pass."""

_FIRST_S: Final = 10.0
_GROWTH: Final = 6.0
_MARK_LENGTH: Final = 12
PICTURE: Final = ".png"
RECORD: Final = ".json"
_SUFFIXES: Final = frozenset({PICTURE, RECORD})
_COLUMNS: Final = """
SELECT p.product_id, p.publisher_did, p.obs_id, p.target_name, p.s_ra, p.s_dec, p.s_fov,
       p.rights, p.release_date, p.owner, p.access_group, o.livetime,
       COALESCE(v.checksum, p.checksum, '') AS content
FROM cta.product AS p
LEFT JOIN cta.dataset_version AS v
       ON v.publisher_did = p.publisher_did AND v.ended IS NULL
LEFT JOIN cta.observation AS o ON o.observation_id = p.observation_id
WHERE p.data_level = 'DL3' AND EXISTS (
  SELECT 1 FROM cta.product_file AS f
  WHERE f.product_id = p.product_id AND f.role = 'events')
"""
_IDS: Final = "SELECT product_id FROM cta.product WHERE publisher_did IN ({marks})"
_AT_ONCE: Final = 500
_NEWEST_FIRST: Final = " ORDER BY p.ingested DESC, p.product_id"


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset that has a quick look, or is to get one.

    Attributes
    ----------
    name
        Of the files of its quick look, without suffix.
    ra_deg, dec_deg, fov_deg, livetime_s
        As the archive has them.
    """

    product_id: str
    did: str
    name: str
    obs_id: str
    target_name: str | None
    ra_deg: float | None
    dec_deg: float | None
    fov_deg: float | None
    livetime_s: float | None
    terms: Terms

    @classmethod
    def of(cls, row: dict[str, Any]) -> Self:
        """Return the dataset of a row of the archive."""
        given = f"{VERSION} {row['content']}".encode()
        mark = hashlib.sha256(given).hexdigest()[:_MARK_LENGTH]
        return cls(
            product_id=row["product_id"],
            did=row["publisher_did"],
            name=f"{row['product_id']}-{mark}",
            obs_id=row["obs_id"],
            target_name=row["target_name"],
            ra_deg=row["s_ra"],
            dec_deg=row["s_dec"],
            fov_deg=row["s_fov"],
            livetime_s=row["livetime"],
            terms=Terms.of(row),
        )


class Record(BaseModel):
    """What is known of a quick look: its numbers, or why there is none.

    Attributes
    ----------
    checksum, size
        SHA-256 and bytes of the picture.
    error
        Why it could not be made, in words for who may read the data.
    is_lasting
        Whether trying again would not help.
    tries
        How often it was tried.
    made
        When, UTC.
    """

    # Another version may have written more, or less.
    model_config = ConfigDict(frozen=True, extra="ignore")

    made: datetime
    numbers: PreviewNumbers | None = None
    checksum: str | None = None
    size: int | None = None
    error: str | None = None
    is_lasting: bool = False
    tries: int = 1

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.numbers is None) == (self.error is None):
            message = "there are numbers, or it is said why there are none"
            raise ValueError(message)
        return self

    @property
    def files(self) -> frozenset[str]:
        """Suffixes of the files that belong to it."""
        return _SUFFIXES if self.error is None else frozenset({RECORD})

    @property
    def is_final(self) -> bool:
        """Whether nothing more is tried by itself."""
        return self.error is None or self.is_lasting or self.tries >= TRIES

    def is_due(self, moment: datetime) -> bool:
        """Whether it is time to try again (UTC)."""
        if self.is_final:
            return False
        pause = timedelta(seconds=_FIRST_S * _GROWTH ** (self.tries - 1))
        # A clock that was set back must not make it wait.
        return not self.made <= moment < self.made + pause


def datasets(archive: DatasetFinder) -> list[Dataset]:
    """Return every dataset that should have a quick look, the newest first."""
    return [Dataset.of(row) for row in archive.rows(f"{_COLUMNS}{_NEWEST_FIRST}")]


def dataset(archive: DatasetFinder, product_id: str) -> Dataset | None:
    """Return the dataset of a product; None if such a product has no quick look."""
    rows = archive.rows(f"{_COLUMNS} AND p.product_id = ?", [product_id])
    return Dataset.of(rows[0]) if rows else None


def picture(settings: Settings, name: str) -> Path:
    """Return where the picture is, or will be."""
    return _folder(settings) / name[:2] / f"{name}{PICTURE}"


def read(settings: Settings, name: str) -> Record | None:
    """Return what is known of a quick look, or None; a damaged record is none."""
    try:
        return Record.model_validate_json(_record(settings, name).read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        return None


def write(settings: Settings, name: str, record: Record) -> None:
    """Remember what is known of a quick look."""
    write_text(_record(settings, name), record.model_dump_json(indent=1) + "\n")


def kept(settings: Settings) -> dict[str, set[str]]:
    """Return what is kept: names, and the suffixes of the files of each."""
    found: dict[str, set[str]] = {}
    for path in _folder(settings).glob("*/*"):
        # What a kill left half written begins with a dot and has another suffix.
        if path.suffix in _SUFFIXES:
            found.setdefault(path.stem, set()).add(path.suffix)
    return found


def remove(settings: Settings, name: str) -> None:
    """Remove a quick look: first what says that there is one."""
    _record(settings, name).unlink(missing_ok=True)
    picture(settings, name).unlink(missing_ok=True)


def product_ids(archive: DatasetFinder, dids: Sequence[str]) -> list[str]:
    """Return the product ids of datasets, by which their quick looks are named."""
    found: list[str] = []
    for start in range(0, len(dids), _AT_ONCE):
        some = list(dids[start : start + _AT_ONCE])
        marks = ", ".join("?" for _ in some)
        rows = archive.rows(_IDS.format(marks=marks), some)
        found += [row["product_id"] for row in rows]
    return found


def remove_all_of(settings: Settings, product_ids: Sequence[str]) -> None:
    """Remove the quick looks of products, whatever their mark."""
    for product_id in product_ids:
        for path in _folder(settings).glob(f"{product_id[:2]}/{product_id}-*"):
            path.unlink(missing_ok=True)


def orphans(archive: DatasetFinder, settings: Settings) -> Iterator[Path]:
    """Yield the files of quick looks whose dataset the archive does not have."""
    wanted = {one.product_id for one in datasets(archive)}
    for path in sorted(_folder(settings).glob("*/*")):
        product_id, _, _ = path.stem.rpartition("-")
        if path.suffix in _SUFFIXES and product_id not in wanted:
            yield path


def sweep(settings: Settings) -> None:
    """Remove what a kill left half written; for who makes them."""
    for path in _folder(settings).glob("*/.*"):
        path.unlink(missing_ok=True)


def is_tended(settings: Settings) -> bool:
    """Whether somebody makes quick looks for this home."""
    return is_locked(settings.jobs_path / LOCK)


def _folder(settings: Settings) -> Path:
    return settings.files_path / "previews"


def _record(settings: Settings, name: str) -> Path:
    return picture(settings, name).with_suffix(RECORD)
