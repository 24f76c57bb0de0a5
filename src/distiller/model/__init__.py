"""The data model: drawn in UML (VO-DML), bound to tables; all else is derived.

``uml/*.vo-dml.xml`` are the source, the files beside them say what VO-DML cannot:
names of tables and columns, units, UCDs, what belongs to one dataset.
"""

from __future__ import annotations

from distiller.model.load import load_file, load_model
from distiller.model.tables import BoundColumn, BoundTable, Model

__all__ = ["BoundColumn", "BoundTable", "Model", "load_file", "load_model"]
