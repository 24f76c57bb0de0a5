"""How quick online analysis is, beside cold Gammapy scripts that do the same.

    .venv/bin/python benchmarks/analysis/run.py [--quick] [--only WORD] [--write]

Serves an archive of H.E.S.S. DL3 DR1 runs (DISTILLER_TEST_DATA, default
../shared/data; without them four simulated runs, and the long rows are left out), and
asks for jobs over HTTP as any UWS client does. Beside them a Python process does the
same with plain Gammapy and stores nothing (``cold/``). Takes some 10 minutes;
``--quick`` repeats less and leaves the 20 runs out. ``--write`` puts the table into
docs/reference/benchmarks-analysis.md.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

import numpy as np  # noqa: E402 - the path is set now
from astropy.io import fits  # noqa: E402
from benchmarks.analysis import service  # noqa: E402

from distiller.analysis.tasks import TASKS  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.analysis.service import Client, Pairs

HERE = Path(__file__).parent
PAGE = ROOT / "docs" / "reference" / "benchmarks-analysis.md"
CRAB_RUNS = ("23523", "23526", "23559", "23592")
CRAB: Pairs = (("ra", "83.633"), ("dec", "22.014"))
MSH: Pairs = (("ra", "228.53"), ("dec", "-59.16"))
MAP: Pairs = (*CRAB, ("e_min", "0.5"), ("e_max", "40"))
SIGNIFICANCE: Pairs = (
    ("width", "4"), ("e_min", "0.7"), ("safe_range", "none"), ("exclude_above", "0"),
    ("exclude_known", "false"),
)  # fmt: skip
SPECTRUM: Pairs = (
    *CRAB, ("e_min", "0.7"), ("e_max", "30"), ("safe_range", "thresholds"),
    ("exclude_known", "false"),
)  # fmt: skip
PAGES = ("/", "/search/", "/jobs/", "/help/")
_MARK = "<!-- measured -->"


@dataclass
class Row:
    """A line of the table; times in s.

    Attributes
    ----------
    limit
        What the project has set itself, on two quiet cores.
    cold
        The whole process; ``work`` without its start and imports.
    """

    name: str
    limit: str
    ours: list[float] = field(default_factory=list)
    cold: list[float] = field(default_factory=list)
    work: list[float] = field(default_factory=list)
    note: str = ""

    def text(self) -> str:
        """Return the line in Markdown."""
        cells = [_cell(times) for times in (self.ours, self.cold, self.work)]
        return f"| {self.name} | {self.limit} | {' | '.join(cells)} | {self.note} |"


def _cell(times: list[float]) -> str:
    if not times:
        return "-"
    middle, best = statistics.median(times), min(times)
    return f"{middle:.3g}, best {best:.3g} ({len(times)})"


class Bench:
    """What is measured, with what and how often."""

    def __init__(self, folder: Path, *, quick: bool) -> None:
        self.folder = folder
        self.repeat = 3 if quick else 7
        self.cold_repeat = 1 if quick else 3
        self.rows: list[Row] = []
        self.crab, self.msh = data_files(folder, with_msh=not quick)
        self._number = 0

    def fresh(self) -> tuple[str, str]:
        """Return a parameter that makes each request another one than the last."""
        self._number += 1
        return "e_max", f"{40 + self._number / 1000:.3f}"

    def cold(self, script: str, *words: str) -> tuple[float, float]:
        """Run a script; return the time of the process and that of its work."""
        out = self.folder / f"cold-{script}"
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, HERE / "cold" / f"{script}.py", out, *words],
            check=True, env={**os.environ, **service.ONE_THREAD},
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        return time.perf_counter() - began, float(done.stdout.split()[-1])

    def beside(self, row: Row, script: str, *words: str) -> None:
        """Measure a script for a row."""
        for _ in range(self.cold_repeat):
            whole, work = self.cold(script, *words)
            row.cold.append(whole)
            row.work.append(work)
        self.rows.append(row)


def data_files(folder: Path, *, with_msh: bool) -> tuple[list[Path], list[Path]]:
    """Return four runs of the Crab, and 20 of MSH 15-52 if they are there."""
    given = os.environ.get("DISTILLER_TEST_DATA")
    real = (Path(given) if given else ROOT.parent / "shared" / "data") / "hess-dl3-dr1"
    name = "data/hess_dl3_dr1_obs_id_{:06d}.fits.gz"
    files = [real / name.format(int(run)) for run in CRAB_RUNS]
    if not all(file.exists() for file in files):
        print("no real data: four simulated runs instead")
        service.distiller(folder, "simulate", str(folder / "runs"), "--runs", "4")
        return sorted((folder / "runs" / "data").glob("*.fits")), []
    if not with_msh:
        return files, []
    with fits.open(real / "obs-index.fits.gz") as hdus:
        index = hdus[1].data
        runs = index["OBS_ID"][index["TARGET_NAME"] == "MSH 15-52"][:20]
    return files, [real / name.format(int(run)) for run in runs]


def ids(files: list[Path]) -> list[str]:
    """Return the numbers of these runs."""
    return [str(fits.getheader(file, "EVENTS")["OBS_ID"]) for file in files]


def obs(files: list[Path]) -> Pairs:
    """Return the parameters that name these runs."""
    return (("obs", ",".join(ids(files))),)


def of_store(files: list[Path]) -> list[str]:
    """Return the folder of these runs, and their numbers, as scripts want them."""
    return [str(files[0].parents[1]), *ids(files)]


def count_map(bench: Bench, client: Client) -> None:
    """Measure count maps: the first, then warm ones; compare with the script's."""
    runs = obs(bench.crab)
    first = Row("first job of a server, with the start of the zygote", "-")
    first.ours.append(client.run("count_map", (*runs, *MAP)).total_s)
    bench.rows.append(first)
    progress = Row("submission to first progress, warm", "0.1 s")
    row = Row("count map, 4 runs, 250 x 250 pixels, with exposure", "0.5 s")
    bare = Row("the same without exposure", "-")
    for _ in range(bench.repeat):
        pairs = (*runs, *CRAB, ("e_min", "0.5"), bench.fresh())
        ran = client.run("count_map", pairs)
        row.ours.append(ran.total_s)
        if ran.first_s is not None:
            progress.ours.append(ran.first_s)
        pairs = (*runs, *CRAB, ("e_min", "0.5"), ("exposure", "false"), bench.fresh())
        bare.ours.append(client.run("count_map", pairs).total_s)
    bench.rows.append(progress)
    bench.beside(row, "count_map", *map(str, bench.crab))
    bench.rows.append(bare)
    ran = client.run("count_map", (*runs, *MAP))
    path = bench.folder / "product.fits"
    path.write_bytes(client.get(f"{ran.url}/results/product")[1])
    plain = pixels(bench.folder / "cold-count_map" / "product.fits")
    same = np.array_equal(pixels(path), plain)
    row.note = "equal pixel by pixel" if same else "THE MAPS DIFFER"


