"""What was refused is remembered until it goes in (decision 0047)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from distiller.core.errors import BadData
from distiller.core.places import place
from distiller.core.refusal import Refusal
from distiller.core.times import now
from distiller.ingest.findings import refuses

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from distiller.ingest.find import DataSet, RunFiles
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


@dataclass(slots=True)
class Memory:
    """Collects what one request refuses and takes in, and writes it to the archive."""

    request: Request
    _refused: list[Finding] = field(default_factory=list)
    _taken: set[str] = field(default_factory=set)

    def add(self, findings: Iterable[Finding]) -> None:
        """Take note of what refuses something."""
        self._refused += [one for one in findings if refuses(one)]

    def take(self, path: str) -> None:
        """Take note that a run is in the archive."""
        self._taken.add(path)

    def write(self, writer: Writer, reader: Reader) -> None:
        """Remember what was refused; forget what was tried again and is no more."""
        request = self.request
        before = {one.refusal_id: one for one in writer.refusals(request.collection)}
        found: dict[str, Refusal] = {}
        for one in self._refused:
            made = self._refusal(one, reader)
            first = before.get(made.refusal_id, made).first_refused
            found.setdefault(made.refusal_id, replace(made, first_refused=first))
        cleared = [
            name
            for name, old in before.items()
            if name not in found
            and (old.source == request.source or old.path in self._taken)
        ]
        if found or cleared:
            writer.record_refusals(list(found.values()), cleared)

    def _refusal(self, finding: Finding, reader: Reader) -> Refusal:
        request, moment = self.request, now()
        return Refusal(
            collection=request.collection,
            path=finding.path,
            obs_id=finding.obs_id,
            code=finding.code,
            message=finding.message,
            checksum=_checksum(finding.path, reader),
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


def only_refused(one: DataSet, refused: Sequence[Refusal]) -> DataSet:
    """Return a set with those of its runs that were refused.

    All of them where something else than a run was refused, such as an index.
    """
    chosen: list[RunFiles] = []
    matched: set[str] = set()
    for run in one.runs:
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
    if matched != {old.refusal_id for old in refused}:
        return one
    return replace(one, runs=tuple(chosen))
