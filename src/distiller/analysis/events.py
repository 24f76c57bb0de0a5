"""DL3 event lists as columns: read and checked against the archive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from astropy.table import Table
from gammapy.data import GTI
from gammapy.data.io import EventListReader
from gammapy.irf import IRF_REGISTRY

from distiller.analysis import event_file
from distiller.analysis.recipes.event_rows import Events, event_rows

if TYPE_CHECKING:
    from gammapy.irf import EffectiveAreaTable2D

    from distiller.analysis.products import InputDataset


def read(dataset: InputDataset) -> Events:
    """Read one dataset of the archive with Gammapy, its headers corrected.

    Raises
    ------
    Damaged
        If the file is not what the archive has it for: it is gone, or it changed since
        it was ingested. Only its operators can mend that.
    BadData
        If it cannot be read as an event list.
    """
    with event_file.opened(dataset) as run:
        return _rows(run)


def read_with_area(
    dataset: InputDataset,
) -> tuple[Events, EffectiveAreaTable2D | None]:
    """Read events and, where the dataset has one, the effective area; as `read`."""
    with event_file.opened(dataset) as run:
        area = None
        for (kind, name), hdu in run.responses.items():
            if kind == "aeff":
                area = IRF_REGISTRY.get_cls(name).from_table(Table.read(hdu))
        return _rows(run), area


def _rows(run: event_file.RunTables) -> Events:
    table = EventListReader.from_gadf_hdu(run.events).table
    return event_rows(table, GTI.from_table_hdu(run.gti))
