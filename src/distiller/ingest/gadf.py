"""Read one run: headers, good time intervals and responses, but few of the events.

Refuses (BadData) what cannot be used and leaves every judgement on values to `checks`.
"""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from distiller.core.errors import BadData
from distiller.core.files import sha256
from distiller.core.places import Stamp, stamp_of
from distiller.ingest import response, run_tables
from distiller.ingest.find import is_events, is_text, shown
from distiller.ingest.findings import Finding
from distiller.ingest.fits_stream import Hdu, Header, columns, read_hdus
from distiller.ingest.units import TEV
from distiller.ingest.unreadable import unreadable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from distiller.core.places import Place
    from distiller.ingest.find import RunFiles
    from distiller.ingest.index import HduRef, IndexRow
    from distiller.ingest.run_tables import EventTable, GtiTable

RESPONSE_TYPES = ("aeff", "edisp", "psf", "bkg", "rad_max")
_CLASSES = {
    "EFF_AREA": "aeff", "EDISP": "edisp", "RPSF": "psf", "PSF": "psf", "BKG": "bkg",
    "BACKGROUND": "bkg", "RAD_MAX": "rad_max",
}  # fmt: skip
_NAMES = {
    "EFFECTIVE AREA": "aeff", "ENERGY DISPERSION": "edisp",
    "POINT SPREAD FUNCTION": "psf", "BACKGROUND": "bkg", "AEFF": "aeff",
    "EDISP": "edisp", "PSF": "psf", "BKG": "bkg", "RAD_MAX": "rad_max",
}  # fmt: skip
_CACHED_FILES = 32
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Response:
    """One response table in a few numbers; units as named, None where unknown.

    Attributes
    ----------
    offset_deg
        The one offset that the table is for, where it is for one only.
    sensitive_tev
        Where an effective area is above zero.
    cut_deg
        Smallest and largest cut on direction of its column RAD_MAX.
    event_class, configuration
        EV_CLASS and CONFIG of its header, once they are checked.
    """

    response_type: str
    gadf_class: str | None
    enclosure: str | None
    header: Header
    path: Place
    hdu: str
    energy_min_tev: float | None = None
    energy_max_tev: float | None = None
    theta_max_deg: float | None = None
    psf_fwhm_arcsec: float | None = None
    energy_resolution: float | None = None
    offset_deg: float | None = None
    sensitive_tev: tuple[float, float] | None = None
    cut_deg: tuple[float, float] | None = None
    too_large: bool = False
    event_class: str | None = None
    configuration: str | None = None


@dataclass(frozen=True, slots=True)
class Contents:
    """What one file holds."""

    events: tuple[EventTable, ...]
    gtis: tuple[GtiTable, ...]
    responses: tuple[Response, ...]


@dataclass(frozen=True, slots=True)
class FileNote:
    """A file of a run with its checksum and its stamp before it was summed."""

    path: Place
    role: str
    size: int
    mtime: datetime | None
    sha256: str
    stamp: Stamp

    @property
    def is_still(self) -> bool:
        """Whether the file is still the one that was summed."""
        try:
            return stamp_of(self.path) == self.stamp
        except OSError:
            return False


@dataclass(frozen=True, slots=True)
class RawRun:
    """One run as read.

    Attributes
    ----------
    start_met, stop_met
        Good time intervals in s since the reference of ``gti``, at least one.
    events_hdu, gti_hdu
        Where both tables lie in their files, see `run_tables.address`.
    """

    events: Header
    gti: Header
    events_hdu: str
    gti_hdu: str
    start_met: NDArray[np.float64]
    stop_met: NDArray[np.float64]
    responses: tuple[Response, ...]
    files: tuple[FileNote, ...]
    index_row: IndexRow
    index_obs_id: str | None
    findings: tuple[Finding, ...] = ()


