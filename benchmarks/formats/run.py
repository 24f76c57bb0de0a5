"""How fast, and in how much memory, rows become each format.

    .venv/bin/python benchmarks/formats/run.py [--rows N]

Each case is a process of its own that writes N rows (default 1,000,000) of 30 columns
like ObsCore's, made beforehand, to nowhere; time is that of its processors, memory what
the case adds to the largest resident set. Beside each format stands a writer that
others made, for the same rows: pyarrow for CSV and Parquet, astropy for FITS and
VOTable (fewer rows, since it holds all of them; its memory is not compared). The
exit status is 1 if a format is slower than its limit or its peer allows, or needs more
memory.
"""

from __future__ import annotations

import argparse
import functools
import io
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from astropy.table import Table

from distiller.core.columns import Column
from distiller.queries.answer import BATCH_ROWS
from distiller.vo.formats import writer_for
from distiller.vo.spooled import SpooledWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROWS = 1_000_000
FEW = 20_000
"""Rows for astropy."""
MOST_MB = 100.0
"""Memory that a case may add."""
LEAST_PER_S = 150_000.0
"""Rows a second of one processor."""


DISTINCT = 16
"""Batches that differ; then they come again, so that making them takes no time."""


@dataclass(frozen=True, slots=True)
class Case:
    """A format, its peer, and how much slower than the peer it may be."""

    form: str
    peer: str
    most_slower: float


CASES = (
    Case("votable/b2", "astropy binary2", 1.0),
    Case("votable/b", "astropy binary", 1.0),
    Case("votable/td", "astropy tabledata", 1.0),
    Case("csv", "pyarrow csv", 3.0),
    Case("tsv", "pyarrow csv", 3.0),
    Case("json", "pyarrow csv", 3.0),
    Case("fits", "astropy fits", 1.0),
    Case("parquet", "pyarrow parquet", 1.5),
)


def _text(name: str, xtype: str | None = None) -> Column:
    return Column(name, "char", "*", xtype, utype="obscore:x", description=name)


def _number(name: str, unit: str | None) -> Column:
    return Column(name, "double", unit=unit, ucd="meta", description=name)


COLUMNS = (
    _text("dataproduct_type"),
    Column("calib_level", "int", nullable=False),
    _text("obs_collection"),
    _text("obs_id"),
    _text("obs_publisher_did"),
    _text("access_url"),
    _text("access_format"),
    Column("access_estsize", "long", unit="kbyte"),
    _text("target_name"),
    _number("s_ra", "deg"),
    _number("s_dec", "deg"),
    _number("s_fov", "deg"),
    _text("s_region", "adql:REGION"),
    _number("s_resolution", "arcsec"),
    Column("s_xel1", "long"),
    Column("s_xel2", "long"),
    _number("t_min", "d"),
    _number("t_max", "d"),
    _number("t_exptime", "s"),
    _number("t_resolution", "s"),
    Column("t_xel", "long"),
    _number("em_min", "m"),
    _number("em_max", "m"),
    _number("em_res_power", None),
    Column("em_xel", "long"),
    _text("o_ucd"),
    _text("pol_states"),
    Column("pol_xel", "long"),
    _text("facility_name"),
    _text("instrument_name"),
)


