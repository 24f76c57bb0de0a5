"""One row per job. What a job may become is decided in `vo.uws`, not here."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class JobRow(models.Model):
    """A job, flat; `store` turns it into a `vo.uws.Job` and back."""

    job_id = models.CharField(primary_key=True, max_length=36)
    task = models.CharField(max_length=40)
    owner = models.CharField(max_length=150, blank=True, default="")
    phase = models.CharField(max_length=10)
    run_id = models.CharField(max_length=200, null=True)  # noqa: DJ001 - None is no runId
    creation_time = models.DateTimeField()
    start_time = models.DateTimeField(null=True)
    end_time = models.DateTimeField(null=True)
    quote = models.DateTimeField(null=True)
    execution_duration_s = models.PositiveIntegerField()
    destruction = models.DateTimeField(null=True)
    parameters = models.JSONField(default=list)
    spec = models.TextField(default="", blank=True)
    results = models.JSONField(default=list)
    error_message = models.TextField(default="", blank=True)
    error_type = models.CharField(max_length=9, default="", blank=True)
    product_id = models.CharField(max_length=36, default="", blank=True)
    reused = models.DateTimeField(null=True)
    fresh = models.BooleanField(default=False)
    wish = models.CharField(max_length=6, default="", blank=True)
    tries = models.PositiveSmallIntegerField(default=0)

    class Meta:
        """Indexes: what is asked often must not grow slower with the table."""

        db_table = "jobs_job"
        indexes: ClassVar = [
            models.Index(fields=["phase", "creation_time"], name="jobs_phase"),
            models.Index(fields=["owner", "-creation_time"], name="jobs_owner"),
            models.Index(fields=["destruction"], name="jobs_destruction"),
            models.Index(fields=["wish"], name="jobs_wish"),
            models.Index(fields=["owner", "phase"], name="jobs_owner_phase"),
            models.Index(fields=["-creation_time"], name="jobs_newest"),
            models.Index(fields=["task", "phase", "-end_time"], name="jobs_typical"),
        ]

    def __str__(self) -> str:
        return f"{self.task} {self.job_id} {self.phase}"
