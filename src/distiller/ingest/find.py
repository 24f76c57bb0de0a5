"""Find the runs in files and folders, with index files or without."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from distiller.core.errors import BadData
from distiller.core.identifiers import slug
from distiller.core.places import files_below, is_folder
from distiller.ingest.findings import Finding
from distiller.ingest.fits_stream import Header, read_hdus
from distiller.ingest.index import INDEX_NAME, HduRef, IndexRow, read_index
from distiller.ingest.unreadable import unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from distiller.core.places import Place

FITS_NAME = (".fits", ".fits.gz", ".fit", ".fit.gz", ".fts", ".fts.gz")
_INDEX_ABOVE = 3
"""In how many folders above a single file an index is looked for."""
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
    index_lost
        Whether an index may know more of the run, but cannot be used.
    """

    obs_id: str | None
    events: HduRef
    gti: HduRef | None = None
    responses: tuple[HduRef, ...] = ()
    index_row: IndexRow = field(default_factory=dict)
    index_lost: bool = False

    @property
    def tables(self) -> tuple[HduRef, ...]:
        """Every table that is named for the run."""
        gti = () if self.gti is None else (self.gti,)
        return (self.events, *gti, *self.responses)


@dataclass(frozen=True, slots=True)
class DataSet:
    """The runs of one path that the user named.

    Attributes
    ----------
    path, folder
        What the user named, and the folder of it; of a single file that an index
        names, the folder of the index.
    name
        Derived name of the collection.
    terms
        Terms of use: the text of the README.
    files
        Every FITS file below the path, to resolve CALDB keywords with.
    """

    path: Place
    folder: Place
    name: str
    terms: str | None
    runs: tuple[RunFiles, ...]
    files: tuple[Place, ...]
    findings: tuple[Finding, ...]


def find(path: Place) -> DataSet:
    """Find the runs below a folder, or those of one file.

    Raises
    ------
    BadData
        D100 if there is no data; D101, D102, D116 or D130 if it cannot be read.
    """
    if isinstance(path, Path):
        path = Path(os.path.abspath(path))  # noqa: PTH100 - without `..`, links kept
    whole = _is_folder(path)
    found = _Search()
    folder: Place = path if whole else path.parent
    if whole:
        files = _walk(path, found.findings)
        found.indexes(files)
        found.event_lists(files, named=False)
    elif INDEX_NAME.fullmatch(path.name):
        files = tuple(p for p in _siblings(folder) if INDEX_NAME.fullmatch(p.name))
        found.indexes(files, named=path)
    elif (above := found.indexed_above(path)) is not None:
        folder, files = above, _walk(above, [])
    else:
        files = (path,)
        found.event_lists(files, named=True)
    if not found.runs and not found.findings:
        raise BadData(
            "D100",
            str(path),
            "holds no DL3 data",
            hint="name a folder with GADF index files, or FITS files with EVENTS",
        )
    return DataSet(
        path=path,
        folder=folder,
        name=slug(folder.name).lower(),
        terms=_terms(folder, found.findings),
        runs=tuple(found.runs),
        files=files,
        findings=tuple(found.findings),
    )


def _siblings(folder: Place) -> tuple[Place, ...]:
    """Return the files of a folder, not of those below."""
    if isinstance(folder, Path):
        return tuple(folder.iterdir())
    return tuple(file for file in folder.files() if file.parent == folder)


def _is_folder(path: Place) -> bool:
    """Whether a path that the user named is a folder; else it is a file."""
    if not is_text(path):
        raise BadData("D116", shown(path), "its name is not UTF-8")
    try:
        return is_folder(path)
    except FileNotFoundError as error:
        message = "there is no such file or folder"
        raise BadData("D102", str(path), message) from error
    except OSError as error:
        raise unreadable(path, error) from error


