"""Child processes that may be killed, without the time that their start takes.

A process that has imported everything forks them: they are processes of their own, and
begin at once with what is to be interrupted.
"""

from __future__ import annotations

import multiprocessing
import os
from typing import TYPE_CHECKING

from distiller.cli import program
from distiller.model import load_model

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(
    ["distiller.cli.ingest", "distiller.archive.duckdb", __name__]
)

load_model()  # is kept, and with it the children have it


def started(*arguments: str) -> BaseProcess:
    """Start ``distiller`` with arguments; what it prints is lost."""
    process = _SERVER.Process(target=_run, args=(arguments,))
    process.start()
    return process


def _run(arguments: tuple[str, ...]) -> None:
    """Run the command; the exit status of the process is its own."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    program(list(arguments))
