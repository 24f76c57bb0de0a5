"""The model as reference documentation: pages (Markdown) with diagrams (SVG)."""

from __future__ import annotations

from distiller.model.emit.docs.folder import write
from distiller.model.emit.docs.pages import diagrams, pages

__all__ = ["diagrams", "pages", "write"]
