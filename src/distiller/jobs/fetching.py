"""Inputs that lie in a store, brought into the folder of the job while it runs."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from distiller.core.errors import Damaged, Unreachable
from distiller.core.places import Unanswered, place
from distiller.jobs import folders

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from distiller.analysis.products import InputDataset, ResponseTable

_CHUNK: Final = 1 << 20


@contextmanager
def at_hand(
    inputs: Sequence[InputDataset], folder: Path
) -> Iterator[tuple[InputDataset, ...]]:
    """Give every input as a file of this machine; copies go when the block ends.

    Whether a copy is what was ingested is seen when it is opened, like any file.

    Raises
    ------
    Damaged
        If a file is gone from its store.
    Unreachable
        If the store does not answer.
    """
    own = folder / folders.INPUTS
    try:
        yield tuple(_local(one, own / str(n)) for n, one in enumerate(inputs))
    finally:
        shutil.rmtree(own, ignore_errors=True)


def _local(dataset: InputDataset, folder: Path) -> InputDataset:
    run = f"of run {dataset.obs_id} ({dataset.did})"
    changed: dict[str, Any] = {}
    if dataset.url is not None:
        copy = folder / dataset.path.name
        _fetch(dataset.url, copy, f"the events file {run}")
        changed |= {"path": copy, "url": None}
    gti = dataset.gti_file
    if gti is not None and gti.url is not None:
        # In a folder of its own: both may have the same name.
        copy = folder / "gti" / gti.path.name
        _fetch(gti.url, copy, f"the file of the good times {run}")
        here = gti.model_copy(update={"path": copy, "url": None})
        changed |= {"gti_file": here}
    changed |= {"responses": tuple(_responses(dataset, folder, run))}
    return dataset.model_copy(update=changed)


def _responses(
    dataset: InputDataset, folder: Path, run: str
) -> Iterator[ResponseTable]:
    """Yield the responses as tables of this machine; each file is fetched once."""
    copies = {} if dataset.url is None else {dataset.url: folder / dataset.path.name}
    for one in dataset.responses:
        if one.url is None:
            yield one
            continue
        if one.url not in copies:
            copies[one.url] = folder / f"responses-{len(copies)}" / one.path.name
            _fetch(one.url, copies[one.url], f"the file of the responses {run}")
        yield one.model_copy(update={"path": copies[one.url], "url": None})


def _fetch(url: str, copy: Path, file: str) -> None:
    copy.parent.mkdir(parents=True, exist_ok=True)
    try:
        with place(url).open("rb") as stream, copy.open("wb") as to:
            shutil.copyfileobj(stream, to, _CHUNK)
    except Unanswered as error:
        message = f"the store of {file} does not answer"
        raise Unreachable(message, hint="run the job again later") from error
    except (FileNotFoundError, PermissionError) as error:
        why = f"{copy.name}: {error.strerror}"
        message = f"{file} cannot be had from its store: {why}"
        hint = "tell the operators; `distiller check --files` lists such files"
        raise Damaged(message, hint=hint) from error
