"""``distiller remove``: take datasets out of the archive, with a reason."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import TYPE_CHECKING

import click

from distiller.archive import connect, ledger
from distiller.cli import settings_of
from distiller.core.errors import BadParameter, NotFound
from distiller.jobs import removal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from distiller.archive import Archive, RemoteArchive

_SHOWN = 20


@click.command()
@click.argument("dids", metavar="[DID]...", nargs=-1)
@click.option("--collection", help="All runs of this collection, or those of --obs.")
@click.option("--obs", multiple=True, help="An obs_id of the collection; repeatable.")
@click.option("--reason", required=True, help="Why; kept with the history.")
@click.option("--yes", is_flag=True, help="Remove without asking.")
@click.pass_context
def command(  # noqa: PLR0913 - click hands over every option
    ctx: click.Context,
    dids: tuple[str, ...],
    collection: str | None,
    obs: tuple[str, ...],
    reason: str,
    *,
    yes: bool,
) -> None:
    """Take datasets out of the archive, after showing which.

    DID is a publisher DID as in obs_publisher_did. Files of runs stay where they are;
    those of what a job made go with it. What was made from a dataset stays in the
    archive, also with --collection, and its history still names it. Later ingests
    leave runs out that were removed singly, until `distiller ingest --restore`; those
    of a whole collection they take in again.
    Without --yes the command asks; where nobody can answer it removes nothing and ends
    with 1.
    """
    if bool(dids) == bool(collection) or (obs and not collection):
        message = "give publisher DIDs, or --collection with or without --obs"
        raise click.UsageError(message, ctx)
    if not reason.strip():
        raise BadParameter("--reason", "is empty", hint="say why, in a few words")
    settings = settings_of(ctx)
    with closing(connect(settings)) as archive:
        found = _chosen(archive, dids, collection, obs)
        names = [one.publisher_did for one in found]
        for line in _listing(found, ledger.made_from(archive, names)):
            click.echo(line)
        if not yes and not _agreed():
            click.echo("nothing was removed; add --yes to remove it", err=True)
            sys.exit(1)
        note, whole = reason.strip(), bool(collection) and not obs
        if whole:
            note = ledger.WITH_ALL + note
        removed = removal.remove(archive, settings, names, note)
        if collection and whole:
            gone = [one.refusal_id for one in archive.refusals(collection)]
            archive.record_refusals([], gone)
    click.echo(f"removed: {removed}")


def _chosen(
    archive: Archive | RemoteArchive,
    dids: Sequence[str],
    collection: str | None,
    obs: Sequence[str],
) -> list[ledger.Dataset]:
    """Return the datasets that are meant; every name must lead to one."""
    if collection is None:
        found = ledger.datasets(archive, list(dict.fromkeys(dids)))
        absent = sorted(set(dids) - {one.publisher_did for one in found})
    else:
        found = ledger.datasets_of(archive, collection, list(dict.fromkeys(obs)))
        there = {one.publisher_did.partition("?")[2] for one in found}
        absent = sorted(set(obs) - there) if obs else []
        if not found and not obs:
            absent = [f"collection {collection}"]
    if absent:
        raise NotFound(
            f"not in the archive: {', '.join(absent)}",
            hint="nothing was removed; `distiller query` finds what is there",
        )
    return found


def _listing(
    found: Sequence[ledger.Dataset], made: Sequence[ledger.Made]
) -> Iterator[str]:
    yield f"to be removed: {len(found)}"
    for one in found[:_SHOWN]:
        yield f"  - {one.publisher_did}: {one.title or 'no title'}, {one.rights}"
    if len(found) > _SHOWN:
        yield f"  - and {len(found) - _SHOWN} more"
    gone = {one.publisher_did for one in found}
    kept = {one.publisher_did: one for one in made if one.publisher_did not in gone}
    if not kept:
        return
    yield f"made from them, and kept: {len(kept)}"
    for product in list(kept.values())[:_SHOWN]:
        yield f"  - {product.publisher_did}: {product.title or 'no title'}"
    if len(kept) > _SHOWN:
        yield f"  - and {len(kept) - _SHOWN} more"


def _agreed() -> bool:
    if not sys.stdin.isatty():
        return False
    return click.confirm("Remove?", default=False)
