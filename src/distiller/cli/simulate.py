"""``distiller simulate``: write a small synthetic DL3 set."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from distiller.analysis.simulate import DEFAULT_RUNS, DEFAULT_SEED, simulate


@click.command("simulate")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--runs", type=int, default=DEFAULT_RUNS, show_default=True, help="Number of runs."
)
@click.option(
    "--seed",
    type=int,
    default=DEFAULT_SEED,
    show_default=True,
    help="Equal seeds give equal files.",
)
@click.option(
    "--metadata-only",
    is_flag=True,
    help="A few events per run over the whole sky: many runs in little time.",
)
def command(folder: Path, runs: int, seed: int, *, metadata_only: bool) -> None:
    """Write a simulated set of DL3 runs to DIR, in GADF layout with index files.

    The first four runs see the Crab Nebula. Every file says that it is simulated.
    """
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("Simulating", total=runs)
        simulate(
            folder,
            runs=runs,
            seed=seed,
            metadata_only=metadata_only,
            report=lambda done: progress.update(bar, completed=done),
        )
    click.echo(f"{runs} simulated runs in {folder}")
