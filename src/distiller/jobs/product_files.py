"""Files of products that the archive has no more, and how they go.

A product leaves the archive first, in one transaction, and its files after it: a crash
between the two leaves files that are nobody's, and never a product without files.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from distiller.jobs import folders
from distiller.jobs.registration import product_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from distiller.core.settings import Settings
    from distiller.jobs.store import DatasetFinder

_FILES: Final = """
SELECT DISTINCT f.product_id, f.path
FROM cta.product_file AS f JOIN cta.product AS p ON p.product_id = f.product_id
WHERE f.role = 'product' AND p.publisher_did IN ({marks})
"""
_KNOWN: Final = "SELECT product_id FROM cta.product WHERE product_id IN ({marks})"
_AT_ONCE: Final = 500


def folders_of(
    archive: DatasetFinder, settings: Settings, dids: Sequence[str]
) -> list[Path]:
    """Return the folders of this home with what its jobs made, of some datasets.

    Runs have none: their files are not this program's to remove.
    """
    found: list[Path] = []
    for start in range(0, len(dids), _AT_ONCE):
        some = list(dids[start : start + _AT_ONCE])
        for row in archive.rows(_FILES.format(marks=_marks(some)), some):
            job_id = Path(row["path"]).parent.name
            # The proof that a job of this program made it, and which.
            if product_id(job_id) == row["product_id"]:
                found += folders.product_folders(settings, job_id)
    return found


def orphans(archive: DatasetFinder, settings: Settings) -> Iterator[Path]:
    """Yield the folders of products that the archive does not have.

    The product of a job that is being filed is among them for a moment.
    """
    every = (
        path
        for path in (settings.files_path / "products").glob("*/*/*")
        if not path.name.startswith(".")
    )
    while some := {product_id(path.name): path for path in islice(every, _AT_ONCE)}:
        rows = archive.rows(_KNOWN.format(marks=_marks(list(some))), list(some))
        known = {row["product_id"] for row in rows}
        yield from sorted(path for key, path in some.items() if key not in known)


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" for _ in values)
