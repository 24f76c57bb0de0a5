"""A job for other programs: what to type into pyVO and curl."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from distiller.web.pages.adql.elsewhere import Snippet

if TYPE_CHECKING:
    from collections.abc import Iterable

    from distiller.vo.uws import Pairs

_NEEDS_NO_CODE = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.,:/?-_")


def snippets(
    task: str, pairs: Iterable[tuple[str, str]], base_url: str
) -> list[Snippet]:
    """Return the commands that make and run a job; no text of it leaves its quotes.

    Parameters
    ----------
    base_url
        Of the site.
    """
    jobs = f"{base_url.rstrip('/')}/uws/{task}"
    given = tuple(
        (name.lower(), value)
        for name, value in pairs
        # To curl, ``a@b`` is a file; and no parameter has such a name.
        if value.strip() and name.isidentifier()
    )
    return [Snippet("pyVO", _pyvo(jobs, given)), Snippet("curl", _curl(jobs, given))]


def _pyvo(jobs: str, pairs: Pairs) -> str:
    """Write Python: the class of pyVO is for any job of UWS, not only of TAP."""
    data = "".join(f"        ({_quoted(n)}, {_quoted(v)}),\n" for n, v in pairs)
    return (
        "import requests\n"
        "from pyvo.dal import AsyncTAPJob\n\n"
        "made = requests.post(\n"
        f"    {_quoted(jobs)},\n"
        f"    data=[\n{data}    ],\n"
        ")\n"
        "made.raise_for_status()\n"
        "job = AsyncTAPJob(made.url)\n"
        "job.run().wait()\n"
        "job.raise_if_error()\n"
        "for result in job.results:\n"
        "    print(result.id_, result.href)\n"
    )


def _quoted(text: str) -> str:
    plain = text.isprintable() and not set(text) & set('"\\')
    return f'"{text}"' if plain else repr(text)


def _curl(jobs: str, pairs: Pairs) -> str:
    data = "".join(f" \\\n  {_field(name, value)}" for name, value in pairs)
    return (
        f"job=$(curl -sS -o /dev/null -w '%{{redirect_url}}' {shlex.quote(jobs)}{data}"
        " \\\n  -d PHASE=RUN)\n"
        'while curl -sS "$job/phase" | grep -qE "QUEUED|EXECUTING"; do\n'
        '  curl -sS -o /dev/null "$job?WAIT=50"\n'
        "done\n"
        'curl -fsSOJ "$job/results/product"\n'
    )


def _field(name: str, value: str) -> str:
    how = "-d" if set(value.lower()) <= _NEEDS_NO_CODE else "--data-urlencode"
    return f"{how} {shlex.quote(f'{name}={value}')}"
