"""Servers of the tests of services, for validators from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support import schemas
from tests.web.conftest import (
    each_server,
    embedded_server,
    server,
    start_server,
    vo_session,
)
from tests.web.sia.conftest import image_server

if TYPE_CHECKING:
    from tests.support.schemas import Validate

__all__ = [
    "each_server",
    "embedded_server",
    "image_server",
    "server",
    "start_server",
    "vo_session",
]


@pytest.fixture(scope="session")
def validate(tmp_path_factory: pytest.TempPathFactory) -> Validate:
    """Hold a document of VOSI against the schema of its namespace."""
    return schemas.validator(tmp_path_factory.mktemp("xsd"))
