"""What is measured: one function a quantity, over HTTP as any client would ask."""

from __future__ import annotations

import base64
import http.client
import random
import re
import shutil
import struct
import subprocess
import time
from dataclasses import dataclass, field
from math import asin, degrees
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.tap.parties import Party

OK = 200
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_PATIENCE_S = 1200
_POLL_S = 0.01
_OVER = ("COMPLETED", "ERROR", "ABORTED")


class NotThereError(Exception):
    """The service does not do this."""


@dataclass
class Download:
    """One answer: seconds to its first byte and to its last, its bytes."""

    first_s: float
    total_s: float
    length: int
    peak_mb: float | None = None


@dataclass
class Line:
    """A connection that is kept."""

    party: Party
    connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        place = urlsplit(self.party.url)
        self.prefix = place.path
        self.connection = http.client.HTTPConnection(
            str(place.hostname), place.port, timeout=_PATIENCE_S
        )

    def ask(
        self,
        method: str,
        path: str,
        body: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, bytes, str | None]:
        """Return status, body and where it leads to."""
        self.connection.request(method, path, body, dict(headers or {}))
        answer = self.connection.getresponse()
        said = answer.read()
        return answer.status, said, answer.getheader("Location")


def download(party: Party, query: str, form: str, most: int) -> Download:
    """Take a whole answer, in one request on a new connection."""
    line = Line(party)
    _forget_peak(party.pid)
    body = urlencode(
        {"LANG": "ADQL", "QUERY": query, "RESPONSEFORMAT": form, "MAXREC": most}
    )
    buffer = bytearray(2**20)
    began = time.perf_counter()
    line.connection.request("POST", f"{line.prefix}/sync", body, _FORM)
    answer = line.connection.getresponse()
    # `readinto` would wait until the buffer is full.
    head = answer.read1(2000)
    first = time.perf_counter() - began
    length = len(head)
    while count := answer.readinto(buffer):
        length += count
    total = time.perf_counter() - began
    line.connection.close()
    if answer.status != OK or b'"ERROR"' in head:
        raise NotThereError(f"{form}: {answer.status}")
    peak = memory(party.pid, "VmHWM")
    above = None if party.idle_mb is None or peak is None else peak - party.idle_mb
    return Download(first, total, length, above)


def latency(line: Line, query: str) -> float:
    """Return how long a small question takes on a connection that is kept, s."""
    body = urlencode({"LANG": "ADQL", "QUERY": query, "MAXREC": 100_000})
    began = time.perf_counter()
    status, said, _ = line.ask("POST", f"{line.prefix}/sync", body, _FORM)
    took = time.perf_counter() - began
    if status != OK:
        raise NotThereError(said[-300:].decode(errors="replace"))
    return took


def throughput(
    party: Party, query: str, clients: int, seconds: int
) -> tuple[float, float]:
    """Return answers a second, and how long 99 % took at most (s), by wrk."""
    program = shutil.which("wrk")
    if program is None:
        raise NotThereError("wrk is not installed (Debian: wrk)")
    address = f"{party.url}/sync?{urlencode({'LANG': 'ADQL', 'QUERY': query})}"
    said = subprocess.run(
        [program, "-t1", f"-c{clients}", f"-d{seconds}s", "--latency", address],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    if "Non-2xx" in said:
        raise NotThereError("answers with errors among them")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    last = re.search(r"99%\s+([\d.]+)(us|ms|s|m)\b", said)
    assert rate  # noqa: S101 - the words of wrk
    assert last  # noqa: S101 - likewise
    unit = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}[last[2]]
    return float(rate[1]), float(last[1]) * unit


def job(line: Line, query: str) -> float:
    """Return how long an asynchronous query takes from POST to COMPLETED, s."""
    began = time.perf_counter()
    path = _create(line, query)
    phase = _wait(line, path)
    took = time.perf_counter() - began
    line.ask("DELETE", path)
    if phase != "COMPLETED":
        raise NotThereError(f"the job ended {phase}")
    return took


def burst(line: Line, query: str, count: int) -> float:
    """Return how long it takes until so many jobs, made at once, are done, s."""
    began = time.perf_counter()
    paths = [_create(line, query) for _ in range(count)]
    for path in paths:
        _wait(line, path)
    took = time.perf_counter() - began
    for path in paths:
        line.ask("DELETE", path)
    return took


