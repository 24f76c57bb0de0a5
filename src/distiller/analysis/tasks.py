"""The tasks of online analysis; importable without Gammapy.

Whoever runs a task loads its ``entry``; everybody else needs its words and parameters.
"""

from __future__ import annotations

import importlib
import importlib.resources
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from distiller.analysis.count_map.parameters import CountMapParameters
from distiller.analysis.light_curve.parameters import LightCurveParameters
from distiller.analysis.preview import numbers as preview
from distiller.analysis.preview.parameters import PreviewParameters
from distiller.analysis.select_events.parameters import SelectEventsParameters
from distiller.analysis.significance_map.parameters import SignificanceMapParameters
from distiller.analysis.spectrum.parameters import SpectrumParameters
from distiller.core.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from distiller.analysis.parameters import TaskParameters
    from distiller.analysis.products import Entry


@dataclass(frozen=True, slots=True)
class Task:
    """One kind of analysis.

    Attributes
    ----------
    name
        As in ``/uws/<name>``.
    version
        Counts up when the same configuration would give another result.
    parameters
        The typed model of its parameters.
    entry
        ``module:function`` that does the work (see `products.Entry`).
    needs_responses
        Whether it reads the instrument responses of its runs.
    optional_responses
        Kinds of responses that it reads where the archive has them, such as ``aeff``.
    recipe
        Modules of `analysis.recipes` that its ``recipe.py`` is joined from, those that
        are needed first first; the last has ``make``, ``write`` and ``numbers``. None:
        its products have no recipe.
    example
        Names and values of a request that runs on the demo archive; documents show it.
    """

    name: str
    version: str
    title: str
    description: str
    parameters: type[TaskParameters]
    entry: str
    needs_responses: bool = False
    optional_responses: tuple[str, ...] = ()
    recipe: tuple[str, ...] = ()
    example: tuple[tuple[str, str], ...] = ()

    def load(self) -> Entry:
        """Import the function that does the work, with all that it needs."""
        module, _, name = self.entry.partition(":")
        entry: Entry = getattr(importlib.import_module(module), name)
        return entry

    @property
    def method(self) -> str:
        """How it works, what is valid, what to cite: Markdown, from its own folder.

        Empty as long as nobody has written it, for which a test fails.
        """
        package = self.entry.partition(":")[0].rpartition(".")[0]
        found = importlib.resources.files(package).joinpath("method.md")
        return found.read_text(encoding="utf-8") if found.is_file() else ""


TASKS: Mapping[str, Task] = MappingProxyType(
    {
        task.name: task
        for task in (
            Task(
                name="count_map",
                version="3",
                title="Count map",
                description=(
                    "Sky map of the raw number of events per pixel in an energy range, "
                    "with the exposure beside it: no background is subtracted and "
                    "counts are not corrected for the exposure."
                ),
                parameters=CountMapParameters,
                entry="distiller.analysis.count_map.run:run",
                optional_responses=("aeff",),
                recipe=("time_reference", "reading", "event_rows", "count_map"),
                example=(
                    ("obs", "1001,1002,1003,1004"),
                    ("target", "Crab Nebula"),
                    ("e_min", "0.3"),
                    ("width", "3"),
                ),
            ),
            Task(
                name="select_events",
                version="1",
                title="Event selection",
                description=(
                    "Event lists cut to a region, energies, times and classes: one "
                    "list of all runs, and a file of each run with its instrument "
                    "responses."
                ),
                parameters=SelectEventsParameters,
                entry="distiller.analysis.select_events.run:run",
                needs_responses=True,
                recipe=("time_reference", "reading", "selection", "select_events"),
                example=(
                    ("obs", "1001,1002,1003,1004"),
                    ("target", "Crab Nebula"),
                    ("radius", "2"),
                    ("e_min", "0.5"),
                ),
            ),
            Task(
                name="significance_map",
                version="1",
                title="Significance map",
                description=(
                    "Sky map of the significance of the excess around each pixel, with "
                    "counts, background and excess; the background comes from rings or "
                    "from the fitted model of the field of view."
                ),
                parameters=SignificanceMapParameters,
                entry="distiller.analysis.significance_map.run:run",
                needs_responses=True,
                recipe=(
                    "time_reference",
                    "reading",
                    "exclusion_file",
                    "sky_images",
                    "significances",
                    "significance_map",
                ),
                example=(
                    ("obs", "1001,1002,1003,1004"),
                    ("target", "Crab Nebula"),
                    ("e_min", "0.2"),
                    ("width", "4"),
                ),
            ),
            Task(
                name="spectrum",
                version="1",
                title="Spectrum",
                description=(
                    "Energy spectrum of a source: counts in a region against reflected "
                    "regions, models folded with the responses, flux points with "
                    "errors and upper limits."
                ),
                parameters=SpectrumParameters,
                entry="distiller.analysis.spectrum.run:run",
                needs_responses=True,
                recipe=(
                    "time_reference",
                    "reading",
                    "exclusion_file",
                    "on_off",
                    "flux_fit",
                    "spectrum",
                ),
                example=(
                    ("obs", "1001,1002,1003,1004"),
                    ("target", "Crab Nebula"),
                    ("model", "lp"),
                ),
            ),
            Task(
                name="light_curve",
                version="1",
                title="Light curve",
                description=(
                    "Flux of a source by run, by night or in bins of one length, with "
                    "errors and upper limits, and whether it varies."
                ),
                parameters=LightCurveParameters,
                entry="distiller.analysis.light_curve.run:run",
                needs_responses=True,
                recipe=(
                    "time_reference",
                    "reading",
                    "exclusion_file",
                    "on_off",
                    "flux_fit",
                    "light_curve",
                ),
                example=(
                    ("obs", "1001,1002,1003,1004"),
                    ("target", "Crab Nebula"),
                    ("e_min", "0.3"),
                    ("time_bins", "0.25"),
                ),
            ),
        )
    }
)
"""Every task by its name."""


PREVIEW: Final = Task(
    name="preview",
    version=preview.VERSION,
    title="Quick look",
    description=(
        "Counts in the field, energies, rate over time and offsets of one dataset."
    ),
    parameters=PreviewParameters,
    entry="distiller.analysis.preview.run:run",
)
"""Made of every dataset by the house itself; nobody can ask for it."""


def runnable(name: str) -> Task:
    """Return the task of that name for who runs it: also what nobody can ask for.

    Raises
    ------
    NotFound
        As `task`.
    """
    return PREVIEW if name == PREVIEW.name else task(name)


def task(name: str) -> Task:
    """Return the task of that name.

    Raises
    ------
    NotFound
        Naming those that exist.
    """
    found = TASKS.get(name)
    if found is None:
        message = f"no such task: {name!r}"
        raise NotFound(message, hint="there are: " + ", ".join(TASKS))
    return found
