"""The made-up run that warms up the zygote goes through a task."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


def test_warming_up_ends_well() -> None:
    """In a process of its own, as it is done: it changes settings of astropy."""
    command = "from distiller.analysis.warm import warm_up; warm_up()"
    done = subprocess.run(
        [sys.executable, "-c", command],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
