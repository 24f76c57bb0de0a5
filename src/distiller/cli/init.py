"""``distiller init``: a home folder with its settings and an empty archive."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click
from pydantic_core import PydanticUndefined

from distiller.archive import open_archive
from distiller.cli import settings_of
from distiller.core.files import write_text
from distiller.core.settings import FILE_NAME, Settings

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

_PRIVATE = 0o700
_PRIVATE_FILE = 0o600
_LEFT_OUT = frozenset({"home"})


@click.command()
@click.pass_context
def command(ctx: click.Context) -> None:
    """Make the home folder of an archive; what is there already stays."""
    settings = settings_of(ctx)
    new = not settings.home.exists()
    settings.home.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
    if new:
        settings.home.chmod(_PRIVATE)
    template = settings.home / FILE_NAME
    if not template.exists():
        write_text(template, template_text(), mode=_PRIVATE_FILE)
    for folder in (settings.files_path, settings.jobs_path):
        folder.mkdir(mode=_PRIVATE, exist_ok=True)
    with closing(open_archive(settings)) as archive:
        word = "is made" if archive.is_new else "was there already"
        click.echo(f"{archive.place} {word}; its settings are in {template}")
        if archive.is_new and "authority" not in settings.model_fields_set:
            click.echo(
                "set `authority` and `base_url` there before the first ingest: the "
                "identifiers and addresses of all data are made of them"
            )


def template_text() -> str:
    """Return a settings file that says what can be set, all of it commented out."""
    lines = [
        "# Settings of this archive. A line without # counts; every setting can also",
        "# be given in the environment, as DISTILLER_ and its name in capitals.",
    ]
    for name, field in Settings.model_fields.items():
        if name not in _LEFT_OUT:
            lines += ["", f"# {field.description}", f"# {_assignment(name, field)}"]
    return "\n".join(lines) + "\n"


def _assignment(name: str, field: FieldInfo) -> str:
    default = field.default
    if default is None or default is PydanticUndefined:
        return f'{name} = ""'
    return f"{name} = {_toml(default)}"


def _toml(value: Any) -> str:
    """Return a value as TOML, which writes most as JSON does."""
    if isinstance(value, dict):
        inner = ", ".join(f"{key} = {_toml(item)}" for key, item in value.items())
        return f"{{ {inner} }}"
    if isinstance(value, tuple):
        return json.dumps(list(value))
    return json.dumps(value, ensure_ascii=False)
