"""``distiller history``: the states that a dataset was in."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from distiller.archive import connect, ledger
from distiller.cli import settings_of
from distiller.core.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime


@click.command()
@click.argument("did", metavar="DID")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def command(ctx: click.Context, did: str, *, as_json: bool) -> None:
    """Show when a dataset came, was replaced and was removed, and why.

    DID is a publisher DID as in obs_publisher_did.
    """
    with closing(connect(settings_of(ctx))) as archive:
        versions = ledger.history(archive, did)
        made = ledger.made_from(archive, [did])
    if not versions:
        raise NotFound(
            f"the archive never had {did}",
            hint="a publisher DID looks like ivo://authority/collection?obs_id",
        )
    if as_json:
        shown = {
            "publisher_did": did,
            "versions": [asdict(one) for one in versions],
            "made_from_it": [one.publisher_did for one in made],
        }
        click.echo(json.dumps(shown, indent=1, default=str))
        return
    click.echo(did)
    for line in _lines(versions, made):
        click.echo(f"  {line}")


def _lines(
    versions: Sequence[ledger.Version], made: Sequence[ledger.Made]
) -> Iterator[str]:
    for one in versions:
        end = "current"
        if one.ended is not None:
            end = f"{one.end_reason} {_minutes(one.ended)}"
        note = f": {one.note}" if one.note else ""
        yield f"{one.number}. from {_minutes(one.registered)}, {end}{note}"
    for product in made:
        yield f"made from it: {product.publisher_did}"


def _minutes(instant: datetime) -> str:
    return f"{instant.isoformat(' ', 'minutes')} UTC"
