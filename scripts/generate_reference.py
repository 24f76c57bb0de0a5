"""Write the generated pages of docs/reference, or check that they are not stale.

python scripts/generate_reference.py [--check]
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import click
from task_pages import task_page

from distiller.adql import faults, functions, limits
from distiller.adql.targets.duckdb import DuckDBWriter
from distiller.adql.targets.pgsphere import PgSphereWriter
from distiller.adql.targets.writer import Refused
from distiller.analysis.tasks import TASKS
from distiller.cli import program
from distiller.core import errors
from distiller.core.settings import Settings
from distiller.ingest.collection import CollectionSettings
from distiller.ingest.collection_file import part_of
from distiller.model import binding, codes
from distiller.model.examples import examples
from distiller.web import names  # noqa: F401 - its errors belong to the tree
from distiller.web.errors import status_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic.fields import FieldInfo

    from distiller.ingest.parts import Part

_REFUSED = (
    (
        "CAST AS POINT, CIRCLE or POLYGON of anything but a text literal (4.7.1: "
        "optional)"
    ),
    (
        "IN_UNIT of a value that is computed from columns: its unit is not known "
        "(4.9.1: optional)"
    ),
    (
        "comparing geometries with `=` or `<`: the grammar has it, the document gives "
        "it no meaning; use CONTAINS, INTERSECTS or DISTANCE"
    ),
    (
        "coordinate systems other than ICRS, FK5 (J2000) and GALACTIC, and BOX in one "
        "of them around a point of another (Q402; 4.2.5: deprecated, left to the "
        "service)"
    ),
    (
        "REGION of other texts than STC-S with Position, Circle, Box, Polygon, AllSky, "
        "Union, Intersection and Not in these systems (4.2.20: left to the service)"
    ),
    (
        "joined regions of STC-S elsewhere than in CONTAINS and INTERSECTS, and where "
        "only the whole could tell: CONTAINS of what is no POINT in a Union, INTERSECTS"
        " of what is no POINT with an Intersection (Q430)"
    ),
)
_NO_ADQL = (
    (
        "a sub-query as a value, compared or selected: use IN or EXISTS, or join it in "
        "FROM"
    ),
    "CROSS JOIN: put a comma between the tables",
    "a JOIN without ON, USING or NATURAL; a NATURAL JOIN with ON or USING",
    "`*` beside other columns: write `t.*`",
    "IS NULL of anything but a column",
    (
        "NULL in arithmetic, beside `||`, in LIKE or as an argument of a function of "
        "numbers"
    ),
    "DISTANCE of anything but points",
    "WITH below the beginning of the query, or recursive",
    (
        "LIMIT, CASE, window functions, `::` and the like; each with what to write "
        "instead"
    ),
    "aggregates of columns of an outer query",
    "ORDER BY of what SELECT DISTINCT does not select",
)
_FOLDER = Path(__file__).parents[1] / "docs" / "reference"


def settings_page() -> str:
    """Return the page of all settings."""
    lines = [
        "# Settings",
        "",
        "Each stands in `HOME/distiller.toml` under its name, or in the environment",
        "under the name in capitals with `DISTILLER_` before it. The environment beats",
        "the file, and the file the default.",
        "",
        "| name | default | meaning |",
        "|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        default = f"`{field.default}`" if field.default not in (None, "") else ""
        lines.append(f"| `{name}` | {default} | {field.description} |")
    return "\n".join(lines) + "\n"


def commands_page() -> str:
    """Return the page of all commands with their options."""
    root = click.Context(program, info_name="distiller", **program.context_settings)
    lines = ["# Commands", "", "`distiller [--home DIR] COMMAND ...`", ""]
    lines += _help(root)
    for name in program.list_commands(root):
        command = program.get_command(root, name)
        if command is not None:
            lines += _command(command, name, root, level=2)
    return "\n".join(lines).rstrip() + "\n"


def _command(
    command: click.Command, name: str, parent: click.Context, *, level: int
) -> list[str]:
    context = click.Context(command, info_name=name, parent=parent)
    lines = [f"{'#' * level} {context.command_path}", "", *_help(context)]
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            if found is not None:
                lines += _command(found, child, context, level=level + 1)
    return lines


def _help(context: click.Context) -> list[str]:
    # click fits its help to the terminal; a page needs one width.
    context.terminal_width = context.max_content_width = 80
    return ["```text", context.command.get_help(context), "```", ""]


def errors_page() -> str:
    """Return the page of all error codes."""
    lines = [
        "# Errors",
        "",
        "Every error has a stable code. `U`: yours, asking again unchanged fails",
        "again. `P`: passing, the same request may work later. `I`: ours, a defect or",
        "a damaged installation. What is wrong with a file has codes of its own:",
        "[findings](findings.md).",
        "",
        "| code | HTTP | what |",
        "|---|---|---|",
    ]
    seen = set()
    for kind in _tree(errors.DistillerError):
        if kind.code in seen or kind is errors.DistillerError:
            continue
        seen.add(kind.code)
        first = (kind.__doc__ or "").partition("\n")[0]
        lines.append(f"| `{kind.code}` | {_status(kind)} | {first} |")
    lines += [
        "",
        "## Faults of a query",
        "",
        "An error `U200` holds every fault as `line:column code message`.",
        "",
        "| code | what |",
        "|---|---|",
    ]
    lines += [f"| `{code}` | {text} |" for code, text in faults.CODES.items()]
    lines += [
        "",
        "## Faults of a data model",
        "",
        "An error `U600` about a file of a data model starts with its code.",
        "",
        "| code | what |",
        "|---|---|",
    ]
    lines += [f"| `{code}` | {text} |" for code, text in codes.CODES.items()]
    return "\n".join(lines) + "\n"


def _tree(kind: type[errors.DistillerError]) -> list[type[errors.DistillerError]]:
    children = [k for child in kind.__subclasses__() for k in _tree(child)]
    return [kind, *sorted(children, key=lambda k: k.code)]


def _status(kind: type[errors.DistillerError]) -> int:
    return status_of(kind.__new__(kind))


def adql_page() -> str:
    """Return the page of what ADQL can say here."""
    lines = [
        "# ADQL",
        "",
        "[ADQL 2.1](https://www.ivoa.net/documents/ADQL/) with sub-queries, joins",
        "(`NATURAL`, `USING`, `ON`), aggregates, `UNION`, `EXCEPT`, `INTERSECT`,",
        "`WITH`, `TOP`, `OFFSET`, `LIKE`, `ILIKE`, `CAST`, `COALESCE` and geometry.",
        "Everything else is refused with its place and a hint ([codes](errors.md));",
        "try a query without running it by `distiller adql QUERY`. What the document",
        "says is tested by some hundred cases, with the parser of DaCHS as a",
        "[second opinion](adql-second-opinion.md).",
        "",
        "DuckDB and PostgreSQL take the same queries and give the same answers:",
        "division by 0 of numbers that are not whole gives infinity, `LOG(-1)` gives",
        "NaN, whole numbers that become too large are an error, halves are rounded",
        "away from 0, text is in the order of its code points, and NULL is the largest",
        "value.",
        "",
        "## Geometry",
        "",
        "Coordinates are ICRS, deg. The coordinate system as a first argument is",
        "deprecated and may be left out; coordinates in FK5 (J2000) and GALACTIC",
        "become ICRS, in which every geometry leaves. The sides of a `BOX` are great",
        "circles at right angles to the ends of a cross, as the document has it.",
        "`CONTAINS` and `INTERSECTS` are numbers; as conditions they are compared with",
        "0 or 1. `REGION` reads STC-S. There are",
        ", ".join(f"`{name}`" for name in sorted(functions.GEOMETRY_FUNCTIONS)) + ".",
        "",
        "Indexes of PostgreSQL serve `CONTAINS`, `INTERSECTS` and `DISTANCE(...) < r`",
        "in WHERE and ON, not below NOT: of `POINT(ra, dec)` with two columns of one",
        "table, and of a region that is a column.",
        "",
        "## Times",
        "",
        "A time MOC is the text of a column such as `cta.observation.time_moc`, a text",
        "literal, or made of an interval by `cta_tmoc_between`. Its times are TCB;",
        "moments are given as MJD of UTC, as in `t_min`. Runs that took data in an",
        "hour, and for how long of it:",
        "",
        "```sql",
        "SELECT obs_id, cta_tmoc_duration(cta_tmoc_intersection(",
        "    time_moc, cta_tmoc_between(59000.0, 59000.042))) AS seconds",
        "FROM cta.observation",
        "WHERE 1 = cta_tmoc_intersects(time_moc, cta_tmoc_between(59000.0, 59000.042))",
        "```",
        "",
        "Indexes of PostgreSQL serve `cta_tmoc_intersects`, `cta_tmoc_contains` and",
        "`cta_tmoc_has` that are compared with 1.",
        "",
        "## Refused",
        "",
        "Valid ADQL that is not translated (codes Q4xx):",
        "",
        *(f"- {why}" for why in sorted([*_refusals(), *_REFUSED])),
        "",
        "And by ADQL itself, though other dialects or services have it:",
        "",
        *(f"- {why}" for why in _NO_ADQL),
        "",
        "## Limits",
        "",
        "Beyond these a query is refused (Q108). At most",
        "",
        *(f"- {number:,} {what}" for number, what in limits.LIMITS),
        "",
        "## Functions",
        "",
        "Aggregates: "
        + ", ".join(
            f"`{name}`"
            for name in sorted(functions.AGGREGATES)
            if name not in functions.FORMS
        )
        + ". Mathematics and text, with the number of arguments:",
        "",
        ", ".join(
            f"`{f.name}`({_counts(f)})"
            for f in functions.FUNCTIONS.values()
            if not f.signatures
        ),
        "",
        "| user-defined function | returns |",
        "|---|---|",
        *(f"| `{form}` | {words} |" for form, words in functions.advertised()),
        "",
        "Types of `CAST`: "
        + ", ".join(f"`{name}`" for name in functions.CAST_TYPES)
        + ".",
    ]
    return "\n".join(lines) + "\n"


def _refusals() -> list[str]:
    writers = (DuckDBWriter, PgSphereWriter)
    writes = [write for writer in writers for write in writer.WRITES.values()]
    return sorted({write.why for write in writes if isinstance(write, Refused)})


def _counts(function: functions.Function) -> str:
    fewest, most = function.counts[0], function.counts[-1]
    return str(most) if fewest == most else f"{fewest} or {most}"


def questions_page() -> str:
    """Return the page of questions with the queries that answer them."""
    lines = [
        "# Questions and their queries",
        "",
        "Each query can be sent as it is to the demo archive (`make demo`), with",
        "`distiller query` or from any TAP client, which finds the same list at",
        "`/tap/examples`. Put your own names and numbers in.",
    ]
    for one in examples():
        lines += ["", f"## {one.title}", "", one.words, ""]
        lines += ["```sql", one.adql.rstrip(), "```"]
    return "\n".join(lines) + "\n"


def collection_settings_page() -> str:
    """Return the page of what a settings file of a collection may say."""
    lines = [
        "# Settings of a collection",
        "",
        "A file in TOML. How it is found and what it is good for:",
        "[ingest](../howto/ingest.md#mend-it-with-a-settings-file). What is not listed",
        "here is refused, with its line. `[[name]]` begins an entry of which there may",
        "be several, `[name]` one that stands there once.",
        "",
        *_part_rows(CollectionSettings),
    ]
    for name, field in CollectionSettings.model_fields.items():
        part = part_of(field.annotation)
        if part is None:
            continue
        many = get_origin(field.annotation) is tuple
        head = f"[[{name}]]" if many else f"[{name}]"
        words = (part.__doc__ or "").replace("\n    ", "\n").strip()
        lines += ["", f"## `{head}`", "", words, "", *_part_rows(part)]
    return "\n".join(lines) + "\n"


def _part_rows(part: type[Part]) -> list[str]:
    rows = ["| name | needed | meaning |", "|---|---|---|"]
    for name, field in part.model_fields.items():
        needed = "yes" if field.is_required() else ""
        rows.append(f"| `{name}` | {needed} | {field.description} |")
    return rows


_BINDING_INTRO = """# Binding of a model

