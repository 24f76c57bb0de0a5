"""Waiting for a job without holding a thread.

Django keeps one thread per request for its synchronous parts, idle while an
asynchronous view waits. A thousand clients with ``WAIT=-1`` would be a thousand
threads; so the thread goes home while its request waits.
"""

from __future__ import annotations

from asgiref.sync import SyncToAsync, sync_to_async
from django.db import connections


async def release_thread() -> None:
    """End this request's thread; the next synchronous call gets a new one."""
    context = SyncToAsync.thread_sensitive_context.get(None)
    if context is None:
        return
    # The thread's database connection must not outlive it.
    await sync_to_async(connections.close_all)()
    executor = SyncToAsync.context_to_thread_executor.pop(context, None)
    if executor is not None:
        executor.shutdown(wait=False)
