"""Archives on PostgreSQL, for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from distiller.core.settings import Settings, load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.archive import Archive


def settings_of(home: Path, url: str, **given: Any) -> Settings:
    return load_settings(home, authority="org.example", database_url=url, **given)


def one(archive: Archive, sql: str) -> Any:
    (row,) = archive.rows(sql)
    (value,) = row.values()
    return value
