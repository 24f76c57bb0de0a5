"""How fast, and in how much memory, runs are ingested.

    .venv/bin/python benchmarks/ingest/run.py

Each case is `distiller ingest` in a process of its own on a fresh home; memory is the
largest resident set that the system has seen of it, time that of the report (without
the start of Python). Real data from DISTILLER_TEST_DATA (default ../shared/data).
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from distiller.analysis.simulate import simulate

if TYPE_CHECKING:
    import resource

ROOT = Path(__file__).parents[2]
LEAST_RUNS_PER_S = 20.0
MOST_MB = 300.0
MANY = 1000


@dataclass(frozen=True, slots=True)
class Measured:
    """One case: number of runs, seconds by the report, peak memory in MB."""

    name: str
    runs: int
    seconds: float
    peak_mb: float

    @property
    def good(self) -> bool:
        """Whether the limits are kept."""
        fast = self.runs >= LEAST_RUNS_PER_S * self.seconds
        return fast and self.peak_mb <= MOST_MB

    def line(self) -> str:
        """Return a row of the table."""
        rate = self.runs / self.seconds
        verdict = "ok" if self.good else "TOO SLOW OR TOO LARGE"
        return (
            f"{self.name:<34} {self.runs:>6} {self.seconds:>8.2f} {rate:>8.1f} "
            f"{self.peak_mb:>8.0f}  {verdict}"
        )


def measure(name: str, home: Path, paths: list[Path]) -> Measured:
    """Ingest in a child process; return what it reports and what it used."""
    out = home.parent / f"{home.name}.json"
    arguments = ["--home", str(home), "ingest", "--json", *map(str, paths)]
    child = os.fork()
    if child == 0:
        for number, path in ((1, str(out)), (2, os.devnull)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        os.execv(sys.executable, [sys.executable, "-m", "distiller", *arguments])  # noqa: S606 - our own program
    _, status, used = os.wait4(child, 0)
    if status != 0:
        sys.exit(
            f"{name}: ingest ended with status {os.waitstatus_to_exitcode(status)}"
        )
    report = json.loads(out.read_text())
    runs = sum(report[outcome] for outcome in ("added", "replaced", "unchanged"))
    return Measured(name, runs, report["seconds"], _megabytes(used))


def _megabytes(used: resource.struct_rusage) -> float:
    return used.ru_maxrss / 1024.0  # Linux counts in kB


def main() -> int:
    """Print the table; 1 if a limit is not kept."""
    given = os.environ.get("DISTILLER_TEST_DATA")
    data = Path(given) if given else ROOT.parent / "shared" / "data"
    rows: list[Measured] = []
    with tempfile.TemporaryDirectory(prefix="distiller-benchmark-") as name:
        work = Path(name)
        sets = [data / "hess-dl3-dr1", data / "cta-1dc"]
        if all(one.is_dir() for one in sets):
            home = work / "real"
            rows.append(measure("real data, H.E.S.S. + CTA 1DC", home, sets))
            rows.append(measure("the same again (unchanged)", home, sets))
        else:
            print(f"no real data in {data}: set DISTILLER_TEST_DATA")
        many = work / "many"
        simulate(many, runs=MANY, metadata_only=True)
        rows.append(measure(f"simulated, {MANY} runs", work / "sim", [many]))
        rows.append(measure("the same again (unchanged)", work / "sim", [many]))
    print(f"{'case':<34} {'runs':>6} {'s':>8} {'runs/s':>8} {'peak MB':>8}")
    for row in rows:
        print(row.line())
    limit = f"at least {LEAST_RUNS_PER_S:g} runs/s, at most {MOST_MB:g} MB"
    print(f"limit: {limit}; {os.cpu_count()} cores")
    return 0 if all(row.good for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
