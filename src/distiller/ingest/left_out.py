"""Files that settings or indexes leave out, each told; and whether they are stored."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from pydantic import Field

from distiller.ingest.find import shown
from distiller.ingest.findings import Finding
from distiller.ingest.parts import Part, Text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from distiller.core.places import Place
    from distiller.ingest.find import DataSet

LEFT_OUT: Final = "D246"
"""Code of what is left out; it is remembered with what is refused."""


NOT_NAMED: Final = "D123"
"""Code of an event list that the index beside it does not name."""


class Ignore(Part):
    """Files that are not to go in.

    An event list that is left out is no run, whether an index names it or not; a
    response file is as if no index named it. Each file is told with the reason (D246),
    and `distiller refused` lists it. Runs that are stored stay until they are removed.
    """

    files: tuple[Text, ...] = Field(
        min_length=1,
        description='Names of files, such as `"*_old.fits"`, or paths below the folder '
        'with a slash, such as `"calibration/*"` (all that is below it).',
    )
    reason: Text = Field(description="Why; told and remembered.")


def without_ignored(
    found: DataSet, ignored: Sequence[Ignore]
) -> tuple[DataSet, tuple[Finding, ...]]:
    """Return a set without what the settings leave out, and a finding for each."""
    if not ignored:
        return found, ()
    choice = _Choice(found.folder, ignored)
    told: dict[tuple[str, str | None], Finding] = {}

    def tell(path: str, obs_id: str | None, reason: str) -> None:
        told.setdefault((path, obs_id), Finding(LEFT_OUT, reason, path, obs_id))

    runs = []
    for run in found.runs:
        if (reason := choice.reason(run.events.path)) is not None:
            tell(shown(run.events.path), run.obs_id, reason)
            continue
        kept = []
        for ref in run.responses:
            reason = choice.reason(ref.path)
            if reason is None or ref.path == run.events.path:
                kept.append(ref)
            else:
                tell(shown(ref.path), None, reason)
        runs.append(replace(run, responses=tuple(kept)))
    findings = []
    for one in found.findings:
        if (reason := choice.reason(one.path)) is None:
            findings.append(one)
        else:
            tell(one.path, one.obs_id, reason)
    left = replace(
        found,
        runs=tuple(runs),
        files=tuple(file for file in found.files if choice.reason(file) is None),
        findings=tuple(findings),
    )
    return left, tuple(told.values())


def still_stored(
    left_out: Sequence[Finding], stored: Mapping[str, str]
) -> tuple[Finding, ...]:
    """Say of each file whether a run of it is in the archive.

    Parameters
    ----------
    stored
        The run of each event list of the collection.
    """
    return tuple(
        replace(
            one,
            message=f"{one.message}; run {stored[one.path]} is stored and stays "
            "until `distiller remove`",
        )
        if one.path in stored
        else one
        for one in left_out
    )


def not_named_but_stored(
    findings: Sequence[Finding], stored: Mapping[str, tuple[str, str]]
) -> tuple[Finding, ...]:
    """Say of files that no index names which are in the archive, and who may see them.

    Parameters
    ----------
    stored
        Run and rights of each event list of the collection.
    """
    told = []
    for one in findings:
        if one.code == NOT_NAMED and one.path in stored:
            run, rights = stored[one.path]
            text = f"run {run} of it is stored and stays as it is, {rights}"
            told.append(Finding("D251", text, one.path, run))
        else:
            told.append(one)
    return tuple(told)


class _Choice:
    """Which files below a folder are left out."""

    def __init__(self, folder: Place, ignored: Sequence[Ignore]) -> None:
        # Indexes name files by where links lead to.
        self._roots = {f"{folder}/", f"{folder.resolve()}/"}
        self._patterns = [(glob, one.reason) for one in ignored for glob in one.files]

    def reason(self, path: Place | str) -> str | None:
        """Return why a file is left out; None: it is not."""
        text = str(path)
        name = text.rpartition("/")[2]
        below = next(
            (text.removeprefix(r) for r in self._roots if text.startswith(r)), text
        )
        return next(
            (
                reason
                for glob, reason in self._patterns
                if fnmatchcase(below if "/" in glob else name, glob)
            ),
            None,
        )
