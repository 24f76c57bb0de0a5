"""The record of a product: with what it was made, so that it can be made again."""

from __future__ import annotations

import ast
import functools
import platform
import re
from importlib.metadata import distribution, version
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import yaml

from distiller.core.times import mjd_utc_to_iso

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from astropy.io import fits

    from distiller.analysis.parameters import TaskParameters
    from distiller.analysis.products import (
        HeaderCorrection,
        InputDataset,
        ResponseTable,
    )
    from distiller.analysis.tasks import Task

PROGRAM: Final = "CTA Data Distiller"
_PACKAGE: Final = "cta-data-distiller"
_RECIPES: Final = "distiller.analysis.recipes"
_LAST: Final = "at_home"
_NAMED: Final = 10
_VERSION: Final = re.compile(r"^Version: *(\S+)", re.MULTILINE)
_LIBRARIES: Final = ("gammapy", "astropy", "numpy", "regions", "scipy", "matplotlib")


def software() -> dict[str, str]:
    """Return name and version of all that bears on a result, as it is installed now."""
    found = {_PACKAGE: _version(_PACKAGE), "python": platform.python_version()}
    return found | {name: _version(name) for name in _LIBRARIES}


@functools.cache
def own_software() -> Mapping[str, str]:
    """Return the same of this process, which keeps what it has loaded.

    To be called when the libraries are imported: others may be installed later.
    """
    return MappingProxyType(software())


def _version(name: str) -> str:
    """Return the version of a distribution.

    Asked for at each job; ``importlib.metadata.version`` takes ten times as long, since
    it parses the whole description.
    """
    found = _VERSION.search(distribution(name).read_text("METADATA") or "")
    return found[1] if found else version(name)


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
        **_sent(parameters),
        "software": dict(own_software()),
    }
    head = (
        f"# {PROGRAM}: this task with these parameters and inputs, under the same\n"
        "# versions, gives the same product again.\n"
    )
    return head + yaml.safe_dump(record, sort_keys=False, allow_unicode=True)


def _sent(parameters: TaskParameters) -> dict[str, Any]:
    """Return what names the files that were sent along; nothing without any."""
    named = {
        name: {"file": file_name(name, path), "sha256": parameters.sent[name]}
        for name, path in parameters.files.items()
    }
    return {"files": named} if named else {}


def file_name(parameter: str, path: Path) -> str:
    """Return what a file that was sent along is called among the results.

    >>> from pathlib import PurePath
    >>> file_name("exclusion_file", PurePath("9f86d081.reg"))
    'exclusion_file.reg'
    """
    return f"{parameter}{path.suffix}"


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
    if item.responses:
        named["responses"] = [_response(one) for one in item.responses]
    if item.corrections:
        named["header_corrections"] = [_correction(one) for one in item.corrections]
    return named


def _response(one: ResponseTable) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "class": one.gadf_class,
        "file": one.path.name,
        "sha256": one.checksum,
        "hdu": one.hdu,
    }


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


def stamp(
    header: fits.Header,
    task: Task,
    configuration: TaskParameters,
    inputs: Sequence[InputDataset],
    text: str,
) -> None:
    """Write into the main header of a product what made it, and from what.

    Parameters
    ----------
    text
        The whole configuration, see `configuration_yaml`; it becomes HISTORY.
    """
    header["OBJECT"] = (ascii_of(configuration.target or ""), "as asked for")
    header["CREATOR"] = creator()
    header["TASK"] = (task.name, "kind of analysis")
    header["TASKVER"] = (task.version, "version of the task")
    simulated = any(item.simulated for item in inputs)
    header["SIMULATD"] = (simulated, "made from simulated events")
    if simulated:
        header["ORIGIN"] = "SYNTHETIC"
    header["NINPUT"] = (len(inputs), "datasets asked for; see HISTORY")
    for line in text.splitlines():
        header["HISTORY"] = ascii_of(line)


def stamp_times(header: fits.Header, first_mjd: float, last_mjd: float) -> None:
    """Write the first and the last instant of the good time that was used (UTC)."""
    header["TIMESYS"] = "UTC"
    for keyword, mjd in (("DATE-BEG", first_mjd), ("DATE-END", last_mjd)):
        header[keyword] = mjd_utc_to_iso(mjd).removesuffix("Z")


def runs_named(inputs: Sequence[InputDataset]) -> str:
    """Name the runs of a product, the first ten of many.

    >>> from types import SimpleNamespace as Run
    >>> runs_named([Run(obs_id=str(n)) for n in range(12)])
    '0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more'
    """
    names = ", ".join(item.obs_id for item in inputs[:_NAMED])
    more = len(inputs) - _NAMED
    return f"{names} and {more} more" if more > 0 else names


def ascii_of(text: str) -> str:
    """Return a text as a FITS header can hold it."""
    return text.encode("ascii", "backslashreplace").decode()


def recipe_py(task: Task) -> str:
    """Return the program that makes a product again with plain Gammapy.

    The recipes are joined to one file: each without its docstring and its imports of
    others, which stand above it.
    """
    parts = [_body(name) for name in (*task.recipe, _LAST)]
    head = f'''"""{task.title}, version {task.version}, with plain Gammapy.

python recipe.py configuration.yaml FOLDER-WITH-THE-DL3-FILES [RESULT]

Made by {creator()}; this is the source that made the product.
"""

from __future__ import annotations
'''
    end = 'if __name__ == "__main__":\n    main(make, write, numbers)\n'
    return "\n\n".join([head, *parts, end])


@functools.cache
def _body(name: str) -> str:
    """Return a recipe without its docstring and what the joined file has already."""
    text = files(_RECIPES).joinpath(f"{name}.py").read_text(encoding="utf-8")
    lines = text.splitlines()
    first, *rest = ast.parse(text).body
    # Also those that only types need, below ``if TYPE_CHECKING``.
    inner = [n for node in rest if isinstance(node, ast.If) for n in node.body]
    above = [node for node in (*rest, *inner) if isinstance(node, ast.ImportFrom)]
    above = [n for n in above if (n.module or "").startswith(("__future__", _RECIPES))]
    for node in (first, *above):
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
            lines[line - 1] = ""
    title = ast.get_docstring(ast.parse(text)) or name
    comment = "\n".join(f"# {line}".rstrip() for line in title.splitlines())
    body = "\n".join(lines).strip("\n")
    while "\n\n\n\n" in body:
        body = body.replace("\n\n\n\n", "\n\n\n")
    return f"{comment}\n\n{body}\n"


def number(value: float) -> str:
    """Write a number with all its digits and no more, as its user would.

    >>> number(100.0), number(0.1), number(1.0000001)
    ('100', '0.1', '1.0000001')
    """
    return repr(float(value)).removesuffix(".0")