def batches(rows: int, size: int) -> Iterator[pa.RecordBatch]:
    """Yield so many rows in batches of a size, the same ones again and again."""
    kinds = _distinct(size)
    for start in range(0, rows, size):
        yield kinds[start // size % DISTINCT].slice(0, rows - start)


@functools.cache
def _distinct(size: int) -> tuple[pa.RecordBatch, ...]:
    random = np.random.default_rng(4)
    return tuple(_batch(random, number * size, size) for number in range(DISTINCT))


def _batch(random: np.random.Generator, first: int, size: int) -> pa.RecordBatch:
    ids = [f"{number:06d}" for number in range(first, first + size)]
    ra, dec = random.uniform(0, 360, size), random.uniform(-90, 90, size)
    t_min = random.uniform(53000, 60000, size)
    integer = pa.array(random.integers(1, 9000, size))
    nothing = pa.nulls(size, pa.int64())
    columns = {
        "dataproduct_type": ["event"] * size,
        "calib_level": pa.array(np.full(size, 2, np.int32)),
        "obs_collection": ["hess-dl3-dr1"] * size,
        "obs_id": ids,
        "obs_publisher_did": [f"ivo://org.example/hess-dl3-dr1?{i}" for i in ids],
        "access_url": [f"https://example.org/datalink/links?ID={i}" for i in ids],
        "access_format": ["application/x-votable+xml;content=datalink"] * size,
        "access_estsize": integer,
        "target_name": [f"Source {n}" if n % 7 else None for n in range(size)],
        "s_ra": ra,
        "s_dec": dec,
        "s_fov": random.uniform(1, 6, size),
        "s_region": [
            f"POLYGON ICRS {a!r} {d!r} {a + 1!r} {d!r} {a + 1!r} {d + 1!r} {a!r} {d!r}"
            for a, d in zip(ra.tolist(), dec.tolist(), strict=True)
        ],
        "s_resolution": pa.array(random.uniform(1, 500, size)),
        "s_xel1": integer,
        "s_xel2": nothing,
        "t_min": t_min,
        "t_max": t_min + 0.02,
        "t_exptime": random.uniform(1, 1700, size),
        "t_resolution": pa.nulls(size, pa.float64()),
        "t_xel": nothing,
        "em_min": random.uniform(1e-20, 1e-18, size),
        "em_max": random.uniform(1e-18, 1e-16, size),
        "em_res_power": pa.array(random.uniform(1, 9, size)),
        "em_xel": nothing,
        "o_ucd": ["phot.count"] * size,
        "pol_states": pa.nulls(size, pa.string()),
        "pol_xel": nothing,
        "facility_name": ["HESS"] * size,
        "instrument_name": ["HESS-I"] * size,
    }
    return pa.record_batch(columns)


def ours(form: str, rows: int) -> int:
    """Write rows in a format; return the bytes of the document."""
    writer = writer_for(form, COLUMNS)
    if isinstance(writer, SpooledWriter):
        with tempfile.TemporaryFile() as file:
            writer.begin(file)
            for batch in batches(rows, BATCH_ROWS):
                writer.add(batch)
            writer.end()
            return sum(map(len, writer.document()))
    size = len(writer.head())
    for batch in batches(rows, BATCH_ROWS):
        size += len(writer.rows(batch))
    return size + len(writer.tail("OK"))


def _csv(rows: int) -> None:
    schema = next(batches(8, 8)).schema
    sink: Any = pa.MockOutputStream()  # forgets what is written
    with pa.csv.CSVWriter(sink, schema) as out:
        for batch in batches(rows, BATCH_ROWS):
            out.write_batch(batch)


def _parquet(rows: int) -> None:
    schema = next(batches(8, 8)).schema
    with pq.ParquetWriter(pa.MockOutputStream(), schema, compression="zstd") as out:
        held: list[pa.RecordBatch] = []
        for batch in batches(rows, BATCH_ROWS):
            held.append(batch)
            if len(held) == 12:  # noqa: PLR2004 - row groups of some 100,000 rows
                out.write_table(pa.Table.from_batches(held))
                held = []
        if held:
            out.write_table(pa.Table.from_batches(held))


def _astropy(rows: int, **how: str) -> None:
    arrow = pa.Table.from_batches(list(batches(rows, BATCH_ROWS)))
    table = Table({
        name: [value if value is not None else "" for value in column.to_pylist()]
        if pa.types.is_string(column.type)
        else column.to_numpy()
        for name, column in zip(arrow.column_names, arrow.columns, strict=True)
    })  # fmt: skip
    began = time.process_time()
    table.write(io.BytesIO(), **how)
    _Clock.spent = time.process_time() - began


def _votable(kind: str) -> Callable[[int], None]:
    return lambda n: _astropy(n, format="votable", tabledata_format=kind)


class _Clock:
    """What a peer says of its own time: without making its table."""

    spent: float | None = None


_KINDS = ("binary2", "binary", "tabledata")
PEERS: dict[str, tuple[Callable[[int], object], bool]] = {
    "pyarrow csv": (_csv, False),
    "pyarrow parquet": (_parquet, False),
    "astropy fits": (lambda n: _astropy(n, format="fits"), True),
    **{f"astropy {kind}": (_votable(kind), True) for kind in _KINDS},
}
"""Each writer, and whether it gets few rows."""


def child(name: str, rows: int) -> None:
    """Run one case and print what it used."""
    run: Callable[[int], object]
    if name in PEERS:
        run, few = PEERS[name]
        rows = min(rows, FEW) if few else rows
    else:
        run = functools.partial(ours, name)
    next(batches(1, BATCH_ROWS))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    run(rows)
    spent = _Clock.spent or time.process_time() - began
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"per_s": rows / spent, "mb": (after - before) / 1000}))


def measured(name: str, rows: int) -> dict[str, float]:
    """Run one case in a process of its own."""
    command = [sys.executable, __file__, "--rows", str(rows), "--case", name]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Measure every format and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.case:
        child(given.case, given.rows)
        return
    print(f"{given.rows} rows, {len(COLUMNS)} columns ({Path(__file__).name})")
    print(f"{'format':<12}{'rows/s':>10}{'MB':>7}  {'peer':<18}{'rows/s':>10}{'MB':>7}")
    peers: dict[str, dict[str, float]] = {}
    good = True
    for case in CASES:
        peer = peers.setdefault(case.peer, {}) or measured(case.peer, given.rows)
        peers[case.peer] = peer
        mine = measured(case.form, given.rows)
        least = max(LEAST_PER_S, peer["per_s"] / case.most_slower)
        kept = mine["per_s"] >= least and mine["mb"] <= MOST_MB
        good = good and kept
        print(
            f"{case.form:<12}{mine['per_s']:>10.0f}{mine['mb']:>7.0f}  "
            f"{case.peer:<18}{peer['per_s']:>10.0f}{peer['mb']:>7.0f}"
            f"  {'ok' if kept else 'TOO SLOW OR TOO LARGE'}"
        )
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
