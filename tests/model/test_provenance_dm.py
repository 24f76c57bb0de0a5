"""The provenance model against ProvenanceDM 1.0, feature by feature."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from distiller.model.load import ENDING, PACKAGED
from distiller.model.read_vodml import read_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.model.entities import Type

_STANDARD = Path(__file__).parents[1] / "data" / "provdm_1_0.csv"
_COLUMNS = (
    "kind", "class", "extends", "feature", "name", "datatype", "multiplicity",
    "vodml_id",
)  # fmt: skip
_WITHOUT_FEATURES = {"DatasetEntity": "voprov:Entity", "VotableFieldFormat": None}
"""Types that the standard draws and that have no attributes or relations."""


def _features(item: Type) -> Iterator[tuple[str, ...]]:
    of = (item.kind, item.name, item.extends or "")
    for name, _ in item.literals:
        yield (*of, "literal", name, "", "", f"{item.id}.{name}")
    for role in item.roles:
        many = f"{role.lower}..{role.upper}"
        yield (*of, role.kind, role.name, role.ref, many, role.id)


def test_every_class_and_feature_is_that_of_the_standard() -> None:
    document = read_file(PACKAGED / f"voprov{ENDING}")
    with _STANDARD.open() as stream:
        rows = list(csv.DictReader(stream))
    wanted = {tuple(row[name] for name in _COLUMNS) for row in rows}
    ours = {feature for item in document.types for feature in _features(item)}
    assert len(wanted) == 100
    assert ours == wanted
    empty = {t.name: t.extends for t in document.types if not t.roles + t.literals}
    assert empty == _WITHOUT_FEATURES
