"""How long a count map takes from submission to COMPLETED, beside a cold process.

    .venv/bin/python benchmarks/count_map/run.py [--repeat N]

The four H.E.S.S. Crab runs (DISTILLER_TEST_DATA, default ../shared/data), 5 x 5 deg,
0.02 deg pixels, TAN, 0.5-40 TeV; without them simulated runs. Warm is our own way: a
request through the job service, the job in a fork of the zygote, the product with plot
and record on disk and in the archive. Cold is ``cold.py``: a Python process that does
the same with plain Gammapy and stores nothing. The maps are compared pixel by pixel.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io import fits

from distiller.core.settings import load_settings

if TYPE_CHECKING:
    from distiller.jobs.service import JobService
    from distiller.vo.uws import Job

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RUNS = ("23523", "23526", "23559", "23592")
MOST_S = 1.0
MAP = (("ra", "83.633"), ("dec", "22.014"), ("e_min", "0.5"), ("e_max", "40"))
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True)
class Measured:
    """Times of one way in s."""

    name: str
    times: list[float]

    def line(self) -> str:
        """Return a row of the table."""
        median = statistics.median(self.times)
        low, high = min(self.times), max(self.times)
        return f"{self.name:<46} {median:>8.3f} {low:>8.3f} {high:>8.3f}"


def data_files(folder: Path) -> list[Path]:
    """Return the events files: real ones where they are, else simulated ones."""
    given = os.environ.get("DISTILLER_TEST_DATA")
    real = Path(given) if given else ROOT.parent / "shared" / "data"
    name = "hess-dl3-dr1/data/hess_dl3_dr1_obs_id_0{}.fits.gz"
    files = [real / name.format(run) for run in RUNS]
    if all(file.exists() for file in files):
        return files
    print("no real data: simulated runs instead")
    distiller(folder, "simulate", str(folder / "runs"), "--runs", "4")
    return sorted((folder / "runs" / "data").glob("*.fits"))


def distiller(home: Path, *words: str) -> None:
    """Run a command of the program."""
    program = [sys.executable, "-m", "distiller", "--home", str(home), *words]
    subprocess.run(program, check=True, stdout=subprocess.DEVNULL)


def warm(home: Path, repeat: int) -> tuple[list[Measured], Path]:
    """Measure jobs of this home; return also the last product."""
    from distiller.web.boot import boot  # noqa: PLC0415 - reads the home once

    settings = load_settings(home)
    boot(settings)
    from distiller.archive import open_archive  # noqa: PLC0415
    from distiller.jobs.service import JobService  # noqa: PLC0415
    from distiller.jobs.supervisor import Supervisor  # noqa: PLC0415
    from distiller.web.jobs.store import OrmJobStore  # noqa: PLC0415

    with closing(open_archive(settings)) as archive:
        store = OrmJobStore()
        service = JobService(store, archive, settings)
        rows = archive.rows("SELECT obs_id FROM cta.product WHERE data_level = 'DL3'")
        pairs = (*(("obs", row["obs_id"]) for row in rows), *MAP)
        supervisor = Supervisor(settings, store, archive)
        supervisor.start()
        try:
            first, _ = one(service, pairs)
            done = [one(service, pairs) for _ in range(repeat)]
            path = service.result_path(done[-1][1].job_id, "product")
        finally:
            supervisor.stop()
    runs = [(job.end_time, job.start_time) for _, job in done]
    inside = [
        (b - a).total_seconds() for b, a in runs if a is not None and b is not None
    ]
    return [
        Measured("first job, with the start of the zygote", [first]),
        Measured("warm: submission to COMPLETED", [took for took, _ in done]),
        Measured("  of which in the job's own process", inside),
    ], path


def one(service: JobService, pairs: tuple[tuple[str, str], ...]) -> tuple[float, Job]:
    """Run one job; return the time from submission to COMPLETED."""
    began = time.perf_counter()
    job = service.run(service.create("count_map", pairs).job_id)
    while not job.phase.is_final:
        time.sleep(0.002)
        job = service.get(job.job_id)
    took = time.perf_counter() - began
    if job.error is not None:
        raise SystemExit(job.error.message)
    return took, job


def cold(out: Path, files: list[Path], repeat: int) -> Measured:
    """Measure the script."""
    times = []
    for _ in range(repeat):
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, HERE / "cold.py", out, *files],
            check=True,
            env={**os.environ, **ONE_THREAD},
        )
        times.append(time.perf_counter() - began)
    return Measured("cold: python and plain Gammapy, nothing stored", times)


def pixels(path: Path) -> np.typing.NDArray[Any]:
    """Return a map."""
    with fits.open(path) as hdus:
        return np.asarray(hdus[0].data)


def main() -> int:
    """Print the table; 1 if the limit is not kept or the maps differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=7)
    repeat = parser.parse_args().repeat
    with tempfile.TemporaryDirectory(prefix="dst") as name:
        folder = Path(name)
        home = folder / "home"
        home.mkdir()
        files = data_files(folder)
        distiller(home, "ingest", *map(str, files), "--collection", "benchmark")
        rows, product = warm(home, repeat)
        rows.append(cold(folder / "cold", files, min(repeat, 3)))
        plain = pixels(folder / "cold" / "product.fits")
        same = np.array_equal(pixels(product), plain)
    head = "count map, 4 runs, 250 x 250 pixels"
    print(f"{head:<46} {'median s':>8} {'min':>8} {'max':>8}")
    for row in rows:
        print(row.line())
    ours = statistics.median(rows[1].times)
    print(f"{statistics.median(rows[-1].times) / ours:.1f} times faster than cold")
    print("maps are equal pixel by pixel" if same else "THE MAPS DIFFER")
    print(f"limit {MOST_S:g} s: {'kept' if ours < MOST_S else 'NOT KEPT'}")
    return 0 if same and ours < MOST_S else 1


if __name__ == "__main__":
    sys.exit(main())
