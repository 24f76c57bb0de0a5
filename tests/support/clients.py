"""Clients of the VO: STILTS, and sessions of pyVO that leave no connection open."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pyvo.utils.http import create_session

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests


@contextmanager
def closed_at_the_end(session: requests.Session) -> Iterator[requests.Session]:
    """Close a session and every answer that it got.

    pyVO does not read answers to their end that tell of an error, and connections of
    these are in no pool that a session closes.
    """
    answers: list[requests.Response] = []

    def keep(answer: requests.Response, *_: Any, **__: Any) -> None:
        answers.append(answer)

    session.hooks["response"].append(keep)
    try:
        yield session
    finally:
        for answer in answers:
            answer.close()
        session.close()


@contextmanager
def pyvo_session() -> Iterator[requests.Session]:
    """Give a session of pyVO."""
    with closed_at_the_end(create_session()) as session:
        yield session


def stilts(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command of STILTS."""
    return subprocess.run(
        ["stilts", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
