"""Types that extend each other, stored in each of the three ways, on both engines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import duckdb
import psycopg
import pytest
from tests.model.bind.hierarchy import TOY, bound, made, model, with_types

from distiller.model.bind import bind
from distiller.model.binding import Binding, default_binding
from distiller.model.emit import sql
from distiller.model.tables import Strategy

if TYPE_CHECKING:
    from collections.abc import Callable

_ALL: tuple[Strategy, ...] = get_args(Strategy)
_CATALOGUE = "INSERT INTO toy.catalogue VALUES ('c', 'one')"
_GOOD: dict[Strategy, tuple[str, ...]] = {
    "joined": (
        "INSERT INTO toy.thing (thing_id, catalogue_id, name) VALUES ('t', 'c', 'x')",
        "INSERT INTO toy.star (thing_id, flux, flux_unit) VALUES ('t', 1, 'Jy')",
        "INSERT INTO toy.pulsar (thing_id, period) VALUES ('t', 0.03)",
        "INSERT INTO toy.note VALUES ('n', 'a pulsar', 't')",
    ),
    "single": (
        """INSERT INTO toy.thing (thing_id, thing_type, catalogue_id, name, flux,
        flux_unit, period) VALUES ('t', 'Pulsar', 'c', 'x', 1, 'Jy', 0.03)""",
        """INSERT INTO toy.thing (thing_id, thing_type, catalogue_id, name)
        VALUES ('u', 'Cloud', 'c', 'y')""",
        "INSERT INTO toy.note VALUES ('n', 'a pulsar', 't')",
    ),
    "concrete": (
        """INSERT INTO toy.pulsar (thing_id, catalogue_id, name, flux, period)
        VALUES ('t', 'c', 'x', 1, 0.03)""",
        "INSERT INTO toy.note VALUES ('n', 'a pulsar', 't')",
    ),
}
_BAD: dict[Strategy, tuple[str, ...]] = {
    "joined": (
        "INSERT INTO toy.thing (thing_id, catalogue_id, name) VALUES ('v', 'c', '')",
        "INSERT INTO toy.star (thing_id, flux) VALUES ('t', -1)",
        "INSERT INTO toy.star (thing_id, flux, band) VALUES ('t', 1, 'x-ray')",
    ),
    "single": (
        # A type that there is not; one without what it always has; one with what is
        # of another; a constraint of one of the types.
        """INSERT INTO toy.thing (thing_id, thing_type, catalogue_id, name)
        VALUES ('v', 'Thing', 'c', 'x')""",
        """INSERT INTO toy.thing (thing_id, thing_type, catalogue_id, name)
        VALUES ('v', 'Star', 'c', 'x')""",
        """INSERT INTO toy.thing (thing_id, thing_type, catalogue_id, name, period)
        VALUES ('v', 'Cloud', 'c', 'x', 1)""",
        """INSERT INTO toy.thing (thing_id, thing_type, catalogue_id, name, flux)
        VALUES ('v', 'Star', 'c', 'x', -1)""",
        """INSERT INTO toy.thing (thing_id, thing_type, catalogue_id, name, flux)
        VALUES ('v', 'Star', 'c', 'dim', 0.5)""",
    ),
    "concrete": (
        """INSERT INTO toy.pulsar (thing_id, catalogue_id, name, flux, period)
        VALUES ('v', 'c', 'x', -1, 0.03)""",
        """INSERT INTO toy.star (thing_id, catalogue_id, name, flux)
        VALUES ('v', 'c', 'dim', 0.5)""",
        """INSERT INTO toy.cloud (thing_id, catalogue_id, name, where_ra, where_dec)
        VALUES ('v', 'c', 'x', 10, 91)""",
        """INSERT INTO toy.cloud (thing_id, catalogue_id, name, error_class)
        VALUES ('v', 'c', 'x', 'Square')""",
        """INSERT INTO toy.cloud (thing_id, catalogue_id, name, error_class,
        error_ellipse_major, error_ellipse_minor)
        VALUES ('v', 'c', 'x', 'Ellipse', 1, 2)""",
    ),
}


def _check(
    execute: Callable[[str], Any], refused: type[Exception], strategy: Strategy
) -> None:
    for statement in (_CATALOGUE, *_GOOD[strategy]):
        execute(statement)
    for statement in _BAD[strategy]:
        with pytest.raises(refused):
            execute(statement)


@pytest.mark.parametrize("strategy", _ALL)
def test_rows_on_duckdb(strategy: Strategy) -> None:
    connection = duckdb.connect()
    for statement in sql.ddl(model(strategy)):
        connection.execute(statement)
    _check(connection.execute, duckdb.ConstraintException, strategy)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", _ALL)
def test_rows_on_postgresql(postgres_url: str, strategy: Strategy) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        for statement in sql.ddl(model(strategy), "postgresql"):
            connection.execute(statement.encode())
        _check(
            lambda s: connection.execute(s.encode()),
            psycopg.errors.IntegrityError,
            strategy,
        )
        orphan = "INSERT INTO toy.note VALUES ('o', 'of nothing', 'nobody')"
        if strategy == "concrete":
            connection.execute(orphan.encode())
        else:
            with pytest.raises(psycopg.errors.ForeignKeyViolation):
                connection.execute(orphan.encode())


def test_joined_shares_the_key() -> None:
    tables = model("joined").by_name
    assert tables["toy.thing"].names[:3] == ("thing_id", "catalogue_id", "name")
    assert tables["toy.star"].names == ("thing_id", "flux", "flux_unit", "band")
    assert tables["toy.pulsar"].names == ("thing_id", "period", "companion_thing_id")
    assert [(k.target, k.columns) for k in tables["toy.pulsar"].foreign_keys] == [
        ("toy.star", (("thing_id", "thing_id"),)),
        ("toy.star", (("companion_thing_id", "thing_id"),)),
    ]
    (about,) = tables["toy.note"].foreign_keys
    assert about.target == "toy.thing"


def test_single_has_one_table_and_says_of_which_type_a_row_is() -> None:
    tables = model("single").by_name
    assert "toy.star" not in tables
    thing = tables["toy.thing"]
    kinds = next(b for b in thing.columns if b.column.name == "thing_type")
    assert kinds.literals == ("Star", "Pulsar", "Cloud")
    assert not kinds.column.nullable
    # Both Star and Cloud have a flux.
    assert {"flux", "cloud_flux", "period"} <= set(thing.names)


def test_concrete_says_where_no_key_can_lead() -> None:
    found = model("concrete")
    assert "toy.thing" not in found.by_name
    assert found.by_name["toy.note"].names == ("note_id", "text", "about_id")
    assert found.by_name["toy.note"].foreign_keys == ()
    assert (
        "Note: about leads to Thing, whose rows stand in several tables (Star, Pulsar, "
        "Cloud): there is no foreign key (with the strategies joined and single there "
        "is)"
    ) in found.notes


def test_constraints_are_checks_or_words() -> None:
    notes = model("joined").notes
    assert (
        "toy.thing: CHECK (-90 <= where_dec AND where_dec <= 90) from the constraint "
        "of Place: -90 <= dec <= 90"
    ) in notes
    assert any(
        n.startswith("toy.thing: constraint of Thing stays words (") for n in notes
    )
    # The name stands in another table there.
    assert any("flux > 1 or name <> 'dim'" in n and "stays words" in n for n in notes)


def test_several_values_and_references_have_tables() -> None:
    tables = model("joined").by_name
    alias = tables["toy.thing_alias"]
    assert alias.names == ("thing_id", "alias_index", "alias")
    assert alias.key == ("thing_id", "alias_index")
    assert alias.checks[0].sql == "alias_index >= 1"
    corner = tables["toy.thing_corner"]
    assert corner.names == ("thing_id", "corner_index", "ra", "dec")
    assert [c.sql for c in corner.checks] == [
        "corner_index BETWEEN 1 AND 4",
        "-90 <= dec AND dec <= 90",
    ]
    near = tables["toy.thing_near"]
    assert near.names == near.key == ("thing_id", "near_thing_id")
    assert {(k.columns, k.target) for k in near.foreign_keys} == {
        ((("thing_id", "thing_id"),), "toy.thing"),
        ((("near_thing_id", "thing_id"),), "toy.thing"),
    }
    owner = alias.owner
    assert owner is not None
    assert (owner.column, owner.source) == ("thing_id", "toy.thing")


def test_a_binding_names_tables_and_columns_of_several() -> None:
    types = (
        made("dataType", "Place", ("attribute", "ra", "ivoa:real", 1, 1)),
        made(
            "objectType",
            "Thing",
            ("attribute", "at", "toy:Place", 0, -1),
            ("attribute", "alias", "ivoa:string", 0, -1),
        ),
    )
    binding = Binding.model_validate(
        {
            "model": "toy",
            "schema": "toy",
            "tables": {
                "Thing": {
                    "table": "thing",
                    "rows": "history",
                    "key": "thing_id",
                    "columns": {
                        "at": {"table": "place"},
                        "at.ra": {"column": "lon", "unit": "deg"},
                        "alias": {"table": "name", "column": "words", "ucd": "meta.id"},
                    },
                }
            },
        }
    )
    found = bind(with_types(*types), binding, complete=True)
    assert found.faults == ()
    assert [(t.name, t.names, t.rows) for t in found.tables] == [
        ("toy.thing", ("thing_id",), "history"),
        ("toy.place", ("thing_id", "at_index", "lon"), "history"),
        ("toy.name", ("thing_id", "alias_index", "words"), "history"),
    ]
    assert found.tables[1].columns[-1].column.unit == "deg"
    lacking = binding.model_copy(update={"tables": {
        "Thing": binding.tables["Thing"].model_copy(update={"columns": {
            "at": binding.tables["Thing"].columns["at"],
            "alias": binding.tables["Thing"].columns["alias"],
            "at.dec": binding.tables["Thing"].columns["alias"],
        }})
    }})  # fmt: skip
    faults = bind(with_types(*types), lacking, complete=True).faults
    assert faults == (
        "binding of toy: Thing: at.dec: no such attribute in the model",
        "binding of toy: Thing: at.ra: attribute of the model left unbound",
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"inheritance": {"Star": "joined"}}, "Star is no type at the top of others"),
        ({"inheritance": {"Thing": "single"}}, "Star: its rows stand in the table of"),
        ({"strategy": "concrete"}, "Thing: an abstract type has no rows"),
    ],
)
def test_a_strategy_that_does_not_fit_is_a_fault(
    change: dict[str, Any], words: str
) -> None:
    binding = default_binding(TOY).model_copy(update=change)
    faults = bind(TOY, binding, complete=False).faults
    assert any(words in fault for fault in faults), faults


def test_parts_of_several_wholes_have_one_of_them() -> None:
    types = (
        made("objectType", "A", ("composition", "parts", "toy:P", 0, -1),
             ("composition", "more", "toy:P", 0, -1)),
        made("objectType", "B", ("composition", "parts", "toy:P", 0, -1)),
        made("objectType", "P", ("attribute", "x", "ivoa:real", 0, 1)),
        made("objectType", "Tree", ("composition", "twigs", "toy:Tree", 0, -1)),
    )  # fmt: skip
    document = with_types(*types)
    found = bind(document, default_binding(document), complete=False)
    assert found.faults == ()
    tables = {t.name: t for t in found.tables}
    names = ("p_id", "parts_a_id", "more_a_id", "b_id", "x")
    assert tables["toy.p"].names == names
    connection = duckdb.connect()
    for statement in sql.ddl(type(model("joined"))((document,), found.tables)):
        connection.execute(statement)
    connection.execute("INSERT INTO toy.p VALUES ('1', 'a', NULL, NULL, 1)")
    for cells in ("'2', 'a', NULL, 'b', 1", "'3', NULL, NULL, NULL, 1"):
        with pytest.raises(duckdb.ConstraintException):
            connection.execute(f"INSERT INTO toy.p VALUES ({cells})")
    connection.execute("INSERT INTO toy.tree VALUES ('root', NULL), ('t', 'root')")
    assert tables["toy.tree"].names == ("tree_id", "parent_tree_id")


def test_names_that_meet_are_told_apart() -> None:
    types = (
        made("objectType", "one.Source", ("attribute", "sourceId", "ivoa:real", 1, 1)),
        made("objectType", "two.Source", ("attribute", "order", "ivoa:real", 1, 1)),
        made(
            "objectType",
            "Pair",
            ("reference", "first", "toy:one.Source", 1, 1),
            ("reference", "second", "toy:one.Source", 1, 1),
            ("reference", "other", "toy:two.Source", 1, 1),
        ),
    )
    document = with_types(*types)
    found = bind(document, default_binding(document), complete=False)
    assert [(t.name, t.names) for t in found.tables] == [
        ("toy.source", ("source_key", "source_id")),
        ("toy.two_source", ("source_id", "order")),
        ("toy.pair", ("pair_id", "first_source_key", "second_source_key", "source_id")),
    ]


def test_keys_to_other_models_are_text() -> None:
    types = (made("objectType", "A", ("reference", "to", "elsewhere:B", 0, 1)),)
    document = with_types(*types)
    found = bind(document, default_binding(document), complete=False)
    assert found.tables[0].names == ("a_id", "to_id")
    assert len(found.notes) == 1
    assert found.notes[0].startswith("A: to leads to a type of another model: ")
    assert bound("joined").faults == ()
