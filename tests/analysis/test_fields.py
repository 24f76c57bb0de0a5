"""Every kind of parameter that tasks declare: read, written and described."""

from __future__ import annotations

import pytest
from astropy.io.votable.ucd import check_ucd
from tests.support.every_kind import Everything

from distiller.analysis.fields import Limit, describe
from distiller.analysis.parameters import InvalidParameters
from distiller.analysis.tasks import TASKS

PLACE = (("obs", "1"), ("ra", "83.6"), ("dec", "22"))


def read(*pairs: tuple[str, str]) -> Everything:
    return Everything.from_pairs("everything", (*PLACE, *pairs))


def test_all_kinds_are_read() -> None:
    found = read(
        ("contain", "false"),
        ("Models", "ecpl"),
        ("models", "pl,ecpl"),
        ("exclude", "83.6,22.0,0.3"),
        ("exclude", "84 21.5 0.25\n\n85,21,1\n"),
        ("method", "ring"),
        ("edges", "53300, 53301.5"),
    )
    assert found.contain is False
    assert found.models == ("ecpl", "pl")
    assert [circle.radius for circle in found.exclude] == [0.3, 0.25, 1.0]
    assert found.edges == (53300.0, 53301.5)


def test_all_kinds_are_a_round_trip() -> None:
    first = read(
        ("contain", "no"),
        ("models", "lp"),
        ("models", "ecpl"),
        ("exclude", "83.633,22.0145,0.3"),
        ("exclude", "0.1,-89.999999,1e-5"),
        ("edges", "1.5,2.5"),
        ("offset", "1.25"),
    )
    pairs = first.to_pairs()
    assert Everything.from_pairs("everything", pairs) == first
    assert [value for name, value in pairs if name == "models"] == ["lp", "ecpl"]
    assert ("contain", "false") in pairs
    assert ("edges", "1.5,2.5") in pairs
    again = Everything.model_validate(first.model_dump(mode="json"))
    assert again == first


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        (("contain", "perhaps"), "contain: must be true or false, not 'perhaps'"),
        (("models", "pl,broken"), "models: must be 'pl', 'lp' or 'ecpl', not 'broken'"),
        (("exclude", "83.6,22"), "exclude: must be ra,dec,radius in deg, not '83.6,22"),
        (("exclude", "83.6,99,1"), "exclude: must be at most 90, not '99'"),
        (("exclude", "1,2,x"), "exclude: must be a number, not 'x'"),
        (("method", "sky"), "method: must be 'ring' or 'fov', not 'sky'"),
    ],
)
def test_faults_of_all_kinds(pair: tuple[str, str], message: str) -> None:
    with pytest.raises(InvalidParameters) as caught:
        read(pair)
    assert message in caught.value.text


def test_too_many_values_are_told_as_such() -> None:
    four = [("exclude", f"{n},0,1") for n in range(4)]
    with pytest.raises(InvalidParameters, match="exclude: 4 values are more than 3"):
        read(*four)


def test_what_may_be_given_once_is_not_repeated() -> None:
    with pytest.raises(InvalidParameters, match="radius: given more than once"):
        read(("radius", "1"), ("radius", "2"))


def test_fields_describe_themselves() -> None:
    found = {one.name: one for one in describe(Everything)}
    groups = [one.group for one in describe(Everything)]
    assert groups == sorted(groups, key=["Place", "Energy", "Time", "Method"].index)
    assert found["obs"].is_required
    radius = found["radius"]
    assert (radius.kind, radius.unit, radius.default) == ("number", "deg", ("0.1",))
    assert (radius.low, radius.high) == (
        Limit(0.0, inclusive=False),
        Limit(5.0, inclusive=True),
    )
    offset = found["offset"]
    assert (offset.default, offset.unset) == ((), "from the data")
    assert (offset.low, offset.examples) == (Limit(0.0, inclusive=True), ("2.5",))
    contain = found["contain"]
    assert (contain.kind, contain.choices) == ("flag", ("true", "false"))
    assert contain.default == ("true",)
    models = found["models"]
    assert (models.choices, models.is_repeatable) == (("pl", "lp", "ecpl"), True)
    assert models.default == ("pl", "lp")
    assert (found["exclude"].kind, found["exclude"].default) == ("circle", ())
    assert found["method"].choices == ("ring", "fov")
    assert (found["edges"].kind, found["edges"].parts) == ("number", None)


def test_the_schema_says_what_is_declared() -> None:
    properties = Everything.model_json_schema()["properties"]
    assert properties["radius"]["title"] == "Radius"
    assert properties["radius"]["unit"] == "deg"
    assert properties["offset"]["unset"] == "from the data"
    assert properties["models"]["repeatable"] is True


@pytest.mark.parametrize("name", sorted(TASKS))
def test_ucds_are_of_the_vocabulary(name: str) -> None:
    for one in describe(TASKS[name].parameters):
        assert one.ucd is None or check_ucd(
            one.ucd, check_controlled_vocabulary=True
        ), (one.name, one.ucd)
