"""The ``distiller`` program: one file per command, each with a ``command`` object.

A command's module is imported only when that command runs, so that ``distiller --help``
is quick and `ingest` does not load the web server.
"""

from __future__ import annotations

import errno
import importlib
import os
import pkgutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from distiller.core.errors import DistillerError, InternalError, NoSpace, UserError
from distiller.core.settings import load_settings

if TYPE_CHECKING:
    from distiller.core.settings import Settings

EXIT_USER = 1
EXIT_PASSING = 75
EXIT_INTERNAL = 70


class _Commands(click.Group):
    """The modules of this package are the sub-commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        names = (m.name for m in pkgutil.iter_modules(__path__))
        return sorted(n.replace("_", "-") for n in names if not n.startswith("_"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        name = cmd_name.replace("-", "_")
        module = importlib.import_module(f"{__name__}.{name}")
        command: click.Command = module.command
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cta-data-distiller", prog_name="distiller")
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    help="Home folder of the archive (else DISTILLER_HOME, else ./distiller-home).",
)
@click.pass_context
def program(ctx: click.Context, home: Path | None) -> None:
    """Open very-high-energy gamma-ray data to the Virtual Observatory."""
    ctx.obj = home


def settings_of(ctx: click.Context) -> Settings:
    """Return the settings of the home that the command line names.

    What a command writes from here on is for the owner of the home alone, the log of
    the database included.
    """
    os.umask(0o077)
    return load_settings(ctx.find_root().obj)


def main(arguments: list[str] | None = None) -> None:
    """Run the program; our own errors end it with one clear line."""
    try:
        program.main(args=arguments, prog_name="distiller")
    except UserError as error:
        _leave(error, EXIT_USER)
    except InternalError as error:
        _leave(error, EXIT_INTERNAL)
    except DistillerError as error:
        _leave(error, EXIT_PASSING)
    except OSError as error:
        _leave(_of_system(error), EXIT_PASSING if _is_full(error) else EXIT_USER)


def _of_system(error: OSError) -> DistillerError:
    """Return an error of the operating system as one of ours, with its path."""
    where = f"{error.filename}: " if error.filename else ""
    message = f"{where}{error.strerror or error}"
    if _is_full(error):
        return NoSpace(message, hint="free space on that disk and do it again")
    return UserError(message, hint="is the path right, and may it be written?")


def _is_full(error: OSError) -> bool:
    return error.errno in {errno.ENOSPC, errno.EDQUOT}


def _leave(error: DistillerError, status: int) -> None:
    click.echo(f"distiller: {error.code} {error.whole_text}", err=True)
    sys.exit(status)
