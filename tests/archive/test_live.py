"""What a live archive says of its tables is what the model's SQL says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from distiller.archive.live import read_shape
from distiller.archive.opening import engine_of
from distiller.model import load_model
from distiller.model.diff import diff
from distiller.model.shape import shape_of

if TYPE_CHECKING:
    from distiller.archive.engine import Engine
    from distiller.core.settings import Settings
    from distiller.model import Model


@pytest.fixture(params=["duckdb", pytest.param("postgresql", marks=pytest.mark.slow)])
def settings(request: pytest.FixtureRequest, tmp_home: Settings) -> Settings:
    if request.param == "duckdb":
        return tmp_home
    url = request.getfixturevalue("postgres_url")
    return tmp_home.model_copy(update={"database_url": SecretStr(url)})


def _of(engine: Engine, model: Model) -> list[str]:
    session = engine.session()
    try:
        found = read_shape(engine.name, session, model)
    finally:
        session.close()
    return [str(d) for d in diff(found, shape_of(model, engine.name))]


def test_an_archive_is_as_its_model(settings: Settings) -> None:
    engine = engine_of(settings)
    try:
        engine.make(load_model())
        assert _of(engine, load_model()) == []
    finally:
        engine.close()
