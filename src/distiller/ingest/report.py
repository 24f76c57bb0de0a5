"""What an ingest did, for a person and for a program."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from distiller.ingest.findings import CODES, FILE_REFUSED, Finding, refuses

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable

OUTCOMES = (
    "added",
    "replaced",
    "unchanged",
    "refused",
    "withheld",
    "ignored",
    "refused_files",
)
_ALWAYS = OUTCOMES[:4]
"""Outcomes that are told even where there are none."""

_OF_FILES = FILE_REFUSED | {"D120"}
"""Codes of what is refused and is no run: responses and indexes."""

_SHOWN_FILES = 5
_ORDER = {"error": 0, "warning": 1, "note": 2}


@dataclass(frozen=True, slots=True)
class Progress:
    """Where an ingest is: runs done and to do, and what became of the last one."""

    done: int
    total: int
    collection: str
    run: str
    outcome: str


def _silent(at: Progress) -> None:
    """Tell nobody."""


@dataclass(slots=True)
class Report:
    """Counts and findings of one ingest.

    Attributes
    ----------
    counts
        Runs by outcome, one of `OUTCOMES`; what is refused has an error among the
        findings; withheld runs were removed before, ignored ones and files the settings
        leave out; ``refused_files`` are no runs but responses and index files.
    by_collection
        The same for each collection; what was refused before its collection was known
        (a path that is not there) is in ``counts`` only.
    accepted
        Findings by code that the settings accept; they are only counted.
    collections
        Names of the collections that were filled.
    seconds
        Time that it took.
    progress
        Called after every run.
    """

    counts: Counter[str] = field(default_factory=Counter)
    by_collection: dict[str, Counter[str]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    accepted: Counter[str] = field(default_factory=Counter)
    collections: list[str] = field(default_factory=list)
    seconds: float = 0.0
    progress: Callable[[Progress], None] = _silent
    _refused: set[tuple[str | None, str, str, str | None]] = field(default_factory=set)

    @property
    def refused(self) -> int:
        """Number of runs and files that were refused."""
        return self.counts["refused"] + self.counts["refused_files"]

    def refused_runs(self, collection: str) -> frozenset[str]:
        """Return the runs of a collection that were refused, those with a name."""
        return frozenset(
            run for name, _, _, run in self._refused if name == collection and run
        )

    def begin(self, collection: str) -> None:
        """Take note that a collection is being filled."""
        if collection not in self.by_collection:
            self.collections.append(collection)
            self.by_collection[collection] = Counter()

    def count(self, outcome: str, collection: str | None) -> None:
        """Count what became of one run, or of one file."""
        self.counts[outcome] += 1
        if collection is not None:
            self.by_collection[collection][outcome] += 1

    def add(
        self,
        findings: Iterable[Finding],
        accepted: Container[str] = frozenset(),
        collection: str | None = None,
    ) -> None:
        """Add findings; runs and files that are refused are counted, each once.

        Those with an accepted code are only counted.

        Parameters
        ----------
        collection
            Whose they are; None: not known.
        """
        for finding in findings:
            if finding.code in accepted:
                self.accepted[finding.code] += 1
                continue
            self.findings.append(finding)
            if not refuses(finding):
                continue
            # A file is refused once, however many runs it belongs to.
            is_file = finding.code in FILE_REFUSED
            run = None if is_file else finding.obs_id
            refused = collection, finding.code, finding.path, run
            if refused not in self._refused:
                kind = "refused_files" if finding.code in _OF_FILES else "refused"
                self.count(kind, collection)
            self._refused.add(refused)

    def _grouped(self) -> list[tuple[str, list[Finding]]]:
        groups: dict[str, list[Finding]] = {}
        for finding in self.findings:
            groups.setdefault(finding.code, []).append(finding)
        return sorted(
            groups.items(), key=lambda g: (_ORDER[CODES[g[0]].severity], g[0])
        )

    def as_text(self) -> str:
        """Return the report as lines for a person."""
        where = ", ".join(self.collections) or "nothing to do"
        lines = [f"{where}: {_sums(self.counts)} ({self.seconds:.1f} s)"]
        if len(self.by_collection) > 1:
            of_each = self.by_collection.items()
            lines += [f"  {name}: {_sums(counts)}" for name, counts in of_each]
        for code, findings in self._grouped():
            known = CODES[code]
            lines.append("")
            lines.append(f"{code} {known.severity}: {known.title} ({len(findings)})")
            lines.append(f"     {known.advice}")
            lines += [f"     - {_line(one)}" for one in findings[:_SHOWN_FILES]]
            if len(findings) > _SHOWN_FILES:
                lines.append(f"     - and {len(findings) - _SHOWN_FILES} more (--json)")
        if self.accepted:
            pairs = sorted(self.accepted.items())
            listed = ", ".join(f"{code} x {number}" for code, number in pairs)
            lines += ["", f"accepted by the settings and not listed: {listed}"]
        if self.refused:
            lines += ["", "What was refused is remembered: `distiller refused` lists "]
            lines[-1] += "it, `distiller ingest --refused` tries it again."
        return "\n".join(lines)

    def as_json(self) -> dict[str, object]:
        """Return the report as plain values."""
        return {
            "collections": self.collections,
            "seconds": round(self.seconds, 3),
            **{name: self.counts[name] for name in OUTCOMES},
            "by_collection": {
                collection: {name: counts[name] for name in OUTCOMES}
                for collection, counts in self.by_collection.items()
            },
            "accepted": dict(sorted(self.accepted.items())),
            "findings": [
                {
                    "code": code,
                    "severity": CODES[code].severity,
                    "title": CODES[code].title,
                    "advice": CODES[code].advice,
                    "items": [
                        {"path": f.path, "obs_id": f.obs_id, "message": f.message}
                        for f in findings
                    ],
                }
                for code, findings in self._grouped()
            ],
        }


def _sums(counts: Counter[str]) -> str:
    """Return counts by outcome; those that are seldom only where there are any."""
    *of_runs, of_files = OUTCOMES
    told = (name for name in of_runs if name in _ALWAYS or counts[name])
    text = ", ".join(f"{counts[name]} {name}" for name in told)
    if not counts[of_files]:
        return text
    files = "file" if counts[of_files] == 1 else "files"
    return f"{text}; besides {counts[of_files]} {files} refused (responses, indexes)"


def _line(finding: Finding) -> str:
    run = f" (run {finding.obs_id})" if finding.obs_id else ""
    return f"{finding.path}{run}: {finding.message}"
