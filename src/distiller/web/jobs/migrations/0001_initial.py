"""The job table."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """Create the job table."""

    initial = True

    dependencies: ClassVar = []

    operations: ClassVar = [
        migrations.CreateModel(
            name="JobRow",
            fields=[
                (
                    "job_id",
                    models.CharField(max_length=36, primary_key=True, serialize=False),
                ),
                ("task", models.CharField(max_length=40)),
                ("owner", models.CharField(blank=True, default="", max_length=150)),
                ("phase", models.CharField(max_length=10)),
                ("run_id", models.CharField(max_length=200, null=True)),
                ("creation_time", models.DateTimeField()),
                ("start_time", models.DateTimeField(null=True)),
                ("end_time", models.DateTimeField(null=True)),
                ("quote", models.DateTimeField(null=True)),
                ("execution_duration_s", models.PositiveIntegerField()),
                ("destruction", models.DateTimeField(null=True)),
                ("parameters", models.JSONField(default=list)),
                ("spec", models.TextField(blank=True, default="")),
                ("results", models.JSONField(default=list)),
                ("error_message", models.TextField(blank=True, default="")),
                ("error_type", models.CharField(blank=True, default="", max_length=9)),
                ("product_id", models.CharField(blank=True, default="", max_length=36)),
                ("wish", models.CharField(blank=True, default="", max_length=6)),
            ],
            options={
                "db_table": "jobs_job",
                "indexes": [
                    models.Index(fields=["phase", "creation_time"], name="jobs_phase"),
                    models.Index(fields=["owner", "-creation_time"], name="jobs_owner"),
                    models.Index(fields=["destruction"], name="jobs_destruction"),
                ],
            },
        ),
    ]
