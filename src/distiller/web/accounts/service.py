"""What the command line does to accounts; pages will use the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from distiller.core.errors import BadParameter, NotFound

if TYPE_CHECKING:
    from datetime import datetime

    from distiller.web.accounts.models import User

_LONGEST_GROUP = 150


@dataclass(frozen=True, slots=True)
class Account:
    """One user as the command line shows it; instants are UTC."""

    name: str
    email: str
    is_admin: bool
    is_active: bool
    last_login: datetime | None
    groups: tuple[str, ...] = ()


def add(name: str, password: str, *, email: str = "", admin: bool = False) -> Account:
    """Make an account.

    Raises
    ------
    BadParameter
        The name is taken or not allowed, or the password too weak.
    """
    model = get_user_model()
    user = model(username=name, email=email, is_staff=admin, is_superuser=admin)
    try:
        user.full_clean(exclude={"password"})
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise BadParameter(field, " ".join(messages)) from error
    _check_password(password, user)
    user.set_password(password)
    try:
        user.save(force_insert=True)
    except IntegrityError as error:
        raise BadParameter("username", f"{name!r} is taken") from error
    return _account(user)


def set_password(name: str, password: str) -> None:
    """Give an account a new password.

    Raises
    ------
    NotFound
        There is no such account.
    BadParameter
        The password is too weak.
    """
    user = _user(name)
    _check_password(password, user)
    user.set_password(password)
    user.save(update_fields=["password"])


def set_email(name: str, email: str) -> None:
    """Give an account another e-mail address; an empty one takes it away.

    Raises
    ------
    NotFound
        There is no such account.
    BadParameter
        It is no address.
    """
    user = _user(name)
    user.email = email
    try:
        user.clean_fields(exclude={"password"})
    except ValidationError as error:
        raise BadParameter("email", " ".join(error.messages)) from error
    user.save(update_fields=["email"])


def join(name: str, group: str, *, leave: bool = False) -> Account:
    """Make an account a member of a group, or no longer one.

    A group is made when its first member joins.

    Raises
    ------
    NotFound
        There is no such account, or it is no member of the group that it leaves.
    BadParameter
        The name of the group is empty or too long.
    """
    user = _user(name)
    if leave:
        found = user.groups.filter(name=group).first()
        if found is None:
            raise NotFound(f"{name} is no member of {group}")
        user.groups.remove(found)
        return _account(user)
    if not 0 < len(group.strip()) <= _LONGEST_GROUP:
        raise BadParameter("group", f"a name has 1 to {_LONGEST_GROUP} characters")
    user.groups.add(Group.objects.get_or_create(name=group.strip())[0])
    return _account(user)


def everybody() -> tuple[Account, ...]:
    """Return all accounts by name."""
    return tuple(_account(u) for u in get_user_model().objects.order_by("username"))


def _user(name: str) -> User:
    model = get_user_model()
    try:
        return model.objects.get(username=name)
    except model.DoesNotExist as error:
        raise NotFound(
            f"no such user: {name}", hint="list them with `distiller user list`"
        ) from error


def _check_password(password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise BadParameter("password", " ".join(error.messages)) from error


def _account(user: User) -> Account:
    return Account(
        name=user.username,
        email=user.email,
        is_admin=user.is_superuser,
        is_active=user.is_active,
        last_login=user.last_login,
        groups=tuple(user.groups.order_by("name").values_list("name", flat=True)),
    )
