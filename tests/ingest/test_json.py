"""A dataset as ingestion makes it is valid JSON of the model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from jsonschema import Draft202012Validator
from tests.ingest.test_to_rows import PLANS, bundle

from distiller.model import load_model
from distiller.model.emit import json_objects, json_schema

if TYPE_CHECKING:
    from tests.ingest.test_to_rows import Judge


@pytest.mark.parametrize("name", PLANS)
def test_a_dataset_is_valid_json_of_the_model(judged: Judge, name: str) -> None:
    made = json_objects.objects(load_model(), bundle(judged(PLANS[name])).rows)
    validator = Draft202012Validator(
        json_schema.schema(load_model()),
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )
    validator.validate(json.loads(json.dumps(made, allow_nan=False)))
    (observation,) = made["cta:Observation.Observation"]
    assert observation["obsId"] == str(PLANS[name].obs_id)
    assert observation["goodTimeIntervals"]