class _Search:
    """Runs and findings as they turn up."""

    def __init__(self) -> None:
        self.runs: list[RunFiles] = []
        self.findings: list[Finding] = []
        self._known: dict[str, set[Place]] = {}
        self._indexed: set[Place] = set()
        self._index_paths: set[Place] = set()
        self._covered: set[Place] = set()
        self._lost: set[Place] = set()

    def indexes(self, files: Sequence[Place], named: Place | None = None) -> None:
        """Take the runs of the index files of every folder."""
        by_folder: dict[Place, list[Place]] = {}
        for file in files:
            if INDEX_NAME.fullmatch(file.name):
                self._index_paths.add(file)
                by_folder.setdefault(file.parent, []).append(file)
        for folder, candidates in sorted(by_folder.items()):
            pair = choose(candidates, named)
            for other in sorted(set(candidates) - {*pair.values()}):
                if named is None:
                    text = f"{pair[kind_of(other)].name} was taken"
                    self.findings.append(Finding("D128", text, str(other)))
            self._folder(folder, pair)

    def indexed_above(self, file: Place) -> Place | None:
        """Take a file as the run that an index of its folders says, if one does.

        So it is the same run as when the folder is ingested. Returns the folder of
        the index; indexes of other files, and those that cannot be read, do not count.
        """
        if not isinstance(file, Path):
            return None  # a store has no folders to look into
        events = _followed(file)
        for folder in list(file.parents)[:_INDEX_ABOVE]:
            try:
                names = [p for p in folder.iterdir() if INDEX_NAME.fullmatch(p.name)]
                pair = choose(names, None)
                index = read_index(pair["hdu"], pair.get("obs"))
            except (OSError, BadData, KeyError):
                continue
            for obs_id, refs in index.hdus.items():
                mine = any(r.hdu_type == "events" and r.path == events for r in refs)
                if mine:
                    row = index.rows.get(obs_id, {})
                    self._indexed_run(pair["hdu"], obs_id, refs, row)
            # Not the other files that the index has for the same runs.
            self.runs = [run for run in self.runs if run.events.path == events]
            if self.runs:
                return folder
        return None

    def _folder(self, folder: Place, pair: dict[str, Place]) -> None:
        if "hdu" not in pair:
            self._lost.add(folder)
            text = "there is no HDU index beside it"
            self.findings.append(Finding("D120", text, str(pair["obs"])))
            return
        try:
            index = read_index(pair["hdu"], pair.get("obs"))
        except BadData as error:
            self._lost.add(folder)
            self.findings.append(Finding("D120", error.finding, error.path))
            return
        self._covered.add(folder)
        self.findings += [
            Finding("D248", text, str(file), obs_id)
            for file, obs_id, text in index.repeated
        ]
        for obs_id, refs in index.hdus.items():
            self._indexed_run(pair["hdu"], obs_id, refs, index.rows.get(obs_id, {}))

    def _indexed_run(
        self, index: Place, obs_id: str, refs: tuple[HduRef, ...], row: IndexRow
    ) -> None:
        """Take a run; where it has several event lists, one of each, to be compared."""
        self._indexed |= {ref.path for ref in refs}
        lists = [ref for ref in refs if ref.hdu_type == "events"]
        if not lists:
            self.findings.append(
                Finding("D105", f"names no events of run {obs_id}", str(index), obs_id)
            )
            return
        known = self._known.setdefault(obs_id, set())
        before = frozenset(known)
        for events in lists:
            self._covered.add(events.path.parent)
            if events.path in before:
                text = f"run {obs_id} was found before"
                self.findings.append(Finding("D125", text, str(index), obs_id))
                continue
            known.add(events.path)
            self.runs.append(_with_tables(obs_id, events, refs, row))

    def event_lists(self, files: Iterable[Place], *, named: bool) -> None:
        """Take the event lists that no index names.

        Below a folder with a usable index, and beside the files that it names, they
        are reported, not taken; elsewhere, and where the user ``named`` the file,
        they are runs.
        """
        for file in files:
            if file in self._index_paths or _followed(file) in self._indexed:
                continue
            beside_index = not named and self._is_below(self._covered, file)
            try:
                headers = [hdu.header for hdu in read_hdus(file, lambda _: False)]
            except BadData as error:
                code, text = error.data_code, error.finding
                if beside_index:
                    code, text = "D123", f"no index names it, and {code}: {text}"
                self.findings.append(Finding(code, text, error.path))
                continue
            if not any(is_events(header) for header in headers):
                if named:
                    self.findings.append(
                        Finding("D105", "there is no EVENTS table", str(file))
                    )
                continue
            if beside_index:
                text = "no index file names this event list"
                self.findings.append(Finding("D123", text, str(file)))
            else:
                ref = HduRef(file, "", "events")
                lost = self._is_below(self._lost, file)
                self.runs.append(RunFiles(obs_id=None, events=ref, index_lost=lost))

    @staticmethod
    def _is_below(folders: set[Place], file: Place) -> bool:
        return not folders.isdisjoint(file.parents)


