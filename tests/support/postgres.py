"""A throw-away PostgreSQL with pgSphere: one server a process, databases at will."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psycopg
from psycopg.conninfo import conninfo_to_dict

from distiller.archive.pgsphere import ensure_pgsphere

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PACKAGES = ("postgresql-15", "postgresql-15-pgsphere")
PLAIN = "with_pgsphere"
"""A database with pgSphere and nothing else, to copy."""

_BIN = Path("/usr/lib/postgresql/15/bin")
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "timezone": "UTC",
}


def name_of(url: str) -> str:
    """Return the name of the database of a URL that `Server.create` gave."""
    return str(conninfo_to_dict(url)["dbname"])


class Server:
    """A server of its own, reached by a Unix socket; `start` makes it."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self._folder = folder
        self._settings = {**_SETTINGS, **settings}
        self._number = 0

    @classmethod
    def start(cls, **settings: str) -> Self:
        """Make a cluster in a new folder and start its server."""
        folder = Path(tempfile.mkdtemp(prefix="distiller-pg-", dir="/tmp"))
        folder.chmod(0o755)
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        server = cls(folder, settings)
        options = ["--no-sync", "--auth=trust", "--username=distiller", "-E", "UTF8"]
        server._run("initdb", "-D", server._data, "--locale=C.UTF-8", *options)
        server._start()
        server._psql("postgres", f"CREATE DATABASE {PLAIN}")
        with psycopg.connect(server.url(PLAIN), autocommit=True) as connection:
            ensure_pgsphere(connection)
        return server

    def restart(self) -> None:
        """Stop the server at once, if it runs, and start it again."""
        if self._runs:
            self.halt()
        self._start()

    def halt(self) -> None:
        """Stop the server at once."""
        self._run("pg_ctl", "-D", self._data, "-m", "immediate", "stop")

    def stop(self) -> None:
        """Stop the server and remove its folder."""
        if self._runs:
            self.halt()
        shutil.rmtree(self._folder, ignore_errors=True)

    def create(self, *, template: str = PLAIN, options: str = "") -> str:
        """Make a new database and return its URL."""
        self._number += 1
        name = f"test_{self._number}"
        self._psql("postgres", f"CREATE DATABASE {name} TEMPLATE {template} {options}")
        return self.url(name)

    def url(self, name: str) -> str:
        """Return the URL of a database."""
        return f"postgresql://distiller@/{name}?host={self._folder}"

    def _start(self) -> None:
        given = " ".join(
            f"-c {name}={value!r}" for name, value in self._settings.items()
        )
        given += f" -k {self._folder}"
        log = str(self._folder / "log")
        self._run("pg_ctl", "-D", self._data, "-w", "-l", log, "-o", given, "start")

    @property
    def _runs(self) -> bool:
        return (self._folder / "data" / "postmaster.pid").exists()

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    def _psql(self, database: str, statement: str) -> None:
        self._run("psql", "-Xq", "-d", self.url(database), "-c", statement)

    def _run(self, program: str, *arguments: str) -> None:
        command: Sequence[str] = (str(_BIN / program), *arguments)
        if os.geteuid() == 0 and program != "psql":
            command = ("runuser", "-u", "postgres", "--", *command)
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if program == "pg_ctl" else subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            cwd="/",
        )
        if done.returncode:
            said = (done.stdout or b"").decode(errors="replace")
            raise RuntimeError(f"{program} failed ({done.returncode}): {said[-500:]}")