@dataclass(slots=True)
class Reader:
    """Reads runs; files that runs share (CALDB) are read once.

    Attributes
    ----------
    files
        FITS files among which CALDB keywords are resolved.
    """

    files: Sequence[Place] = ()
    _contents: OrderedDict[tuple[Place, Stamp], Contents] = field(
        default_factory=OrderedDict
    )
    _sums: OrderedDict[tuple[Place, Stamp], str] = field(default_factory=OrderedDict)

    def note(self, path: Place, role: str) -> FileNote:
        """Return size and checksum of a file, in the role that it has for a run.

        Raises
        ------
        BadData
            D101, D102 or D116 if it cannot be read or named.
        """
        if not is_text(path):
            raise BadData("D116", shown(path), "its name is not UTF-8")
        try:
            stamp = stamp_of(path)
            known = self._sums.get((path, stamp))
            if known is None:
                known = sha256(path)
        except (OSError, RuntimeError) as error:
            raise unreadable(path, error) from error
        self._sums[path, stamp] = known
        self._sums.move_to_end((path, stamp))
        if len(self._sums) > _CACHED_FILES:
            self._sums.popitem(last=False)
        return FileNote(path, role, stamp.size, stamp.mtime, known, stamp)

    def notes(self, run: RunFiles) -> tuple[FileNote, ...]:
        """Return the files that the index names for a run, those missing left out.

        Raises
        ------
        BadData
            If the event list or the GTI file is among the missing.
        """
        roles: dict[Place, str] = {run.events.path: "events"}
        if run.gti is not None:
            roles.setdefault(run.gti.path, "gti")
        notes = [self.note(path, role) for path, role in roles.items()]
        for ref in run.responses:
            if ref.path in roles:
                continue
            roles[ref.path] = "irf"
            try:
                notes.append(self.note(ref.path, "irf"))
            except BadData:
                continue  # reported when the responses are read
        return tuple(notes)

    def contents(self, path: Place, *, shared: bool) -> Contents:
        """Return what a file holds; that of shared files is kept."""
        try:
            key = path, stamp_of(path)
        except OSError:
            return _contents(path)  # which says what is wrong
        if key in self._contents:
            self._contents.move_to_end(key)
            return self._contents[key]
        made = _contents(path)
        if shared:
            self._contents[key] = made
            if len(self._contents) > _CACHED_FILES:
                self._contents.popitem(last=False)
        return made

    def read(self, run: RunFiles) -> RawRun:
        """Read one run; again if one of its files was changed in the meantime.

        Raises
        ------
        BadData
            With the code of `findings` that says why the run cannot be used.
        """
        for _ in range(_TRIES):
            raw = self._read(run)
            if all(note.is_still for note in raw.files):
                return raw
        message = "it is being changed while it is read"
        raise BadData("D115", str(run.events.path), message)

    def _read(self, run: RunFiles) -> RawRun:
        path = run.events.path
        # Summed before and compared after reading, so that rows and checksum are of
        # the same bytes.
        notes = list(self.notes(run))
        own = self.contents(path, shared=False)
        table = run_tables.event_table(path, own.events, run.events.hdu)
        findings = run_tables.check_columns(path, table.header)
        findings += run_tables.check_rows(path, table)
        gti_path = run.gti.path if run.gti else path
        other = own if gti_path == path else self.contents(gti_path, shared=False)
        gti = run_tables.good_times(
            gti_path, other.gtis, run.gti.hdu if run.gti else ""
        )
        if not run.events.hdu and len(own.events) > 1:
            text = f"{len(own.events)} tables; the first was taken"
            findings.append(Finding("D129", text, str(path)))
        if not (run.gti and run.gti.hdu) and len(other.gtis) > 1:
            text = f"{len(other.gtis)} GTI tables; the first was taken"
            findings.append(Finding("D129", text, str(gti_path)))
        responses = self._responses(run, own, table.header, findings, notes)
        return RawRun(
            events=table.header,
            gti=gti.header,
            events_hdu=table.hdu,
            gti_hdu=gti.hdu,
            start_met=gti.start_met,
            stop_met=gti.stop_met,
            responses=tuple(responses),
            files=tuple(notes),
            index_row=run.index_row,
            index_obs_id=run.obs_id,
            findings=tuple(findings),
        )

    def _responses(
        self,
        run: RunFiles,
        own: Contents,
        events: Header,
        findings: list[Finding],
        notes: list[FileNote],
    ) -> list[Response]:
        if run.responses:
            return self._indexed_responses(run, own, findings)
        if own.responses:
            return list(own.responses)
        path = self._caldb_file(events, run.index_row)
        if path is None:
            return []
        try:
            notes.append(self.note(path, "irf"))
            return list(self.contents(path, shared=True).responses)
        except BadData as error:
            findings.append(Finding("D121", error.finding, error.path))
            return []

    def _indexed_responses(
        self, run: RunFiles, own: Contents, findings: list[Finding]
    ) -> list[Response]:
        made = []
        broken: set[Place] = set()
        for ref in run.responses:
            if ref.hdu_type not in RESPONSE_TYPES or ref.path in broken:
                continue
            try:
                same = ref.path == run.events.path
                held = own if same else self.contents(ref.path, shared=True)
            except BadData as error:
                broken.add(ref.path)
                text = f"{error.data_code}: {error.finding}"
                findings.append(Finding("D121", text, error.path))
                continue
            found = _named_response(held.responses, ref)
            if found is None:
                text = f"holds no {ref.hdu_type} {ref.hdu}".rstrip()
                findings.append(Finding("D121", text, str(ref.path)))
            else:
                made.append(found)
        return made

    def _caldb_file(self, events: Header, row: IndexRow) -> Place | None:
        """Find ``.../<caldb>/bcf/<irf>/<file>`` below the path or in ``$CALDB``."""
        caldb = events.text("CALDB") or str(row.get("CALDB") or "")
        name = events.text("IRF") or str(row.get("IRF") or "")
        if not caldb or not name:
            return None
        tail = (caldb.lower(), "bcf", name.lower())
        for file in self.files:
            if tuple(part.lower() for part in file.parts[-4:-1]) == tail:
                return file
        root = os.environ.get("CALDB")
        safe = not any(part in {"..", "."} or "/" in part for part in (caldb, name))
        if root and safe:
            pattern = f"data/*/{caldb}/bcf/{name}/*.fits*"
            return next(iter(sorted(Path(root).glob(pattern))), None)
        return None


