"""Find the documents and bindings that belong together, and bind them."""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from distiller.core.errors import BadData, Damaged
from distiller.model.bind import bind
from distiller.model.binding import default_binding, read_binding
from distiller.model.check import (
    check_document,
    check_tables,
    check_ucds,
    has_circle,
    undescribed,
)
from distiller.model.read_vodml import read_file
from distiller.model.tables import Model

if TYPE_CHECKING:
    from collections.abc import Iterable

    from distiller.model.binding import Binding
    from distiller.model.entities import Document
    from distiller.model.tables import BoundTable, View

PACKAGED = Path(__file__).parent / "uml"
ENDING = ".vo-dml.xml"
BINDING = ".binding.yaml"
_LOGGER = logging.getLogger(__name__)
_ORDER = ("obscore", "cta", "voprov", "tap_schema", "internal")


def load_model(folder: Path | None = None) -> Model:
    """Return the model of this program, or of a folder that a site has made of it.

    Parameters
    ----------
    folder
        VO-DML files, bindings and mappings under the names that the packaged ones
        have (setting ``model_dir``), and others beside them.

    Raises
    ------
    Damaged
        With every fault, if the installed files contradict each other.
    BadData
        M100 with every fault, if those of the folder do.
    """
    return _load(folder or PACKAGED)


@functools.cache
def _load(folder: Path) -> Model:
    model, faults = read_folder(folder)
    for words in left_out(folder):
        _LOGGER.warning("%s: %s", folder, words)
    if faults and folder != PACKAGED:
        raise BadData("M100", str(folder), "; ".join(faults))
    if faults:
        raise Damaged(
            f"the packaged data model does not hold together: {'; '.join(faults)}",
            hint="install the program again",
        )
    return model


def packaged_paths(folder: Path = PACKAGED) -> list[Path]:
    """Return the VO-DML files of a folder, in the order of their schemas.

    Those that the program has come first; others count if they have a binding.
    """
    known = [folder / f"{name}{ENDING}" for name in _ORDER]
    others = (path for path in sorted(folder.glob(f"*{ENDING}")) if path not in known)
    return known + [path for path in others if _binding_of(path).is_file()]


def read_folder(folder: Path = PACKAGED) -> tuple[Model, tuple[str, ...]]:
    """Read the model of a folder as `load_model` does; return it and every fault.

    Those that the program has must be there with their bindings.
    """
    paths = packaged_paths(folder)
    needed = [file for path in paths for file in (path, _binding_of(path))]
    faults = tuple(
        f"{file.name} is not in {folder}, by which the archive knows its tables "
        f"(`distiller model copy` writes all)"
        for file in needed
        if not file.is_file()
    )
    if faults:
        return Model((), (), folder=folder), faults
    return read_models(paths)


def lacking(model: Model) -> tuple[str, ...]:
    """Return which tables and columns of the program the model of a site is without.

    The program does without them where it can: a quantity is not shown, a step that
    needs it fails.
    """
    found: list[str] = []
    for name, own in sorted(load_model().by_name.items()):
        table = model.by_name.get(name)
        if table is None:
            found.append(f"table {name} of the program is not in the model")
            continue
        found += [
            f"column {column} of the program is not in {name}"
            for column in own.names
            if column not in table.names
        ]
    advice = "what needs it fails; `distiller model copy` has it"
    return tuple(f"{words}: {advice}" for words in found)


def left_out(folder: Path) -> tuple[str, ...]:
    """Return what stands in the folder of a model and is no part of it, with reasons.

    Documents that the program does not have, without a binding, and bindings without a
    document.
    """
    taken = packaged_paths(folder)
    found = [
        f"{path.name} is left out: {_binding_of(path).name} is not beside it"
        for path in sorted(folder.glob(f"*{ENDING}"))
        if path not in taken
    ]
    bound = {_binding_of(path) for path in folder.glob(f"*{ENDING}")}
    found += [
        f"{path.name} is left out: "
        f"{path.name.removesuffix(BINDING)}{ENDING} is not beside it"
        for path in sorted(folder.glob(f"*{BINDING}"))
        if path not in bound
    ]
    return tuple(found)


