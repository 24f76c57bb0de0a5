"""Bring files into an archive, and what became of them, in a few words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from distiller.ingest import Options, Report, ingest

if TYPE_CHECKING:
    from distiller.archive import Archive


def load(archive: Archive, *paths: Path, **options: Any) -> Report:
    """Ingest paths with options as the command line names them."""
    return ingest(paths, archive, "org.example", Options(**options))


def counts(report: Report) -> dict[str, int]:
    """Return how many runs were added, replaced and so on, without zeros."""
    return {name: number for name, number in report.counts.items() if number}


def obs_ids(archive: Archive) -> list[str]:
    """Return the runs of the archive."""
    rows = archive.rows("SELECT obs_id FROM ivoa.obscore ORDER BY obs_id")
    return [row["obs_id"] for row in rows]


def refused(report: Report) -> dict[str, str]:
    """Return the code that refused each file, by its name."""
    return {Path(f.path).name: f.code for f in report.findings if f.severity == "error"}


def said(report: Report, code: str) -> list[str]:
    """Return the messages of one code."""
    return [finding.message for finding in report.findings if finding.code == code]
