"""``distiller query``: ADQL from the command line."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from distiller.archive import RemoteArchive, connect
from distiller.cli import settings_of
from distiller.cli.adql import standard_input
from distiller.core.errors import BadParameter
from distiller.queries import answer
from distiller.vo.formats import format_of
from distiller.vo.tap import TapParameters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.core.settings import Settings

_PIPE_CLOSED = 141
"""As a shell reports a program that SIGPIPE ended."""


@click.command()
@click.argument("adql")
@click.option(
    "--format",
    "form",
    default="votable",
    show_default=True,
    help="votable, votable/td, votable/b, csv, tsv, json, fits, parquet, or a media "
    "type.",
)
@click.option("--maxrec", type=click.IntRange(0), help="Rows at most.")
@click.option(
    "--upload",
    "uploads",
    multiple=True,
    metavar="NAME=FILE",
    help="A table that the query calls TAP_UPLOAD.NAME: VOTable, FITS, Parquet or CSV.",
)
@click.pass_context
def command(
    ctx: click.Context,
    adql: str,
    form: str,
    maxrec: int | None,
    uploads: tuple[str, ...],
) -> None:
    """Run a query in ADQL and write its result to the standard output.

    ADQL may be - to read the query from the standard input.
    """
    files = dict(_file(given) for given in uploads)
    text = standard_input() if adql == "-" else adql
    if format_of(form).is_spooled and sys.stdout.isatty():
        raise BadParameter(
            "--format",
            f"{form} is not for a terminal",
            hint=f"write it to a file: > result.{format_of(form).kind}",
        )
    try:
        for part in _document(settings_of(ctx), text, form, maxrec, files):
            sys.stdout.buffer.write(part)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # Whoever read this has enough; what is left must not be written at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        ctx.exit(_PIPE_CLOSED)


def _document(
    settings: Settings,
    adql: str,
    form: str,
    maxrec: int | None,
    files: dict[str, Path],
) -> Iterator[bytes]:
    pairs = [("LANG", "ADQL"), ("QUERY", adql), ("RESPONSEFORMAT", form)]
    pairs += [("UPLOAD", f"{name},param:{name}") for name in files]
    if maxrec is not None:
        pairs.append(("MAXREC", str(maxrec)))
    parameters = TapParameters.parse(pairs)
    with contextlib.closing(connect(settings)) as archive:
        if isinstance(archive, RemoteArchive):
            paths = {name: str(path) for name, path in files.items()}
            request = {
                "adql": adql,
                "format": form,
                "maxrec": maxrec,
                "uploads": paths,
            }
            yield from archive.query_document(request, _warn)
        else:
            prepared = answer.prepare(parameters, archive, settings, files)
            yield from answer.whole(archive, prepared, _warn)


def _file(given: str) -> tuple[str, Path]:
    name, _, path = given.partition("=")
    if not path:
        raise BadParameter("--upload", f"{given!r} is no NAME=FILE")
    return name, Path(path).absolute()


def _warn(message: str) -> None:
    """Say what not every format can: that rows were left out."""
    click.echo(f"distiller: {message}", err=True)
