"""What was refused is remembered until it goes in (decision 0047)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from distiller.core.errors import BadData
from distiller.core.places import place
from distiller.core.refusal import Refusal
from distiller.core.times import now
from distiller.ingest.findings import refuses
from distiller.ingest.left_out import LEFT_OUT

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence
    from datetime import datetime

    from distiller.ingest.find import RunFiles
    from distiller.ingest.findings import Finding
    from distiller.ingest.gadf import Reader
    from distiller.ingest.loader import Writer


@dataclass(frozen=True, slots=True)
class Request:
    """How one path was to be ingested; the same again tries the same.

    Attributes
    ----------
    source
        The path that the user named.
    settings_file, rights, group, release
        As the command gave them; None: not given.
    """

    collection: str
    source: str
    settings_file: str | None = None
    rights: str | None = None
    group: str | None = None
    release: datetime | None = None

    @classmethod
    def of(cls, refusal: Refusal) -> Request:
        """Return the request that led to a refusal."""
        return cls(
            refusal.collection,
            refusal.source,
            refusal.settings_file,
            refusal.rights,
            refusal.access_group,
            refusal.release_date,
        )


class Run(Protocol):
    """What is asked of a run that is to go in."""

    @property
    def run(self) -> str:
        """Its name, of its files or its OBS_ID."""

    @property
    def path(self) -> str:
        """Its event list."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found of it."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What a transaction is to write: refusals, and keys of those to be forgotten."""

    added: tuple[Refusal, ...]
    cleared: tuple[str, ...]


@dataclass(slots=True)
class Memory:
    """Collects what one request refuses and takes in, and writes it to the archive.

    Refusals are written with the runs of their time, so that they outlive an ingest
    that is killed; what it did not come to is forgotten at its end.
    """

    request: Request
    _refused: list[Finding] = field(default_factory=list)
    _taken: set[tuple[str, str]] = field(default_factory=set)
    _paths: set[str] = field(default_factory=set)
    _written: set[str] = field(default_factory=set)
    _before: dict[str, Refusal] | None = None
    _by_path: dict[str, list[Refusal]] = field(default_factory=dict)

    def add(self, findings: Iterable[Finding]) -> None:
        """Take note of what refuses something."""
        self._refused += [one for one in findings if refuses(one)]

    def leave_out(self, findings: Iterable[Finding]) -> None:
        """Take note of what the settings leave out; it is listed with the refused."""
        self._refused += findings

    def take(self, path: str, run: str) -> None:
        """Take note that a run is in the archive."""
        self._taken.add((path, run))
        self._paths.add(path)

    @property
    def due(self) -> int:
        """How many refusals are not written yet."""
        return len(self._refused)

    def changes(self, writer: Writer, reader: Reader, going: Sequence[Run]) -> Changes:
        """Return what is to be written with runs that go in."""
        before = self._known(writer)
        found = self._refused + [f for one in going for f in one.findings if refuses(f)]
        added: dict[str, Refusal] = {}
        for one in found:
            made = self._refusal(one, reader)
            first = before.get(made.refusal_id, made).first_refused
            if made.refusal_id not in self._written:
                added.setdefault(made.refusal_id, replace(made, first_refused=first))
        taken = self._taken | {(one.path, one.run) for one in going}
        untrue = {
            old.refusal_id
            for path, run in taken
            for old in self._by_path.get(path, ())
            if old.obs_id in {None, run}
        }
        cleared = untrue - added.keys() - self._written
        return Changes(tuple(added.values()), tuple(sorted(cleared)))

    def wrote(self, changes: Changes, gone: Sequence[Run] = ()) -> None:
        """Take note of what is in the archive now."""
        self._refused.clear()
        self._taken.clear()
        self._paths.update(one.path for one in gone)
        self._written.update(one.refusal_id for one in changes.added)

    def write(self, writer: Writer, reader: Reader) -> None:
        """Write the rest; forget what was tried again and is refused no more."""
        last = self.changes(writer, reader, ())
        self.wrote(last)
        cleared = [
            name
            for name, old in self._known(writer).items()
            if name not in self._written
            and (old.source == self.request.source or old.path in self._paths)
        ]
        if last.added or cleared:
            writer.record_refusals(last.added, cleared)

    def _known(self, writer: Writer) -> dict[str, Refusal]:
        """Return what was refused before this request, by key."""
        if self._before is None:
            collection = self.request.collection
            refused = writer.refusals(collection)
            self._before = {one.refusal_id: one for one in refused}
            for one in refused:
                self._by_path.setdefault(one.path, []).append(one)
        return self._before

    def _refusal(self, finding: Finding, reader: Reader) -> Refusal:
        request, moment = self.request, now()
        return Refusal(
            collection=request.collection,
            path=finding.path,
            obs_id=finding.obs_id,
            code=finding.code,
            message=finding.message,
            checksum=None
            if finding.code == LEFT_OUT
            else _checksum(finding.path, reader),
            source=request.source,
            settings_file=request.settings_file,
            rights=request.rights,
            access_group=request.group,
            release_date=request.release,
            first_refused=moment,
            last_refused=moment,
        )


def _checksum(path: str, reader: Reader) -> str | None:
    try:
        return reader.note(place(path), "refused").sha256
    except BadData:
        return None


def only_refused(
    found: tuple[RunFiles, ...], refused: Sequence[Refusal], left_out: Container[str]
) -> tuple[RunFiles, ...]:
    """Return those of the runs of a path that were refused.

    All of them where something else than a run was refused, such as an index.

    Parameters
    ----------
    left_out
        Paths that the settings leave out by now.
    """
    chosen: list[RunFiles] = []
    matched: set[str] = set()
    for run in found:
        paths = {str(run.events.path), *(str(ref.path) for ref in run.responses)}
        if run.gti is not None:
            paths.add(str(run.gti.path))
        mine = [
            old.refusal_id
            for old in refused
            if old.path in paths and old.obs_id in {None, run.obs_id}
        ]
        if mine:
            chosen.append(run)
            matched.update(mine)
    runs = {
        old.refusal_id
        for old in refused
        if old.code != LEFT_OUT and old.path not in left_out
    }
    if not runs <= matched:
        return found
    return tuple(chosen)
