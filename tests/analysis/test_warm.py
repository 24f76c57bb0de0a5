"""The made-up run that warms up the zygote goes through a task."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


def test_warming_up_ends_well_and_with_one_thread() -> None:
    """In a process of its own, as it is done; one with two threads cannot be forked."""
    command = "from distiller.analysis.warm import warm_up; warm_up()\n"
    command += "from astropy.io import fits; print(vars(fits.Conf)['use_memmap'])\n"
    command += "from distiller.jobs import processes; print(processes.threads())"
    # As `jobs.engines.local.environment` has it.
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    done = subprocess.run(
        [sys.executable, "-c", command],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=os.environ | threads,
    )
    assert done.returncode == 0, done.stderr
    # A setting of astropy that is a value needs no look-up.
    assert done.stdout.split()[-2:] == ["True", "1"], done.stdout
