"""Whose job is next: in turn over the owners, each owner's jobs in their order."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from distiller.jobs.store import Entry


def next_jobs(
    waiting: Sequence[Entry],
    running: Iterable[str | None],
    slots: int,
    served: Mapping[str | None, int],
    most: int | None = None,
) -> list[Entry]:
    """Choose the jobs to start.

    Parameters
    ----------
    waiting
        Queued jobs, oldest first.
    running
        The owner of each running job; those that nobody owns count as one owner's.
    slots
        How many may start.
    served
        When each owner was last served, as a count that grows.
    most
        How many jobs of one owner may run at once.

    Examples
    --------
    >>> from distiller.jobs.store import Entry
    >>> from distiller.vo.uws import Phase
    >>> def entry(name, owner): return Entry(name, owner, Phase.QUEUED, None)
    >>> queue = [entry("a1", "a"), entry("a2", "a"), entry("a3", "a"), entry("b1", "b")]
    >>> [e.job_id for e in next_jobs(queue, [], 3, {})]
    ['a1', 'b1', 'a2']
    >>> [e.job_id for e in next_jobs(queue, ["a"], 1, {})]
    ['b1']
    >>> [e.job_id for e in next_jobs(queue, [], 1, {"a": 7, "b": 5})]
    ['b1']
    >>> [e.job_id for e in next_jobs(queue, ["a"], 3, {}, most=2)]
    ['b1', 'a1']
    """
    load = Counter(running)
    left = list(waiting)
    chosen: list[Entry] = []
    while len(chosen) < slots:
        left = [e for e in left if most is None or load[e.owner] < most]
        if not left:
            break
        # Of those with the fewest jobs, whose turn was longest ago; then the oldest.
        entry = min(left, key=lambda e: (load[e.owner], served.get(e.owner, 0)))
        left.remove(entry)
        load[entry.owner] += 1
        chosen.append(entry)
    return chosen
