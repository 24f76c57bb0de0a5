"""Tasks that behave badly, and programs that know them: for tests with real processes.

``python rogues.py zygote FD`` is a zygote and ``python rogues.py shepherd JOBDIR`` a
shepherd, each with one more task. A third word is by how many seconds the clock jumps.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic import Field

from distiller.analysis import tasks
from distiller.analysis.fields import shown
from distiller.analysis.parameters import SentFile, TaskParameters
from distiller.analysis.products import ProductDescription, ProductFile
from distiller.core.errors import Busy
from distiller.core.times import now

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from distiller.analysis.products import InputDataset


class RogueParameters(TaskParameters):
    """How to behave."""

    kind: str = "good"
    seconds: float = 60.0
    file: SentFile | None = Field(
        default=None, json_schema_extra=shown("File", files=(".reg",))
    )


def install() -> None:
    """Add the task ``rogue`` to this process."""
    rogue = tasks.Task(
        name="rogue",
        version="1",
        title="Rogue",
        description="Behaves badly.",
        parameters=RogueParameters,
        entry="rogues:run",
    )
    tasks.TASKS = MappingProxyType({**tasks.TASKS, "rogue": rogue})
    folder = str(Path(__file__).parent)
    if folder not in sys.path:
        sys.path.append(folder)


def run(
    configuration: Any,
    inputs: Sequence[InputDataset],
    result_dir: Path,
    report: Callable[[float, str], None],
) -> ProductDescription:
    """Do what the configuration says."""
    del inputs
    report(0.25, f"being {configuration.kind}")
    _KINDS[configuration.kind](configuration.seconds)
    for name in ("product.fits", "configuration.yaml"):
        (result_dir / name).write_text("software: {rogue: 1}\n")
    for path in configuration.files.values():
        (result_dir / "product.fits").write_bytes(path.read_bytes())
    if configuration.kind == "large":
        (result_dir / "product.fits").write_bytes(b"\0" * 1_500_000)
    return ProductDescription(
        title="Rogue",
        description="Made by a test.",
        product_type="image",
        product_subtype="count-map",
        files=(
            ProductFile(
                result_id="product",
                role="product",
                name="product.fits",
                media_type="application/fits",
            ),
            ProductFile(
                result_id="configuration",
                role="configuration",
                name="configuration.yaml",
                media_type="application/yaml",
            ),
        ),
        simulated=True,
        s_ra_deg=83.6,
        s_dec_deg=22.0,
    )


def _good(seconds: float) -> None:
    del seconds


def _slow(seconds: float) -> None:
    time.sleep(seconds)


def _deaf(seconds: float) -> None:
    """Ignore SIGTERM, and have children that do."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.fork() == 0:
        time.sleep(seconds)
        os._exit(0)
    time.sleep(seconds)


def _runaway(seconds: float) -> None:
    """Leave the session and the family, ignoring SIGTERM."""
    if os.fork() == 0:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if os.fork() == 0:
            time.sleep(seconds)
            os._exit(0)
        os._exit(0)
    os.wait()
    time.sleep(seconds)


def _shell(seconds: float) -> None:
    subprocess.run(
        ["/bin/sh", "-c", f"trap '' TERM; sleep {seconds} & sleep {seconds}"],
        check=False,
    )


def _orphan(seconds: float) -> None:
    """End well, but leave a child behind."""
    if os.fork() == 0:
        os.setsid()
        time.sleep(seconds)
        os._exit(0)


def _greedy(seconds: float) -> None:
    """Take all memory at once."""
    del seconds
    _ = bytearray(1 << 40)


def _growing(seconds: float) -> None:
    """Take memory bit by bit, in children that each take little."""
    for _ in range(12):
        if os.fork() == 0:
            held = bytearray(os.urandom(1 << 20)) * 60
            time.sleep(seconds)
            os._exit(len(held) % 2)
    time.sleep(seconds)


