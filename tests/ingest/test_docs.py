"""The how-to names every option and every exit status of the command."""

from __future__ import annotations

from pathlib import Path

import click

from distiller.cli import EXIT_INTERNAL, EXIT_PASSING, EXIT_USER
from distiller.cli.ingest import EXIT_REFUSED, command

HOWTO = Path(__file__).parents[2] / "docs" / "howto" / "ingest.md"


def test_every_option_is_documented() -> None:
    text = HOWTO.read_text()
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert f"`{parameter.opts[0]}" in text, parameter.name


def test_every_exit_status_is_documented() -> None:
    text = HOWTO.read_text()
    for status in (0, EXIT_USER, EXIT_REFUSED):
        assert f"| {status} |" in text
    assert f"| {EXIT_INTERNAL}, {EXIT_PASSING} |" in text
