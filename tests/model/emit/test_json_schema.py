"""The JSON schema, judged by a validator that nobody here wrote."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import datetime
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from distiller.model import load_file, load_model
from distiller.model.emit import json_objects, json_schema
from distiller.model.entities import Document, Role, Type
from distiller.model.load import packaged_paths
from distiller.model.tables import Model

pytestmark = pytest.mark.slow

_DID = "ivo://org.example/test?1"
_ROWS: dict[str, Any] = {
    "cta.collection": ({"collection_id": "c", "name": "test"},),
    "cta.observation": (
        {
            "observation_id": "o",
            "obs_id": "1",
            "collection_id": "c",
            "t_start": 59000.0,
            "t_stop": 59000.5,
        },
    ),
    "cta.gti": (
        {
            "gti_id": "g",
            "observation_id": "o",
            "interval_index": 0,
            "t_start": 59000.0,
            "t_stop": 59000.5,
        },
    ),
    "cta.ambient_conditions": (
        {"ambient_conditions_id": "a", "observation_id": "o", "zenith": 20.5},
    ),
    "cta.product": (
        {
            "product_id": "p",
            "publisher_did": _DID,
            "obs_id": "1",
            "collection_id": "c",
            "observation_id": "o",
            "data_level": "DL3",
            "rights": "public",
            "created": datetime(2026, 1, 2, 3, 4, 5),
            "s_ra": 83.6,
            "s_dec": 22.0,
            "s_region": (83.6, 22.0, 2.5),
        },
    ),
    "cta.product_file": (
        {
            "file_id": "f",
            "product_id": "p",
            "name": "a.fits",
            "path": "/data/a.fits",
            "role": "events",
        },
    ),
}


def _validator(model: Model) -> Draft202012Validator:
    schema = json_schema.schema(model)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(
        schema, format_checker=Draft202012Validator.FORMAT_CHECKER
    )


def test_rows_become_objects_with_their_parts_inside() -> None:
    found = json_objects.objects(load_model(), _ROWS)
    assert set(found) == {
        "cta:Project.Collection",
        "cta:Observation.Observation",
        "cta:Product.Product",
    }
    (observation,) = found["cta:Observation.Observation"]
    assert observation["period"] == {"start": 59000.0, "stop": 59000.5}
    assert observation["ambientConditions"]["zenith"] == 20.5
    assert observation["goodTimeIntervals"][0]["gti_id"] == "g"
    assert observation["collection"] == "c"
    (product,) = found["cta:Product.Product"]
    assert product["created"] == "2026-01-02T03:04:05Z"
    assert product["region"] == [83.6, 22.0, 2.5]
    assert product["observation"] == "o"
    assert product["files"] == [{"file_id": "f", "name": "a.fits", "role": "events"}]


def test_they_are_valid() -> None:
    found = json.loads(json.dumps(json_objects.objects(load_model(), _ROWS)))
    _validator(load_model()).validate(found)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("rights",), "secret", "'secret' is not one of"),
        (("title",), None, "None is not of type 'string'"),
        (("publisherDid",), 7, "7 is not of type 'string'"),
        (("created",), "yesterday", "'yesterday' is not a 'date-time'"),
        (("size",), -1, "-1 is less than the minimum of 0"),
        (("size",), 1.5, "1.5 is not of type 'integer'"),
        (("region",), [1.0, 2.0, 3.0, 4.0], "is not valid under any"),
        (("centre",), {"ra": 1.0}, "'dec' is a required property"),
        (("mood",), "good", "'mood' was unexpected"),
        (("files", 0, "role"), "hat", "'hat' is not one of"),
        (("files", 0, "path"), "/etc", "'path' was unexpected"),
    ],
)
def test_what_the_model_forbids_is_not_valid(
    path: tuple[str | int, ...], value: object, words: str
) -> None:
    found: Any = deepcopy(json_objects.objects(load_model(), _ROWS))
    place = found["cta:Product.Product"][0]
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    errors = list(_validator(load_model()).iter_errors(json.loads(json.dumps(found))))
    assert [words in error.message for error in errors] == [True]


def test_what_the_model_demands_must_be_there() -> None:
    for name in ("product_id", "publisherDid", "dataLevel", "collection"):
        found = json_objects.objects(load_model(), _ROWS)
        del found["cta:Product.Product"][0][name]
        errors = list(_validator(load_model()).iter_errors(found))
        assert [e.message for e in errors] == [f"'{name}' is a required property"]


def test_everything_that_is_drawn_is_defined_with_its_words_and_units() -> None:
    schema = json_schema.schema(load_model())
    for document in load_model().documents:
        for item in document.types:
            made = schema["$defs"][f"{document.name}:{item.id}"]
            assert item.description in made["description"]
    product = schema["$defs"]["cta:Product.Product"]["properties"]
    assert product["fov"]["x-unit"] == "deg"
    assert product["centre"]["properties"]["ra"] == {
        "x-unit": "deg",
        "x-ucd": "pos.eq.ra",
    }
    assert product["collection"]["x-refers-to"] == "cta:Project.Collection"
    assert product["publisherDid"]["format"] == "uri"


def test_every_model_alone_has_a_schema() -> None:
    for path in packaged_paths():
        _validator(load_file(path)).validate({})


def _role(kind: str, name: str, ref: str, lower: int, upper: int) -> Role:
    return Role(kind, name, name, ref, lower, upper, "")  # type: ignore[arg-type]  # short for tests


def test_a_part_of_an_abstract_class_is_of_one_of_its_kinds() -> None:
    name = _role("attribute", "name", "ivoa:string", 1, 1)
    tags = _role("attribute", "tags", "ivoa:string", 0, 2)
    wheels = _role("attribute", "wheels", "ivoa:integer", 1, 1)
    types = (
        Type("objectType", "Park", "Park", "", roles=(
            _role("composition", "things", "m:Thing", 1, -1),
        )),
        Type("objectType", "Thing", "Thing", "", abstract=True, roles=(name, tags)),
        Type("objectType", "Tree", "Tree", "", extends="m:Thing"),
        Type("objectType", "Car", "Car", "", extends="m:Thing", roles=(wheels,)),
    )  # fmt: skip
    document = Document("m", "Things", "", "1", (), types)
    validator = _validator(Model((document,), ()))
    tree: dict[str, Any] = {"name": "oak", "tags": ["old", "high"]}
    car = {"name": "beetle", "wheels": 4}
    assert validator.is_valid({"m:Park": [{"things": [tree, car]}]})
    assert not validator.is_valid({"m:Park": [{"things": []}]})
    assert not validator.is_valid({"m:Park": [{"things": [tree | {"wheels": 4.5}]}]})
    assert not validator.is_valid({"m:Park": [{"things": [tree | {"tags": [""] * 3}]}]})
    assert not validator.is_valid({"m:Thing": [tree]})


def test_of_an_abstract_class_without_kinds_there_is_nothing() -> None:
    types = (
        Type("objectType", "Park", "Park", "", roles=(
            _role("composition", "things", "m:Thing", 0, -1),
        )),
        Type("objectType", "Thing", "Thing", "", abstract=True),
    )  # fmt: skip
    validator = _validator(Model((Document("m", "Things", "", "1", (), types),), ()))
    assert validator.is_valid({"m:Park": [{"things": []}]})
    assert not validator.is_valid({"m:Park": [{"things": [{}]}]})
