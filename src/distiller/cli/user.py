"""``distiller user``: accounts of a home."""

from __future__ import annotations

import secrets
from contextlib import closing
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from distiller.archive import connect
from distiller.cli import settings_of
from distiller.core.errors import NotFound
from distiller.web import boot

if TYPE_CHECKING:
    from types import ModuleType

_GENERATED_BYTES = 12


@click.group()
def command() -> None:
    """Accounts: add and list them, passwords, addresses, groups, kept tables."""


@command.command("add")
@click.argument("name")
@click.option("--email", default="", help="E-mail address.")
@click.option("--admin", is_flag=True, help="May do everything.")
@click.option("--generate", is_flag=True, help="Make a password and print it once.")
@click.pass_context
def add(
    ctx: click.Context, name: str, email: str, *, admin: bool, generate: bool
) -> None:
    """Make the account NAME; asks for its password."""
    accounts = _accounts(ctx)
    password = _password(generate=generate)
    accounts.add(name, password, email=email, admin=admin)
    click.echo(f"added {name}")
    if generate:
        click.echo(f"password: {password}")


@command.command("password")
@click.argument("name")
@click.option("--generate", is_flag=True, help="Make a password and print it once.")
@click.pass_context
def password_(ctx: click.Context, name: str, *, generate: bool) -> None:
    """Give the account NAME a new password."""
    accounts = _accounts(ctx)
    password = _password(generate=generate)
    accounts.set_password(name, password)
    click.echo(f"the password of {name} is changed")
    if generate:
        click.echo(f"password: {password}")


@command.command("email")
@click.argument("name")
@click.argument("address", default="")
@click.pass_context
def email_(ctx: click.Context, name: str, address: str) -> None:
    """Give the account NAME the e-mail address ADDRESS, or none.

    Notices at the end of its jobs go there.
    """
    _accounts(ctx).set_email(name, address)
    click.echo(f"mail for {name} goes to {address or 'nobody'}")


@command.command("group")
@click.argument("name")
@click.argument("group")
@click.option("--leave", is_flag=True, help="Take the account out of the group.")
@click.pass_context
def group_(ctx: click.Context, name: str, group: str, *, leave: bool) -> None:
    """Make the account NAME a member of GROUP, which may read its proprietary data.

    A group is made when its first member joins; `distiller ingest --group` names it.
    """
    account = _accounts(ctx).join(name, group, leave=leave)
    click.echo(f"{name} is in {', '.join(account.groups) or 'no group'}")


@command.command("list")
@click.pass_context
def list_(ctx: click.Context) -> None:
    """List the accounts."""
    heads = ("name", "e-mail", "rights", "groups", "active", "last log-in (UTC)")
    table = Table(*heads, box=None)
    for account in _accounts(ctx).everybody():
        seen = account.last_login
        table.add_row(
            account.name,
            account.email,
            "administrator" if account.is_admin else "user",
            ", ".join(account.groups),
            "yes" if account.is_active else "no",
            f"{seen:%Y-%m-%d %H:%M}" if seen else "",
        )
    Console().print(table)


@command.command("tables")
@click.option(
    "--remove",
    "removed",
    metavar="NAME[/TABLE]",
    help="Remove all tables of the user NAME, or one of them.",
)
@click.pass_context
def tables_(ctx: click.Context, removed: str | None) -> None:
    """List the tables that users keep, also those whose user is no more."""
    names = {account.name for account in _accounts(ctx).everybody()}
    with closing(connect(settings_of(ctx))) as archive:
        kept = archive.user_tables.everybody()
        if removed is not None:
            owner, _, name = removed.partition("/")
            chosen = [t for t in kept if t.owner == owner and name in {"", t.name}]
            if not chosen:
                raise NotFound(f"no table of {removed} is kept")
            for table in chosen:
                archive.user_tables.drop(table.owner, table.name)
                click.echo(f"removed {table.name} of {table.owner}")
            return
    shown = Table("user", "table", "rows", "bytes", "kept since (UTC)", box=None)
    for table in kept:
        shown.add_row(
            table.owner if table.owner in names else f"{table.owner} (no account)",
            table.name,
            str(table.rows),
            str(table.size),
            f"{table.created:%Y-%m-%d %H:%M}",
        )
    Console().print(shown)


def _password(*, generate: bool) -> str:
    if generate:
        return secrets.token_urlsafe(_GENERATED_BYTES)
    asked: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return asked


def _accounts(ctx: click.Context) -> ModuleType:
    settings = settings_of(ctx)
    if not settings.home.is_dir():
        raise NotFound(
            f"no home folder {settings.home}", hint="make one with `distiller init`"
        )
    boot.boot(settings)
    # It holds ORM classes, which exist only once Django is set up.
    from distiller.web.accounts import service  # noqa: PLC0415

    return service
