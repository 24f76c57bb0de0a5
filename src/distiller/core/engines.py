"""The databases that an archive can be kept in."""

from __future__ import annotations

from typing import Literal, get_args

EngineName = Literal["duckdb", "postgresql"]
ENGINES: tuple[EngineName, ...] = get_args(EngineName)
