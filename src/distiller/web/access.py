"""Who may read what: the one rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from distiller.core import times

if TYPE_CHECKING:
    from datetime import datetime

    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser


@dataclass(frozen=True, slots=True)
class Terms:
    """What the archive says of a product's readers (columns of ``cta.product``).

    Attributes
    ----------
    rights
        ``public`` or ``proprietary``.
    release_date
        From when on it is public, UTC; None is never.
    owner
        Account name.
    access_group
        Name of the group whose members may read it.
    """

    rights: str | None
    release_date: datetime | None = None
    owner: str | None = None
    access_group: str | None = None

    @property
    def is_public(self) -> bool:
        """Whether everybody may read it now."""
        released = self.release_date is not None and self.release_date <= times.now()
        return self.rights == "public" or released


def may_read(user: AbstractBaseUser | AnonymousUser, product: Terms) -> bool:
    """Whether a user may read the files of a product.

    Public products are everybody's; others their owner's, their group's and the
    administrators'. May ask the accounts database.
    """
    if product.is_public:
        return True
    if not user.is_authenticated:
        return False
    if getattr(user, "is_superuser", False):
        return True
    if product.owner is not None and product.owner == user.get_username():
        return True
    groups = getattr(user, "groups", None)
    if groups is None or product.access_group is None:
        return False
    return bool(groups.filter(name=product.access_group).exists())
