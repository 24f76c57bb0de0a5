"""Tables that users bring: VOTable, FITS, Parquet and CSV become Arrow and columns."""

from __future__ import annotations

from distiller.queries.tables.limits import Limits
from distiller.queries.tables.read import Brought, read

__all__ = ["Brought", "Limits", "read"]
