"""Who asks: from a request to what the rules of `core.rights` need to know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asgiref.sync import sync_to_async

from distiller.core.rights import NOBODY, Reader

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser
    from django.http import HttpRequest


def reader_of(user: AbstractBaseUser | AnonymousUser) -> Reader:
    """Return what the rules need to know of a user; asks the accounts database.

    An administrator is whoever has Django's ``is_staff``, here and everywhere.
    """
    if not user.is_authenticated:
        return NOBODY
    groups = getattr(user, "groups", None)
    names = () if groups is None else groups.values_list("name", flat=True)
    return Reader(
        name=user.get_username(),
        is_staff=bool(getattr(user, "is_staff", False)),
        groups=frozenset(names),
    )


def visitor(request: HttpRequest) -> Reader:
    """Return who sent a request."""
    user = getattr(request, "user", None)
    return NOBODY if user is None else reader_of(user)


async def avisitor(request: HttpRequest) -> Reader:
    """Return who sent a request, in an asynchronous view."""
    user = await request.auser()
    # Most clients of services do not log in, and need no thread then.
    if not user.is_authenticated:
        return NOBODY
    return await sync_to_async(reader_of)(user)
