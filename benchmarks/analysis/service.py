"""Our server over an archive of DL3 runs, and jobs as any UWS client asks for them."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parents[2]
PORT = 8463
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
Pairs = tuple[tuple[str, str], ...]

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_POLL_S = 0.005
_WAIT = "?WAIT=60&PHASE="
_PATIENCE_S = 120
_SEE_OTHER = 303
_OK = 200
_PHASE = re.compile(rb"<(?:\w+:)?phase>(\w+)<")
_PROGRESS = re.compile(rb"fraction=\"")
_FINAL = {b"COMPLETED", b"ERROR", b"ABORTED"}


class JobFailedError(Exception):
    """A job did not end as it ought to."""


@dataclass
class Ran:
    """One job: seconds from its submission to the first progress and to its end."""

    url: str
    first_s: float | None
    total_s: float


def distiller(home: Path, *words: str) -> None:
    """Run a command of the program."""
    program = [sys.executable, "-m", "distiller", "--home", str(home), *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    subprocess.run(program, check=True, stdout=subprocess.DEVNULL, env=environment)


@contextlib.contextmanager
def serving(home: Path) -> Iterator[Client]:
    """Serve a home; ends when the block does."""
    environment = {
        **os.environ,
        **ONE_THREAD,
        "PYTHONPATH": str(ROOT / "src"),
        "DISTILLER_BASE_URL": f"http://127.0.0.1:{PORT}",
    }
    command = [sys.executable, "-m", "distiller", "--home", str(home), "serve"]
    with (home / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--port", str(PORT)], env=environment, stdout=log, stderr=log
        )
    try:
        _await(process, home / "serve.log")
        yield Client()
    finally:
        process.terminate()
        process.wait(60)


def _await(process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError):
            if Client().get("/uws/capabilities")[0] == _OK:
                return
        time.sleep(0.1)
    message = f"the server does not answer: {log.read_text()[-2000:]}"
    raise RuntimeError(message)


class Client:
    """A connection that is kept."""

    def __init__(self) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=300)

    def get(self, path: str) -> tuple[int, bytes]:
        """Return status and body of a page."""
        try:
            self._connection.request("GET", path)
            answer = self._connection.getresponse()
        except ConnectionError:
            self._connection.close()  # it was idle, and the server has closed it
            self._connection.request("GET", path)
            answer = self._connection.getresponse()
        return answer.status, answer.read()

    def submit(self, task: str, pairs: Sequence[tuple[str, str]]) -> str:
        """Create a job that runs at once; return its path.

        Raises
        ------
        JobFailedError
            If it is refused.
        """
        body = urlencode([*pairs, ("PHASE", "RUN")])
        self._connection.close()  # the server may have closed one that was idle
        self._connection.request("POST", f"/uws/{task}", body, _FORM)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status != _SEE_OTHER:
            message = f"{task}: {answer.status} {text[:500].decode(errors='replace')}"
            raise JobFailedError(message)
        return urlsplit(str(answer.getheader("Location"))).path

    def run(self, task: str, pairs: Sequence[tuple[str, str]]) -> Ran:
        """Run a job to its end.

        Raises
        ------
        JobFailedError
            If it does not complete.
        """
        began = time.perf_counter()
        path = self.submit(task, pairs)
        first = None
        question = ""
        while True:
            _, document = self.get(path + question)
            now = time.perf_counter() - began
            if first is None and _PROGRESS.search(document):
                first = now
            found = _PHASE.search(document)
            phase = found.group(1) if found else b""
            if phase in _FINAL:
                break
            if first is None:
                time.sleep(_POLL_S)
            else:
                # UWS 1.1: answered when the phase is another one.
                question = f"{_WAIT}{phase.decode()}"
        if phase != b"COMPLETED":
            raise JobFailedError(document.decode(errors="replace")[-1500:])
        return Ran(path, first, now)

    def is_over(self, path: str) -> bool:
        """Whether a job has ended."""
        found = _PHASE.search(self.get(path)[1])
        return found is not None and found.group(1) in _FINAL
