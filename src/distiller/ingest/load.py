"""Bring runs into an archive: each run whole or not at all, as often as one likes.

A few runs at a time go in, in one transaction (docs/decisions/0043-ingest-identity.md).
What is there with the same checksum is left alone; an interrupted ingest is run again
and goes on where it was.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, Protocol

from distiller.core.errors import BadData, BadParameter
from distiller.core.identifiers import slug
from distiller.ingest.checks import check
from distiller.ingest.find import DataSet, RunFiles, find
from distiller.ingest.findings import Finding
from distiller.ingest.fits_stream import read_hdus
from distiller.ingest.gadf import Reader, md5_of
from distiller.ingest.report import Report
from distiller.ingest.to_rows import Target, bundle_checksum, to_bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from distiller.core.bundle import Bundle

_AT_ONCE = 16
_PEEKS = 3
_TITLE = 200


class Writer(Protocol):
    """What an archive must offer to be filled."""

    def store_many(
        self, bundles: Sequence[Bundle]
    ) -> tuple[Literal["added", "unchanged", "replaced"], ...]:
        """Store datasets in one transaction, all or none."""

    def checksums(self, collection: str) -> Mapping[str, str]:
        """Return the bundle checksums of a collection by publisher DID."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for.

    Attributes
    ----------
    collection
        None: derived from the name of each folder.
    rights
        ``public`` or ``proprietary``.
    group
        The group that may see proprietary data.
    release
        When proprietary data become public, UTC.
    """

    collection: str | None = None
    rights: str = "public"
    group: str | None = None
    release: datetime | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """Where an ingest is: runs done and to do, and what became of the last one."""

    done: int
    total: int
    collection: str
    run: str
    outcome: str


def ingest(
    paths: Sequence[Path],
    writer: Writer,
    authority: str,
    options: Options = Options(),
    progress: Callable[[Progress], None] = lambda _: None,
) -> Report:
    """Bring the runs of files and folders into an archive.

    Parameters
    ----------
    paths
        Each becomes a collection of its own unless the options name one.
    writer
        The archive.
    authority
        IVOA authority of the site, for the publisher DIDs.
    progress
        Called after every run.

    Raises
    ------
    BadData
        If a path holds no data at all; faults of single runs are in the report.
    BadParameter
        If the options contradict each other.
    """
    check_options(options)
    began = time.monotonic()
    sets = [find(path) for path in paths]
    report = Report()
    total = sum(len(one.runs) for one in sets)
    done = 0
    loaders: dict[str, _Loader] = {}
    for one in sets:
        report.add(one.findings)
        name = options.collection or one.name
        if name not in loaders:
            report.collections.append(name)
            loaders[name] = _Loader(writer, name)
        target = _target(one, name, authority, options)
        loader = loaders[name]
        loader.reader.files = one.files
        for outcome in loader.load_all(one.runs, target):
            done += 1
            report.add(outcome.findings)
            if outcome.name != "skipped":
                report.counts[outcome.name] += 1
            progress(Progress(done, total, name, outcome.run, outcome.name))
    report.seconds = time.monotonic() - began
    return report


def check_options(options: Options) -> None:
    """Refuse options that contradict each other."""
    name = options.collection
    if name is not None and slug(name) != name:
        raise BadParameter(
            "--collection",
            f"{name!r} is no simple name",
            hint=f"letters, digits and . _ + - only, for example {slug(name)}",
        )
    if options.rights == "public" and (options.group or options.release):
        raise BadParameter(
            "--group" if options.group else "--release",
            "public data have no group and no release date",
            hint="add --rights proprietary",
        )


def _target(one: DataSet, name: str, authority: str, options: Options) -> Target:
    return Target(
        authority=authority,
        collection=name,
        rights=options.rights,
        group=options.group,
        release=options.release,
        project=_facility(one),
        title=_title(one.terms),
        terms=one.terms,
    )


def _facility(one: DataSet) -> str | None:
    """Return TELESCOP of the first run that can be read."""
    for run in one.runs[:_PEEKS]:
        try:
            hdus = read_hdus(run.events.path, lambda _: False)
        except BadData:
            continue
        for hdu in hdus:
            if (name := hdu.header.text("TELESCOP")) is not None:
                return name
    return None


def _title(terms: str | None) -> str | None:
    """Return the first line of the README."""
    for line in (terms or "").splitlines():
        words = line.strip("#=-* \t")
        if words:
            return words[:_TITLE]
    return None


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of a run: added, replaced, unchanged or skipped."""

    run: str
    name: str
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class _Ready:
    """A run that waits to be stored."""

    run: str
    bundle: Bundle
    findings: tuple[Finding, ...]


