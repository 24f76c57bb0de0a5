"""From DL3 files (GADF) to rows of the archive: find, read, check, map, load."""

from __future__ import annotations

from distiller.ingest.load import Options, Progress, Writer, ingest
from distiller.ingest.report import Report

__all__ = ["Options", "Progress", "Report", "Writer", "ingest"]
