"""Addresses of pre-filled forms: running something again is a link."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import yaml
from pydantic import ValidationError

from distiller.analysis.tasks import TASKS

if TYPE_CHECKING:
    from collections.abc import Iterable


def form_address(task: str, pairs: Iterable[tuple[str, str]]) -> str:
    """Return the address of a task's form with these parameters filled in.

    >>> form_address("count_map", [("obs", "7"), ("e_min", "0.5")])
    '/jobs/new/count_map/?obs=7&e_min=0.5'
    """
    query = urlencode([(name, value) for name, value in pairs if value])
    return f"/jobs/new/{task}/?{query}" if query else f"/jobs/new/{task}/"


def again(task: str, configuration: str) -> str | None:
    """Return the address of the form as a product's configuration (YAML) had it.

    None if this version has no such task, or the task would not take it any more.
    """
    if task not in TASKS:
        return None
    try:
        recorded: dict[str, Any] = yaml.safe_load(configuration)
        parameters = TASKS[task].parameters.model_validate(recorded["parameters"])
    except (yaml.YAMLError, ValidationError, KeyError, TypeError):
        return None
    pairs = [(n, v) for n, v in parameters.to_pairs() if n != "obs"]
    dids = [("obs", str(item["did"])) for item in recorded.get("inputs", ())]
    return form_address(task, [*dids, *pairs])
