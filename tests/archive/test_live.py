"""What a live archive says of its tables is what the model's SQL says."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.model.bind.hierarchy import made as a_type
from tests.model.bind.hierarchy import model as toy
from tests.model.bind.hierarchy import with_types

from distiller.archive.live import read_shape
from distiller.archive.opening import engine_of
from distiller.core.columns import ForeignKey
from distiller.model import Model, load_model
from distiller.model.bind import bind
from distiller.model.binding import default_binding
from distiller.model.check import check_tables
from distiller.model.diff import diff
from distiller.model.emit import sql
from distiller.model.emit.sql import parts
from distiller.model.emit.sql.alter import alter
from distiller.model.shape import shape_of
from distiller.model.tables import Check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.archive.engine import Engine, Session
    from distiller.core.settings import Settings
    from distiller.model import BoundColumn, BoundTable
    from distiller.model.tables import Strategy

pytestmark = pytest.mark.slow


@pytest.fixture
def base(engine_home: Settings) -> Iterator[Engine]:
    """Return each engine, with a database of its own."""
    found = engine_of(engine_home)
    yield found
    found.close()


def _differences(engine: Engine, session: Session, model: Model) -> list[str]:
    found = read_shape(engine.name, session, model)
    return [str(d) for d in diff(found, shape_of(model, engine.name))]


@pytest.mark.usefixtures("installed_home")
def test_an_archive_is_as_its_model(base: Engine) -> None:
    with closing(base.session()) as session:
        assert _differences(base, session, load_model()) == []


@pytest.mark.usefixtures("installed_home")
def test_a_view_of_other_rows_is_told(base: Engine) -> None:
    model = load_model()
    view = next(view for view in model.views if view.name == "cta.vo_obscore")
    some = f"{parts.select(model, view)} WHERE s_ra > 0"
    with closing(base.session()) as session:
        session.execute(f"CREATE OR REPLACE VIEW cta.vo_obscore AS {some}")
        found = _differences(base, session, model)
    told = [line for line in found if "view changed" in line]
    assert len(told) == 1, found
    assert told[0].startswith("cta.vo_obscore: view changed: ivoa.obscore WHERE ")
    assert told[0].endswith(" -> ivoa.obscore")


@pytest.mark.usefixtures("installed_home")
@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (
            "ALTER TABLE cta.finding ADD COLUMN mine INTEGER",
            "cta.finding.mine: column gone: INTEGER (DESTRUCTIVE)",
        ),
        (
            "ALTER TABLE cta.finding ALTER COLUMN message DROP NOT NULL",
            "cta.finding.message: column not null (DESTRUCTIVE)",
        ),
        ("CREATE TABLE cta.mine (i INTEGER)", "cta.mine: table gone (DESTRUCTIVE)"),
        ("DROP VIEW cta.vo_obscore", "cta.vo_obscore: view new"),
        (
            "COMMENT ON TABLE cta.finding IS 'Mine.'",
            "cta.finding: table comment: Mine. -> Something noticed in the input.",
        ),
    ],
)
def test_what_somebody_has_changed_is_told(
    base: Engine, statement: str, told: str
) -> None:
    with closing(base.session()) as session:
        session.execute(statement)
        found = _differences(base, session, load_model())
    assert [f for f in found if f.startswith(told.partition(" -> ")[0])], found
    assert len(found) == 1


def _made(engine: Engine, session: Session, model: Model) -> None:
    if engine.name == "postgresql":
        # The database of the test has pgSphere.
        session.execute("CREATE SCHEMA IF NOT EXISTS dst")
    for statement in sql.ddl(model, engine.name):
        session.execute(statement)


def _lead(engine: Engine, session: Session, model: Model) -> list[str]:
    """Make a database what a model wants, and return what differs then."""
    live = read_shape(engine.name, session, model)
    wanted = shape_of(model, engine.name)
    for statement in alter(diff(live, wanted), live, model, drop=True):
        session.execute(statement)
    return _differences(engine, session, model)


@pytest.mark.parametrize(
    ("one", "two"),
    [("joined", "single"), ("single", "concrete"), ("concrete", "joined")],
)
def test_statements_lead_from_one_strategy_to_another(
    base: Engine, one: Strategy, two: Strategy
) -> None:
    with closing(base.session()) as session:
        _made(base, session, toy(one))
        assert _differences(base, session, toy(one)) == []
        assert _differences(base, session, toy(two)) != []
        assert _lead(base, session, toy(two)) == []


def _table(model: Model, name: str, **given: Any) -> Model:
    """Return the model with one table changed."""
    return replace(
        model,
        tables=tuple(
            replace(t, **given) if t.name == name else t for t in model.tables
        ),
    )


def _column(table: BoundTable, name: str, **given: Any) -> tuple[BoundColumn, ...]:
    """Return the columns of a table with one changed."""
    return tuple(
        replace(b, column=replace(b.column, **given)) if b.column.name == name else b
        for b in table.columns
    )


def test_statements_lead_through_every_kind_of_change(base: Engine) -> None:
    """Type, key, unique, check, index, words, order; there and back."""
    first = toy("joined")
    note = first.by_name["toy.note"]
    changed = _table(
        first,
        "toy.note",
        description="Other words.",
        columns=tuple(
            reversed(_column(note, "text", nullable=True, description="Said."))
        ),
        key=("note_id", "thing_id"),
        foreign_keys=(),
        checks=(Check(("text",), "text <> 'x'", "text <> 'x'"),),
    )
    star = changed.by_name["toy.star"]
    changed = _table(
        changed,
        "toy.star",
        columns=tuple(
            replace(b, unique=b.column.name == "band")
            for b in _column(star, "flux", datatype="float", indexed=True)
        ),
        points=(("flux", "flux"),),
        checks=(),
    )
    with closing(base.session()) as session:
        _made(base, session, first)
        session.execute("INSERT INTO toy.catalogue VALUES ('c', 'one')")
        assert _lead(base, session, changed) == []
        assert _lead(base, session, first) == []
        found = session.fetch("SELECT catalogue_id, name FROM toy.catalogue")
        assert found == [("c", "one")]


def test_tables_whose_long_names_begin_alike(base: Engine) -> None:
    first = toy("joined")
    one = first.by_name["toy.note"]
    checks = (Check(("text",), "text <> 'x'", "text <> 'x'"),)
    named = [f"toy.{'a' * 58}{end}" for end in "xy"]
    alike = tuple(
        replace(one, name=name, foreign_keys=(), checks=checks) for name in named
    )
    model = replace(first, tables=(*first.tables, *alike))
    with closing(base.session()) as session:
        _made(base, session, model)
        assert _differences(base, session, model) == []


_LONG = "AVeryLongName" * 8


def _long_names() -> Model:
    """Return a model whose names differ beyond what PostgreSQL keeps of them."""
    kinds = [
        a_type(
            "objectType",
            f"{_LONG}{end}",
            ("attribute", f"value{_LONG}A", "ivoa:real", 1, 1),
            ("attribute", f"value{_LONG}B", "ivoa:real", 1, 1),
            ("attribute", f"several{_LONG}A", "ivoa:real", 0, 3),
            ("attribute", f"several{_LONG}B", "ivoa:real", 0, 3),
            ("reference", f"other{_LONG}A", f"toy:{_LONG}A", 1, 1),
            ("reference", f"other{_LONG}B", f"toy:{_LONG}A", 0, 1),
            rules=(f"value{_LONG}A > 0", f"value{_LONG}A < value{_LONG}B"),
        )
        for end in "AB"
    ]
    document = with_types(*kinds)
    found = bind(document, default_binding(document), complete=False)
    assert found.faults == ()
    return Model((document,), found.tables)


def test_default_names_are_kept_whole_and_apart(base: Engine) -> None:
    model = _long_names()
    names = [table.name for table in model.tables]
    assert len(names) == len(set(names)) == 6
    for table in model.tables:
        assert len(set(table.names)) == len(table.names)
        assert {len(name) <= 63 for name in table.names} == {True}
    with closing(base.session()) as session:
        _made(base, session, model)
        assert _differences(base, session, model) == []


def test_a_column_may_have_several_foreign_keys(base: Engine) -> None:
    model = toy("joined")
    note = model.by_name["toy.note"]
    several = (
        *note.foreign_keys,
        ForeignKey("toy.star", (("thing_id", "thing_id"),)),
        ForeignKey("toy.cloud", (("thing_id", "thing_id"),)),
    )
    model = _table(model, "toy.note", foreign_keys=several)
    with closing(base.session()) as session:
        _made(base, session, model)
        assert _differences(base, session, model) == []
        fewer = _table(model, "toy.note", foreign_keys=several[:2])
        assert _lead(base, session, fewer) == []
    names = shape_of(model, "postgresql").tables["toy.note"].keys
    assert set(names) == {
        "note__thing_id__toy__thing__fkey",
        "note__thing_id__toy__star__fkey",
        "note__thing_id__toy__cloud__fkey",
    }


def test_names_that_engines_have_for_themselves_are_no_trouble(base: Engine) -> None:
    names = ("xmin", "ctid", "at", "by", "oid", "rowid", "position", "values")
    kind = a_type(
        "objectType",
        "At",
        *(("attribute", name, "ivoa:real", 1, 1) for name in names),
        rules=tuple(f"{name} >= 0" for name in names),
    )
    document = replace(with_types(kind), name="main")
    usual = default_binding(document)
    assert usual.schema_name == "main_model"
    found = bind(document, usual, complete=False)
    model = Model((document,), found.tables)
    assert check_tables(model, unbound=frozenset({"main"})) == ()
    with closing(base.session()) as session:
        _made(base, session, model)
        assert _differences(base, session, model) == []
    assert found.tables[0].names[1:3] == ("at_xmin", "at_ctid")


def test_a_key_that_is_said_to_be_unique_is_a_key(base: Engine) -> None:
    first = toy("joined")
    site = first.by_name["toy.catalogue"]
    columns = tuple(replace(b, unique=True) for b in site.columns)
    model = _table(first, "toy.catalogue", columns=columns)
    with closing(base.session()) as session:
        _made(base, session, model)
        assert _differences(base, session, model) == []
