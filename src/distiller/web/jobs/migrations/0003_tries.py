"""How often an asynchronous query was begun."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """Jobs that are there are of analysis, and have none."""

    dependencies: ClassVar = [("jobs", "0002_indexes")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="jobrow",
            name="tries",
            field=models.PositiveSmallIntegerField(default=0),
        ),
    ]
