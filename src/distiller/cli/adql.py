"""``distiller adql``: is this query valid, and if not, why and where."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from distiller.adql import check_syntax, translate
from distiller.core.errors import QueryError
from distiller.core.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.core.errors import Fault


@click.command("adql")
@click.option(
    "--syntax",
    is_flag=True,
    help="Do not look up tables and columns; functions and arguments are checked.",
)
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
@click.argument("query")
@click.pass_context
def command(ctx: click.Context, *, syntax: bool, as_json: bool, query: str) -> None:
    """Check one ADQL 2.1 QUERY, or the one on standard input if QUERY is -.

    Ends with 0 if it is valid. If not, writes one line for each fault (line:column,
    code, message) and ends with 1.
    """
    text = standard_input() if query == "-" else query
    folder = None if syntax else load_settings(ctx.find_root().obj).model_dir
    faults = check_syntax(text) if syntax else _faults(text, folder)
    if as_json:
        shown = {"valid": not faults, "faults": [asdict(fault) for fault in faults]}
        click.echo(json.dumps(shown, ensure_ascii=False, indent=2))
    else:
        for fault in faults:
            click.echo(str(fault))
    ctx.exit(1 if faults else 0)


def standard_input() -> str:
    """Return what stands there; bytes that are no UTF-8 become a fault with a place."""
    return sys.stdin.buffer.read().decode("utf-8", errors="replace")


def _faults(text: str, folder: Path | None) -> tuple[Fault, ...]:
    """Check a query against the tables of the model; no archive is opened."""
    from distiller.model import load_model  # noqa: PLC0415 - not needed for --syntax

    try:
        translate(text, load_model(folder).catalog)
    except QueryError as error:
        return error.faults
    return ()
