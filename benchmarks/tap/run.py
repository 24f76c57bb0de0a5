"""How quick TAP is: our server on both engines beside DaCHS 2.7 and psql.

    .venv/bin/python benchmarks/tap/run.py [--quick] [--no-peer] [--rows N] [--write]

Makes two archives of the same 1,000,000 synthetic ObsCore rows, serves them, and asks
every service in turn, so that whatever else the machine does meets all alike. It takes
some 20 minutes; ``--quick`` repeats less and takes the peer's long answers from 100,000
rows. The peer takes part where it is set up: ``DISTILLER_PEER_DACHS`` names the folder
with its ``start.sh``. ``--write`` puts the table into docs/reference/benchmarks-tap.md.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

import psycopg  # noqa: E402 - the path is set now
from benchmarks.tap import measures, parties  # noqa: E402
from benchmarks.tap.model import TABLE  # noqa: E402

from distiller.adql import translate  # noqa: E402
from distiller.model import load_model  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.tap.parties import Party

PAGE = ROOT / "docs" / "reference" / "benchmarks-tap.md"
ROWS = 1_000_000
FEW = 100_000
ALONE = "psql"
FORMS = ("votable/b2", "csv", "votable/td", "fits", "parquet", "tsv", "json")
FLOORS = {
    "votable/b2": "1.4 x COPY; DuckDB 4 s",
    "csv": "3 x COPY", "votable/td": "3 x COPY", "fits": "3 x COPY",
    "parquet": "3 x COPY", "tsv": "-", "json": "-",
}  # fmt: skip
MEMORY = "peak memory above the idle server"
AT_ONCE = ("votable/b2", "votable/td", "csv", "tsv", "json")
"""Formats whose first byte need not wait for the last row."""

TOP = "SELECT TOP 1 obs_id FROM {table}"
CONE = (
    "SELECT * FROM {table} WHERE 1 = CONTAINS(POINT('ICRS', s_ra, s_dec), "
    "CIRCLE('ICRS', 83.63, 22.01, 1.0))"
)
REGIONS = (
    "SELECT * FROM {table} WHERE 1 = INTERSECTS(s_region, "
    "CIRCLE('ICRS', 83.63, 22.01, 1.0))"
)
CLIENTS = 16


class Table:
    """What was measured, by question and party."""

    def __init__(self) -> None:
        self.cells: dict[str, dict[str, list[float]]] = defaultdict(
            lambda: defaultdict(list)
        )
        self.units: dict[str, tuple[str, float, str]] = {}
        self.refused: dict[str, dict[str, str]] = defaultdict(dict)

    def row(self, name: str, unit: str, floor: str) -> None:
        """Begin a row."""
        scale = {"s": 1.0, "ms": 1e3, "MB": 1.0, "/s": 1.0}[unit]
        self.units[name] = (unit, scale, floor)

    def add(self, name: str, party: str, measure: Callable[[], float]) -> None:
        """Measure once; what a service does not do is remembered."""
        if party in self.refused[name]:
            return
        try:
            self.cells[name][party].append(measure())
        except (measures.NotThereError, OSError) as error:
            self.refused[name][party] = str(error)
            print(f"  {name}, {party}: {error}", flush=True)

    def text(self, columns: Sequence[str]) -> str:
        """Return the table in Markdown."""
        lines = [
            f"| | floor | {' | '.join(columns)} |",
            "|---" * (len(columns) + 2) + "|",
        ]
        for name, (unit, scale, floor) in self.units.items():
            cells = [self._cell(name, column, unit, scale) for column in columns]
            lines.append(f"| {name} | {floor} | {' | '.join(cells)} |")
        return "\n".join(lines)

    def _cell(self, name: str, column: str, unit: str, scale: float) -> str:
        found = [scale * value for value in self.cells[name].get(column, [])]
        if not found:
            return "not there" if column in self.refused[name] else "-"
        middle = statistics.median(found)
        best = max(found) if unit == "/s" else min(found)
        if unit == "MB":
            return f"{max(found):.3g} MB at most ({len(found)})"
        if len(found) == 1:
            return f"{middle:.3g} {unit} (1)"
        return f"{middle:.3g} {unit}, best {best:.3g} ({len(found)})"


def bulk(
    table: Table, ours: Sequence[Party], peer: Party | None, url: str, plan: Plan
) -> None:
    """Take all rows in every format, beside COPY."""
    for form in FORMS:
        label = f"{plan.rows:,} rows, {form}"
        table.row(label, "s", FLOORS[form])
        for turn in range(plan.bulk):
            select = parties.Database(url).select()
            table.add(label, ALONE, partial(measures.copy, url, select))
            for party in ours:
                _download(table, party, form, plan.rows, label)
            if peer is not None and turn == 0 and form in FORMS[:4]:
                count = plan.peer_rows
                name = label if count == plan.rows else f"{count:,} rows, {form}"
                if name not in table.units:
                    table.row(name, "s", "-")
                _download(table, peer, form, count, name)


def _download(table: Table, party: Party, form: str, rows: int, label: str) -> None:
    query = f"SELECT TOP {rows} * FROM {party.table}"  # noqa: S608 - fixed names
    found: list[measures.Download] = []

    def take() -> float:
        found.append(measures.download(party, query, form, rows))
        return found[-1].total_s

    table.add(label, party.name, take)
    if not found:
        return
    answer = found[0]
    if form in AT_ONCE:
        table.add(f"first byte, {form}", party.name, lambda: answer.first_s)
    if answer.peak_mb is not None:
        peak = answer.peak_mb
        table.add(MEMORY, party.name, lambda: peak)


def small(
    table: Table, ours: Sequence[Party], peer: Party | None, url: str, plan: Plan
) -> None:
    """Ask small questions, by one client and by many."""
    everybody = [*ours, *([peer] if peer else [])]
    lines = [measures.Line(party) for party in everybody]
    model = load_model(plan.folder / "model")
    with psycopg.connect(url, autocommit=True) as connection:
        for name, text, floor in (
            ("TOP 1", TOP, "4 ms"),
            ("cone of 1 deg, 79 rows", CONE, "8 ms"),
            ("INTERSECTS, 1 deg, 774 rows", REGIONS, "30 ms"),
        ):
            table.row(name, "ms", floor)
            sql = translate(
                text.format(table=TABLE), model.catalog, target="pgsphere"
            ).sql

            def alone(sql: str = sql) -> float:
                began = time.perf_counter()
                connection.execute(sql.encode()).fetchall()
                return time.perf_counter() - began

            for turn in range(-3, plan.small):
                for line in lines:
                    query = text.format(table=line.party.table)
                    if turn < 0:
                        with contextlib.suppress(measures.NotThereError):
                            measures.latency(line, query)
                    else:
                        asked = partial(measures.latency, line, query)
                        table.add(name, line.party.name, asked)
                table.add(name, ALONE, alone) if turn >= 0 else alone()
    rate, last = f"TOP 1, {CLIENTS} clients", f"the same, slowest of 100 ({CLIENTS})"
    table.row(rate, "/s", "400/s")
    table.row(last, "ms", "100 ms")
    for _ in range(plan.bulk):
        for party in everybody:
            slowest: list[float] = []
            query = TOP.format(table=party.table)
            table.add(rate, party.name, partial(_many, party, query, plan, slowest))
            for took in slowest:
                table.add(last, party.name, partial(float, took))


def _many(party: Party, query: str, plan: Plan, slowest: list[float]) -> float:
    found, last = measures.throughput(party, query, CLIENTS, plan.seconds)
    slowest.append(last)
    return found


def jobs(table: Table, ours: Sequence[Party], peer: Party | None, plan: Plan) -> None:
    """Run queries as jobs, and with a table that comes with them."""
    everybody = [*ours, *([peer] if peer else [])]
    one, many = "job, created to COMPLETED", f"{CLIENTS} jobs at once, all done"
    join = "join with 10,000 uploaded rows"
    table.row(one, "s", "0.1 s")
    table.row(many, "s", "1 s")
    table.row(join, "s", "0.6 s")
    for turn in range(plan.jobs):
        for party in everybody:
            line = measures.Line(party)
            query = TOP.format(table=party.table)
            table.add(one, party.name, partial(measures.job, line, query))
            if turn < plan.bulk:
                again = partial(measures.burst, line, query, CLIENTS)
                table.add(many, party.name, again)
            with_rows = partial(measures.upload, party, party.table, 10_000)
            table.add(join, party.name, with_rows)


class Plan:
    """How much is done."""

    def __init__(self, given: argparse.Namespace, folder: Path) -> None:
        quick: bool = given.quick
        self.rows: int = given.rows
        self.peer_rows = min(self.rows, FEW) if quick else self.rows
        self.bulk = 2 if quick else 3
        self.small = 20 if quick else 60
        self.jobs = 3 if quick else 8
        self.seconds = 3 if quick else 8
        self.folder = folder


def load() -> str:
    """Return the load of the machine."""
    return ", ".join(f"{number:.1f}" for number in os.getloadavg())


def main() -> int:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    before, began = load(), time.monotonic()
    peer = "it was left out" if given.no_peer else parties.peer()
    if isinstance(peer, str):
        print(f"without the peer: {peer}", flush=True)
    other = None if isinstance(peer, str) else peer
    table = Table()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tap-")))
        plan = Plan(given, folder)
        rows = parties.write_rows(folder, plan.rows)
        url = stack.enter_context(parties.postgres()).create()
        ours = [
            stack.enter_context(parties.ours(folder, rows, place))
            for place in (url, None)
        ]
        for form in AT_ONCE:
            table.row(f"first byte, {form}", "s", "0.05 s")
        table.row(MEMORY, "MB", "250 MB")
        bulk(table, ours, other, url, plan)
        small(table, ours, other, url, plan)
        jobs(table, ours, other, plan)
        name = f"{plan.rows:,} rows in, with indexes"
        table.row(name, "s", "half of the peer's; DuckDB 30 s")
        for party in ours:
            if (took := party.load_s) is not None:
                table.add(name, party.name, partial(float, took))
    columns = [party.name for party in ours] + [ALONE]
    if other is not None:
        columns.insert(2, other.name)
    words = (
        f"{datetime.now(tz=UTC):%Y-%m-%d}, {os.cpu_count()} cores "
        f"({platform.machine()}), load {before} before and {load()} after, "
        f"{(time.monotonic() - began) / 60:.0f} min"
    )
    text = f"{words}\n\n{table.text(columns)}\n"
    print(text)
    if given.write:
        _write(text, peer)
    return 0


_MARK = "<!-- measured -->"


def _write(text: str, peer: Party | str) -> None:
    """Put the table in its place in the documentation."""
    before = PAGE.read_text(encoding="utf-8").partition(_MARK)[0]
    note = f"Without the peer: {peer}.\n" if isinstance(peer, str) else ""
    PAGE.write_text(f"{before}{_MARK}\n\n{text}{note}", encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
