"""The files of a result folder, written whole, for whoever files the product."""

from __future__ import annotations

import io
import zipfile
from contextlib import contextmanager
from pathlib import PurePath
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from distiller.analysis import figures
from distiller.analysis.products import (
    CONFIGURATION,
    PLOT,
    PRODUCT,
    RECIPE,
    ProductFile,
)
from distiller.analysis.record import file_name
from distiller.core.files import atomic_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from astropy.io import fits
    from astropy.table import Table
    from matplotlib.figure import Figure

    from distiller.analysis.products import Role

_MEDIA_TYPES: Final = {
    ".fits": "application/fits",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".yaml": "application/yaml",
    ".json": "application/json",
    ".ecsv": "text/plain",
    ".py": "text/x-python",
    ".zip": "application/zip",
    ".reg": "text/plain",
}
_FIRST: Final = (PRODUCT, PLOT, CONFIGURATION)
_ZIP_TIME: Final = (1980, 1, 1, 0, 0, 0)


class Results:
    """What a task has written into its result folder.

    Parameters
    ----------
    folder
        Of the results; exists.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: list[ProductFile] = []

    def add(
        self, result_id: str, name: str, content: bytes, *, role: Role | None = None
    ) -> None:
        """Write a file.

        Parameters
        ----------
        result_id
            Name among the UWS results.
        role
            As in ``cta.product_file``; None: that name. A file that went in is a part
            of the configuration.
        """
        with self.writing(result_id, name, role=role) as stream:
            stream.write(content)

    @contextmanager
    def writing(
        self, result_id: str, name: str, *, role: str | None = None
    ) -> Iterator[BinaryIO]:
        """Open a file that is written in parts; parameters as `add`."""
        # Whoever runs the task makes all of them durable at its end, at once.
        with atomic_file(self._folder / name, durable=False) as stream:
            yield stream
        media_type = _MEDIA_TYPES[PurePath(name).suffix]
        self._files.append(
            ProductFile(
                result_id=result_id,
                role=role or cast("Role", result_id),  # its model looks
                name=name,
                media_type=media_type,
            )
        )

    def add_plot(self, name: str, drawing: Figure) -> None:
        """Write a picture twice, ``<name>`` as PNG and ``<name>_svg`` as SVG."""
        self.add(name, f"{name}.png", figures.png_bytes(drawing), role=PLOT)
        self.add(f"{name}_svg", f"{name}.svg", figures.svg_bytes(drawing), role=PLOT)

    def add_record(self, configuration: str, recipe: str) -> None:
        """Write what makes the product again: see `distiller.analysis.record`."""
        self.add(CONFIGURATION, "configuration.yaml", configuration.encode())
        self.add(RECIPE, "recipe.py", recipe.encode())

    def add_sent(self, files: Mapping[str, Path]) -> None:
        """Write again what was sent along: without it nobody repeats the product.

        Parameters
        ----------
        files
            By parameter, which becomes the name among the UWS results.
        """
        for name, path in files.items():
            content = path.read_bytes()
            self.add(name, file_name(name, path), content, role=CONFIGURATION)

    @property
    def files(self) -> tuple[ProductFile, ...]:
        """All files that were written: product, plot and configuration first."""

        def place(file: ProductFile) -> int:
            known = file.result_id in _FIRST
            return _FIRST.index(file.result_id) if known else len(_FIRST)

        return tuple(sorted(self._files, key=place))


def fits_bytes(hdus: fits.HDUList) -> bytes:
    """Return a FITS file as bytes.

    Not written to a file by astropy, which handles a full disk with a defect of its own
    (7.x: ``'list' object has no attribute '_file'``) that hides what happened.
    """
    stream = io.BytesIO()
    hdus.writeto(stream)
    return stream.getvalue()


def ecsv_bytes(table: Table) -> bytes:
    """Return a table as ECSV, with units and descriptions of its columns."""
    stream = io.StringIO()
    table.write(stream, format="ascii.ecsv")
    return stream.getvalue().encode()


def zip_bytes(files: Mapping[str, bytes]) -> bytes:
    """Return files as one archive: the same bytes for the same files."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            put_into(archive, name, content)
    return stream.getvalue()


def put_into(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """Add a file to an archive, compressed and without the time."""
    member = zipfile.ZipInfo(name, _ZIP_TIME)
    archive.writestr(member, content, compress_type=zipfile.ZIP_DEFLATED)
