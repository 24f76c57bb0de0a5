"""Proposals, telescopes and a named observation of the simulated set, as settings.

What the files cannot say stands in the settings file of a collection
(docs/reference/collection-settings.md); this one is an example of it.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from distiller.analysis.simulate import sources

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from distiller.analysis.simulate.schedule import Run

SETTINGS_NAME: Final = "distiller-collection.toml"

_PROPOSALS: Final = (
    ("SIM-2024-01", "Calibration on the Crab Nebula", "calibration", ("Crab Nebula",)),
    (
        "SIM-2024-02",
        "Variability of blazars",
        "key science",
        (sources.PKS_2155_FIELD.name, sources.MRK_421_FIELD.name),
    ),
    ("SIM-2024-03", "The Galactic centre", "key science", (sources.GC_FIELD.name,)),
)
"""Id, title, category and the names of the fields."""

_SURVEY: Final = ("SIM-2024-04", "Survey of blank fields", "guest observer")
_LST: Final = ("LST", 23.0, 4.3, "LSTCam")
_MST: Final = ("MST", 12.0, 7.7, "NectarCAM")
_TELESCOPES: Final = (
    *(("1", *_LST), ("2", *_LST), ("3", *_MST), ("4", *_MST)),
    *((str(number), *_MST) for number in range(11, 16)),
)
"""Id, type, mirror in m, field of view in deg, camera; imaginary like all the rest."""

_FIRST_CRAB: Final = 4


def settings_text(plan: Sequence[Run]) -> str:
    """Return the settings file of a simulated set (TOML)."""
    return "\n".join(_lines(plan)) + "\n"


def _lines(plan: Sequence[Run]) -> Iterator[str]:
    yield "# Settings of the simulated collection: nothing here is real."
    for name, kind, mirror, view, camera in _TELESCOPES:
        yield ""
        yield "[[telescope]]"
        yield f'id = "{name}"'
        yield f'type = "{kind}"'
        yield f"diameter = {mirror}"
        yield f"fov = {view}"
        yield f'camera = "{camera}"'
    taken: set[int] = set()
    for identifier, title, category, fields in _PROPOSALS:
        runs = [run.obs_id for run in plan if run.field.name in fields]
        taken.update(runs)
        yield from _proposal(identifier, title, category, runs)
    rest = [run.obs_id for run in plan if run.obs_id not in taken]
    yield from _proposal(*_SURVEY, rest)
    crab = [r.obs_id for r in plan if r.field.name == "Crab Nebula"][:_FIRST_CRAB]
    if crab:
        yield ""
        yield "[[observation]]"
        yield 'name = "SIM_1"'
        yield 'title = "First night on the Crab Nebula"'
        yield f"runs = [{_ranges(crab)}]"


def _proposal(
    identifier: str, title: str, category: str, runs: Sequence[int]
) -> Iterator[str]:
    if not runs:
        return
    yield ""
    yield "[[proposal]]"
    yield f'id = "{identifier}"'
    yield f'title = "{title} (simulated)"'
    yield 'pi = "Nobody, simulated"'
    yield f'category = "{category}"'
    yield f"runs = [{_ranges(runs)}]"


def _ranges(runs: Iterable[int]) -> str:
    """Return runs as ids and ranges.

    >>> _ranges([1001, 1002, 1003, 1007])
    '"1001..1003", "1007"'
    """
    ordered = sorted(runs)
    ends = [(a, b) for a, b in pairwise(ordered) if b > a + 1]
    starts = [*ordered[:1], *(b for _, b in ends)]
    stops = [*(a for a, _ in ends), *ordered[-1:]]
    pairs = zip(starts, stops, strict=True)
    return ", ".join(f'"{a}..{b}"' if b > a else f'"{a}"' for a, b in pairs)
