"""Clients that wait for a job: told of its changes, let go when the server stops."""

from __future__ import annotations

import asyncio
import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from distiller.core.settings import Settings
    from distiller.jobs.store import JobStore
    from distiller.vo.uws import Job, Phase

_LOOK_S: Final = 0.5
_LOOK_AT_OWN_S: Final = 5.0


class WaitingRoom:
    """Where the clients of one process wait, without a thread each."""

    def __init__(self, store: JobStore, settings: Settings) -> None:
        self._store = store
        # Jobs of this process tell of their changes; others' are looked at.
        own = settings.runner == "embedded" and settings.database_url is None
        self._look_s = _LOOK_AT_OWN_S if own else _LOOK_S
        # For looks at the store while clients wait: two threads for all of them.
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="job-wait")
        self._is_closed = False

    async def wait(
        self,
        job_id: str,
        look: Callable[[], Job],
        *,
        timeout_s: float,
        phase: Phase | None,
    ) -> Job:
        """Return the job once its phase changes, after ``timeout_s``, or at `close`.

        Parameters
        ----------
        look
            Returns the job as it is; called in a thread.
        phase
            The phase that the client knows; if the job is not in it, or not in one
            that can end by itself, there is nothing to wait for.
        """
        loop = asyncio.get_running_loop()
        changed = asyncio.Event()

        def tell(other: str) -> None:
            if other in {job_id, ""} and not loop.is_closed():
                loop.call_soon_threadsafe(changed.set)

        def looked() -> Job:
            try:
                return look()
            finally:
                self._store.release()

        deadline = time.monotonic() + timeout_s
        with self._store.changes.listening(tell):
            job = await loop.run_in_executor(self._threads, looked)
            known = job.phase if phase is None else phase
            while job.phase == known and known.is_active:
                left = deadline - time.monotonic()
                if left <= 0 or self._is_closed:
                    break
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), min(left, self._look_s))
                changed.clear()
                job = await loop.run_in_executor(self._threads, looked)
        return job

    def close(self) -> None:
        """Answer everybody who waits with the present state."""
        self._is_closed = True
        self._store.changes.tell("")

    @property
    def is_closed(self) -> bool:
        """Whether nobody waits here any more."""
        return self._is_closed
