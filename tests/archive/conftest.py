"""An archive of a fresh home, and datasets to put in."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import psycopg
import pytest
from tests.archive import changed

from distiller.archive import open_archive
from distiller.core.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from distiller.archive import Archive
    from distiller.core.settings import Settings

_BUNDLES = Path(__file__).with_name("bundles.py")


def _load() -> Any:
    name = "archive_test_bundles"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, _BUNDLES)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture(scope="session")
def toy() -> Any:
    """Return the module that makes datasets up (`bundles.py`)."""
    return _load()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of the packaged model."""
    return changed.copied(tmp_path / "uml")


@pytest.fixture
def archive(installed_home: Settings) -> Iterator[Archive]:
    """Return the open archive of a fresh home, on each engine."""
    with open_archive(installed_home) as opened:
        yield opened


@pytest.fixture
def again() -> Callable[..., Settings]:
    """Return what gives the settings of a home with others changed."""

    def with_others(settings: Settings, **given: Any) -> Settings:
        return load_settings(settings.home, database_url=settings.database_url, **given)

    return with_others


@pytest.fixture
def behind() -> Callable[[Settings, str], None]:
    """Return what runs a statement behind the back of an archive that is closed."""

    def run(settings: Settings, statement: str) -> None:
        if settings.database_url is None:
            with duckdb.connect(str(settings.archive_path)) as connection:
                connection.execute(statement)
            return
        url = settings.database_url.get_secret_value()
        with psycopg.connect(url) as server:
            # Without foreign keys, which would keep an archive from this damage.
            server.execute("SET session_replication_role = replica")
            server.execute(statement.encode())

    return run
