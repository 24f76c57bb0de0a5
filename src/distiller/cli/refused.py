"""``distiller refused``: what did not go in, why, and what to do."""

from __future__ import annotations

import json
from contextlib import closing
from itertools import groupby
from typing import TYPE_CHECKING

import click

from distiller.archive import connect
from distiller.cli import settings_of
from distiller.core.errors import NotFound
from distiller.ingest.findings import CODES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from distiller.core.refusal import Refusal


@click.command()
@click.option("--collection", help="Only of this collection.")
@click.option("--code", help="Only with this code, such as D107.")
@click.option(
    "--forget",
    metavar="PATH",
    help="Forget what was refused of a file; nothing else is changed.",
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def command(
    ctx: click.Context,
    collection: str | None,
    code: str | None,
    forget: str | None,
    *,
    as_json: bool,
) -> None:
    """List what ingests refused and none has taken in since.

    Files are never moved or changed. Mend them, or the settings of the collection, and
    try again with `distiller ingest --refused`.
    """
    with closing(connect(settings_of(ctx))) as archive:
        found = [
            one
            for one in archive.refusals(collection)
            if code is None or one.code == code.upper()
        ]
        if forget is not None:
            gone = [one.refusal_id for one in found if one.path == forget]
            if not gone:
                raise NotFound(
                    f"nothing is refused of {forget}",
                    hint="`distiller refused` lists the paths",
                )
            archive.record_refusals([], gone)
            click.echo(f"{forget}: forgotten")
            return
    if as_json:
        click.echo(json.dumps([_as_json(one) for one in found], indent=1))
        return
    for line in _lines(found):
        click.echo(line)


def _as_json(one: Refusal) -> dict[str, object]:
    known = CODES[one.code]
    return {**one.to_json(), "title": known.title, "advice": known.advice}


def _lines(found: Sequence[Refusal]) -> Iterator[str]:
    if not found:
        yield "nothing is refused"
        return
    ordered = sorted(found, key=lambda one: (one.collection, one.code, one.path))
    for (collection, code), some in groupby(
        ordered, key=lambda one: (one.collection, one.code)
    ):
        group = list(some)
        yield f"{collection}: {code} {CODES[code].title} ({len(group)})"
        yield f"     {CODES[code].advice}"
        for one in group:
            run = f" (run {one.obs_id})" if one.obs_id else ""
            since = one.first_refused.isoformat(" ", "minutes")
            yield f"     - {one.path}{run}: {one.message}; since {since}"
        yield ""
    yield "Mended? Try again with `distiller ingest --refused`."
