"""A throw-away S3 store (moto) and a web server with faults, both on this machine."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from moto.server import ThreadedMotoServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_HANG_S = 30.0


@contextmanager
def s3_server() -> Iterator[str]:
    """Run an S3 store; yield its endpoint."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


class FaultyServer:
    """Serves the files of a folder; what is in ``faults`` by name goes wrong.

    A fault is a status, ``torn`` (half of the bytes, then the end) or ``hang``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.faults: dict[str, int | str] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                outer.answer(self, whole=False)

            def do_GET(self) -> None:
                outer.answer(self, whole=True)

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: BaseHTTPRequestHandler, *, whole: bool) -> None:
        """Answer one request."""
        name = request.path.rpartition("/")[2]
        fault = self.faults.get(name)
        file = self.folder / request.path.lstrip("/")
        if isinstance(fault, int) or not file.is_file():
            request.send_error(fault if isinstance(fault, int) else 404)
            return
        if fault == "hang" and whole:
            time.sleep(_HANG_S)
            return
        content = file.read_bytes()
        first, last = _range(request.headers.get("Range"), len(content))
        part = content[first : last + 1]
        request.send_response(206 if request.headers.get("Range") else 200)
        request.send_header("Content-Length", str(len(part)))
        request.send_header("Accept-Ranges", "bytes")
        request.send_header("Content-Type", "application/fits")
        if request.headers.get("Range"):
            total = len(content)
            request.send_header("Content-Range", f"bytes {first}-{last}/{total}")
        request.end_headers()
        if whole and fault == "torn":
            request.wfile.write(part[: len(part) // 2])
            request.wfile.flush()
            request.connection.shutdown(socket.SHUT_RDWR)
        elif whole:
            request.wfile.write(part)


def _range(given: str | None, size: int) -> tuple[int, int]:
    if given is None:
        return 0, size - 1
    first, _, last = given.removeprefix("bytes=").partition("-")
    return int(first), min(int(last or size - 1), size - 1)
