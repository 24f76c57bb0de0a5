"""Events that are wanted of DL3 runs: one list of all, and a file of each run.

docs/decisions/0084-selected-events.md.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits

from distiller.analysis import event_file, record, results
from distiller.analysis.products import (
    PLOT,
    PRODUCT,
    SELECTED_EVENTS,
    InputDataset,
    ProductDescription,
    ProductFile,
)
from distiller.analysis.recipes import reading
from distiller.analysis.recipes.select_events import Merged, merge, to_hdus
from distiller.analysis.recipes.selection import CLASS_NAMES, Selected, select
from distiller.analysis.select_events import limits, plot
from distiller.analysis.select_events.parameters import SelectEventsParameters
from distiller.analysis.select_events.runs import RunFiles
from distiller.analysis.tasks import TASKS
from distiller.core.errors import BadParameter, InternalError, UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from distiller.analysis.parameters import TaskParameters

RUNS: Final = "runs"
NAME: Final = "select_events"

_READING: Final = 0.8
_ONE_FIELD_DEG: Final = 5.0


@dataclass(slots=True)
class Tally:
    """What was met on the way to the list.

    Attributes
    ----------
    there
        Of each class parameter that was asked for: what the runs have.
    found
        Those of which some run has events.
    """

    read: int = 0
    kept: list[Selected] = field(default_factory=list)
    pointings_deg: list[tuple[float, float]] = field(default_factory=list)
    idle: list[str] = field(default_factory=list)
    without_responses: list[str] = field(default_factory=list)
    there: dict[str, set[str]] = field(default_factory=dict)
    found: set[str] = field(default_factory=set)

    @property
    def events(self) -> int:
        """Events that are kept."""
        return sum(int(one.chosen.sum()) for one in self.kept)


def run(
    configuration: TaskParameters,
    inputs: Sequence[InputDataset],
    result_dir: Path,
    report: Callable[[float, str], None],
) -> ProductDescription:
    """Select the events; write the list, the files of the runs, plot and record.

    Raises
    ------
    BadParameter
        If a run says nothing of the class that is asked for, or none is of it; or if
        two datasets have the same number.
    UserError
        If no event is left.
    """
    if not isinstance(configuration, SelectEventsParameters):
        message = f"events cannot be selected by {type(configuration).__name__}"
        raise InternalError(message)
    _check_names(inputs)
    task = TASKS[NAME]
    parameters = configuration.model_dump(mode="json")
    tally = Tally()
    written = results.Results(result_dir)
    # The runs are written as they are read: of each only its rows stay in memory.
    with (
        written.writing(RUNS, "runs.zip") as stream,
        zipfile.ZipFile(stream, "w") as archive,
    ):
        files = RunFiles(archive)
        for number, dataset in enumerate(inputs):
            report(
                _READING * number / len(inputs),
                f"Reading run {dataset.obs_id} ({number + 1} of {len(inputs)})",
            )
            _one(dataset, parameters, configuration, files, tally)
        if not tally.events:
            raise _nothing(configuration, tally)
        files.finish()
    report(_READING, "Writing the list")
    merged = merge(tally.kept)
    text = record.configuration_yaml(task, configuration, inputs)
    primary = fits.PrimaryHDU()
    record.stamp(primary.header, task, configuration, inputs, text)
    tables = to_hdus(merged, parameters)
    product = results.fits_bytes(fits.HDUList([primary, *tables]))
    written.add(PRODUCT, "product.fits", product)
    written.add_record(text, record.recipe_py(task))
    report(0.9, "Drawing the plot")
    simulated = any(item.simulated for item in inputs)
    drawing = plot.draw(merged, configuration, _caption(merged, tally), simulated)
    written.add_plot(PLOT, drawing)
    return _describe(configuration, inputs, merged, tally, written.files)


def _check_names(inputs: Sequence[InputDataset]) -> None:
    """Refuse two datasets of one number: nothing would tell their events apart."""
    known: dict[str, str] = {}
    for item in inputs:
        other = known.setdefault(item.obs_id, item.did)
        if other != item.did:
            raise BadParameter(
                "obs",
                f"{other} and {item.did} have the same number, and the list could not "
                "tell their events apart",
                hint="select them in two jobs",
            )


def _one(
    dataset: InputDataset,
    parameters: Mapping[str, Any],
    configuration: SelectEventsParameters,
    files: RunFiles,
    tally: Tally,
) -> None:
    """Read one run and write what is left of it."""
    with event_file.opened(dataset) as tables:
        observation = reading.observation(dataset.obs_id, tables.events, tables.gti, {})
        selected = select(observation, parameters)
        _check_class(dataset, selected, configuration, tally)
        tally.read += len(selected.chosen)
        header = tables.events.header
        tally.pointings_deg += _pointing(header)
        if not selected.is_used:
            tally.idle.append(dataset.obs_id)
            return
        if not dataset.responses:
            tally.without_responses.append(dataset.obs_id)
        history = _history(dataset, selected, configuration)
        files.add(dataset, tables, selected, parameters, history)
        tally.kept.append(selected.trimmed())


def _check_class(
    dataset: InputDataset,
    selected: Selected,
    configuration: SelectEventsParameters,
    tally: Tally,
) -> None:
    """Refuse a class of which a run says nothing."""
    for name, places in CLASS_NAMES.items():
        wanted, there = getattr(configuration, name), selected.classes[name]
        if wanted is None:
            continue
        if there is None:
            others = [
                f"{other} {', '.join(found)}"
                for other, found in selected.classes.items()
                if found
            ]
            has = f"; it has {' and '.join(others)}" if others else ""
            raise BadParameter(
                name,
                f"run {dataset.obs_id} has no column or keyword {' or '.join(places)}"
                f"{has}",
                hint="leave out the parameter or the run",
            )
        tally.there.setdefault(name, set()).update(there)
        if selected.has_class[name]:
            tally.found.add(name)


def _pointing(header: fits.Header) -> list[tuple[float, float]]:
    try:
        ra, dec = float(header["RA_PNT"]), float(header["DEC_PNT"])
    except (KeyError, TypeError, ValueError):
        return []
    return [(ra, dec)] if np.isfinite([ra, dec]).all() else []


def _history(
    dataset: InputDataset, selected: Selected, configuration: SelectEventsParameters
) -> list[str]:
    """Return where the events of a run come from and what was done to them."""
    count, of = int(selected.chosen.sum()), len(selected.chosen)
    lines = [
        f"{record.creator()}: task {NAME}, version {TASKS[NAME].version}",
        f"from {dataset.did}, file {dataset.path.name}",
        f"sha256 {dataset.checksum or 'not known'}",
    ]
    lines += [
        f"corrected before: {one.keyword} of {one.hdu or one.header}, was {one.former}"
        for one in dataset.corrections
    ]
    cuts = [
        f"{name}={value}"
        for name, value in configuration.to_pairs()
        if name not in {"obs", "target"}
    ]
    if configuration.radius is None:
        cuts = [cut for cut in cuts if not cut.startswith(("ra=", "dec="))]
    lines.append("cuts: " + ("; ".join(cuts) or "none"))
    lines.append(f"{count} of {of} events, good time {selected.ontime_s:.6f} s")
    lines.append("LIVETIME: the part of dead time is that of the whole run")
    return lines


def _nothing(configuration: SelectEventsParameters, tally: Tally) -> UserError:
    """Say why no event is left."""
    for name, there in tally.there.items():
        if name not in tally.found:
            words = ", ".join(sorted(there)) or "none"
            wanted = getattr(configuration, name)
            message = f"no run has events of {wanted!r}; there are: {words}"
            return BadParameter(name, message)
    if not tally.kept:
        message = "no events: the runs have no good time in the chosen times"
        return UserError(message, hint="t_min, t_max and gti are MJD in UTC")
    message = f"no events: none of the {tally.read:,} events of the runs is within "
    message += "the chosen region, energies and times"
    return UserError(message, hint=_nearest(configuration, tally))


def _nearest(configuration: SelectEventsParameters, tally: Tally) -> str | None:
    if configuration.radius is None or not tally.pointings_deg:
        return None
    centre = SkyCoord(*configuration.centre_deg, unit="deg")
    pointings = SkyCoord(np.array(tally.pointings_deg), unit="deg")
    away = float(pointings.separation(centre).deg.min())
    return f"the nearest pointing is {away:.1f} deg away from the centre"


def _caption(merged: Merged, tally: Tally) -> str:
    runs, used = len(tally.kept) + len(tally.idle), len(tally.kept)
    of_all = f"{used}" if used == runs else f"{used} of {runs}"
    words = "run" if runs == 1 else "runs"
    hours = merged.ontime_s / 3600.0
    return f"{tally.events:,} events, {of_all} {words}, {hours:.2f} h"


def _describe(
    configuration: SelectEventsParameters,
    inputs: Sequence[InputDataset],
    merged: Merged,
    tally: Tally,
    files: tuple[ProductFile, ...],
) -> ProductDescription:
    c = configuration
    cuts = plot.cuts_of(c)
    begin, end = (float(mjd) for mjd in merged.bounds.utc.mjd)
    energy = merged.energy_tev
    has_place = c.target or c.radius is not None
    name = c.place_name if has_place else "whole fields"
    return ProductDescription(
        title=f"Selected events, {name}",
        description=(
            f"{cuts[0].upper()}{cuts[1:]}; {_caption(merged, tally)}: "
            f"{record.runs_named(inputs)}"
        ),
        product_type="event",
        product_subtype=SELECTED_EVENTS,
        data_level="DL3",
        files=files,
        simulated=any(item.simulated for item in inputs),
        target_name=c.target,
        t_min_mjd=begin,
        t_max_mjd=end,
        t_exptime_s=round(merged.ontime_s, 6),
        energy_min_tev=c.e_min or float(energy.min()),
        energy_max_tev=c.e_max or float(energy.max()),
        limits=limits.of(c, merged, tally),
        **_place(c, tally),
    )


def _place(c: SelectEventsParameters, tally: Tally) -> dict[str, Any]:
    """Return where the events are: the circle, or the field that the runs share."""
    if c.radius is not None:
        ra, dec = c.centre_deg
        return {
            "s_ra_deg": ra,
            "s_dec_deg": dec,
            "s_fov_deg": min(2 * c.radius, 360.0),
            "s_region_deg": (ra, dec, c.radius),
        }
    if not tally.pointings_deg:
        return {}
    pointings = SkyCoord(np.array(tally.pointings_deg), unit="deg")
    middle = SkyCoord(pointings.cartesian.mean()).spherical
    mean = SkyCoord(middle.lon, middle.lat)
    if pointings.separation(mean).deg.max() > _ONE_FIELD_DEG:
        return {}
    return {"s_ra_deg": float(mean.ra.deg), "s_dec_deg": float(mean.dec.deg)}