def pixels(path: Path) -> np.typing.NDArray[Any]:
    """Return a map."""
    with fits.open(path) as hdus:
        return np.asarray(hdus[0].data)


def significance_map(bench: Bench, client: Client) -> None:
    """Measure significance maps of 4 runs."""
    row = Row("significance map, ring, 4 runs, 200 x 200 pixels", "3 s")
    runs = obs(bench.crab)
    for _ in range(bench.repeat):
        pairs = (*runs, *CRAB, *SIGNIFICANCE, bench.fresh())
        row.ours.append(client.run("significance_map", pairs).total_s)
    words = [value for _, value in CRAB]
    bench.beside(row, "significance_map", *words, *of_store(bench.crab))


def spectrum(bench: Bench, client: Client) -> None:
    """Measure spectra of 4 runs."""
    row = Row("spectrum with flux points, 4 runs", "5 s")
    runs = obs(bench.crab)
    for number in range(bench.repeat):
        own = ("radius", f"{0.11 + number * 1e-6:.6f}")
        ran = client.run("spectrum", (*runs, *SPECTRUM, own))
        row.ours.append(ran.total_s)
    bench.beside(row, "spectrum", *of_store(bench.crab))


def select_events(bench: Bench, client: Client) -> None:
    """Measure selections of events of 4 runs."""
    row = Row("event selection, 4 runs, with the files of the runs", "-")
    runs = obs(bench.crab)
    for _ in range(bench.repeat):
        pairs = (*runs, *CRAB, ("radius", "2"), bench.fresh())
        row.ours.append(client.run("select_events", pairs).total_s)
    bench.rows.append(row)


def cache(bench: Bench, client: Client) -> None:
    """Measure a request that was answered before."""
    row = Row("the same count map again", "0.1 s")
    pairs = (*obs(bench.crab), *MAP)
    client.run("count_map", pairs)
    for _ in range(bench.repeat):
        row.ours.append(client.run("count_map", pairs).total_s)
    bench.rows.append(row)