def _create(line: Line, query: str) -> str:
    fields = {"LANG": "ADQL", "QUERY": query, "PHASE": "RUN"}
    status, said, where = line.ask(
        "POST", f"{line.prefix}/async", urlencode(fields), _FORM
    )
    if where is None:
        raise NotThereError(f"/async: {status} {said[-200:].decode(errors='replace')}")
    path = urlsplit(where).path
    # The peer does not take PHASE with the parameters of a new job.
    if _phase(line, path) == "PENDING":
        line.ask("POST", f"{path}/phase", "PHASE=RUN", _FORM)
    return path


def _phase(line: Line, path: str) -> str:
    return line.ask("GET", f"{path}/phase")[1].decode().strip()


def _wait(line: Line, path: str) -> str:
    end = time.monotonic() + _PATIENCE_S
    while (phase := _phase(line, path)) not in _OVER and time.monotonic() < end:
        time.sleep(_POLL_S)
    return phase


def upload(party: Party, table: str, rows: int) -> float:
    """Return how long a join with a table that comes with the query takes, s."""
    body, kind = _multipart(table, rows)
    line = Line(party)
    began = time.perf_counter()
    status, said, _ = line.ask(
        "POST", f"{line.prefix}/sync", body, {"Content-Type": kind}
    )
    took = time.perf_counter() - began
    line.connection.close()
    if status != OK or b"ERROR" in said[:3000]:
        raise NotThereError(f"{status} {said[-200:].decode(errors='replace')}")
    return took


def _multipart(table: str, rows: int) -> tuple[bytes, str]:
    chance = random.Random(11)  # noqa: S311 - places on the sky
    cells = b"".join(
        b"\0"
        + struct.pack(
            ">idd", n, chance.uniform(0, 360), degrees(asin(chance.uniform(-1, 1)))
        )
        for n in range(rows)
    )
    document = (
        '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
        '<RESOURCE><TABLE name="up"><FIELD name="id" datatype="int"/>'
        '<FIELD name="ra" datatype="double" unit="deg" ucd="pos.eq.ra"/>'
        '<FIELD name="dec" datatype="double" unit="deg" ucd="pos.eq.dec"/>'
        '<DATA><BINARY2><STREAM encoding="base64">'
        f"{base64.b64encode(cells).decode()}</STREAM></BINARY2></DATA>"
        "</TABLE></RESOURCE></VOTABLE>"
    )
    fields = {
        "LANG": "ADQL",
        "QUERY": f"SELECT u.id, o.obs_id FROM TAP_UPLOAD.up AS u JOIN {table} AS o ON "  # noqa: S608 - fixed names
        "1 = CONTAINS(POINT('ICRS', o.s_ra, o.s_dec), "
        "CIRCLE('ICRS', u.ra, u.dec, 0.1))",
        "RESPONSEFORMAT": "csv",
        "MAXREC": "100000",
        "UPLOAD": "up,param:table",
    }
    mark = "----distiller-benchmark"
    parts = [
        f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    parts.append(
        f'--{mark}\r\nContent-Disposition: form-data; name="table"; filename="t.vot"'
        "\r\nContent-Type: application/x-votable+xml\r\n\r\n"
        f"{document}\r\n--{mark}--\r\n"
    )
    return "".join(parts).encode(), f"multipart/form-data; boundary={mark}"


def copy(url: str, select: str) -> float:
    """Return how long psql takes for a COPY of the rows as text, s."""
    began = time.perf_counter()
    with subprocess.Popen(
        ["psql", "-Xq", "-d", url, "-c", f"COPY ({select}) TO STDOUT"],
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout  # noqa: S101 - it was asked for
        while process.stdout.read(2**20):
            pass
    if process.returncode:
        raise NotThereError(f"psql ended with {process.returncode}")
    return time.perf_counter() - began


def memory(pid: int | None, what: str) -> float | None:
    """Return the memory of a process, MB: VmRSS now, or VmHWM at most."""
    if pid is None:
        return None
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = next((line for line in lines if line.startswith(f"{what}:")), None)
    return None if found is None else int(found.split()[1]) * 1024 / 1e6


def _forget_peak(pid: int | None) -> None:
    """Let the peak of a process begin anew."""
    if pid is not None:
        try:
            Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")
        except OSError:
            return
