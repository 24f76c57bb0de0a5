"""Which processor cores a job runs on: others than the jobs beside it, if there are.

A core is taken by a name in the kernel that one process of this machine can have, an
abstract Unix socket. So the choice holds across the shepherds of a home, however they
end, and nothing of it is on disk. That jobs are kept apart is a kindness; that a job
has no more cores than it may is the limit.
"""

from __future__ import annotations

import hashlib
import os
import socket
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NAME: Final = "\0distiller-core-{}-{}-{}"


@contextmanager
def taken(count: int, place: Path) -> Iterator[frozenset[int]]:
    """Take so many of the cores that this process may use; all if they are no more.

    Those that no other job has come first. Where there are fewer of them, some are
    shared. The cores are given back with the block, or with the process.

    Parameters
    ----------
    place
        The folder of all jobs among which the cores are divided.
    """
    allowed = sorted(os.sched_getaffinity(0))
    if count >= len(allowed):
        yield frozenset(allowed)
        return
    # Not every search begins with the first: those that must share do so evenly.
    start = os.getpid() % len(allowed)
    order = allowed[start:] + allowed[:start]
    whose = hashlib.sha256(bytes(place)).hexdigest()[:16]
    with ExitStack() as held:
        free: list[int] = []
        for core in order:
            if len(free) < count and _take(whose, core, held):
                free.append(core)
        shared = [core for core in order if core not in free]
        yield frozenset([*free, *shared][:count])


def _take(whose: str, core: int, held: ExitStack) -> bool:
    """Take a core unless another job has it."""
    name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        name.bind(_NAME.format(os.getuid(), whose, core))
    except OSError:
        name.close()
        return False
    held.enter_context(name)
    return True
