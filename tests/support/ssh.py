"""A throw-away ssh server on the loopback, with keys of its own."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.support.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping

PACKAGE = "openssh-server"
_CONFIGURATION = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/user.pub
PidFile none
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
{variables}
"""


class Door:
    """An ssh server; who comes in has these variables."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def open(cls, variables: Mapping[str, str]) -> Self:
        """Make keys and start a server with them."""
        folder = Path(tempfile.mkdtemp(prefix="distiller-ssh-", dir="/tmp"))
        made = cls(folder, free_port())
        for name in ("host", "user"):
            words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", name]
            subprocess.run(words, cwd=folder, check=True)
        port = made._port
        given = "".join(f" {name}={value}" for name, value in variables.items())
        text = _CONFIGURATION.format(
            folder=folder, port=port, variables=f"SetEnv{given}"
        )
        (folder / "sshd_config").write_text(text)
        key = (folder / "host.pub").read_text()
        (folder / "known").write_text(f"[127.0.0.1]:{port} {key}")
        made.start()
        return made

    @property
    def options(self) -> list[str]:
        """Options of ssh with which it opens."""
        return [
            "-F", "none", "-p", str(self._port), "-i", str(self._folder / "user"),
            "-o", f"UserKnownHostsFile={self._folder / 'known'}",
        ]  # fmt: skip

    def start(self) -> None:
        """Start the server, and wait until it opens."""
        Path("/run/sshd").mkdir(exist_ok=True)
        words = ["/usr/sbin/sshd", "-D", "-e", "-f", str(self._folder / "sshd_config")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(words, stdout=log, stderr=log)
        deadline = time.monotonic() + 20
        ask = ["ssh", "-o", "BatchMode=yes", *self.options, "127.0.0.1", "true"]
        while subprocess.run(ask, check=False, stderr=subprocess.DEVNULL).returncode:
            if time.monotonic() > deadline:
                raise RuntimeError((self._folder / "log").read_text()[-800:])
            time.sleep(0.1)

    def shut(self) -> None:
        """Stop the server; nobody comes in."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def close(self) -> None:
        """Stop the server and remove its keys."""
        self.shut()
        shutil.rmtree(self._folder, ignore_errors=True)
