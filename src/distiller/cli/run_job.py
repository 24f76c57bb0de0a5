"""``distiller run-job``: the shepherd of one job, here or under a batch system."""

from __future__ import annotations

from pathlib import Path

import click

from distiller.jobs import shepherd


@click.command()
@click.argument("jobdir", type=click.Path(exists=True, file_okay=False, path_type=Path))
def command(jobdir: Path) -> None:
    """Run the job of a folder, with its limits, and write how it ended.

    JOBDIR holds job.json; result/, out.log and state.json are written there. A job that
    runs or has ended is not run again.
    """
    shepherd.run(jobdir.absolute())
