"""Which jobs were given a product that was there, and which shall not be."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """Jobs that are there made their products themselves."""

    dependencies: ClassVar = [("jobs", "0003_tries")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="jobrow",
            name="reused",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="jobrow",
            name="fresh",
            field=models.BooleanField(default=False),
        ),
    ]
