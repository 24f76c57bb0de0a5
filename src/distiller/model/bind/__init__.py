"""A document and its binding become tables; everything that does not fit is named."""

from __future__ import annotations

from distiller.model.bind.binder import bind

__all__ = ["bind"]
