"""Bring runs into an archive: each run whole or not at all, as often as one likes.

A few runs at a time go in, in one transaction (docs/decisions/0043-ingest-identity.md).
What is there with the same checksum is left alone; an interrupted ingest is run again
and goes on where it was.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from distiller.core.errors import BadData, BadParameter
from distiller.core.identifiers import slug
from distiller.core.places import place
from distiller.ingest.collection_file import Declared, declared
from distiller.ingest.fill import kinds_of
from distiller.ingest.find import DataSet, find
from distiller.ingest.findings import Finding
from distiller.ingest.fits_stream import read_hdus
from distiller.ingest.gadf import Reader
from distiller.ingest.left_out import (
    NOT_NAMED,
    not_named_but_stored,
    still_stored,
    without_ignored,
)
from distiller.ingest.loader import Loader
from distiller.ingest.refused import Memory, Request, only_refused
from distiller.ingest.report import Progress, Report
from distiller.ingest.to_rows import Target

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from distiller.core.places import Place
    from distiller.core.refusal import Refusal
    from distiller.ingest.find import RunFiles
    from distiller.ingest.loader import Writer

_COLLECTION = (
    "SELECT c.title, c.terms, p.name AS project FROM cta.collection c "
    "LEFT JOIN cta.project p ON p.project_id = c.project_id WHERE c.name = ?"
)
_EVENT_LISTS = (
    "SELECT f.path, p.obs_id, p.rights FROM cta.product_file f "
    "JOIN cta.product p ON p.product_id = f.product_id "
    "JOIN cta.collection c ON c.collection_id = p.collection_id "
    "WHERE f.role = 'events' AND c.name = ?"
)
_PEEKS = 3
_TITLE = 200
_LATER = frozenset({"D101", "D130"})  # of a path: one that is not there was mistyped


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for.

    Attributes
    ----------
    collection
        None: that of the settings file, else derived from the name of each folder.
    rights
        ``public`` or ``proprietary``; None: as the settings say, else stored and
        removed runs keep theirs and others are public.
    group
        The group that may see proprietary data.
    release
        When proprietary data become public, UTC.
    settings
        Settings file of the collection.
    home_settings
        Folder with the settings files of the installation.
    restore
        Runs that are taken in although they were removed before.
    """

    collection: str | None = None
    rights: str | None = None
    group: str | None = None
    release: datetime | None = None
    settings: Path | None = None
    home_settings: Path | None = None
    restore: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Work:
    """One path with all that is known before its runs are read.

    Attributes
    ----------
    found
        Without what the settings leave out.
    left_out
        A finding for each file that they leave out.
    tried
        Those of the runs found that are to go in.
    """

    found: DataSet
    left_out: tuple[Finding, ...]
    tried: tuple[RunFiles, ...]
    said: Declared
    request: Request


def ingest(
    paths: Sequence[Place],
    writer: Writer,
    authority: str,
    options: Options = Options(),
    report: Report | None = None,
) -> Report:
    """Bring the runs of files and folders into an archive.

    Parameters
    ----------
    paths
        Each becomes a collection of its own unless options or settings name one.
    writer
        The archive.
    authority
        IVOA authority of the site, for the publisher DIDs.
    report
        Filled as the ingest goes on, so that it holds what was done if it ends early.

    Raises
    ------
    BadData
        If no path holds data; faults of single paths and runs are in the report.
    BadParameter
        If the options contradict each other, or a settings file is wrong, or a
        collection holds runs of another authority.
    PassingError
        If the archive cannot be written to now.
    """
    check_options(options)
    report = Report() if report is None else report
    with _Watch(report):
        sets, refused = _find_all(paths)
        works = [_work(one, options) for one in sets]
        loaders = _loaders(works, writer, authority, options.restore)
        for path, error in refused:
            found = Finding(error.data_code, error.finding, error.path)
            report.add([found])
            if found.code in _LATER:
                where = os.path.abspath(path) if isinstance(path, Path) else str(path)  # noqa: PTH100 - links kept
                memory = Memory(_request(_name(path), where, options))
                memory.add([found])
                memory.write(writer, Reader())
        _load(works, loaders, writer, authority, report)
    return report


