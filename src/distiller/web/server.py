"""The server process: pages and services on a TCP port, commands on a Unix socket."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
from typing import TYPE_CHECKING

import uvicorn

from distiller.core.errors import BadParameter
from distiller.web import control

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from distiller.web.site import Site

_GRACE_S = 5
_BACKLOG = 1024
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def listen(host: str, port: int) -> socket.socket:
    """Open the port before anything else is started.

    Raises
    ------
    BadParameter
        If the address is taken or not of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server(
            (host.strip("[]"), port), family=family, backlog=_BACKLOG
        )
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise BadParameter(
                "port",
                f"{port} is in use on {host}",
                hint="stop the other server or choose another with --port",
            ) from error
        raise BadParameter(
            "host", f"cannot listen on {host}:{port}: {error.strerror}"
        ) from error
    # asyncio does it only for sockets that name their protocol, which these do not;
    # without it an answer in two packets takes 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


class _Server(uvicorn.Server):
    """Tells when it answers; ends by SIGINT or SIGTERM, and lets others tidy up then.

    Parameters
    ----------
    ready
        Called once it answers.
    leave
        Called when it is to end: whoever waits for a change is to be answered.

    Notes
    -----
    The server that it is made of sends itself the signal again, which would end the
    process before the archive is closed.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        ready: Callable[[], None],
        leave: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._ready = ready
        self._leave = leave

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in _SIGNALS:
                loop.remove_signal_handler(number)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self._leave()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()


def run(site: Site, listener: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM; ``ready`` is called once requests are answered."""
    asyncio.run(_run(site, listener, ready))


async def _run(site: Site, listener: socket.socket, ready: Callable[[], None]) -> None:
    from distiller.web.asgi import application  # noqa: PLC0415 - needs Django set up

    config = uvicorn.Config(
        application,
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=_GRACE_S,
    )
    async with control.serving(site):
        await _Server(config, ready, site.jobs.leave).serve(sockets=[listener])
