"""Who may read a product and who may touch a job: the rules, each written once.

Everything that hands out data, makes something from them or shows a job asks here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asks.

    Attributes
    ----------
    name
        Account name; None for somebody who did not log in.
    is_staff
        Whether it is an administrator, who may read and touch everything.
    groups
        Names of the groups of which the account is a member.
    """

    name: str | None = None
    is_staff: bool = False
    groups: frozenset[str] = frozenset()


NOBODY: Final = Reader()
"""Somebody who did not log in."""


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

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Terms:
        """Return the terms in a row that has these columns."""
        return cls(
            row["rights"], row["release_date"], row["owner"], row["access_group"]
        )

    def is_public(self, moment: datetime) -> bool:
        """Whether everybody may read it at this moment (UTC)."""
        released = self.release_date is not None and self.release_date <= moment
        return self.rights == "public" or released


def may_read(reader: Reader, product: Terms, moment: datetime) -> bool:
    """Whether somebody may read, and use, the files of a product at this moment.

    Public products are everybody's; others their owner's, their group's and the
    administrators'.

    >>> from datetime import datetime
    >>> secret = Terms("proprietary", owner="marie", access_group="hess")
    >>> asking = (NOBODY, Reader("marie"), Reader("pierre"), Reader("chief", True),
    ...           Reader("pierre", groups=frozenset({"hess"})))
    >>> [may_read(who, secret, datetime(2026, 1, 1)) for who in asking]
    [False, True, False, True, True]
    """
    if product.is_public(moment):
        return True
    if reader.name is None:
        return False
    return (
        reader.is_staff
        or reader.name == product.owner
        or product.access_group in reader.groups
    )


def may_touch(reader: Reader, owner: str | None) -> bool:
    """Whether somebody may see and change a job of this owner.

    A job that nobody owns may be seen and changed by whoever knows its address, which
    cannot be guessed.

    >>> [may_touch(Reader("marie"), owner) for owner in ("marie", "pierre", None)]
    [True, False, True]
    """
    return owner is None or owner == reader.name or reader.is_staff