def ingest_refused(
    writer: Writer,
    authority: str,
    options: Options = Options(),
    report: Report | None = None,
) -> Report:
    """Try again what was refused, each with the options of its time.

    Parameters
    ----------
    options
        Those that are given beat those of then; a collection chooses what is tried.

    Raises
    ------
    BadParameter, PassingError
        As `ingest`.
    """
    check_options(options)
    report = Report() if report is None else report
    groups: dict[Request, list[Refusal]] = {}
    for one in writer.refusals(options.collection):
        groups.setdefault(Request.of(one), []).append(one)
    works: list[_Work] = []
    with _Watch(report):
        for request, refused in groups.items():
            try:
                found = find(place(request.source))
            except BadData as error:
                report.add([Finding(error.data_code, error.finding, error.path)])
                continue
            try:
                work = _work(found, _of_then(request, options))
            except BadParameter as error:
                where = str(options.settings or request.settings_file or request.source)
                report.add([Finding("D132", error.text, where)])
                continue
            left_out = {one.path for one in work.left_out}
            tried = only_refused(work.found.runs, refused, left_out)
            works.append(replace(work, tried=tried))
        loaders = _loaders(works, writer, authority, options.restore)
        _load(works, loaders, writer, authority, report)
    return report


def _of_then(request: Request, now: Options) -> Options:
    """Return the options of an earlier command, with those that are given now."""
    given = now if now.rights is not None else request
    settings = Path(request.settings_file) if request.settings_file else None
    return Options(
        collection=request.collection,
        rights=given.rights,
        group=given.group,
        release=given.release,
        settings=now.settings or settings,
        home_settings=now.home_settings,
        restore=now.restore,
    )


