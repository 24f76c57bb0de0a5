"""The page of a task: what its folder says of the method, and what its model says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from distiller.analysis.fields import describe
from distiller.web.pages.jobs import elsewhere, links

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.analysis.fields import Described
    from distiller.analysis.tasks import Task

_SITE = "http://127.0.0.1:8000"
_IMAGES = Path(__file__).parents[1] / "docs" / "images"
_LANGUAGES = {"pyVO": "python", "curl": "bash"}


def task_page(task: Task) -> str:
    """Return the page of a task and its parameters."""
    lines = [
        f"# {task.name}",
        "",
        f"{task.title}, version {task.version}. {task.description}",
        "",
    ]
    if (_IMAGES / f"{task.name}.png").is_file():
        lines += [f"![{task.title} of the example](../images/{task.name}.png)", ""]
    if task.method:
        lines += [task.method.rstrip(), ""]
    lines += [
        "## Parameters",
        "",
        f"They are the same in the form, at `/uws/{task.name}` ([UWS](uws.md)) and in",
        f"`configuration.yaml`; `/uws/{task.name}/schema.json` describes them as JSON",
        f"schema, `/uws/{task.name}/descriptor` as a service descriptor.",
        "",
        "| parameter | unit | default | meaning |",
        "|---|---|---|---|",
        *(_row(one) for one in describe(task.parameters)),
        *(_example(task) if task.example else ()),
    ]
    return "\n".join(lines) + "\n"


def _example(task: Task) -> Iterator[str]:
    form = links.form_address(task.name, task.example)
    yield from (
        "",
        "## Example",
        "",
        "The picture above is made from the simulated archive of `make demo`: by",
        f"[the form]({_SITE}{form}), or by a program.",
    )
    for one in elsewhere.snippets(task.name, task.example, _SITE):
        yield from ("", f"With {one.name}:", "", f"```{_LANGUAGES[one.name]}")
        yield from (one.text.rstrip(), "```")


def _row(one: Described) -> str:
    words = [one.description, *(f"`{choice}`" for choice in one.choices)]
    if one.files:
        words.append(f"A file ({' or '.join(f'`{e}`' for e in one.files)}).")
    if one.is_repeatable:
        words.append("May be repeated.")
    value = " ".join(f"`{text}`" for text in one.default) or one.unset
    value = "required" if one.is_required else value
    return f"| `{one.name}` | {one.unit or ''} | {value} | {' '.join(words)} |"