def md5_of(path: Place) -> str:
    """Return the MD5 of a file, which GADF indexes may hold."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False))
    return digest.hexdigest()


def _contents(path: Place) -> Contents:
    hdus = read_hdus(path, _wanted, sampled=is_events)
    headers = [hdu.header for hdu in hdus]
    gtis = []
    responses = []
    for number, hdu in enumerate(hdus[1:], start=1):
        kind = response_type(hdu.header)
        if kind is not None:
            responses.append(_response(path, hdu, kind))
        elif run_tables.is_gti(hdu.header):
            where = run_tables.address(number, headers)
            if (table := run_tables.gti_table(path, hdu, where)) is not None:
                gtis.append(table)
    events = tuple(
        run_tables.EventTable(
            hdu.header, run_tables.address(number, headers), hdu.sample
        )
        for number, hdu in enumerate(hdus)
        if is_events(hdu.header)
    )
    return Contents(events, tuple(gtis), tuple(responses))


def _wanted(header: Header) -> bool:
    if header.text("XTENSION") != "BINTABLE":
        return False
    return run_tables.is_gti(header) or response_type(header) is not None


def response_type(header: Header) -> str | None:
    """Return aeff, edisp, psf, bkg or rad_max by HDUCLAS2, else by the HDU's name."""
    if header.text("XTENSION") != "BINTABLE":
        return None
    kind = _CLASSES.get((header.text("HDUCLAS2") or "").upper())
    if kind and header.text("HDUCLAS1") == "RESPONSE":
        return kind
    return _NAMES.get(header.name)


def _response(path: Place, hdu: Hdu, kind: str) -> Response:
    header = hdu.header
    made = Response(
        response_type=kind,
        gadf_class=_gadf_class(kind, header.text("HDUCLAS4")),
        enclosure=(header.text("HDUCLAS3") or "").upper() or None,
        header=header,
        path=path,
        hdu=header.text("EXTNAME") or "",
        too_large=hdu.too_large,
    )
    if hdu.data is None:
        return made
    try:
        table = columns(hdu, path)
        unit = _energy_unit(header)
        with np.errstate(all="ignore"):
            span = response.axes(table, unit)
            fwhm = response.psf_fwhm_arcsec(table, unit) if kind == "psf" else None
            sigma = response.energy_resolution(table, unit) if kind == "edisp" else None
            sensitive = response.sensitive_tev(table, unit) if kind == "aeff" else None
            cut = response.cut_deg(table)
    except (BadData, ValueError, IndexError, KeyError):
        return made  # no numbers: reported as D222
    return replace(
        made,
        energy_min_tev=_finite(span.energy_min_tev),
        energy_max_tev=_finite(span.energy_max_tev),
        theta_max_deg=_finite(span.theta_max_deg),
        psf_fwhm_arcsec=_finite(fwhm),
        energy_resolution=_finite(sigma),
        offset_deg=_finite(span.offset_deg),
        sensitive_tev=sensitive,
        cut_deg=cut,
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and np.isfinite(value) else None


def _energy_unit(header: Header) -> float:
    """Return TeV per unit of the energy axis."""
    for number in range(1, header.integer("TFIELDS") + 1):
        if (header.text(f"TTYPE{number}") or "").upper() in {"ENERG_LO", "ETRUE_LO"}:
            return TEV.get((header.text(f"TUNIT{number}") or "TeV").upper(), 1.0)
    return 1.0


def _gadf_class(kind: str, hduclas4: str | None) -> str | None:
    """Return the class as GADF 0.3 writes it; older files leave the type out.

    >>> _gadf_class("psf", "3GAUSS"), _gadf_class("aeff", "AEFF_2D")
    ('PSF_3GAUSS', 'AEFF_2D')
    """
    if not hduclas4:
        return None
    name = hduclas4.upper()
    return name if name.startswith(kind.upper()) else f"{kind.upper()}_{name}"


def _named_response(responses: Sequence[Response], ref: HduRef) -> Response | None:
    for one in responses:
        if one.hdu.upper() == ref.hdu or (
            not ref.hdu and one.response_type == ref.hdu_type
        ):
            return one
    return None
