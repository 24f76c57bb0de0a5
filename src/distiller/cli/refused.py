"""``distiller refused``: what did not go in, why, and what to do."""

from __future__ import annotations

import difflib
import json
import os
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from distiller.archive import connect
from distiller.cli import settings_of
from distiller.core.errors import BadParameter, NotFound
from distiller.core.places import place
from distiller.ingest.findings import CODES, FILE_REFUSED
from distiller.ingest.left_out import LEFT_OUT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from distiller.archive import Archive, RemoteArchive
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
    if code is not None:
        code = _known_code(code)
    with closing(connect(settings_of(ctx))) as archive:
        every = archive.refusals()
        if collection is not None:
            _check_collection(archive, collection, every)
        found = [
            one
            for one in every
            if (collection is None or one.collection == collection)
            and (code is None or one.code == code)
        ]
        if forget is not None:
            paths = _spellings(forget)
            gone = [one.refusal_id for one in found if one.path in paths]
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


def _known_code(code: str) -> str:
    """Return a code as the table has it."""
    wanted = code.strip().upper()
    known = CODES.get(wanted)
    refusing = [
        one.code
        for one in CODES.values()
        if one.severity == "error" or one.code in {*FILE_REFUSED, LEFT_OUT}
    ]
    if wanted not in refusing:
        why = "there is no such code" if known is None else "it refuses nothing"
        raise BadParameter(
            "--code", f"{code!r}: {why}", hint=f"known: {', '.join(refusing)}"
        )
    return wanted


def _check_collection(
    archive: Archive | RemoteArchive, name: str, refused: Sequence[Refusal]
) -> None:
    """Refuse a name that no collection has, be it stored or only refused."""
    rows = archive.rows("SELECT name FROM cta.collection")
    known = {row["name"] for row in rows} | {one.collection for one in refused}
    if name not in known:
        near = difflib.get_close_matches(name, sorted(known), n=1)
        listed = ", ".join(sorted(known)) or "none"
        hint = (
            f"did you mean {near[0]}; known: {listed}" if near else f"known: {listed}"
        )
        raise BadParameter(
            "--collection", f"there is no collection {name!r}", hint=hint
        )


def _spellings(forget: str) -> frozenset[str]:
    """Return the paths that may be meant: as given, from the root, links followed."""
    where = place(forget)
    if not isinstance(where, Path):
        return frozenset({str(where)})
    return frozenset({forget, os.path.abspath(where), os.path.realpath(where)})  # noqa: PTH100 - links kept in one


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
            yield f"     - {one.path}{run}: {one.message}; since {since} UTC"
        yield ""
    yield "Mended? Try again with `distiller ingest --refused`."
