"""``distiller model``: what comes from the data model, and whether it is sound."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from distiller.model import load_file, load_model
from distiller.model.emit import docs, sql, tap_schema
from distiller.model.load import (
    ENDING,
    packaged_paths,
    read_models,
    read_one,
    warnings,
)
from distiller.model.obscore import FILE, mapping_faults, read_mapping

if TYPE_CHECKING:
    from distiller.model import Model

_model_argument = click.argument(
    "model",
    required=False,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)


@click.group()
def command() -> None:
    """Show what is derived from the data model.

    MODEL is a VO-DML file, with its binding beside it where there is one
    (NAME.binding.yaml for NAME.vo-dml.xml); without it, the model of this program.
    It may refer to tables of the models with bindings in the same folder: those are
    looked up, and what is shown is of MODEL alone.
    """


@command.command(name="sql")
@click.option(
    "--engine",
    type=click.Choice(sql.ENGINES),
    default="duckdb",
    show_default=True,
    help="Database to write for.",
)
@_model_argument
def sql_command(engine: str, model: Path | None) -> None:
    """Print the SQL that makes the tables.

    A view of a table of another model, and for PostgreSQL a foreign key to it, can be
    made when that table is there. For PostgreSQL the database needs pgSphere.
    """
    for statement in sql.ddl(_model(model), engine):
        click.echo(f"{statement};")


@command.command(name="tap-schema")
@_model_argument
def tap_schema_command(model: Path | None) -> None:
    """Print the rows of TAP_SCHEMA, one JSON object per line."""
    for table, rows in tap_schema.rows(_model(model)).items():
        for row in rows:
            click.echo(json.dumps({"table": table, **row}, ensure_ascii=False))


@command.command(name="docs")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write, instead of printing.",
)
@_model_argument
def docs_command(model: Path | None, output: Path | None) -> None:
    """Print the reference of all tables and columns (Markdown)."""
    text = docs.markdown(_model(model))
    if output is None:
        click.echo(text, nl=False)
    else:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")


@command.command(name="check")
@_model_argument
def check_command(model: Path | None) -> None:
    """Check a model and its binding; every fault on a line, exit 1 if there is one.

    What has no description is a fault in a model with a binding, else a warning.
    """
    if model is not None:
        found, faults = read_one(_named(model))
        for warning in warnings(model):
            click.echo(f"warning: {warning}")
    else:
        found, faults = read_models(packaged_paths())
        faults += mapping_faults(read_mapping(FILE), found)
    for fault in faults:
        click.echo(fault)
    if faults:
        sys.exit(1)
    columns = sum(len(table.columns) for table in found.tables)
    click.echo(f"{len(found.tables)} tables, {columns} columns: no fault")


def _model(path: Path | None) -> Model:
    return load_model() if path is None else load_file(_named(path))


def _named(path: Path) -> Path:
    """Return the path of a model; its name tells where its binding is."""
    if not path.name.endswith(ENDING):
        raise click.BadParameter(f"{path.name}: the name of a model ends in {ENDING}")
    return path
