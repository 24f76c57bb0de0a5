"""From DL3 files (GADF) to rows of the archive: find, read, check, map, load."""

from __future__ import annotations

from distiller.ingest.load import Options, ingest, ingest_refused
from distiller.ingest.loader import Writer
from distiller.ingest.report import Progress, Report

__all__ = ["Options", "Progress", "Report", "Writer", "ingest", "ingest_refused"]