`NAME.binding.yaml` beside `NAME.vo-dml.xml` says what VO-DML cannot: names of tables
and columns, keys, units, UCDs, indexes, and how types that extend each other are
stored. Without one ([UML in](../howto/import-uml.md)) every object type becomes a
table, every attribute a column under its own name, and units and UCDs stay unknown;
with one, everything that is drawn has its line and its description, and what is left
out is told.

`distiller model check NAME.vo-dml.xml` names every fault of both files. What is not
listed here is refused, with what was meant. The file is YAML, in which `on` and `no`
are names, too; `{}` is an entry that takes what is usual. Names in SQL have small
letters, digits and `_`, 63 at most.

An example, for a drawing with a class `Site` in the package `site`, a class `Run`
with a position (a data type with `ra` and `dec`), several notes, and a reference to
its site:

```yaml
{example}
```
"""
_BINDING_PARTS = {
    "": "## The file",
    "tables": "## `tables: TYPE:`",
    "columns": "## `tables: TYPE: columns: PATH:`",
    "foreign_keys": "## `tables: TYPE: foreign_keys:`",
    "views": "## `views: NAME:`",
}
_BINDING_EXAMPLE = Path(__file__).parents[1] / "tests/model/xmi/lab.binding.yaml"


def binding_page() -> str:
    """Return the page of what the binding of a model may say."""
    example = _BINDING_EXAMPLE.read_text(encoding="utf-8").rstrip()
    lines = [_BINDING_INTRO.replace("{example}", example).rstrip()]
    for name, head in _BINDING_PARTS.items():
        part = binding.PARTS[name][0] if name else binding.Binding
        words = inspect.cleandoc(part.__doc__ or "").replace("``", "`")
        lines += ["", head, "", words, ""]
        lines += [
            "| key | type | default | meaning | example |",
            "|---|---|---|---|---|",
        ]
        lines += [_binding_row(*item) for item in part.model_fields.items()]
    return "\n".join(lines) + "\n"


def _binding_row(name: str, field: FieldInfo) -> str:
    extra = field.json_schema_extra
    told = extra if isinstance(extra, dict) else {}
    usual = told.get("usual")
    if field.is_required():
        usual = "required"
    elif usual is None:
        usual = f"`{str(field.default).lower()}`"
    like = told.get("like")
    cells = (
        f"`{field.alias or name}`",
        _binding_type(field.annotation),
        str(usual),
        field.description or "",
        f"`{like}`" if like else "",
    )
    return "| " + " | ".join(cells) + " |"


def _binding_type(annotation: Any) -> str:
    """Return what a key takes, in words."""
    arguments = [a for a in get_args(annotation) if a is not type(None)]
    origin = get_origin(annotation)
    if origin is Literal:
        return " ".join(f"`{word}`" for word in arguments)
    if origin is tuple:
        return "list"
    if origin is Mapping:
        return "keys"
    if arguments:
        return " or ".join(_binding_type(a) for a in arguments)
    if annotation is bool:
        return "`true` `false`"
    return "text" if annotation is str else "keys"


PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "collection-settings.md": collection_settings_page,
    "commands.md": commands_page,
    "binding.md": binding_page,
    "errors.md": errors_page,
    "adql.md": adql_page,
    "questions.md": questions_page,
    **{f"{task.name}.md": partial(task_page, task) for task in TASKS.values()},
}


def main() -> int:
    """Write the pages; with --check only compare, 1 if one is stale."""
    check = "--check" in sys.argv[1:]
    stale = 0
    for name, page in PAGES.items():
        path = _FOLDER / name
        text = page()
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        if check:
            print(f"stale: {path.relative_to(_FOLDER.parents[1])}; run {sys.argv[0]}")
            stale = 1
        else:
            path.write_text(text, encoding="utf-8")
    return stale


if __name__ == "__main__":
    sys.exit(main())
