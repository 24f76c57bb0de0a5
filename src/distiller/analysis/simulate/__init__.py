"""A small synthetic DL3 set in GADF layout, the same byte for byte for one seed.

The events are drawn with numpy from the same smooth functions that fill the response
tables, so nothing here needs Gammapy (docs/decisions/0040-simulation-in-numpy.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from distiller.analysis.simulate import headers, response, streams, write
from distiller.analysis.simulate.sample import Events, sample
from distiller.analysis.simulate.schedule import MAX_RUNS, programme, survey
from distiller.core.errors import BadParameter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from distiller.analysis.simulate.response import Response
    from distiller.analysis.simulate.schedule import Run
    from distiller.analysis.simulate.write import HduRow

DEFAULT_RUNS = 17
DEFAULT_SEED = 1
_FEW = 3
_ZENITH_DEG = 20.0  # of the shared responses


def simulate(
    folder: Path,
    *,
    runs: int = DEFAULT_RUNS,
    seed: int = DEFAULT_SEED,
    metadata_only: bool = False,
    report: Callable[[int], None] | None = None,
) -> None:
    """Write a simulated set.

    Parameters
    ----------
    folder
        New, empty, or an earlier simulation, whose files are removed first: what is
        there at any moment belongs to one simulation, and has indexes when it is whole.
    runs
        Number of runs; the first four see the Crab Nebula.
    seed
        Equal seeds give equal bytes (same library versions).
    metadata_only
        Write a few events per run and shared responses, over the whole sky: many runs
        in little time, to load archives with.
    report
        Called with the number of runs that are written.

    Raises
    ------
    BadParameter
        If the folder holds something else or cannot be written, or a number is out of
        its range.
    NoSpace
        If the disk or a quota is full.
    """
    _check(folder, runs, seed)
    plan = survey(runs, seed) if metadata_only else programme(runs)
    write.remove_earlier(folder)
    write.write_readme(folder, runs, seed)
    write.write_settings(folder, plan)
    shared = _shared_irfs(folder) if metadata_only else {}
    observations = []
    hdus: list[HduRow] = []
    for number, run in enumerate(plan, start=1):
        weather = headers.ambient(
            run, streams.stream(seed, run.obs_id, streams.WEATHER)
        )
        if metadata_only:
            events, irfs = _few_events(run), None
        else:
            irfs = _response(run.site.name, 90.0 - run.alt_deg)
            events = sample(run, irfs, streams.stream(seed, run.obs_id, streams.EVENTS))
        hdus += write.write_run(folder, run, events, weather, irfs)
        for _, *rest in shared.get(run.site.name, ()):
            hdus.append((run.obs_id, *rest))  # type: ignore[arg-type]  # the rest of a row
        observations.append(headers.index_row(run, weather, len(events.met_s)))
        if report is not None:
            report(number)
    write.write_indexes(folder, observations, hdus)


def _check(folder: Path, runs: int, seed: int) -> None:
    if not 1 <= runs <= MAX_RUNS:
        raise BadParameter("--runs", f"{runs} is not between 1 and {MAX_RUNS}")
    if seed < 0:
        raise BadParameter("--seed", f"{seed} is negative", hint="use 0 or more")
    with write.refusals_told(folder):
        if folder.exists() and not folder.is_dir():
            raise BadParameter("DIR", f"{folder} is a file", hint="name a folder")
        strange = folder.is_dir() and write.is_strange(folder)
    if strange:
        raise BadParameter(
            "DIR",
            f"{folder} is not empty and holds no simulation",
            hint="name a new or an empty folder",
        )


def _response(site: str, zenith_deg: float) -> Response:
    made = response.north if site == "North" else response.south
    return made(zenith_deg)


def _shared_irfs(folder: Path) -> dict[str, tuple[HduRow, ...]]:
    shared = {}
    for site in ("North", "South"):
        tables = write.write_shared_irfs(folder, site, _response(site, _ZENITH_DEG))
        name = f"sim_irf_{site.lower()}.fits"
        shared[site] = write.hdu_rows(0, "irf", name, tables)
    return shared


def _few_events(run: Run) -> Events:
    """Return a handful of events at the pointing, spread over the run."""
    step = run.ontime_s / (_FEW + 1)
    return Events(
        met_s=run.start_met + step * np.arange(1.0, _FEW + 1.0),
        ra_deg=np.full(_FEW, run.ra_pnt_deg),
        dec_deg=np.full(_FEW, run.dec_pnt_deg),
        energy_tev=np.ones(_FEW),
        origin=np.zeros(_FEW, dtype=np.int16),
    )
