"""The user, a model of our own from the first migration on, so that it can grow."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """A person or program that logs in."""

    class Meta(AbstractUser.Meta):
        """Names the table after the room."""

        db_table = "accounts_user"
