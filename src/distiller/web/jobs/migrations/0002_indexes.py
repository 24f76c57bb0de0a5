"""Indexes for the looks at the job table that would scan it."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """Add the indexes."""

    dependencies: ClassVar = [("jobs", "0001_initial")]

    operations: ClassVar = [
        migrations.AddIndex(
            model_name="jobrow",
            index=models.Index(fields=["wish"], name="jobs_wish"),
        ),
        migrations.AddIndex(
            model_name="jobrow",
            index=models.Index(fields=["owner", "phase"], name="jobs_owner_phase"),
        ),
        migrations.AddIndex(
            model_name="jobrow",
            index=models.Index(fields=["-creation_time"], name="jobs_newest"),
        ),
        migrations.AddIndex(
            model_name="jobrow",
            index=models.Index(
                fields=["task", "phase", "-end_time"], name="jobs_typical"
            ),
        ),
    ]