class _Loader:
    """Loads runs into one collection and remembers what it has seen."""

    def __init__(self, writer: Writer, collection: str) -> None:
        self.reader = Reader()
        self._writer = writer
        self._known = dict(writer.checksums(collection))
        self._by_obs_id: dict[str, Path] = {}
        self._by_content: dict[str, Path] = {}

    def load_all(self, runs: Sequence[RunFiles], target: Target) -> Iterator[_Outcome]:
        """Store runs, a few at a time; yield what became of each."""
        waiting: list[_Ready] = []
        for run in runs:
            made = self._prepare(run, target)
            if isinstance(made, _Outcome):
                yield made
                continue
            waiting.append(made)
            if len(waiting) == _AT_ONCE:
                yield from self._store(waiting)
                waiting = []
        yield from self._store(waiting)

    def _store(self, ready: Sequence[_Ready]) -> Iterator[_Outcome]:
        if ready:
            outcomes = self._writer.store_many([one.bundle for one in ready])
            for one, name in zip(ready, outcomes, strict=True):
                yield _Outcome(one.run, name, one.findings)

    def _prepare(self, run: RunFiles, target: Target) -> _Ready | _Outcome:
        """Read and judge one run, unless the archive has it."""
        label = run.obs_id or run.events.path.name
        try:
            if run.obs_id is not None:
                self._refuse_twice(run.obs_id, run)
                if self._is_unchanged(run, run.obs_id, target):
                    self._remember(run.obs_id, run)
                    return _Outcome(label, "unchanged")
            checked = check(self.reader.read(run))
            if run.obs_id is None:
                self._refuse_twice(checked.obs_id, run)
            findings = checked.findings + self._changed(run, checked.obs_id)
        except BadData as error:
            found = Finding(error.data_code, error.finding, error.path, run.obs_id)
            return _Outcome(label, "skipped", (found,))
        checked = replace(checked, findings=findings)
        checksum = bundle_checksum(checked.files, run.index_row, target)
        self._remember(checked.obs_id, run)
        return _Ready(label, to_bundle(checked, target, checksum), findings)

    def _is_unchanged(self, run: RunFiles, obs_id: str, target: Target) -> bool:
        known = self._known.get(target.did(obs_id))
        if known is None:
            return False
        notes = self.reader.notes(run)
        return known == bundle_checksum(notes, run.index_row, target)

    def _refuse_twice(self, obs_id: str, run: RunFiles) -> None:
        path = run.events.path
        first = self._by_obs_id.get(obs_id)
        if first is not None:
            message = f"run {obs_id} was taken from {first}"
            raise BadData("D110", str(path), message)
        copied = self._by_content.get(self.reader.note(path, "events").sha256)
        if copied is not None:
            raise BadData("D111", str(path), f"the same bytes as {copied}")

    def _remember(self, obs_id: str, run: RunFiles) -> None:
        path = run.events.path
        self._by_obs_id[obs_id] = path
        self._by_content[self.reader.note(path, "events").sha256] = path

    def _changed(self, run: RunFiles, obs_id: str) -> tuple[Finding, ...]:
        """Compare checksums of the index with the files."""
        wanted = {
            ref.path: ref.md5
            for ref in (run.events, run.gti)
            if ref is not None and ref.md5
        }
        return tuple(
            Finding("D124", f"MD5 is not {md5} as in the index", str(path), obs_id)
            for path, md5 in wanted.items()
            if md5_of(path) != md5
        )
