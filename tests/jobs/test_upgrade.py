"""An archive from before products were known by a key is carried over."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest
from tests.archive import changed
from tests.archive.upgrading import upgraded
from tests.jobs import made_products

from distiller.archive import open_archive
from distiller.core.rights import NOBODY
from distiller.jobs import cache
from distiller.jobs.registration import bundle

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.core.bundle import Bundle
    from distiller.core.settings import Settings

pytestmark = pytest.mark.slow

_NEW: Final = {
    "Product.ProductFile": {"resultId": "result_id"},
    "Product.Product": {"timeBins": "t_xel"},
    "Analysis.Analysis": {
        "configurationKey": "configuration_key",
        "limitations": "limitations",
    },
    "Analysis.Map": {"offMean": "off_mean", "offWidth": "off_width"},
}
"""Attributes that the model did not have, and their columns."""

_ROLES: Final = ("table", "ogip", "fit", "models", "recipe", "runs")


def without(text: str, tag: str, vodml_id: str) -> str:
    """Return a model without one of its parts."""
    start = text.index(f"<vodml-id>{vodml_id}</vodml-id>")
    begin = text.rindex(f"<{tag}>", 0, start)
    end = text.index(f"</{tag}>", start) + len(f"</{tag}>")
    return text[:begin] + text[end:]


def before(folder: Path) -> Path:
    """Return the folder of the model as it was."""
    changed.copied(folder)
    model, binding = folder / "cta.vo-dml.xml", folder / "cta.binding.yaml"
    text, bound = model.read_text(), binding.read_text()
    for kind, names in _NEW.items():
        for name in names:
            text = without(text, "attribute", f"{kind}.{name}")
            bound = re.sub(rf"\n      {name}: .*", "", bound)
    for role in _ROLES:
        text = without(text, "literal", f"Product.FileRole.{role}")
    rule = (
        r"\s*<constraint>\s*<description>offWidth &gt;= 0</description>\s*</constraint>"
    )
    model.write_text(re.sub(rule, "", text))
    binding.write_text(bound)
    changed.replace(
        folder / "obscore.mapping.yaml", "t_xel: product.t_xel", "t_xel: null"
    )
    return folder


def made(task: str, number: int, settings: Settings) -> Bundle:
    product = made_products.PRODUCTS[task]
    spec = made_products.specification(task, number)
    target = made_products.write(product, settings.home / "made" / str(number))
    return bundle(spec, product, made_products.end(product), target, settings)


def test_products_are_carried_over_and_new_ones_filed(
    engine_home: Settings, tmp_path: Path
) -> None:
    former = made("count_map", 1, engine_home)
    gone = {column for names in _NEW.values() for column in names.values()}
    rows = {
        table: tuple({n: v for n, v in row.items() if n not in gone} for row in given)
        for table, given in former.rows.items()
    }
    older = changed.model_dir(engine_home, before(tmp_path / "model"))
    with open_archive(older) as archive:
        archive.store(type(former)(former.publisher_did, former.checksum, rows))
        kept = archive.rows("SELECT * FROM cta.sky_map")
    told = upgraded(engine_home)
    assert any("cta.analysis.configuration_key: column new" in line for line in told)
    key = cache.configuration_key(
        made_products.specification("count_map"), "1", made_products.SOFTWARE
    )
    with open_archive(engine_home) as archive:
        (row,) = archive.rows("SELECT * FROM cta.sky_map")
        assert row | {"off_mean": None, "off_width": None} == row
        assert {name: row[name] for name in kept[0]} == kept[0]
        # What nobody wrote down then, nobody knows now.
        assert cache.find(archive, key, NOBODY) is None
        assert archive.store(made("spectrum", 2, engine_home)) == "added"
        assert archive.store(made("count_map", 3, engine_home)) == "added"
        assert cache.find(archive, key, NOBODY) is not None
        assert archive.check() == []
