"""``distiller model``: what comes from the data model, and whether it is sound."""

from __future__ import annotations

import json
import shutil
import sys
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from distiller.adql import translate
from distiller.cli import settings_of
from distiller.core.engines import ENGINES
from distiller.core.errors import BadData, BadParameter, QueryError
from distiller.core.settings import load_settings
from distiller.model import load_file, load_model
from distiller.model.check import check_document
from distiller.model.diff import diff
from distiller.model.emit import dachs_rd, docs, draw, json_schema, sql, tap_schema
from distiller.model.emit.sql.alter import alter
from distiller.model.examples import examples
from distiller.model.load import (
    ENDING,
    PACKAGED,
    lacking,
    left_out,
    read_folder,
    read_one,
    warnings,
)
from distiller.model.obscore import FILE, mapping_faults, read_mapping
from distiller.model.read_vodml import read_file, read_vodml
from distiller.model.read_xmi import counts, read_xmi_file
from distiller.model.shape import shape_of
from distiller.model.write_binding import write_binding
from distiller.model.write_vodml import write_vodml

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.core.engines import EngineName
    from distiller.model import Model
    from distiller.model.read_xmi import Imported

_TWO = 2
_file = click.Path(exists=True, dir_okay=False, path_type=Path)
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
    (NAME.binding.yaml for NAME.vo-dml.xml); without it, the model of this program, or
    that of the setting model_dir.
    It may refer to tables of the models with bindings in the same folder: those are
    looked up, and what is shown is of MODEL alone.
    """


@command.command(name="sql")
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
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


@command.command(name="copy")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def copy_command(folder: Path) -> None:
    """Write the packaged model to FOLDER, to be changed there.

    The setting model_dir then makes the archive follow it. FOLDER must be new or empty.
    """
    if folder.is_dir() and any(folder.iterdir()):
        raise BadParameter(
            "FOLDER", f"{folder} is not empty", hint="name one that is new or empty"
        )
    try:
        shutil.copytree(
            PACKAGED,
            folder,
            dirs_exist_ok=True,
            ignore=shutil.ignore_patterns("*.py", "__pycache__"),
        )
    except OSError as error:
        message = f"cannot be written: {error.strerror or error}"
        raise BadParameter("FOLDER", f"{folder} {message}") from error
    click.echo(f"{folder}: set model_dir to it, change it, see `distiller model check`")


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


@command.command(name="json-schema")
@_model_argument
def json_schema_command(model: Path | None) -> None:
    """Print the model as a JSON schema (draft 2020-12), for programs."""
    made = json_schema.schema(_model(model))
    click.echo(json.dumps(made, indent=2, ensure_ascii=False))


@command.command(name="dachs-rd")
@click.option(
    "--schema",
    default="distiller",
    show_default=True,
    help="Schema in the database of the site, and folder in the inputs of DaCHS.",
)
@_model_argument
def dachs_rd_command(schema: str, model: Path | None) -> None:
    """Print a resource descriptor of ivoa.obscore for DaCHS.

    A site that publishes with DaCHS 2.7 imports the observations of this archive with
    it; docs/howto/publish-with-dachs.md shows how.
    """
    now = datetime.now(UTC)
    click.echo(dachs_rd.descriptor(_model(model), now, schema), nl=False)


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
    else, or that is lacking is listed, a line each; the last line counts them. Exit 1
    if the model has faults (see ``distiller model check``); the file is written all
    the same.
    """
    _named(output)
    imported = read_xmi_file(file, name=name)
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
            "carried": len(imported.carried),
            "left_out": imported.left_out,
            "listed": [asdict(item) for item in imported.listed],
            "faults": list(faults),
        }
        click.echo(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        for item in imported.listed:
            click.echo(str(item))
        for fault in faults:
            click.echo(f"fault: {fault}")
        made = ", ".join(_some(n, what) for what, n in counts(document).items() if n)
        click.echo(f"{output}: model {document.name}: {made or 'nothing'}")
        click.echo(_told(imported))
    if faults:
        sys.exit(1)


@command.command(name="binding")
@click.argument("model", type=_file)
def binding_command(model: Path) -> None:
    """Print a binding for MODEL to begin with: what becomes of it without one.

    Every table and column has its line, to be changed and given unit and UCD
    (docs/reference/binding.md). Save it beside NAME.vo-dml.xml as NAME.binding.yaml.
    """
    document = read_file(_named(model))
    faults = check_document(document, described=False)
    if faults:
        raise BadData("M100", str(model), "; ".join(faults))
    click.echo(write_binding(document), nl=False)


@command.command(name="diff")
@click.argument("files", nargs=-1, metavar="[A [B]]", type=_file)
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    default="duckdb",
    show_default=True,
    help="Database to write for, where two files are compared.",
)
@click.option(
    "--sql", "as_sql", is_flag=True, help="Print the statements that lead there."
)
@click.option(
    "--drop",
    is_flag=True,
    help="With --sql: let columns and tables go that are no longer there.",
)
@click.pass_context
def diff_command(
    ctx: click.Context,
    files: tuple[Path, ...],
    engine: EngineName,
    *,
    as_sql: bool,
    drop: bool,
) -> None:
    """Print what differs between two models, or an archive and a model.

    From the VO-DML file A to B; with A alone, from the archive of the home to A; with
    neither, from the archive to the model of this program. A line for each difference;
    what may lose values, or fail because of rows that are there, is marked. Exit 1 if
    there is a difference; what an upgrade has kept on purpose is none, and noted.
    """
    if len(files) > _TWO:
        raise click.UsageError("two files at most")
    if len(files) == _TWO:
        before, model = (load_file(_named(path)) for path in files)
        old = shape_of(before, engine)
        differences = diff(old, shape_of(model, engine))
        statements = alter(differences, old, model, drop=drop)
    else:
        # Only here: it opens the archive.
        from distiller.archive.upgrade import plan  # noqa: PLC0415

        given = load_file(_named(files[0])) if files else None
        planned = plan(settings_of(ctx), drop=drop, model=given)
        differences, statements = planned.differences, planned.statements
    if as_sql:
        for statement in statements:
            click.echo(f"{statement};")
    else:
        for difference in differences:
            click.echo(f"{'note: ' if difference.is_kept else ''}{difference}")
    if not all(difference.is_kept for difference in differences):
        ctx.exit(1)