def _broken(seconds: float) -> None:
    del seconds
    message = "seven is not eight"
    raise ValueError(message)


def _busy(seconds: float) -> None:
    del seconds
    message = "the telescope is asleep"
    raise Busy(message, hint="try tomorrow")


def _killed(seconds: float) -> None:
    del seconds
    os.kill(os.getpid(), signal.SIGKILL)


def _exits(seconds: float) -> None:
    del seconds
    os._exit(3)


def _filling(seconds: float) -> None:
    """Fill the disk."""
    del seconds
    with Path("filling").open("wb") as stream:
        stream.writelines(b"\0" * (1 << 16) for _ in range(10_000))


def _spinning(seconds: float) -> None:
    """Say where it runs, then keep more cores busy than it may, in children."""
    cores = sorted(os.sched_getaffinity(0))
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    print("cores", *cores, "nice", nice, flush=True)  # noqa: T201 - into the log
    end = time.monotonic() + seconds
    for _ in range(2):
        if os.fork() == 0:
            # Each piece of work ends before it is looked at for long.
            while time.monotonic() < end:
                if os.fork() == 0:
                    os._exit(sum(range(10**6)) % 2)
                os.wait()
            os._exit(0)
    time.sleep(seconds)


def _burning(seconds: float) -> None:
    """Be at the limit of a process before anybody looks at the sum."""
    given = resource.getrlimit(resource.RLIMIT_CPU)
    print("may use", *given, flush=True)  # noqa: T201 - into the log
    resource.setrlimit(resource.RLIMIT_CPU, (1, given[1]))
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def _printing(seconds: float) -> None:
    """Print 1 GB, and a last word."""
    del seconds
    print("first word", flush=True)  # noqa: T201 - into the log
    line = b"x" * 99 + b"\n"
    for _ in range(1000):
        _print(line * 10_000)
    _print(b"last word\n")


def _prattling(seconds: float) -> None:
    """Print numbered lines without an end, in a child too."""
    child = os.fork()
    end = time.monotonic() + seconds
    number = 0
    while time.monotonic() < end:
        _print(b"".join(b"line %d\n" % n for n in range(number, number + 1000)))
        number += 1000
    if child == 0:
        os._exit(0)
    os.wait()


def _print(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]


def _chatty(seconds: float) -> None:
    del seconds
    sys.stdout.write("\n".join(f"line {n}" for n in range(5000)) + "\n")
    subprocess.run(["/bin/echo", "from a child"], check=True)


_KINDS = {
    "good": _good,
    "large": _good,
    "slow": _slow,
    "deaf": _deaf,
    "runaway": _runaway,
    "shell": _shell,
    "orphan": _orphan,
    "greedy": _greedy,
    "growing": _growing,
    "broken": _broken,
    "busy": _busy,
    "killed": _killed,
    "exits": _exits,
    "filling": _filling,
    "spinning": _spinning,
    "burning": _burning,
    "printing": _printing,
    "prattling": _prattling,
    "chatty": _chatty,
}


def _set_clock(jump_s: float) -> None:
    """Set the time of day after a second, for this program alone."""
    from distiller.jobs import ends, shepherd  # noqa: PLC0415 - needed here only

    began = time.monotonic()

    def wrong() -> datetime:
        is_set = time.monotonic() > began + 1.0
        return now() + timedelta(seconds=jump_s if is_set else 0.0)

    for module in (shepherd, ends):
        vars(module)["now"] = wrong


def _main(role: str, argument: str, jump_s: str = "0") -> None:
    from distiller.jobs import shepherd, zygote  # noqa: PLC0415 - needed here only

    install()
    _set_clock(float(jump_s))
    if role == "zygote":
        # What is tested with it needs no Gammapy, and many of them are started.
        zygote.warm_up = lambda: None
        zygote.main(int(argument))
    else:
        shepherd.run(Path(argument))


if __name__ == "__main__":
    _main(*sys.argv[1:])