def _with_tables(
    obs_id: str, events: HduRef, refs: tuple[HduRef, ...], row: IndexRow
) -> RunFiles:
    """Return a run of one event list, without what lies beside another of its lists."""
    others = {ref.path for ref in refs if ref.hdu_type == "events"} - {events.path}
    mine = [ref for ref in refs if ref.path not in others]
    return RunFiles(
        obs_id=obs_id,
        events=events,
        gti=next((ref for ref in mine if ref.hdu_type == "gti"), None),
        responses=tuple(r for r in mine if r.hdu_type not in {"events", "gti"}),
        index_row=row,
    )


def choose(candidates: Iterable[Place], named: Place | None) -> dict[str, Place]:
    """Return the index files of a folder that belong together, by kind.

    The one that the user named comes first, then that of the same variant, then
    the plain names, then the first by name.

    >>> names = ["hdu-index.fits.gz", "hdu-index-old.fits.gz", "obs-index.fits"]
    >>> chosen = choose(map(Path, names), None)
    >>> chosen["hdu"].name, chosen["obs"].name
    ('hdu-index.fits.gz', 'obs-index.fits')
    """
    wanted = "" if named is None else _variant(named)
    found: dict[str, Place] = {}

    def order(file: Place) -> tuple[bool, bool, bool, str]:
        variant = _variant(file)
        return file != named, variant != wanted, variant != "", file.name

    for file in sorted(candidates, key=order):
        found.setdefault(kind_of(file), file)
    return found


def kind_of(index: Place) -> str:
    """Return ``hdu`` or ``obs``."""
    match = INDEX_NAME.fullmatch(index.name)
    return match["kind"].lower() if match else ""


def _variant(index: Place) -> str:
    match = INDEX_NAME.fullmatch(index.name)
    return match["variant"].strip("-_.").lower() if match else ""


def _followed(file: Place) -> Place:
    try:
        return file.resolve()
    except (OSError, RuntimeError):  # a loop of links: reported when it is read
        return file


def is_text(path: Place) -> bool:
    """Whether a path can be stored and shown: its bytes are UTF-8."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def shown(path: Place) -> str:
    r"""Return a path as text whatever its bytes are.

    >>> shown(Path("run\udce9.fits"))
    'run\\xe9.fits'
    """
    return os.fsencode(str(path)).decode("utf-8", "backslashreplace")


def is_events(header: Header) -> bool:
    """Whether a header is that of an event list."""
    if header.text("XTENSION") != "BINTABLE":
        return False
    return header.name == "EVENTS" or header.text("HDUCLAS1") == "EVENTS"


def _walk(folder: Place, findings: list[Finding]) -> tuple[Place, ...]:
    """Return every FITS file below a folder in the order of paths."""

    def note(error: OSError) -> None:
        where = Path(error.filename) if error.filename else folder
        found = unreadable(where, error)
        findings.append(Finding(found.data_code, found.finding, shown(where)))

    files = []
    for file in files_below(folder, note):
        if not file.name.lower().endswith(FITS_NAME):
            continue
        if is_text(file):
            files.append(file)
        else:
            findings.append(Finding("D116", "its name is not UTF-8", shown(file)))
    return tuple(sorted(files))


def _terms(folder: Place, findings: list[Finding]) -> str | None:
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
