"""Changed queries are refused with a place, or read what may be read, no more."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import duckdb
import pytest
from tests.adql.generated import Generator
from tests.adql.mutations import mutated
from tests.adql.test_access import Visitor

from distiller.adql import check_syntax, translate
from distiller.core.errors import QueryError

if TYPE_CHECKING:
    from distiller.core.columns import Catalog

pytestmark = pytest.mark.slow
_COUNT = 3000
_HIDDEN = {"pole", 59001.5, 53944.1, 3e-19, 329.72, 89.9, "p9"}
"""Values that only rows have which the visitor may not see."""


def test_no_change_shows_what_is_hidden_or_ends_in_an_error_of_ours(
    catalog: Catalog, sky: duckdb.DuckDBPyConnection
) -> None:
    queries = [Generator(seed).query() for seed in range(200)]
    read = 0
    for text in mutated(queries, _COUNT, 5):
        faults = check_syntax(text)
        try:
            translation = translate(text, catalog, access=Visitor())
        except QueryError as refusal:
            assert refusal.faults  # noqa: PT017 - both ways are fine
            assert min(f.column for f in refusal.faults) >= 1  # noqa: PT017 - likewise
            continue
        assert not faults, text
        assert translation.tables <= set(catalog)
        translate(text, catalog, target="pgsphere", access=Visitor())
        with contextlib.suppress(duckdb.Error):
            rows = sky.execute(translation.limited(500)).fetchall()
            values = {v for row in rows for v in row if isinstance(v, str | float)}
            assert not values & _HIDDEN, text
            read += 1
    assert read > _COUNT / 30
