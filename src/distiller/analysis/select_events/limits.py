"""What lists of selected events are fit for, and what they lack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from distiller.analysis.recipes.select_events import Merged
    from distiller.analysis.select_events.parameters import SelectEventsParameters
    from distiller.analysis.select_events.run import Tally

_NAMED: Final = 10
_SAME_S: Final = 1e-3


def of(
    configuration: SelectEventsParameters, merged: Merged, tally: Tally
) -> tuple[str, ...]:
    """Return what is valid of these lists, one sentence each."""
    sentences = (*_of_cuts(configuration), *_of_runs(tally), *_of_list(merged, tally))
    return tuple(sentences)


def _of_cuts(c: SelectEventsParameters) -> Iterator[str]:
    if c.radius is not None or c.exclude:
        yield (
            "Events are cut to a region: a background cannot be estimated from the "
            "rest of the field, whose events are gone while the responses still cover "
            "it. For significance maps and spectra select whole fields."
        )
    if c.e_min is not None or c.e_max is not None:
        yield (
            "Events are cut in reconstructed energy: analyses must stay within that "
            "range, the instrument responses do not know of the cut."
        )
    if c.event_type is not None:
        yield (
            "Events are of one type: the instrument responses are right only if they "
            "were made for it."
        )


def _of_runs(tally: Tally) -> Iterator[str]:
    if tally.idle:
        yield f"No good time in the selection, left out: run {_names(tally.idle)}."
    if tally.without_responses:
        names = _names(tally.without_responses)
        yield f"The archive has no instrument responses of run {names}."
    words = [one.obs_id for one in tally.kept if not one.obs_id.isdecimal()]
    if words:
        yield (
            f"The run {_names(words)} has no number: Gammapy's DataStore, which wants "
            "one, cannot open its file by the index."
        )
    cut = [
        one
        for one in tally.kept
        if float(np.diff(one.own_good_s, axis=1).sum()) - one.ontime_s > _SAME_S
    ]
    if cut:
        yield (
            "Good time is cut: live times assume that the part of dead time is that "
            "of the whole run."
        )
    if any(one.live is None for one in tally.kept):
        yield "Some runs do not say their live time, and neither does the list."


def _of_list(merged: Merged, tally: Tally) -> Iterator[str]:
    beyond = sum(one.beyond for one in tally.kept)
    if beyond:
        yield (
            f"{beyond:,} {'event lies' if beyond == 1 else 'events lie'} in no good "
            "time interval of their run, as in its own file; good_time=true leaves "
            "them out."
        )
    if merged.lost:
        yield (
            "Columns that not all runs have alike are in the files of the runs only: "
            f"{', '.join(merged.lost)}."
        )
    spans = float(np.diff(merged.good_s, axis=1).sum())
    if merged.ontime_s - spans > _SAME_S:
        yield (
            "Runs overlap in time: ONTIME and LIVETIME of the list are sums over the "
            "runs, and its good times are when any of them was observing."
        )
    makers = {
        tuple(one.table.meta.get(key) for key in ("TELESCOP", "INSTRUME"))
        for one in tally.kept
    }
    if len(makers) > 1:
        yield "The list mixes events of several instruments."


def _names(obs_ids: Sequence[str]) -> str:
    more = len(obs_ids) - _NAMED
    return ", ".join(obs_ids[:_NAMED]) + (f" and {more} more" if more > 0 else "")
