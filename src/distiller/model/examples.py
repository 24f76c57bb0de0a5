"""Questions that users ask, each with its query in ADQL (``uml/examples.yaml``)."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from distiller.core.errors import BadData
from distiller.model.load import PACKAGED

if TYPE_CHECKING:
    from pathlib import Path

FILE = "examples.yaml"


class Example(BaseModel):
    """A question and the query that answers it.

    Attributes
    ----------
    name
        Short and stable: it is part of an address.
    title
        The question.
    words
        What the answer means, and what to change for another one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z-]*$")
    title: str
    words: str
    adql: str


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    examples: tuple[Example, ...]


@functools.cache
def examples(folder: Path | None = None) -> tuple[Example, ...]:
    """Return the examples of a model, in the order in which they are shown.

    Parameters
    ----------
    folder
        That of a site (setting ``model_dir``); where it has none, or without it, they
        are the packaged ones.

    Raises
    ------
    BadData
        M013 where the file is none of this kind.
    """
    path = (folder or PACKAGED) / FILE
    if not path.is_file():
        path = PACKAGED / FILE
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        return _Declared.model_validate(data).examples
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
        message = " ".join(str(error).split())
        raise BadData("M013", str(path), message) from error
