"""Bring runs into an archive: each run whole or not at all, as often as one likes.

A few runs at a time go in, in one transaction (docs/decisions/0043-ingest-identity.md).
What is there with the same checksum is left alone; an interrupted ingest is run again
and goes on where it was.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from distiller.core.errors import BadData, BadParameter
from distiller.core.identifiers import slug
from distiller.ingest.find import DataSet, find
from distiller.ingest.findings import Finding
from distiller.ingest.fits_stream import read_hdus
from distiller.ingest.loader import Loader
from distiller.ingest.report import Progress, Report
from distiller.ingest.to_rows import Target

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from distiller.ingest.loader import Writer

_PEEKS = 3
_TITLE = 200


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for.

    Attributes
    ----------
    collection
        None: derived from the name of each folder.
    rights
        ``public`` or ``proprietary``; None: stored runs keep theirs, others are public.
    group
        The group that may see proprietary data.
    release
        When proprietary data become public, UTC.
    """

    collection: str | None = None
    rights: str | None = None
    group: str | None = None
    release: datetime | None = None


def ingest(
    paths: Sequence[Path],
    writer: Writer,
    authority: str,
    options: Options = Options(),
    report: Report | None = None,
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
    report
        Filled as the ingest goes on, so that it holds what was done if it ends early.

    Raises
    ------
    BadData
        If no path holds data; faults of single paths and runs are in the report.
    BadParameter
        If the options contradict each other.
    PassingError
        If the archive cannot be written to now.
    """
    check_options(options)
    began = time.monotonic()
    report = Report() if report is None else report
    try:
        sets = _find_all(paths, report)
        total = sum(len(one.runs) for one in sets)
        done = 0
        loaders: dict[str, Loader] = {}
        for one in sets:
            report.add(one.findings)
            name = options.collection or one.name
            if name not in loaders:
                report.collections.append(name)
                given = options.rights is not None
                loaders[name] = Loader(writer, name, rights_given=given)
            target = _target(one, name, authority, options)
            loader = loaders[name]
            loader.reader.files = one.files
            for outcome in loader.load(one.runs, target):
                done += 1
                report.add(outcome.findings)
                if outcome.name != "skipped":
                    report.counts[outcome.name] += 1
                report.progress(Progress(done, total, name, outcome.run, outcome.name))
    finally:
        report.seconds = time.monotonic() - began
    return report


def _find_all(paths: Sequence[Path], report: Report) -> list[DataSet]:
    """Find the runs of every path; a path without data is a finding among others."""
    sets: list[DataSet] = []
    refused: list[BadData] = []
    for path in paths:
        try:
            sets.append(find(path))
        except BadData as error:
            refused.append(error)
    if not sets:
        raise refused[0]
    report.add(Finding(e.data_code, e.finding, e.path) for e in refused)
    return sets


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


def _target(one: DataSet, name: str, authority: str, options: Options) -> Target:
    return Target(
        authority=authority,
        collection=name,
        rights=options.rights or "public",
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
