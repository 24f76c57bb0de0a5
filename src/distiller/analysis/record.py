"""The record of a product: with what it was made, so that it can be made again."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Sequence

    from distiller.analysis.parameters import TaskParameters
    from distiller.analysis.products import HeaderCorrection, InputDataset
    from distiller.analysis.tasks import Task

PROGRAM: Final = "CTA Data Distiller"
_PACKAGE: Final = "cta-data-distiller"
_LIBRARIES: Final = ("gammapy", "astropy", "numpy", "regions", "scipy", "matplotlib")


def software() -> dict[str, str]:
    """Return name and version of everything that bears on a result."""
    found = {_PACKAGE: version(_PACKAGE), "python": platform.python_version()}
    return found | {name: version(name) for name in _LIBRARIES}


def creator() -> str:
    """Return the program's name and version, for headers."""
    return f"{PROGRAM} {version(_PACKAGE)}"


def configuration_yaml(
    task: Task, parameters: TaskParameters, inputs: Sequence[InputDataset]
) -> str:
    """Write the whole configuration; it holds no clock reading and no local path."""
    record: dict[str, Any] = {
        "task": task.name,
        "task_version": task.version,
        "parameters": parameters.model_dump(mode="json", exclude_none=True),
        "inputs": [_input(item) for item in inputs],
        "software": software(),
    }
    head = (
        f"# {PROGRAM}: this task with these parameters and inputs, under the same\n"
        "# versions, gives the same product again.\n"
    )
    return head + yaml.safe_dump(record, sort_keys=False, allow_unicode=True)


def _input(item: InputDataset) -> dict[str, Any]:
    """Return what names an input, and what was corrected in it before it was read."""
    named: dict[str, Any] = {
        "did": item.did,
        "obs_id": item.obs_id,
        "file": item.path.name,
        "sha256": item.checksum,
    }
    if item.events_hdu not in {None, "EVENTS"}:
        named["events_hdu"] = item.events_hdu
    if item.gti_hdu not in {None, "GTI"}:
        named["gti_hdu"] = item.gti_hdu
    if item.gti_file is not None:
        named["gti_file"] = item.gti_file.path.name
        named["gti_sha256"] = item.gti_file.checksum
    if item.corrections:
        named["header_corrections"] = [_correction(one) for one in item.corrections]
    return named


def _correction(one: HeaderCorrection) -> dict[str, Any]:
    right = {"drop": True} if one.value is None else {"value": one.value}
    return {
        "file": one.file,
        "hdu": one.hdu,
        "keyword": one.keyword,
        **right,
        "former": one.former,
        "reason": one.reason,
    }


def number(value: float) -> str:
    """Write a number with all its digits and no more, as its user would.

    >>> number(100.0), number(0.1), number(1.0000001)
    ('100', '0.1', '1.0000001')
    """
    return repr(float(value)).removesuffix(".0")