def many_runs(bench: Bench, client: Client) -> None:
    """Measure a significance map of 20 runs."""
    if not bench.msh:
        print("left out: 20 runs of MSH 15-52 (--quick, or no real data)")
        return
    row = Row("significance map, ring, 20 runs of MSH 15-52", "1.1 x the cold work")
    runs = obs(bench.msh)
    for _ in range(bench.cold_repeat):
        pairs = (*runs, *MSH, *SIGNIFICANCE, bench.fresh())
        row.ours.append(client.run("significance_map", pairs).total_s)
    words = [value for _, value in MSH]
    bench.beside(row, "significance_map", *words, *of_store(bench.msh))
    ratio = statistics.median(row.ours) / statistics.median(row.work)
    row.note = f"{ratio:.2f} x the cold work"


def pages(bench: Bench, client: Client) -> None:
    """Measure how pages answer while the cores are busy."""
    row = Row("pages while two processes keep the cores busy", "0.3 s")
    with busy(2):
        time.sleep(0.5)
        for _ in range(bench.repeat * 3):
            for page in PAGES:
                began = time.perf_counter()
                client.get(page)
                row.ours.append(time.perf_counter() - began)
    row.note = f"slowest {max(row.ours):.3g} s"
    bench.rows.append(row)
    jobs = Row("pages while two jobs run", "0.3 s")
    runs = obs(bench.msh or bench.crab)
    task = "significance_map" if "significance_map" in TASKS else "count_map"
    more = SIGNIFICANCE if task == "significance_map" else ()
    place = MSH if bench.msh else CRAB
    paths = [client.submit(task, (*runs, *place, *more, bench.fresh())) for _ in "12"]
    while not all(client.is_over(path) for path in paths):
        for page in PAGES:
            began = time.perf_counter()
            client.get(page)
            jobs.ours.append(time.perf_counter() - began)
    jobs.note = f"slowest {max(jobs.ours, default=0.0):.3g} s"
    bench.rows.append(jobs)


@contextlib.contextmanager
def busy(count: int) -> Iterator[None]:
    """Keep so many cores busy."""
    words = [sys.executable, "-c", "while True: pass"]
    running = [subprocess.Popen(words) for _ in range(count)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


PARTS: tuple[tuple[str, str | None, Callable[[Bench, Client], None]], ...] = (
    ("count_map", "count_map", count_map),
    ("cache", "count_map", cache),
    ("select_events", "select_events", select_events),
    ("significance_map", "significance_map", significance_map),
    ("spectrum", "spectrum", spectrum),
    ("many_runs", "significance_map", many_runs),
    ("pages", None, pages),
)
"""What is measured: its word, the task it needs, and how."""


def main() -> int:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument(
        "--only", action="append", choices=[word for word, _, _ in PARTS]
    )
    given = parser.parse_args()
    before, began = load(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="dst") as name:
        folder = Path(name)
        bench = Bench(folder, quick=given.quick)
        home = folder / "home"
        home.mkdir()
        files = map(str, [*bench.crab, *bench.msh])
        service.distiller(home, "ingest", *files, "--collection", "benchmark")
        # On quiet cores: quick looks are made in the background of a server otherwise.
        service.distiller(home, "preview")
        with service.serving(home) as client:
            for word, task, part in PARTS:
                if given.only and word not in given.only:
                    continue
                if task is not None and task not in TASKS:
                    print(f"left out: {word}, there is no task {task}")
                    continue
                print(f"measuring: {word}", flush=True)
                try:
                    part(bench, client)
                except service.JobFailedError as error:
                    print(f"{word} failed: {error}")
                    bench.rows.append(Row(word, "-", note="failed"))
    head = "| | limit | ours, s | cold process, s | of which work, s | |"
    lines = [head, "|---" * 6 + "|", *(row.text() for row in bench.rows)]
    words = (
        f"{datetime.now(tz=UTC):%Y-%m-%d}, {os.cpu_count()} cores "
        f"({platform.machine()}), load {before} before and {load()} after, "
        f"{(time.monotonic() - began) / 60:.0f} min. Medians, the best, and how many."
    )
    text = f"{words}\n\n" + "\n".join(lines) + "\n"
    print(text)
    if given.write:
        kept = PAGE.read_text(encoding="utf-8").partition(_MARK)[0]
        PAGE.write_text(f"{kept}{_MARK}\n\n{text}", encoding="utf-8")
    return 0 if all(row.note != "failed" for row in bench.rows) else 1


def load() -> str:
    """Return the load of the machine."""
    return ", ".join(f"{number:.1f}" for number in os.getloadavg())


if __name__ == "__main__":
    raise SystemExit(main())
