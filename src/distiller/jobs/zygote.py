"""The zygote: a process that has every task imported and forks shepherds.

Its own program, started by the engine with ``python -m distiller.jobs.zygote FD``;
never a fork of a server. It has one thread, no database and no network. A request on
the socket is ``{"folder": ...}``; the answer says which process was forked. When the
socket closes it forks no more and ends with its last child.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from distiller.core.errors import InternalError
from distiller.jobs import processes, shepherd

if TYPE_CHECKING:
    from collections.abc import Callable

MESSAGE_MAX: Final = 65536
_REAP_MS: Final = 1000


def main(descriptor: int, prepare: Callable[[], None] | None = None) -> None:
    """Import, freeze, then serve the socket of this descriptor.

    Parameters
    ----------
    prepare
        Does both, for forks of another kind; else `warm_up`.
    """
    (prepare or warm_up)()
    count = processes.threads()
    if count != 1:
        message = f"the zygote has {count} threads; forking it would not be safe"
        raise InternalError(message)
    # The engine may be gone at any moment, even before this was ready.
    gone = suppress(BrokenPipeError, ConnectionResetError)
    with socket.socket(fileno=descriptor) as channel, gone:
        _serve(channel)
    _see_out()


def _serve(channel: socket.socket) -> None:
    """Fork what is asked for, until the other end closes."""
    channel.send(json.dumps({"ready": os.getpid()}).encode())
    poller = select.poll()
    poller.register(channel, select.POLLIN)
    while True:
        events = poller.poll(_REAP_MS)
        processes.reap()
        if events:
            request = channel.recv(MESSAGE_MAX)
            if not request:
                return
            folder = Path(json.loads(request)["folder"])
            channel.send(json.dumps(_fork(channel, folder)).encode())


def warm_up() -> None:
    """Import every task, do its slow first steps once, and freeze what that made."""
    # Only here: shepherds that run cold import no more than their own task.
    from distiller.analysis import warm  # noqa: PLC0415

    warm.warm_up()
    freeze()


def freeze() -> None:
    """Keep what was made so far in pages that forks share."""
    gc.collect()
    # What is frozen is not visited by a child's collector, so its pages stay shared.
    gc.freeze()


def _fork(channel: socket.socket, folder: Path) -> dict[str, object]:
    # The shepherd must not miss a SIGTERM before it listens for one.
    previous = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            channel.close()
            shepherd.run(folder)
            status = 0
        except BaseException:  # noqa: BLE001 - the edge of a process: told, then gone
            traceback.print_exc()
        finally:
            os._exit(status)
    signal.pthread_sigmask(signal.SIG_SETMASK, previous)
    child = processes.identify(pid)
    if child is None:  # pragma: no cover - a child is there until it is reaped
        return {"error": f"process {pid} is gone"}
    return child.to_json()


def _see_out() -> None:
    """Wait for the last child, so that none is left to a careless init."""
    try:
        while True:
            os.waitpid(-1, 0)
    except ChildProcessError:
        return


if __name__ == "__main__":
    main(int(sys.argv[1]))
