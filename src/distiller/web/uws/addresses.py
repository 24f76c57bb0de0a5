"""Where the jobs of a task are served: ``/uws/<task>``, queries at ``/tap/async``."""

from __future__ import annotations

from distiller.jobs.store import QUERY
from distiller.web import site


def path_of(task: str, job_id: str | None = None) -> str:
    """Return the path of a list of jobs, or of a job.

    >>> path_of("count_map"), path_of("tap", "0b5ff3b6")
    ('/uws/count_map', '/tap/async/0b5ff3b6')
    """
    base = "/tap/async" if task == QUERY else f"/uws/{task}"
    return base if job_id is None else f"{base}/{job_id}"


def url_of(task: str, job_id: str | None = None) -> str:
    """Return the whole address of a list of jobs, or of a job."""
    return f"{site.current().settings.base_url}{path_of(task, job_id)}"
