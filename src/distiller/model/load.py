"""Find the documents and bindings that belong together, and bind them."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from distiller.core.errors import BadData, Damaged
from distiller.model.bind import bind
from distiller.model.binding import default_binding, read_binding
from distiller.model.check import check_document, check_tables, check_ucds
from distiller.model.entities import Model
from distiller.model.read_vodml import read_file

if TYPE_CHECKING:
    from distiller.model.entities import BoundTable, Document, View

PACKAGED = Path(__file__).parent / "uml"
ENDING = ".vo-dml.xml"
_ORDER = ("obscore", "cta", "tap_schema", "internal")


@functools.cache
def load_model() -> Model:
    """Return the packaged model: cta, ivoa.obscore, TAP_SCHEMA and the book-keeping.

    Raises
    ------
    Damaged
        With every fault, if the installed files contradict each other.
    """
    model, faults = read_models(packaged_paths())
    if faults:
        raise Damaged(
            f"the packaged data model does not hold together: {'; '.join(faults)}",
            hint="install the program again",
        )
    return model


def packaged_paths() -> list[Path]:
    """Return the VO-DML files of this program, in the order of their schemas."""
    return [PACKAGED / f"{name}{ENDING}" for name in _ORDER]


def load_file(path: Path) -> Model:
    """Return the model of one VO-DML file, with its binding where one stands beside it.

    Raises
    ------
    BadData
        M100 with every fault, or what `read_file` and `read_binding` raise.
    """
    model, faults = read_models([path])
    if faults:
        raise BadData("M100", str(path), "; ".join(faults))
    return model


def read_models(paths: list[Path]) -> tuple[Model, tuple[str, ...]]:
    """Read documents and bindings; return the model and every fault of either.

    A document without a binding beside it (``NAME.binding.yaml`` for
    ``NAME.vo-dml.xml``) gets the default one.
    """
    documents: list[Document] = []
    tables: list[BoundTable] = []
    views: list[View] = []
    schemas: dict[str, str] = {}
    faults: list[str] = []
    for path in paths:
        document = read_file(path)
        documents.append(document)
        faults.extend(check_document(document))
        beside = path.with_name(f"{path.name.removesuffix(ENDING)}.binding.yaml")
        complete = beside.is_file()
        binding = read_binding(beside) if complete else default_binding(document)
        its_tables, its_views, wrong = bind(document, binding, complete=complete)
        tables.extend(its_tables)
        views.extend(its_views)
        faults.extend(wrong)
        if not binding.hidden:
            schemas[binding.schema_name] = binding.description
    model = Model(tuple(documents), tuple(tables), tuple(views), schemas)
    if not faults:
        faults.extend(check_tables(model))
    if paths and paths[0].parent == PACKAGED:
        faults.extend(check_ucds(model))
    return model, tuple(faults)
