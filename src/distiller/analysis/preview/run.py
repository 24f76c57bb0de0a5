"""The quick look of one dataset: counts in the field, energies, rate, offsets.

It is made when a dataset comes into the archive. It is no product: nothing is published
of it, and it may be made again at any time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from distiller.analysis import events
from distiller.analysis.preview.measure import measure
from distiller.analysis.preview.numbers import NUMBERS, PICTURE
from distiller.analysis.preview.parameters import PreviewParameters
from distiller.analysis.preview.plot import draw
from distiller.analysis.products import PLOT, ProductDescription, ProductFile
from distiller.core.errors import InternalError
from distiller.core.files import atomic_file, write_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from distiller.analysis.parameters import TaskParameters
    from distiller.analysis.products import InputDataset


def run(
    configuration: TaskParameters,
    inputs: Sequence[InputDataset],
    result_dir: Path,
    report: Callable[[float, str], None],
) -> ProductDescription:
    """Make the picture and the numbers in ``result_dir``.

    Memory: some four times the event list as it lies in the file, unpacked.

    Raises
    ------
    BadData, Damaged
        If the event list cannot be read, see `events.read`.
    """
    if not isinstance(configuration, PreviewParameters) or len(inputs) != 1:
        message = "a quick look is of one dataset, with its own parameters"
        raise InternalError(message)
    (dataset,) = inputs
    report(0.0, "Reading the events")
    look = measure(events.read(dataset), configuration, simulated=dataset.simulated)
    report(0.4, "Drawing")
    with atomic_file(result_dir / PICTURE) as stream:
        stream.write(draw(look))
    write_text(result_dir / NUMBERS, look.numbers.model_dump_json(indent=1) + "\n")
    return ProductDescription(
        title=f"Quick look of {look.numbers.label}",
        description=look.numbers.words,
        product_type="image",
        product_subtype="preview",
        files=(
            ProductFile(
                result_id=PLOT, role=PLOT, name=PICTURE, media_type="image/png"
            ),
            ProductFile(
                result_id="numbers",
                role="table",
                name=NUMBERS,
                media_type="application/json",
            ),
        ),
        simulated=dataset.simulated,
    )