@command.command(name="check")
@click.option("-v", "--verbose", is_flag=True, help="List the warnings and notes.")
@_model_argument
def check_command(model: Path | None, *, verbose: bool) -> None:
    """Check a model and its binding; every fault on a line, exit 1 if there is one.

    What has no description is a fault in a model with a binding, else a warning. Notes
    say which constraints became a CHECK, and what SQL holds in part only; without
    --verbose only their number is told.
    """
    if model is not None:
        found, faults = read_one(_named(model))
        lacks = warnings(model)
    else:
        folder = _folder() or PACKAGED
        found, faults = read_folder(folder)
        lacks = ()
        for words in left_out(folder):
            click.echo(f"warning: {words}")
        if found.tables:
            for words in (*lacking(found), *_broken_examples(found)):
                click.echo(f"warning: {words}")
            faults += mapping_faults(read_mapping(folder / FILE.name), found)
    for kind, lines in (("warning", lacks), ("note", found.notes)):
        for line in lines if verbose else ():
            click.echo(f"{kind}: {line}")
    for fault in faults:
        click.echo(fault)
    columns = sum(len(table.columns) for table in found.tables)
    told = [f"{_some(len(found.tables), 'tables')}, {columns} columns: no fault"]
    told = [_some(len(faults), "faults")] if faults else told
    counted = (("warnings", lacks), ("notes", found.notes))
    told += [_some(len(lines), kind) for kind, lines in counted if lines]
    more = " (--verbose lists them)" if len(told) > 1 and not verbose else ""
    click.echo(f"{', '.join(told)}{more}")
    if faults:
        sys.exit(1)


def _broken_examples(model: Model) -> Iterator[str]:
    """Yield which examples of queries do not go with a model."""
    for example in examples(model.folder):
        try:
            translate(example.adql, model.catalog)
        except QueryError as error:
            yield f"examples.yaml: {example.name}: {error}"


def _told(imported: Imported) -> str:
    """Return how much of a drawing was carried over, and how much was not."""
    kinds = Counter(item.kind for item in imported.listed)
    settings = sum(x.kind == "left" and not x.ids for x in imported.listed)
    return (
        f"{_some(len(imported.carried), 'elements')} carried over; left out: "
        f"{_some(imported.left_out, 'elements')} and {_some(settings, 'settings')}; "
        f"{kinds['changed']} changed, {kinds['lacking']} lacking"
    )


def _some(number: int, what: str) -> str:
    """Return a number of things, in the singular for one.

    >>> _some(1, "packages"), _some(2, "packages")
    ('1 package', '2 packages')
    """
    return f"{number} {what.removesuffix('s') if number == 1 else what}"


def _model(path: Path | None) -> Model:
    if path is not None:
        return load_file(_named(path))
    return load_model(_folder())


def _folder() -> Path | None:
    """Return the folder of the model that the settings name."""
    return load_settings(click.get_current_context().find_root().obj).model_dir


def _named(path: Path) -> Path:
    """Return the path of a model; its name tells where its binding is."""
    if not path.name.endswith(ENDING):
        raise click.BadParameter(f"{path.name}: the name of a model ends in {ENDING}")
    return path