class _Watch:
    """Writes into a report how long something took, however it ends."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._began = time.monotonic()

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        self._report.seconds = time.monotonic() - self._began


def _find_all(
    paths: Sequence[Place],
) -> tuple[list[DataSet], list[tuple[Place, BadData]]]:
    """Find the runs of every path; return with them the paths that have none."""
    sets: list[DataSet] = []
    refused: list[tuple[Place, BadData]] = []
    for path in paths:
        try:
            sets.append(find(path))
        except BadData as error:
            refused.append((path, error))
    if not sets:
        raise refused[0][1]
    return sets, refused


def _name(path: Place) -> str:
    """Return the name of the collection of a path that cannot be looked into."""
    return slug((path.parent if path.suffix else path).name).lower()


def _work(one: DataSet, options: Options) -> _Work:
    """Return a path with its settings, before anything is written."""
    named = options.settings
    said = declared(
        options.collection or one.name, named, options.home_settings, one.folder
    )
    name = said.settings.name or one.name
    request = _request(name, str(one.path), options)
    found, left_out = without_ignored(one, said.settings.ignore)
    return _Work(found, left_out, found.runs, said, request)


def _request(name: str, source: str, options: Options) -> Request:
    named = options.settings
    return Request(
        collection=options.collection or name,
        source=source,
        settings_file=None if named is None else str(named.absolute()),
        rights=options.rights,
        group=options.group,
        release=options.release,
    )


def _loaders(
    works: Sequence[_Work], writer: Writer, authority: str, restore: frozenset[str]
) -> dict[str, Loader]:
    """Return a loader for each collection, before anything is written.

    Raises
    ------
    BadParameter
        If a collection holds runs of another authority, or a run that is to be
        restored was never there.
    """
    loaders: dict[str, Loader] = {}
    for work in works:
        request = work.request
        name, given = request.collection, request.rights is not None
        if name not in loaders:
            loaders[name] = Loader(
                writer, name, authority, rights_given=given, restore=restore
            )
        settings = work.said.settings
        kinds = kinds_of(settings.fill, work.said.where or "", writer)
        loaders[name].kinds.update(kinds)
        loaders[name].claims.add(work.found.runs, work.tried, settings)
    known = frozenset().union(*(one.known for one in loaders.values()))
    if unknown := sorted(restore - known):
        raise BadParameter(
            "--restore",
            f"run {unknown[0]} was not removed from {' or '.join(loaders)}",
            hint="`distiller history DID` tells what became of a run",
        )
    return loaders


def _load(
    works: Sequence[_Work],
    loaders: dict[str, Loader],
    writer: Writer,
    authority: str,
    report: Report,
) -> None:
    total = sum(len(work.tried) for work in works)
    done = 0
    folders: dict[str, _Work] = {}
    for work in works:
        name, settings = work.request.collection, work.said.settings
        accepted = _accepted(work)
        memory = Memory(work.request)
        report.begin(name)
        report.add(_about_files(work, writer), accepted, name)
        memory.add(work.found.findings)
        _leave_out(work, writer, report, memory)
        target = _target(work, authority, writer)
        loader = loaders[name]
        loader.reader.files = work.found.files
        for outcome in loader.load(work.tried, target, settings, memory):
            done += 1
            report.add(outcome.findings, accepted, name)
            if outcome.name != "refused":  # counted with its finding
                report.count(outcome.name, name)
            report.progress(Progress(done, total, name, outcome.run, outcome.name))
        memory.write(writer, loader.reader)
        if work.found.path == work.found.folder:
            folders[name] = work
    # Once all is in: several paths may fill one collection.
    for name, work in folders.items():
        target, refused = _target(work, authority, writer), report.refused_runs(name)
        unknown = loaders[name].unknown_runs(target, refused)
        where = work.said.where or ""
        report.add(
            [Finding("D231", words, where) for words in unknown],
            _accepted(work),
            name,
        )


def _about_files(work: _Work, writer: Writer) -> tuple[Finding, ...]:
    """Return what was found; of files that no index names, whether they are stored."""
    findings = work.found.findings
    if all(one.code != NOT_NAMED for one in findings):
        return findings
    rows = writer.rows(_EVENT_LISTS, [work.request.collection])
    stored = {row["path"]: (row["obs_id"], row["rights"]) for row in rows}
    return not_named_but_stored(findings, stored)


def _leave_out(work: _Work, writer: Writer, report: Report, memory: Memory) -> None:
    """Tell and remember what the settings leave out."""
    if not work.left_out:
        return
    name = work.request.collection
    rows = writer.rows(_EVENT_LISTS, [name])
    told = still_stored(work.left_out, {row["path"]: row["obs_id"] for row in rows})
    memory.leave_out(told)
    report.add(told, _accepted(work), name)
    for _ in told:
        report.count("ignored", name)


def _accepted(work: _Work) -> frozenset[str]:
    """Return the codes of findings that the settings of a path accept."""
    return frozenset(one.code for one in work.said.settings.accept)


def check_options(options: Options) -> None:
    """Refuse options that contradict each other."""
    name = options.collection
    if name is not None and slug(name) != name:
        raise BadParameter(
            "--collection",
            f"{name!r} is no simple name",
            hint=f"letters, digits and . _ + - only, for example {slug(name)}",
        )
    if options.rights != "proprietary" and (options.group or options.release):
        raise BadParameter(
            "--group" if options.group else "--release",
            "public data have no group and no release date",
            hint="add --rights proprietary",
        )


def _target(work: _Work, authority: str, writer: Writer) -> Target:
    """Return where the runs of a path go.

    What a single file does not say of its collection is what the collection has, so
    that a run is the same whether it is named or its folder.
    """
    request, settings = work.request, work.said.settings
    found = work.found
    held: dict[str, str | None] = {}
    if found.path != found.folder:
        held = next(iter(writer.rows(_COLLECTION, [request.collection])), {})
    terms = settings.terms or held.get("terms") or found.terms
    project = settings.project or held.get("project") or _facility(found)
    return Target(
        authority=authority,
        collection=request.collection,
        rights=request.rights or "public",
        group=request.group,
        release=request.release,
        project=project,
        title=settings.title or held.get("title") or _title(terms),
        terms=terms,
        config=work.said.file,
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
