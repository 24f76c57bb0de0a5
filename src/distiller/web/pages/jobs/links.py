"""Addresses of pre-filled forms: running something again is a link."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import yaml
from pydantic import ValidationError

from distiller.analysis.tasks import TASKS
from distiller.core.errors import DistillerError
from distiller.core.sky import separation_deg
from distiller.web import names, site

if TYPE_CHECKING:
    from collections.abc import Iterable

    from distiller.analysis.parameters import TaskParameters

_SAME_DEG: Final = 1e-6
"""Positions that are as near as that give the same product."""


def form_address(task: str, pairs: Iterable[tuple[str, str]]) -> str:
    """Return the address of a task's form with these parameters filled in.

    >>> form_address("count_map", [("obs", "7"), ("e_min", "0.5")])
    '/jobs/new/count_map/?obs=7&e_min=0.5'
    """
    query = urlencode([(name, value) for name, value in pairs if value])
    return f"/jobs/new/{task}/?{query}" if query else f"/jobs/new/{task}/"


def again(task: str, configuration: str) -> str | None:
    """Return the address of the form as a product's configuration (YAML) had it.

    A record holds the position beside the name. Where the name alone gives the same
    position, the link has the name alone: who changes it in the form means another
    place. None if this version has no such task, or would not take it any more.
    """
    if task not in TASKS:
        return None
    try:
        recorded: dict[str, Any] = yaml.safe_load(configuration)
        parameters = TASKS[task].parameters.model_validate(recorded["parameters"])
    except (yaml.YAMLError, ValidationError, KeyError, TypeError):
        return None
    needless = {"obs", "ra", "dec"} if _is_named(parameters) else {"obs"}
    pairs = [(n, v) for n, v in parameters.to_pairs() if n not in needless]
    dids = [("obs", str(item["did"])) for item in recorded.get("inputs", ())]
    return form_address(task, [*dids, *pairs])


def _is_named(parameters: TaskParameters) -> bool:
    """Whether the target's name alone leads to the centre; asks no other server."""
    if parameters.target is None or parameters.ra is None or parameters.dec is None:
        return False
    offline = site.current().settings.model_copy(update={"resolver_url": ""})
    try:
        found = names.resolve(parameters.target, offline, names.archived.place_of)
    except DistillerError:
        return False
    place = (parameters.ra, parameters.dec)
    return bool(separation_deg(found.ra_deg, found.dec_deg, *place) < _SAME_DEG)
