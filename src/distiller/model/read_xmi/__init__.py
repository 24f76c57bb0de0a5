"""UML drawings (XMI 2.x) into VO-DML documents."""

from distiller.model.read_xmi.reader import Imported, read_xmi, read_xmi_file
from distiller.model.read_xmi.report import Listed, counts
from distiller.model.read_xmi.tree import MAX_BYTES

__all__ = ["MAX_BYTES", "Imported", "Listed", "counts", "read_xmi", "read_xmi_file"]
