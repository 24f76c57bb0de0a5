"""What differs between two models is told, whatever it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from distiller.core.engines import ENGINES, EngineName
from distiller.model import load_model
from distiller.model.diff import diff
from distiller.model.emit.sql.alter import alter
from distiller.model.shape import shape_of


@pytest.mark.parametrize("engine", ENGINES)
def test_a_view_that_reads_another_table_is_changed(engine: EngineName) -> None:
    model = load_model()
    table = model.by_name["ivoa.obscore"]
    twin = replace(table, name="ivoa.twin", foreign_keys=())
    before = replace(model, tables=(*model.tables, twin))
    views = tuple(replace(view, of=twin.name) for view in model.views)
    after = replace(before, views=views)
    old = shape_of(before, engine)
    found = diff(old, shape_of(after, engine))
    assert [str(one) for one in found] == [
        f"{view.name}: view changed: {view.of} -> ivoa.twin" for view in model.views
    ]
    made = " ".join(alter(found, old, after))
    assert ("DROP VIEW cta.vo_obscore" in made) is (engine == "duckdb")
    how = "CREATE" if engine == "duckdb" else "CREATE OR REPLACE"
    assert f"{how} VIEW cta.vo_obscore AS" in made
    assert "FROM ivoa.twin" in made


def test_a_view_follows_a_table_that_is_renamed() -> None:
    model = load_model()
    renamed = tuple(
        replace(table, name="ivoa.other", was=table.name)
        if table.name == "ivoa.obscore"
        else table
        for table in model.tables
    )
    views = tuple(replace(view, of="ivoa.other") for view in model.views)
    after = replace(model, tables=renamed, views=views)
    found = diff(shape_of(model, "duckdb"), shape_of(after, "duckdb"))
    assert "ivoa.other: table renamed, it was ivoa.obscore" in map(str, found)
    assert not [one for one in found if one.kind == "view changed"]
