"""What a failure is called for a job's user."""

from __future__ import annotations

import errno
import logging
import os

import pytest

from distiller.core.errors import (
    Busy,
    Damaged,
    DistillerError,
    NoSpace,
    NotFound,
    Unreachable,
)
from distiller.jobs import failures
from distiller.jobs.troubles import Troubles

FULL = "P300 no space left on the disk of the jobs (free some and run again)"

TOLD: list[tuple[Exception, str, str]] = [
    (NotFound("no such task: 'x'"), "U300 no such task: 'x'", "fatal"),
    (Busy("too much", hint="wait"), "P100 too much (wait)", "transient"),
    (Damaged("/srv/files/a.fits is gone"), "I100 a.fits is gone", "fatal"),
    (NoSpace("no space left to write /srv/home/x"), FULL, "transient"),
    (OSError(errno.ENOSPC, "No space left", "/srv/home/x"), FULL, "transient"),
    (
        OSError(errno.EACCES, "Permission denied", "/srv/home/x"),
        "I000 PermissionError: Permission denied",
        "fatal",
    ),
    (ValueError("bad /srv/home/x/y.fits"), "I000 ValueError: bad y.fits", "fatal"),
    (
        MemoryError(),
        failures.memory_message(300),
        "fatal",
    ),
]


@pytest.mark.parametrize(("error", "message", "kind"), TOLD)
def test_users_are_told_without_paths(
    error: Exception, message: str, kind: str
) -> None:
    told = failures.told(error, memory_mb=300)
    assert (told.message, told.type) == (message, kind)


OF_FILES = [
    (errno.ENOSPC, NoSpace, "no space left for filing"),
    (errno.EDQUOT, NoSpace, "no space left for filing"),
    (errno.EIO, Unreachable, "filing: Input/output error (see to that disk)"),
    (errno.EROFS, Unreachable, "filing: Read-only file system"),
    (errno.ENOENT, Damaged, "filing: b.fits: No such file or directory"),
]


@pytest.mark.parametrize(("number", "kind", "message"), OF_FILES)
def test_only_a_file_that_is_gone_lasts(
    number: int, kind: type[DistillerError], message: str
) -> None:
    error = OSError(number, os.strerror(number), "/srv/home/b.fits")
    found = failures.of_files(error, "filing")
    assert type(found) is kind
    assert str(found).startswith(message)


def test_a_cause_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    troubles = Troubles(first_s=60.0)
    for name in ("a", "b", "b"):
        # The name of a temporary file is another each time.
        full = OSError(errno.ENOSPC, "No space left", f"/srv/{name}")
        troubles.note("job", full, "job 7 waits")
    assert len(caplog.records) == 1
    assert "job 7 waits, and is tried again: [Errno 28] No space" in caplog.text
    assert "Traceback" not in caplog.text
    assert troubles.note("job", KeyError("x"), "job 7 waits") == 4
    assert len(caplog.records) == 2
    assert caplog.records[1].exc_info
    assert troubles.waits("job")
