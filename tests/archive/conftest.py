"""An archive of a fresh home, and datasets to put in."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from distiller.archive import Archive, open_archive

if TYPE_CHECKING:
    from collections.abc import Iterator

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
def archive(tmp_home: Settings) -> Iterator[Archive]:
    """Return the open archive of a fresh home."""
    with open_archive(tmp_home) as opened:
        yield opened
