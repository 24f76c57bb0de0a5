"""Find the runs in files and folders, with index files or without."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from distiller.core.errors import BadData
from distiller.core.identifiers import slug
from distiller.ingest.findings import Finding
from distiller.ingest.fits_stream import Header, read_hdus
from distiller.ingest.index import INDEX_NAME, HduRef, IndexRow, read_index

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

FITS_NAME = (".fits", ".fits.gz", ".fit", ".fit.gz", ".fts", ".fts.gz")
_TERMS_BYTES = 20_000
_TERMS_NAMES = ("README.txt", "README.md", "README", "LICENSE", "LICENSE.txt")


@dataclass(frozen=True, slots=True)
class RunFiles:
    """Where the tables of one run lie, before any is read.

    Attributes
    ----------
    obs_id
        By the index; None where only the file itself can tell.
    events
        The event list.
    gti
        Its good time intervals; None: in the file of the events.
    responses
        By the index; empty: in the file of the events, or by its CALDB keywords.
    index_row
        Row of the observation index; empty where there is none.
    """

    obs_id: str | None
    events: HduRef
    gti: HduRef | None = None
    responses: tuple[HduRef, ...] = ()
    index_row: IndexRow = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DataSet:
    """The runs of one path that the user named.

    Attributes
    ----------
    name
        Derived name of the collection.
    terms
        Terms of use: the text of the README.
    files
        Every FITS file below the path, to resolve CALDB keywords with.
    """

    path: Path
    name: str
    terms: str | None
    runs: tuple[RunFiles, ...]
    files: tuple[Path, ...]
    findings: tuple[Finding, ...]


def find(path: Path) -> DataSet:
    """Find the runs below a folder, or those of one file.

    Raises
    ------
    BadData
        D100 if there is no data, D101 or D102 if the path cannot be read.
    """
    path = path.absolute()
    if not path.exists():
        raise BadData("D102", str(path), "there is no such file or folder")
    found = _Search()
    folder = path if path.is_dir() else path.parent
    if path.is_dir():
        files = _walk(path, found.findings)
        found.indexes(files)
        found.event_lists(files, named=False)
    else:
        files = (path,)
        if INDEX_NAME.fullmatch(path.name):
            files = tuple(p for p in folder.iterdir() if INDEX_NAME.fullmatch(p.name))
            found.indexes(files)
        else:
            found.event_lists(files, named=True)
    if not found.runs and not found.findings:
        raise BadData(
            "D100",
            str(path),
            "holds no DL3 data",
            hint="name a folder with GADF index files, or FITS files with EVENTS",
        )
    terms = _terms(folder, found.findings) if path.is_dir() else None
    return DataSet(
        path=path,
        name=slug(folder.name).lower(),
        terms=terms,
        runs=tuple(found.runs),
        files=files,
        findings=tuple(found.findings),
    )


class _Search:
    """Runs and findings as they turn up."""

    def __init__(self) -> None:
        self.runs: list[RunFiles] = []
        self.findings: list[Finding] = []
        self._known: set[tuple[str, Path]] = set()
        self._indexed: set[Path] = set()
        self._index_paths: set[Path] = set()
        self._folders: list[Path] = []

    def indexes(self, files: Sequence[Path]) -> None:
        """Take the runs of every pair of index files."""
        pairs: dict[Path, dict[str, Path]] = {}
        for file in files:
            match = INDEX_NAME.fullmatch(file.name)
            if match:
                self._index_paths.add(file)
                kind = match["kind"].lower()
                pairs.setdefault(file.parent, {}).setdefault(kind, file)
        for folder, pair in sorted(pairs.items()):
            if "hdu" not in pair:
                self.findings.append(
                    Finding("D120", "there is no HDU index beside it", str(pair["obs"]))
                )
                continue
            try:
                index = read_index(pair["hdu"], pair.get("obs"))
            except BadData as error:
                self.findings.append(Finding("D120", error.finding, error.path))
                continue
            self._folders.append(folder)
            for obs_id, refs in index.hdus.items():
                self._indexed_run(pair["hdu"], obs_id, refs, index.rows.get(obs_id, {}))

    def _indexed_run(
        self, index: Path, obs_id: str, refs: tuple[HduRef, ...], row: IndexRow
    ) -> None:
        self._indexed |= {ref.path for ref in refs}
        events = next((r for r in refs if r.hdu_type == "events"), None)
        if events is None:
            self.findings.append(
                Finding("D105", f"names no events of run {obs_id}", str(index), obs_id)
            )
            return
        if (obs_id, events.path) in self._known:
            self.findings.append(
                Finding("D125", f"run {obs_id} was found before", str(index), obs_id)
            )
            return
        self._known.add((obs_id, events.path))
        self.runs.append(
            RunFiles(
                obs_id=obs_id,
                events=events,
                gti=next((r for r in refs if r.hdu_type == "gti"), None),
                responses=tuple(r for r in refs if r.hdu_type not in {"events", "gti"}),
                index_row=row,
            )
        )

    def event_lists(self, files: Iterable[Path], *, named: bool) -> None:
        """Take the event lists that no index names.

        Below a folder with a usable index they are reported, not taken; elsewhere, and
        where the user ``named`` the file, they are runs.
        """
        for file in files:
            if file in self._index_paths or file.resolve() in self._indexed:
                continue
            beside_index = bool(self._folders) and not named
            try:
                headers = [hdu.header for hdu in read_hdus(file, lambda _: False)]
            except BadData as error:
                if not beside_index:
                    self.findings.append(
                        Finding(error.data_code, error.finding, error.path)
                    )
                continue
            if not any(is_events(header) for header in headers):
                if named:
                    self.findings.append(
                        Finding("D105", "there is no EVENTS table", str(file))
                    )
                continue
            if beside_index:
                self.findings.append(
                    Finding("D123", "no index file names this event list", str(file))
                )
            else:
                ref = HduRef(file, "", "events")
                self.runs.append(RunFiles(obs_id=None, events=ref))


def is_events(header: Header) -> bool:
    """Whether a header is that of an event list."""
    if header.text("XTENSION") != "BINTABLE":
        return False
    return header.name == "EVENTS" or header.text("HDUCLAS1") == "EVENTS"


def _walk(folder: Path, findings: list[Finding]) -> tuple[Path, ...]:
    """Return every FITS file below a folder in the order of paths."""

    def note(error: OSError) -> None:
        where = str(error.filename or folder)
        findings.append(Finding("D101", f"cannot be read: {error.strerror}", where))

    return tuple(sorted(_fits_files(folder, note)))


def _fits_files(folder: Path, note: object) -> Iterator[Path]:
    for place, folders, names in os.walk(folder, onerror=note):  # type: ignore[arg-type]
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if name.lower().endswith(FITS_NAME) and not name.startswith("."):
                yield Path(place) / name


def _terms(folder: Path, findings: list[Finding]) -> str | None:
    """Return the text of the README, which holds the terms of use."""
    for name in _TERMS_NAMES:
        file = folder / name
        try:
            with file.open("rb") as stream:
                content = stream.read(_TERMS_BYTES + 1)
        except OSError:
            continue
        if len(content) > _TERMS_BYTES:
            findings.append(
                Finding("D225", f"only {_TERMS_BYTES} bytes are stored", str(file))
            )
        text = content[:_TERMS_BYTES].decode("utf-8", "replace").replace("\x00", "")
        return text.strip() or None
    return None
