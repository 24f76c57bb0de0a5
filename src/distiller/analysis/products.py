"""What goes into a task and what comes out of it, as plain values."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from distiller.analysis.parameters import TaskParameters

PRODUCT: Final = "product"
PLOT: Final = "plot"
PLOT_SVG: Final = "plot_svg"
CONFIGURATION: Final = "configuration"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class HeaderCorrection(_Frozen):
    """A header value that is read in place of what the file says.

    Attributes
    ----------
    file, hdu
        Name of the file, and EXTNAME of the table whose header it is.
    header
        What the table is to the run: ``EVENTS``, ``GTI``, ``AEFF``...
    value
        The right value; None: it is not known, and the keyword is left out.
    former
        What the file says, as text; None: nothing.
    """

    file: str
    hdu: str
    header: str
    keyword: str
    value: bool | int | float | str | None
    former: str | None
    reason: str


class GoodTimeFile(_Frozen):
    """A file that holds the good time intervals of a run, and not its events.

    Attributes
    ----------
    path, url, checksum
        As those of the events file, see `InputDataset`.
    """

    path: Path
    checksum: str
    url: str | None = None


class ResponseTable(_Frozen):
    """One table of instrument responses of a run.

    Attributes
    ----------
    kind, gadf_class
        As in GADF: ``psf`` and ``psf_3gauss``.
    path, url, checksum
        As those of the events file, see `InputDataset`; often it is that file.
    hdu
        EXTNAME.
    """

    kind: str
    gadf_class: str
    path: Path
    checksum: str
    hdu: str
    url: str | None = None


class InputDataset(_Frozen):
    """One DL3 dataset of the archive that a task reads.

    Attributes
    ----------
    did
        Publisher DID.
    path
        The events file, absolute.
    url
        Where it is fetched from before the task begins; None: it is on this machine.
    checksum
        SHA-256 of that file when it was ingested, or empty.
    simulated
        Whether the events were made by a simulation.
    corrections
        Of the headers of its files, in the order in which they are applied.
    events_hdu, gti_hdu
        Which tables of their files are those of the run: EXTNAME, or ``+`` and the
        number among the extensions, from 1. None: the archive does not say, and the
        file must hold one such table only.
    gti_file
        The file of the good time intervals; None: the events file.
    responses
        Instrument responses, at most one of a kind; none for a task that needs none.
    """

    did: str
    obs_id: str
    collection: str
    path: Path
    checksum: str
    simulated: bool = False
    url: str | None = None
    corrections: tuple[HeaderCorrection, ...] = ()
    events_hdu: str | None = None
    gti_hdu: str | None = None
    gti_file: GoodTimeFile | None = None
    responses: tuple[ResponseTable, ...] = ()


class ProductFile(_Frozen):
    """One file of a result folder.

    Attributes
    ----------
    result_id
        Name among the UWS results.
    role
        As in ``cta.product_file``: product, plot, configuration, log.
    """

    result_id: str
    role: str
    name: str
    media_type: str


class SkyMap(_Frozen):
    """What a map holds, for ``cta.sky_map``.

    Attributes
    ----------
    quantity
        What the pixels hold, such as ``counts``.
    bin_size_deg
        Size of a pixel.
    total, maximum
        Of all pixels, in the unit of the product.
    """

    quantity: str
    frame: str
    projection: str
    bin_size_deg: float
    total: float
    maximum: float


class ProductDescription(_Frozen):
    """What a finished task says of its product, for ``cta.product``.

    Attributes
    ----------
    product_type
        ObsCore dataproduct_type.
    s_ra_deg, s_dec_deg, s_fov_deg
        Centre (ICRS) and field of view.
    s_region_deg
        Corners of the footprint (ICRS ra, dec, ra, dec... counter-clockwise), or None.
    s_xel1, s_xel2, s_pixel_scale_arcsec
        Pixels along and across, and the size of one.
    t_min_mjd, t_max_mjd
        First and last instant of the good time that was used (UTC).
    t_exptime_s
        Good time that was used.
    energy_min_tev, energy_max_tev, em_xel
        Energy range used and its number of bins.
    sky_map
        Of a map: what it holds.
    """

    # Read back from the records of other versions, which may have said more.
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    title: str
    description: str
    product_type: str
    product_subtype: str
    files: tuple[ProductFile, ...]
    simulated: bool
    target_name: str | None = None
    s_ra_deg: float | None = None
    s_dec_deg: float | None = None
    s_fov_deg: float | None = None
    s_region_deg: tuple[float, ...] | None = None
    s_xel1: int | None = None
    s_xel2: int | None = None
    s_pixel_scale_arcsec: float | None = None
    t_min_mjd: float | None = None
    t_max_mjd: float | None = None
    t_exptime_s: float | None = None
    energy_min_tev: float | None = None
    energy_max_tev: float | None = None
    em_xel: int | None = None
    o_ucd: str | None = None
    o_unit: str | None = None
    sky_map: SkyMap | None = None


class Entry(Protocol):
    """A task's function: configuration and files in, files and description out."""

    def __call__(
        self,
        configuration: TaskParameters,
        inputs: Sequence[InputDataset],
        result_dir: Path,
        report: Callable[[float, str], None],
    ) -> ProductDescription:
        """Make the product in ``result_dir``; ``report`` takes fraction and text."""
