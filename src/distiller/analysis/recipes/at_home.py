"""A recipe at home: ``python recipe.py configuration.yaml FOLDER [RESULT]``."""

from __future__ import annotations

import json
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from distiller.analysis.recipes.reading import observations, sent_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gammapy.data import Observations

_USAGE = "usage: python recipe.py configuration.yaml FOLDER-WITH-THE-DL3-FILES [RESULT]"


def main(
    make: Callable[[Observations, Mapping[str, Any]], Any],
    write: Callable[[Any, Path], None],
    numbers: Callable[[Any], Mapping[str, Any]],
) -> None:
    """Make a product again: write its files and print its numbers.

    Parameters
    ----------
    make, write, numbers
        Of the task: from observations and parameters to results; the results as files
        of a folder; what they are in numbers.
    """
    if len(sys.argv) not in {3, 4}:
        raise SystemExit(_USAGE)
    configuration, data, *rest = (Path(argument) for argument in sys.argv[1:])
    record = yaml.safe_load(configuration.read_text(encoding="utf-8"))
    for name in ("gammapy", "astropy", "numpy", "regions", "scipy"):
        made_with, here = record["software"].get(name), metadata.version(name)
        if made_with != here:
            words = f"made with {name} {made_with}, here is {here}"
            print(words, file=sys.stderr)  # noqa: T201 - a program for a terminal
    parameters = record["parameters"] | {
        name: str(sent_file(one, data, configuration.parent))
        for name, one in record.get("files", {}).items()
    }
    made = make(observations(record, data), parameters)
    if rest:
        rest[0].mkdir(parents=True, exist_ok=True)
        write(made, rest[0])
    print(json.dumps(numbers(made), indent=1))  # noqa: T201 - its answer