def load_file(path: Path) -> Model:
    """Return the model of one VO-DML file, with its binding where one stands beside it.

    Raises
    ------
    BadData
        M100 with every fault, or what `read_file` and `read_binding` raise.
    """
    model, faults = read_one(path)
    if faults:
        raise BadData("M100", str(path), "; ".join(faults))
    return model


def read_one(path: Path) -> tuple[Model, tuple[str, ...]]:
    """Read one document and its binding; return the model and every fault.

    Its keys and views may lead to tables of the models in the same folder that have a
    binding. Those tables are looked up (`Model.beside`), and are no part of the model.
    """
    siblings = (
        other
        for other in sorted(path.parent.glob(f"*{ENDING}"))
        if other.name != path.name and _binding_of(other).is_file()
    )
    return read_models([path], beside=siblings)


def read_models(
    paths: list[Path], *, beside: Iterable[Path] = ()
) -> tuple[Model, tuple[str, ...]]:
    """Read documents and bindings; return the model and every fault of either.

    A document without a binding beside it (``NAME.binding.yaml`` for
    ``NAME.vo-dml.xml``) gets the default one.

    Parameters
    ----------
    beside
        Documents with bindings that keys and views may lead to. They are read only
        where something is absent otherwise, and their own faults are not told.
    """
    parts = [_read(path) for path in paths]
    faults = [fault for part in parts for fault in part.faults]
    model = Model(
        tuple(part.document for part in parts),
        tuple(table for part in parts for table in part.tables),
        tuple(view for part in parts for view in part.views),
        {
            part.binding.schema_name: part.binding.description
            for part in parts
            if not part.binding.hidden
        },
        notes=tuple(note for part in parts for note in part.notes),
        folder=paths[0].parent if paths else None,
    )
    if not faults:
        tables, unread = _look_up(_absent(model), beside)
        model = replace(model, beside=tables)
        unbound = frozenset(p.binding.model for p in parts if not p.complete)
        faults.extend(check_tables(model, unbound=unbound))
        if faults:
            faults.extend(unread)
    if paths and paths[0].resolve().parent == PACKAGED:
        faults.extend(check_ucds(model))
    return model, tuple(faults)


@dataclass(frozen=True, slots=True)
class _Part:
    """One document, bound."""

    document: Document
    binding: Binding
    tables: tuple[BoundTable, ...]
    views: tuple[View, ...]
    faults: tuple[str, ...]
    complete: bool
    notes: tuple[str, ...] = ()


def _read(path: Path) -> _Part:
    document = read_file(path)
    beside = _binding_of(path)
    complete = beside.is_file()
    binding = read_binding(beside) if complete else default_binding(document)
    faults = check_document(document, described=complete)
    if has_circle(document):
        return _Part(document, binding, (), (), faults, complete)
    bound = bind(document, binding, complete=complete)
    return _Part(
        document,
        binding,
        bound.tables,
        bound.views,
        faults + bound.faults,
        complete,
        bound.notes,
    )


def warnings(path: Path) -> tuple[str, ...]:
    """Return what a document lacks that is no fault, because it has no binding."""
    return () if _binding_of(path).is_file() else undescribed(read_file(path))


def _binding_of(path: Path) -> Path:
    return path.with_name(f"{path.name.removesuffix(ENDING)}{BINDING}")


def _absent(model: Model) -> set[str]:
    """Return the tables that keys and views lead to and that are not of the model."""
    wanted = {key.target for table in model.tables for key in table.foreign_keys}
    return (wanted | {view.of for view in model.views}) - model.by_name.keys()


def _look_up(
    wanted: set[str], paths: Iterable[Path]
) -> tuple[tuple[BoundTable, ...], tuple[str, ...]]:
    """Return the wanted tables, and what kept documents from being read."""
    found: dict[str, BoundTable] = {}
    unread: list[str] = []
    for path in paths if wanted else ():
        try:
            tables = _read(path).tables
        except BadData as error:
            unread.append(f"not looked up in {path.name}: {error}")
            continue
        for table in tables:
            if table.name in wanted:
                found.setdefault(table.name, table)
    return tuple(found.values()), tuple(unread)
