"""The packaged model with changes: what a site or a next version makes of it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from distiller.core.settings import load_settings
from distiller.model.load import PACKAGED

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.core.settings import Settings

_ATTRIBUTE = """<attribute>
        <vodml-id>AmbientConditions.AmbientConditions.{name}</vodml-id>
        <name>{name}</name>
        <description>{words}</description>
        <datatype>
          <vodml-ref>ivoa:{kind}</vodml-ref>
        </datatype>
        <multiplicity>
          <minOccurs>{lower}</minOccurs>
          <maxOccurs>1</maxOccurs>
        </multiplicity>
      </attribute>
      """
_FIRST = "<attribute>\n        <vodml-id>AmbientConditions.AmbientConditions.zenith<"
_LINE = "      zenith: {"


def copied(folder: Path) -> Path:
    """Copy the packaged model."""
    shutil.copytree(PACKAGED, folder)
    return folder


def model_dir(settings: Settings, folder: Path) -> Settings:
    """Return the settings of a home whose model is that of a folder."""
    return load_settings(
        settings.home,
        database_url=settings.database_url,
        model_dir=folder,
        authority=settings.authority,
    )


def with_attribute(
    folder: Path, name: str, binding: str, *, kind: str = "real", lower: int = 0
) -> None:
    """Add an attribute to AmbientConditions and its line to the binding."""
    attribute = _ATTRIBUTE.format(
        name=name, words=f"The {name} of the weather.", kind=kind, lower=lower
    )
    replace(folder / "cta.vo-dml.xml", _FIRST, attribute + _FIRST)
    replace(folder / "cta.binding.yaml", _LINE, f"      {name}: {binding}\n{_LINE}")


def replace(path: Path, old: str, new: str) -> None:
    """Replace the first of a text that must be there."""
    text = path.read_text()
    assert old in text, (path.name, old)
    path.write_text(text.replace(old, new, 1))
