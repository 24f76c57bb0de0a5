"""Addresses of files, and commands that load them."""

from __future__ import annotations

import re
import shlex
from typing import Final
from urllib.parse import quote, unquote

from distiller.web import site

ROOT: Final = "/data/"
"""Where the addresses of files begin, after the base URL."""

_NO_NAMES: Final = frozenset({"", ".", ".."})

_TWO_STEPS: Final = re.compile(r"([\w.~%-]+)/([\w.~%-]+)", re.ASCII)


def address_of(product_id: str, name: str) -> str:
    """Return the address of a file of a product, without the base URL.

    >>> address_of("7f", "run #1? 50%41.fits")
    '/data/7f/run%20%231%3F%2050%2541.fits'
    """
    return f"{ROOT}{quote(product_id, safe='')}/{quote(name, safe='')}"


def address_of_preview(product_id: str, kind: str) -> str:
    """Return the address of the quick look of a dataset, without the base URL.

    Parameters
    ----------
    kind
        ``png``, or ``json`` for its numbers. No product is called ``previews``.

    >>> address_of_preview("7f", "png")
    '/data/previews/7f.png'
    """
    return f"{ROOT}previews/{quote(product_id, safe='')}.{kind}"


def own_address(url: object) -> str:
    """Return the URL if it is of a file here; nothing if a query made it up."""
    root = f"{site.current().settings.base_url}{ROOT}"
    if not isinstance(url, str) or not url.startswith(root):
        return ""
    steps = _TWO_STEPS.fullmatch(url.removeprefix(root))
    # A browser takes the steps back that dots mean, encoded or not.
    is_file = steps and not _NO_NAMES.intersection(map(unquote, steps.groups()))
    return url if is_file else ""


def command_of(url: str, *parts: str) -> str:
    """Return the shell command that loads a URL into a file.

    Parameters
    ----------
    parts
        Folders, and at the end the name, under the folder where the shell is; none
        leads out of it.

    >>> command_of("https://example.org/data/7f/a%20b.fits", "set", "../5", "a b.fits")
    "curl -fgL --create-dirs -o 'set/5/a b.fits' https://example.org/data/7f/a%20b.fits"
    """
    steps = [step for part in parts for step in part.split("/")]
    path = "/".join(step for step in steps if step not in _NO_NAMES)
    # What begins with a dash would be an option.
    path = f"./{path}" if path.startswith("-") else path
    # -g: brackets and braces stand for themselves.
    return f"curl -fgL --create-dirs -o {shlex.quote(path)} {shlex.quote(url)}"
