"""DL3 datasets of the archive as Gammapy's observations: checked, corrected, cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gammapy.data import Observation, Observations

from distiller.analysis import event_file
from distiller.analysis.recipes import reading

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from distiller.analysis.products import InputDataset


def read(dataset: InputDataset) -> Observation:
    """Read a dataset with its instrument responses, its headers corrected.

    Raises
    ------
    Damaged
        If a file is not what the archive has it for. Only its operators can mend that.
    BadData
        If it cannot be read.
    """
    with event_file.opened(dataset) as run:
        return reading.observation(dataset.obs_id, run.events, run.gti, run.responses)


def read_all(
    inputs: Sequence[InputDataset],
    report: Callable[[float, str], None],
    share: float,
) -> Observations:
    """Read all datasets of a job; errors as `read`.

    Parameters
    ----------
    report
        Told of each run.
    share
        The part of the whole job that reading is.
    """
    found = Observations()
    for number, dataset in enumerate(inputs):
        report(
            share * number / len(inputs),
            f"Reading run {dataset.obs_id} ({number + 1} of {len(inputs)})",
        )
        found.append(read(dataset))
    return found
