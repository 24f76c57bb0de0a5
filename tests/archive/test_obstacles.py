"""What rows do not allow is found beforehand; what is not found goes through."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from distiller.archive.live import read_shape
from distiller.archive.obstacles import obstacles
from distiller.archive.opening import engine_of
from distiller.core.columns import Column, ForeignKey
from distiller.model.diff import diff
from distiller.model.emit import sql
from distiller.model.emit.sql.alter import alter
from distiller.model.shape import shape_of
from distiller.model.tables import BoundColumn, BoundTable, Check, Model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.archive.engine import Engine, Session
    from distiller.core.columns import Datatype
    from distiller.core.settings import Settings

pytestmark = pytest.mark.slow


def _column(
    name: str,
    datatype: Datatype,
    *,
    nullable: bool = True,
    xtype: str | None = None,
    **given: Any,
) -> BoundColumn:
    arraysize = "*" if datatype == "char" else None
    words = f"The {name}."
    column = Column(
        name, datatype, arraysize, xtype, nullable=nullable, description=words
    )
    return BoundColumn(column, **given)


_ID = _column("id", "int", nullable=False)
_NAME = _column("name", "char")
_FLUX = _column("flux", "double")


def _table(*columns: BoundColumn, name: str = "s.star", **given: Any) -> BoundTable:
    found = BoundTable(
        name=name,
        title=name,
        description=f"Rows of {name}.",
        type_id="s:Star",
        package="s",
        rows="own",
        columns=columns or (_ID, _NAME, _FLUX),
        key=("id",),
    )
    return replace(found, **given)


def _model(*tables: BoundTable) -> Model:
    return Model((), tables)


_SITE = _table(_ID, name="s.site")
_AT = _column("site_id", "int")
_FIRST = _model(_table(_ID, _NAME, _FLUX, _AT), _SITE)
_ROWS = (
    "INSERT INTO s.site VALUES (1)",
    "INSERT INTO s.star VALUES (1, 'a', 1.5, 1), (2, 'b', 2, 7), (3, 'b', NULL, 7)",
)


def _changed(*columns: BoundColumn, **given: Any) -> Model:
    return _model(_table(*columns, **given), _SITE)


@pytest.fixture
def base(engine_home: Settings) -> Iterator[Engine]:
    """Return each engine, with a database of its own."""
    found = engine_of(engine_home)
    yield found
    found.close()


@pytest.fixture
def session(base: Engine) -> Iterator[Session]:
    """Return a session on it."""
    with closing(base.session()) as found:
        yield found


def _made(base: Engine, session: Session, model: Model, *rows: str) -> None:
    for statement in (*sql.ddl(model, base.name), *rows):
        session.execute(statement)


def _found(
    base: Engine, session: Session, model: Model, *, drop: bool = False
) -> tuple[str, ...]:
    live = read_shape(base.name, session, model)
    differences = diff(live, shape_of(model, base.name))
    return obstacles(base.name, session, live, model, differences, drop=drop)


def _lead(
    base: Engine, session: Session, model: Model, *, drop: bool = False
) -> list[str]:
    """Change the tables, and return what differs then."""
    live = read_shape(base.name, session, model)
    wanted = shape_of(model, base.name)
    for statement in alter(diff(live, wanted), live, model, drop=drop):
        session.execute(statement)
    return [str(d) for d in diff(read_shape(base.name, session, model), wanted)]


@pytest.mark.parametrize(
    ("model", "words", "mended"),
    [
        pytest.param(
            _changed(_ID, replace(_NAME, unique=True), _FLUX, _AT),
            "s.star: UNIQUE (name), and 2 rows do not differ in it, such as name = 'b' "
            "in those of id = 2 and id = 3: make them different, or leave that out of "
            "the binding",
            "UPDATE s.star SET name = 'c' WHERE id = 3",
            id="unique",
        ),
        pytest.param(
            _changed(_ID, _column("name", "char", nullable=False), _FLUX, _AT,
                     key=("name",)),
            "s.star: PRIMARY KEY (name), and 2 rows do not differ in it, such as name "
            "= 'b': make them different, or leave that out of the binding",
            "UPDATE s.star SET name = 'c' WHERE id = 3",
            id="key",
        ),
        pytest.param(
            _changed(_ID, _NAME, _column("flux", "double", nullable=False), _AT),
            "s.star.flux is never missing, and 1 row has no value, such as that of "
            "id = 3: give them one, or the attribute minOccurs 0",
            "UPDATE s.star SET flux = 0 WHERE id = 3",
            id="not-null",
        ),
        pytest.param(
            _changed(_ID, _NAME, _FLUX, _AT,
                     checks=(Check(("flux",), "flux < 2", "flux < 2"),)),
            "s.star: CHECK (flux < 2), and 1 row breaks it, such as flux = 2.0 in that "
            "of id = 2: mend the rows, or what the model says",
            "UPDATE s.star SET flux = 0 WHERE id = 2",
            id="check",
        ),
        pytest.param(
            _changed(_ID, replace(_NAME, literals=("a", "c")), _FLUX, _AT),
            "s.star: CHECK (name IN ('a', 'c')), and 2 rows break it, such as name = "
            "'b' in that of id = 2: mend the rows, or what the model says",
            "UPDATE s.star SET name = 'c' WHERE name = 'b'",
            id="literals",
        ),
        pytest.param(
            _changed(_ID, _NAME, _FLUX, _AT,
                     foreign_keys=(ForeignKey("s.site", (("site_id", "id"),)),)),
            "s.star: FOREIGN KEY (site_id) REFERENCES s.site (id), and 2 rows refer to "
            "what is not there, such as site_id = 7 in that of id = 2: add what is "
            "missing, or let the rows refer to what is there",
            "INSERT INTO s.site VALUES (7)",
            id="reference",
        ),
        pytest.param(
            _changed(_ID, _column("name", "int"), _FLUX, _AT),
            "s.star.name becomes INTEGER, and 3 rows have values that cannot become "
            "one, such as 'a', that of id = 1: mend them, or leave the type as it is",
            "UPDATE s.star SET name = '7.0'",
            id="number-of-text",
        ),
        pytest.param(
            _changed(_ID, _NAME, _column("flux", "int"), _AT),
            "s.star.flux becomes INTEGER, and 1 row has a value that would lose digits "
            "(--drop allows it), such as 1.5, that of id = 1: mend them, or leave the "
            "type as it is",
            "UPDATE s.star SET flux = 7 WHERE id = 1",
            id="digits",
        ),
        pytest.param(
            _changed(_ID, _NAME, _FLUX,
                     _column("site_id", "char", xtype="timestamp")),
            "s.star.site_id becomes TIMESTAMP, and 3 rows have values that cannot "
            "become one, such as 1, that of id = 1: mend them, or leave the type as it "
            "is",
            "UPDATE s.star SET site_id = NULL",
            id="no-such-conversion",
        ),
        pytest.param(
            _changed(_ID, _NAME, _FLUX, _AT, _column("dust", "int", nullable=False)),
            "s.star.dust is never missing, and 3 rows have no value, such as that of "
            "id = 1: give it minOccurs 0, upgrade, fill it, and then let it be 1",
            "DELETE FROM s.star",
            id="new",
        ),
    ],
)  # fmt: skip
def test_what_is_in_the_way_is_told_and_else_it_goes_through(
    base: Engine, session: Session, model: Model, words: str, mended: str
) -> None:
    _made(base, session, _FIRST, *_ROWS)
    assert _found(base, session, model) == (words,)
    session.execute(mended)
    assert _found(base, session, model) == ()
    before = session.fetch("SELECT count(*) FROM s.star")
    assert _lead(base, session, model) == []
    assert session.fetch("SELECT count(*) FROM s.star") == before


@pytest.mark.parametrize(
    ("datatype", "texts", "becomes"),
    [
        ("int", ["7", " 8 ", "9.0", "1e3"], [7, 8, 9, 1000]),
        ("long", ["9007199254740993"], [9007199254740993]),
        ("double", ["1.50", "1e-3"], [0.001, 1.5]),
        ("boolean", ["true", "false"], [False, True]),
    ],
)
def test_texts_become_what_they_say(
    base: Engine,
    session: Session,
    datatype: Datatype,
    texts: list[str],
    becomes: list[object],
) -> None:
    _made(base, session, _model(_table()))
    for number, text in enumerate(texts):
        session.execute(f"INSERT INTO s.star VALUES ({number}, '{text}', 1)")
    model = _model(_table(_ID, _column("name", datatype), _FLUX))
    assert _found(base, session, model) == ()
    assert _lead(base, session, model) == []
    found = session.fetch("SELECT name FROM s.star ORDER BY name")
    assert [value for (value,) in found] == becomes


def test_an_instant_of_iso_8601_is_one_and_another_zone_is_told(
    base: Engine, session: Session
) -> None:
    _made(base, session, _model(_table()))
    session.execute(
        "INSERT INTO s.star VALUES (1, '2024-01-02T03:04:05Z', 1), "
        "(2, '2024-01-02 03:04:05+02:00', 1)"
    )
    when = _column("name", "char", xtype="timestamp")
    model = _model(_table(_ID, when, _FLUX))
    (words,) = _found(base, session, model)
    assert "1 row has a value that would lose digits" in words
    assert "'2024-01-02 03:04:05+02:00', that of id = 2" in words
    session.execute("DELETE FROM s.star WHERE id = 2")
    assert _found(base, session, model) == ()
    assert _lead(base, session, model) == []
    assert session.fetch("SELECT extract(hour FROM name) FROM s.star") == [(3,)]


def test_digits_may_go_where_that_is_allowed_but_no_value(
    base: Engine, session: Session
) -> None:
    _made(base, session, _FIRST, *_ROWS)
    session.execute("UPDATE s.star SET name = '2.7' WHERE id = 1")
    model = _changed(_ID, _column("name", "int"), _column("flux", "int"), _AT)
    told = _found(base, session, model, drop=True)
    assert [words.partition(" ")[0] for words in told] == ["s.star.name"]
    session.execute("UPDATE s.star SET name = NULL WHERE name = 'b'")
    assert _found(base, session, model, drop=True) == ()
    assert _lead(base, session, model, drop=True) == []
    assert session.fetch("SELECT name, flux FROM s.star ORDER BY id") == [
        (3, 2), (None, 2), (None, None)
    ]  # fmt: skip


def test_values_that_are_the_same_once_converted_are_told(
    base: Engine, session: Session
) -> None:
    """What was unique as text need not be so as a number; the same with references."""
    first = _model(_table(_ID, replace(_NAME, unique=True), _FLUX))
    _made(base, session, first)
    session.execute("INSERT INTO s.star VALUES (1, '7', 1), (2, '7.0', 1)")
    number = replace(_column("name", "int"), unique=True)
    (words,) = _found(base, session, _model(_table(_ID, number, _FLUX)))
    assert words.startswith("s.star: UNIQUE (name), and 2 rows do not differ in it")


def test_both_sides_of_a_reference_change_their_type(
    base: Engine, session: Session
) -> None:
    def model(kind: Datatype) -> Model:
        key = ForeignKey("s.site", (("site_id", "id"),))
        return _model(
            _table(_ID, _column("site_id", kind), foreign_keys=(key,)),
            _table(_column("id", kind, nullable=False), name="s.site"),
        )

    _made(base, session, model("char"))
    with session.transaction():
        session.execute("INSERT INTO s.star VALUES (1, '07')")
        session.execute("INSERT INTO s.site VALUES ('07')")
    assert _found(base, session, model("int")) == ()
    assert _lead(base, session, model("int")) == []
    assert session.fetch("SELECT site_id FROM s.star") == [(7,)]


def test_rows_are_told_under_the_names_that_they_will_have(
    base: Engine, session: Session
) -> None:
    _made(base, session, _FIRST, *_ROWS)
    star = _table(
        _ID,
        _column("title", "char", was="name", literals=("a",)),
        _column("flux", "double"),
        _AT,
        name="s.sun",
        was="s.star",
    )
    (words,) = _found(base, session, _model(star, _SITE))
    assert words.startswith(
        "s.sun: CHECK (title IN ('a')), and 2 rows break it, such as title = 'b' in "
        "that of id = 2"
    )


def test_a_condition_that_fails_at_a_value_is_told(
    base: Engine, session: Session
) -> None:
    _made(base, session, _model(_table()))
    session.execute("INSERT INTO s.star VALUES (2000000000, 'a', 1)")
    check = Check(("id",), "id * id > 0", "id * id > 0")
    (words,) = _found(base, session, _model(_table(checks=(check,))))
    assert words.startswith("s.star: CHECK (id * id > 0) cannot be asked of every row")
    assert session.fetch("SELECT count(*) FROM s.star") == [(1,)]


def test_a_long_value_is_cut(base: Engine, session: Session) -> None:
    _made(base, session, _model(_table()))
    session.execute(f"INSERT INTO s.star VALUES (1, '{'x' * 500}', 1)")
    model = _model(_table(_ID, _column("name", "double"), _FLUX))
    (words,) = _found(base, session, model)
    assert "xxx..., that of id = 1" in words
    assert len(words) < 250


def test_a_table_of_which_nothing_stays(base: Engine, session: Session) -> None:
    """Old and new have no column in common: without rows it is made anew."""
    _made(base, session, _model(_table()))
    other = _table(_column("key", "int", nullable=False), key=("key",))
    model = _model(other)
    assert _found(base, session, model, drop=True) == ()
    assert _lead(base, session, model, drop=True) == []
    session.execute("INSERT INTO s.star VALUES (1)")
    (words,) = _found(base, session, _model(_table()), drop=True)
    assert words.startswith("s.star.id is never missing, and 1 row has no value")
