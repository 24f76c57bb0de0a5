"""The socket ``HOME/control.sock``: made, served beside the site, taken away."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from typing import TYPE_CHECKING

import uvicorn

from distiller.core.errors import BadParameter, IllegalState
from distiller.web.control.app import application

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from distiller.web.site import Site

_LONGEST = 107
"""Bytes of the address of a Unix socket, without its end."""

_GRACE_S = 5


class _Server(uvicorn.Server):
    """Leaves the signals to the server of the site, and tells when it answers."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        finally:
            self.ready.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving(site: Site) -> AsyncIterator[None]:
    """Serve commands of a site while the block runs.

    Raises
    ------
    IllegalState
        If another server of this home answers already.
    BadParameter
        If the home has too long a name for a socket.
    """
    path = site.settings.socket_path
    listener = listen(path)
    config = uvicorn.Config(
        application(site),
        log_level="error",
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=_GRACE_S,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await server.ready.wait()
        yield
    finally:
        server.should_exit = True
        await task
        listener.close()
        path.unlink(missing_ok=True)


def listen(path: Path) -> socket.socket:
    """Open the socket with mode 0600 in a folder of mode 0700.

    A socket that a killed server left behind is removed.
    """
    if len(os.fsencode(path)) > _LONGEST:
        raise BadParameter(
            "home",
            f"{path} is too long for the address of a socket ({_LONGEST} bytes)",
            hint="choose a home folder with a shorter name",
        )
    require_free(path)
    path.parent.chmod(0o700)
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)
    listener.listen()
    return listener


def require_free(path: Path) -> None:
    """Refuse a home that a server has, before anything of it is changed.

    Raises
    ------
    IllegalState
        If a server answers at the socket.
    """
    if _answers(path):
        raise IllegalState(
            f"another server has this home: it answers at {path}",
            hint="stop it first, or choose another home with --home",
        )


def _answers(path: Path) -> bool:
    if not path.exists():
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        try:
            client.connect(str(path))
        except OSError:
            return False
    return True
