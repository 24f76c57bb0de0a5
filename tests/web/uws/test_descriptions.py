"""What services of jobs say of themselves: made from the parameters of the tasks."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from astropy.io.votable import parse
from django.test import Client
from lxml import etree
from tests.support.every_kind import EVERYTHING, Everything

from distiller.analysis import tasks
from distiller.analysis.fields import describe

from .conftest import MAP

if TYPE_CHECKING:
    from astropy.io.votable.tree import Param, Resource

SITE = "http://127.0.0.1:8000"
NAMES = sorted([*tasks.TASKS, "everything"])


@pytest.fixture
def client(here: Any, monkeypatch: pytest.MonkeyPatch) -> Client:
    del here
    every = {**tasks.TASKS, EVERYTHING.name: EVERYTHING}
    monkeypatch.setattr(tasks, "TASKS", every)
    return Client()


def described(client: Client, task: str) -> Resource:
    answer = client.get(f"/uws/{task}/descriptor")
    assert answer.headers["Content-Type"] == "application/x-votable+xml"
    (resource,) = parse(io.BytesIO(answer.content), verify="exception").resources
    return resource


def inputs(client: Client, task: str) -> dict[str, Param]:
    (group,) = described(client, task).groups
    assert group.name == "inputParams"
    return {param.name: param for param in group.entries}


def test_the_index_lists_every_task(client: Client) -> None:
    answer = client.get("/uws/")
    assert answer.headers["Content-Type"] == "application/json"
    found = {one["name"]: one for one in answer.json()["tasks"]}
    assert sorted(found) == NAMES
    for one in found.values():
        for key in ("jobs", "schema", "descriptor", "form"):
            path = one[key].removeprefix(SITE)
            assert client.get(path).status_code == 200, path
    browser = client.get("/uws/", headers={"Accept": "text/html,*/*;q=0.8"})
    assert (browser.status_code, browser.headers["Location"]) == (302, "/jobs/new/")
    assert browser.headers["Vary"] == answer.headers["Vary"] == "Accept"
    assert client.get("/uws", follow=True).content == answer.content


@pytest.mark.parametrize("name", NAMES)
def test_the_schema_is_one_and_takes_what_the_task_takes(
    client: Client, name: str
) -> None:
    answer = client.get(f"/uws/{name}/schema.json")
    assert answer.headers["Content-Type"] == "application/schema+json"
    schema = json.loads(answer.content)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"{SITE}/uws/{name}/schema.json"
    model = tasks.task(name).parameters
    given = model.from_pairs(name, [("obs", "1"), ("ra", "83.6"), ("dec", "22")])
    jsonschema.validate(given.model_dump(mode="json"), schema)
    for field, properties in schema["properties"].items():
        assert properties["description"], field
        assert properties["title"] != field
    wrong = {**given.model_dump(mode="json"), "colour": "blue"}
    with pytest.raises(jsonschema.ValidationError, match="colour"):
        jsonschema.validate(wrong, schema)


@pytest.mark.parametrize("name", NAMES)
def test_the_descriptor_has_every_parameter(client: Client, name: str) -> None:
    resource = described(client, name)
    assert (resource.type, resource.utype) == ("meta", "adhoc:service")
    own = {param.name: param.value for param in resource.params}
    assert own == {
        "standardID": "ivo://ivoa.net/std/UWS#rest-1.1",
        "accessURL": f"{SITE}/uws/{name}",
    }
    assert list(inputs(client, name)) == [
        one.name for one in describe(tasks.task(name).parameters)
    ]
    assert all(param.description for param in inputs(client, name).values())


def test_limits_and_choices_stand_in_the_descriptor(client: Client) -> None:
    found = inputs(client, "everything")
    radius = found["radius"]
    assert (radius.datatype, radius.unit.to_string()) == ("double", "deg")
    assert (radius.value, radius.values.min, radius.values.max) == (0.1, 0.0, 5.0)
    assert (radius.values.min_inclusive, radius.values.max_inclusive) == (False, True)
    assert [value for _, value in found["models"].values.options] == [
        "pl", "lp", "ecpl",
    ]  # fmt: skip
    assert found["contain"].datatype == "boolean"
    assert bool(found["contain"].value) is True
    exclude = found["exclude"]
    assert (exclude.datatype, exclude.arraysize, exclude.xtype) == (
        "double", "3", "circle",
    )  # fmt: skip
    assert "May be repeated." in exclude.description
    assert "Required." in found["obs"].description
    assert "Without it: from the data." in found["offset"].description


def test_defaults_of_the_descriptor_are_taken(client: Client) -> None:
    """As VOTable writes them: arrays with blanks, circles as DALI has them."""
    found = inputs(client, "count_map")
    assert list(found["width"].value) == [5.0, 5.0]
    text = client.get("/uws/count_map/descriptor").content.decode()
    assert 'arraysize="2" unit="deg" ucd="phys.angSize" value="5 5"' in text
    made = client.post("/uws/count_map", {**MAP, "width": "5 5", "PHASE": "RUN"})
    assert client.get(f"{made.headers['Location']}/phase").content == b"QUEUED"
    circle = Everything.from_pairs(
        "everything",
        [("obs", "1"), ("ra", "1"), ("dec", "1"), ("exclude", "83.6 22 0.5")],
    )
    assert circle.exclude[0].radius == 0.5


def test_the_capabilities_name_every_list(client: Client) -> None:
    answer = client.get("/uws/capabilities")
    assert answer.headers["Content-Type"] == "text/xml"
    root = etree.fromstring(answer.content)
    standards = [one.get("standardID") for one in root.iter("capability")]
    assert standards[: len(NAMES)] == ["ivo://ivoa.net/std/UWS#rest-1.1"] * len(NAMES)
    urls = [str(url.text) for url in root.iter("accessURL")]
    assert {f"{SITE}/uws/{name}" for name in NAMES} < set(urls)
    for url in urls:
        assert client.get(url.removeprefix(SITE)).status_code == 200, url


@pytest.mark.parametrize("child", ["schema.json", "descriptor"])
def test_an_unknown_task_is_told(client: Client, child: str) -> None:
    answer = client.get(f"/uws/skymap/{child}")
    assert answer.status_code == 404
    assert b"no such task" in answer.content
    refused = client.post(f"/uws/count_map/{child}", {"a": "1"})
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, HEAD")
