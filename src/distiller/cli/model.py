"""``distiller model``: what comes from the data model, and whether it is sound."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from distiller.model import load_file, load_model
from distiller.model.check import check_document
from distiller.model.emit import docs, draw, sql, tap_schema
from distiller.model.load import (
    ENDING,
    packaged_paths,
    read_models,
    read_one,
    warnings,
)
from distiller.model.obscore import FILE, mapping_faults, read_mapping
from distiller.model.read_vodml import read_vodml
from distiller.model.read_xmi import counts, read_xmi
from distiller.model.write_vodml import write_vodml

if TYPE_CHECKING:
    from distiller.model import Model

_model_argument = click.argument(
    "model",
    required=False,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
_model_option = click.option(
    "--model",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="MODEL",
    help="VO-DML file; without it, the model of this program.",
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
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to write, with diagrams, instead of printing the pages.",
)
@_model_argument
def docs_command(model: Path | None, output: Path | None) -> None:
    """Print the reference of all classes, tables and columns (Markdown).

    With -o it becomes a folder of pages with class diagrams and diagrams of the
    tables (SVG), for which graphviz must be installed.
    """
    if output is None:
        click.echo("\n".join(docs.pages(_model(model)).values()), nl=False)
    else:
        docs.write(_model(model), output)


@command.command(name="diagram")
@click.argument("name", required=False)
@click.option(
    "--dot", is_flag=True, help="Print the text for graphviz instead of drawing it."
)
@_model_option
def diagram_command(name: str | None, model: Path | None, *, dot: bool) -> None:
    """Print a diagram of the model (SVG); without NAME, the names that there are.

    graphviz must be installed to draw.
    """
    drawn = docs.diagrams(_model(model))
    if name is None:
        click.echo("\n".join(drawn))
        return
    if name not in drawn:
        raise click.BadParameter(f"no diagram {name}; there are {', '.join(drawn)}")
    click.echo(drawn[name] if dot else draw.svg(drawn[name]), nl=False)


@command.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="VO-DML file to write; its name ends in .vo-dml.xml.",
)
@click.option("--name", help="Name of the model, instead of the one in the file.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def import_command(
    file: Path, output: Path, *, name: str | None, as_json: bool
) -> None:
    """Make a VO-DML file of a UML drawing (XMI 2.x).

    Every thing in FILE that is not carried over, that is carried over as something
    else, or that is lacking is listed, a line each. Exit 1 if the model has faults
    (see ``distiller model check``); the file is written all the same.
    """
    _named(output)
    imported = read_xmi(file.read_bytes(), file.name, name=name)
    text = write_vodml(imported.document)
    document = read_vodml(text, output.name)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(text)
    faults = check_document(document, described=False)
    if as_json:
        report = {
            "model": document.name,
            "output": str(output),
            "counts": counts(document),
            "listed": [asdict(item) for item in imported.listed],
            "faults": list(faults),
        }
        click.echo(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        for item in imported.listed:
            click.echo(str(item))
        for fault in faults:
            click.echo(f"fault: {fault}")
        made = ", ".join(f"{n} {what}" for what, n in counts(document).items() if n)
        click.echo(f"{output}: model {document.name}: {made or 'nothing'}")
    if faults:
        sys.exit(1)


@command.command(name="check")
@_model_argument
def check_command(model: Path | None) -> None:
    """Check a model and its binding; every fault on a line, exit 1 if there is one.

    What has no description is a fault in a model with a binding, else a warning. Notes
    say which constraints became a CHECK, and what SQL holds in part only.
    """
    if model is not None:
        found, faults = read_one(_named(model))
        for warning in warnings(model):
            click.echo(f"warning: {warning}")
    else:
        found, faults = read_models(packaged_paths())
        faults += mapping_faults(read_mapping(FILE), found)
    for note in found.notes:
        click.echo(f"note: {note}")
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
