"""How fast, in how much memory, and whether more runs need more, runs are ingested.

    .venv/bin/python benchmarks/ingest/run.py [--engine duckdb|postgresql] [--runs N]

Each case is `distiller ingest` in a process of its own on a fresh home; memory is the
largest resident set that the system has seen of it, time that of the report (without
the start of Python). PostgreSQL is a server started for this, which writes through to
the disk as it does by default; its memory is not counted. Real data from
DISTILLER_TEST_DATA (default ../shared/data).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from distiller.analysis.simulate import simulate

if TYPE_CHECKING:
    import resource
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
LEAST_REAL_PER_S = 20.0
LEAST_RUNS_PER_S = 100.0
MOST_MB = {"duckdb": 450.0, "postgresql": 300.0}
"""DuckDB is in the process, with what it keeps of the archive (ingest_memory_mb)."""
MOST_GROWTH = 1.5
"""Memory of ten times the runs, relative: constant but for a few names of each."""
MANY = 10_000


@dataclass(frozen=True, slots=True)
class Measured:
    """One case: number of runs, seconds by the report, peak memory in MB."""

    name: str
    runs: int
    seconds: float
    peak_mb: float
    least_per_s: float
    most_mb: float

    @property
    def good(self) -> bool:
        """Whether the limits are kept."""
        fast = self.runs >= self.least_per_s * self.seconds
        return fast and self.peak_mb <= self.most_mb

    def line(self) -> str:
        """Return a row of the table."""
        rate = self.runs / self.seconds
        verdict = "ok" if self.good else "TOO SLOW OR TOO LARGE"
        return (
            f"{self.name:<34} {self.runs:>6} {self.seconds:>8.2f} {rate:>8.1f} "
            f"{self.peak_mb:>8.0f}  {verdict}"
        )


def measure(
    name: str, home: Path, paths: list[Path], least_per_s: float, most_mb: float
) -> Measured:
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
    return Measured(
        name, runs, report["seconds"], _megabytes(used), least_per_s, most_mb
    )


def _megabytes(used: resource.struct_rusage) -> float:
    return used.ru_maxrss / 1024.0  # Linux counts in kB


@contextmanager
def database(engine: str) -> Iterator[Callable[[], None]]:
    """Yield what makes a new database and names it to the commands that follow."""
    if engine == "duckdb":
        yield lambda: None
        return
    sys.path.append(str(ROOT))
    from tests.support.postgres import Server  # noqa: PLC0415 - not part of the program

    server = Server.start(fsync="on", full_page_writes="on")

    def fresh() -> None:
        os.environ["DISTILLER_DATABASE_URL"] = server.create()

    try:
        yield fresh
    finally:
        server.stop()


def cases(
    data: Path, work: Path, options: argparse.Namespace, fresh: Callable[[], None]
) -> list[Measured]:
    """Measure everything; the simulated runs come last, the fewer first."""
    rows: list[Measured] = []
    again = "the same again (unchanged)"
    most = MOST_MB[options.engine]
    sets = [data / "hess-dl3-dr1", data / "cta-1dc"]
    if all(one.is_dir() for one in sets):
        fresh()
        name = "real data, H.E.S.S. + CTA 1DC"
        rows += [
            measure(name, work / "real", sets, LEAST_REAL_PER_S, most),
            measure(again, work / "real", sets, LEAST_REAL_PER_S, most),
        ]
    else:
        print(f"no real data in {data}: set DISTILLER_TEST_DATA")
    for many in (options.runs // 10, options.runs):
        runs = [work / f"runs-{many}"]
        simulate(runs[0], runs=many, metadata_only=True)
        fresh()
        home = work / f"sim-{many}"
        name = f"simulated, {many} runs"
        rows += [
            measure(name, home, runs, LEAST_RUNS_PER_S, most),
            measure(again, home, runs, LEAST_RUNS_PER_S, most),
        ]
    return rows


def growth(rows: list[Measured]) -> float:
    """Return the memory of the most simulated runs relative to that of a tenth."""
    fewer, _, more, _ = rows[-4:]
    return more.peak_mb / fewer.peak_mb


def main() -> int:
    """Print the table; 1 if a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=tuple(MOST_MB), default="duckdb")
    parser.add_argument("--runs", type=int, default=MANY)
    options = parser.parse_args()
    given = os.environ.get("DISTILLER_TEST_DATA")
    data = Path(given) if given else ROOT.parent / "shared" / "data"
    with (
        tempfile.TemporaryDirectory(prefix="distiller-benchmark-") as name,
        database(options.engine) as fresh,
    ):
        rows = cases(data, Path(name), options, fresh)
    print(f"{'case':<34} {'runs':>6} {'s':>8} {'runs/s':>8} {'peak MB':>8}")
    for row in rows:
        print(row.line())
    grown = growth(rows)
    print(
        f"limit: at least {LEAST_REAL_PER_S:g} real and {LEAST_RUNS_PER_S:g} simulated "
        f"runs/s, at most {MOST_MB[options.engine]:g} MB"
    )
    print(f"memory of ten times the runs: {grown:.2f} (limit {MOST_GROWTH:g})")
    print(f"{options.engine}, {os.cpu_count()} cores")
    return 0 if grown <= MOST_GROWTH and all(row.good for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
