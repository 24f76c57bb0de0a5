"""How far faults reach, what is offered instead, and which words are offered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from distiller.adql import translate
from distiller.adql.functions import (
    AGGREGATES,
    FUNCTIONS,
    GEOMETRY_FUNCTIONS,
    SPECIAL,
)
from distiller.adql.marks import marks
from distiller.adql.vocabulary import vocabulary
from distiller.core.errors import QueryError

if TYPE_CHECKING:
    from distiller.core.columns import Catalog


def _marks(text: str, catalog: Catalog) -> list[tuple[str, str | None]]:
    with pytest.raises(QueryError) as raised:
        translate(text, catalog)
    return [
        (text[mark.at : mark.at + mark.length], mark.instead)
        for mark in marks(text, raised.value.faults)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "SELECT s_raa, foo FROM ivoa.obscore",
            [("s_raa", "s_ra"), ("foo", None)],
        ),
        ("SELECT o.s_raa FROM ivoa.obscore AS o", [("o.s_raa", "o.s_ra")]),
        ("SELECT 1 FROM\n  ivoa.obscor", [("ivoa.obscor", "ivoa.obscore")]),
        ("SELECT 1 FROM obscore", [("obscore", "ivoa.obscore")]),
        ('SELECT "s_raa" FROM ivoa.obscore', [('"s_raa"', "s_ra")]),
        ("SELECT obscoree.s_ra FROM ivoa.obscore", [("obscoree.s_ra", "obscore.s_ra")]),
        ("SELECT SQRTT(2) FROM ivoa.obscore", [("SQRTT", "SQRT")]),
        # What is meant may be a reserved word, and the place not that of the name.
        ("SELECT c.siez FROM tap_schema.columns c", [("c.siez", 'c."size"')]),
        (
            "SELECT 1 FROM ivoa.obscore JOIN cta.product USING (obs_ids)",
            [("JOIN", None)],
        ),
        ("SELECT s_ra FROM ivoa.obscore LIMIT 3", [("LIMIT", None)]),
        ("SELECT ", [("", None)]),
        ("SELECT 'abc", [("'", None)]),
        ("SELECT '\U0001f52d', x FROM ivoa.obscore", [("x", None)]),
    ],
)
def test_marks(
    text: str, expected: list[tuple[str, str | None]], catalog: Catalog
) -> None:
    found = _marks(text, catalog)
    assert [one for one, _ in found] == [one for one, _ in expected]
    if any(instead for _, instead in expected):
        assert found == expected


def test_following_a_hint_mends_the_query(catalog: Catalog) -> None:
    text = "SELECT size, c.siez FROM tap_schema.colums AS c"
    while True:
        try:
            translate(text, catalog)
        except QueryError as error:
            last = marks(text, error.faults)[-1]
            assert last.instead is not None
            text = text[: last.at] + last.instead + text[last.at + last.length :]
        else:
            break
    assert text == 'SELECT "size", c."size" FROM tap_schema.columns AS c'


def test_every_function_is_offered() -> None:
    known = set(FUNCTIONS) | set(AGGREGATES) | GEOMETRY_FUNCTIONS | SPECIAL
    offered = vocabulary().functions
    assert {f.name.upper() for f in offered} == known
    assert all(f.description for f in offered)


CALLS = {
    "CAST(value AS type)": "CAST(s_ra AS INTEGER)",
    "COUNT(*)": "COUNT(*)",
    "GAVO": "gavo_specconv(em_min, 'm', 'TeV')",
    "IN_UNIT(column, 'unit')": "IN_UNIT(s_ra, 'rad')",
}
VALUES = {
    "number": "s_ra",
    "value": "s_ra",
    "integer": "2",
    "text": "obs_id",
    "point": "POINT(s_ra, s_dec)",
    "region": "s_region",
    "inner": "POINT(s_ra, s_dec)",
    "outer": "s_region",
    "ra": "s_ra",
    "dec": "s_dec",
    "radius": "2",
    "width": "2",
    "height": "2",
    "d TIMESTAMP": "obs_creation_date",
    "hpxOrder INTEGER": "5",
    "hpxIndex BIGINT": "s_xel1",
    "lower DOUBLE PRECISION": "0",
    "upper DOUBLE PRECISION": "360",
    "nbins INTEGER": "9",
    "from_sys VARCHAR": "'ICRS'",
    "to_sys VARCHAR": "'GALACTIC'",
    "geo GEOMETRY": "s_region",
    "identifier VARCHAR": "'Crab Nebula'",
    "delimiter VARCHAR": "', '",
    "moc VARCHAR": "'41/5'",
    "moc MOC": "obs_id",
    "a MOC": "obs_id",
    "b MOC": "'31/7 41/5'",
    "inner MOC": "obs_id",
    "outer MOC": "cta_tmoc_between(t_min, 60000)",
}


@pytest.mark.parametrize("form", [f.form for f in vocabulary().functions])
def test_what_a_form_says_is_accepted(form: str, catalog: Catalog) -> None:
    """Each form, its words for arguments replaced by values of their kind."""
    call = CALLS.get(form) or _filled(form.partition(" -> ")[0])
    if form.startswith("gavo"):
        call = CALLS["GAVO"]
    wrapped = f"1 = {call}" if call.startswith(("CONTAINS", "INTERSECTS")) else ""
    query = f"SELECT {'s_ra' if wrapped else call} FROM ivoa.obscore"
    translate(f"{query} WHERE {wrapped}" if wrapped else query, catalog)


def _filled(form: str) -> str:
    name, _, rest = form.partition("(")
    more = rest.rstrip(")").replace("[, ...]", "")
    words = more.replace("[", "").replace("]", "").split(", ")
    return f"{name}({', '.join(_value(word) for word in words if word)})"


def _value(word: str) -> str:
    if word[-1:].isdecimal() and not word.startswith(("l", "h")):
        return f"1{word[-1]}"  # a coordinate of a polygon
    if word in VALUES:
        return VALUES[word]
    if word.endswith("DOUBLE PRECISION"):
        return "s_ra"
    if word.endswith("VARCHAR"):
        return "obs_id"
    return word if word.startswith("'") else ""
