"""The log of a job as it grows: sent until the job ends, without a thread for each."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from distiller.core.errors import Forbidden, NotFound
from distiller.jobs import cache, folders

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from distiller.core.rights import Reader
    from distiller.jobs.service import JobService
    from distiller.vo.uws import Job

_LOOK_S: Final = 0.25
_WAIT_S: Final = 20.0


async def follow(
    service: JobService, job: Job, who: Reader, folder: Path
) -> AsyncIterator[bytes]:
    """Yield a job's log, then what is added to it, until the job ends.

    Also until it is deleted, ``who`` may not see it any more, or the server stops.

    Parameters
    ----------
    folder
        Of the job.
    """
    place = 0
    while job.phase.is_active and not service.is_leaving:
        waiting = asyncio.ensure_future(
            service.wait(job.job_id, who, timeout_s=_WAIT_S, phase=job.phase)
        )
        try:
            while not waiting.done():
                text, place = await asyncio.to_thread(folders.read_log, folder, place)
                if text:
                    yield text
                await asyncio.wait({waiting}, timeout=_LOOK_S)
            job = waiting.result()
        except (NotFound, Forbidden):
            return
        finally:
            waiting.cancel()
    text = cache.log_of(job).encode()
    if not text:
        text, _ = await asyncio.to_thread(folders.read_log, folder, place)
    yield text
