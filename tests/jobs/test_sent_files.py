"""Files of jobs: kept by their content, told apart by it, and looked at before use."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from tests.jobs import made_products

from distiller.analysis.products import ProductFile
from distiller.analysis.significance_map.parameters import SignificanceMapParameters
from distiller.core.errors import Damaged
from distiller.jobs import cache, folders, sent_files
from distiller.jobs.provenance import provenance_rows

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = b"fk5\ncircle(84.2,22.5,0.4)\n"
CHECKSUM = hashlib.sha256(CONTENT).hexdigest()
NAME = "exclusion_file"


def asked(checksum: str | None = CHECKSUM) -> SignificanceMapParameters:
    given = {"obs": "7,8", "ra": 83.6, "dec": 22.0, NAME: checksum}
    return SignificanceMapParameters.model_validate(given)


def kept(folder: Path, content: bytes = CONTENT) -> Path:
    path = folder / folders.SENT / f"{NAME}-{CHECKSUM}.reg"
    path.parent.mkdir()
    path.write_bytes(content)
    return path


def test_the_content_of_a_file_makes_another_product() -> None:
    def key(checksum: str | None) -> str | None:
        parameters = asked(checksum).model_dump(mode="json")
        if checksum is None:
            del parameters[NAME]  # as a job of an older version has it
        spec = made_products.specification("significance_map", parameters=parameters)
        return cache.configuration_key(spec, "1", made_products.SOFTWARE)

    assert key(CHECKSUM) == key(CHECKSUM.upper())
    assert len({key(CHECKSUM), key("0" * 64), key(None)}) == 3
    spec = made_products.specification(
        "significance_map", parameters=asked(None).model_dump(mode="json")
    )
    assert cache.configuration_key(spec, "1", made_products.SOFTWARE) == key(None)


def test_a_file_is_found_as_it_was_sent_or_not_at_all(tmp_path: Path) -> None:
    assert sent_files.at_hand(tmp_path, asked(None)) == {}
    with pytest.raises(Damaged, match="sent as exclusion_file is gone or was changed"):
        sent_files.at_hand(tmp_path, asked())
    path = kept(tmp_path)
    assert sent_files.at_hand(tmp_path, asked()) == {NAME: path}
    path.write_bytes(CONTENT + b"#")
    with pytest.raises(Damaged, match="sent as exclusion_file is gone or was changed"):
        sent_files.at_hand(tmp_path, asked())


def test_only_a_checksum_leads_to_a_file(tmp_path: Path) -> None:
    path = kept(tmp_path)
    of = sent_files.of_parameter
    assert of(tmp_path, "Exclusion_File", [CHECKSUM]) == path
    assert of(tmp_path, NAME, ["*" * 64]) is None
    assert of(tmp_path, NAME, [f"../sent/{CHECKSUM}"]) is None
    assert of(tmp_path, "*", [CHECKSUM]) is None


def test_provenance_names_the_file_as_an_input() -> None:
    spec = made_products.specification(
        "significance_map", parameters=asked().model_dump(mode="json")
    )
    product = made_products.PRODUCTS["significance_map"]
    file = ProductFile(
        result_id=NAME,
        role="configuration",
        name="exclusion_file.reg",
        media_type="text/plain",
    )
    product = product.model_copy(update={"files": (*product.files, file)})
    rows = provenance_rows(
        spec,
        product,
        made_products.end(product),
        entity="ivo://org.example/set?map",
        configuration="",
        configuration_sha256="0" * 64,
        software=made_products.SOFTWARE,
    )
    own = f"file:{NAME}#{CHECKSUM[:16]}"
    (used,) = [one for one in rows["provenance.used"] if one["role"] == NAME]
    assert used["entity_id"] == own
    (entity,) = [one for one in rows["provenance.entity"] if one["entity_id"] == own]
    assert entity["location"] == "exclusion_file.reg"
    made = {one["entity_id"] for one in rows["provenance.was_generated_by"]}
    assert own not in made
    values = {one["name"]: one for one in rows["provenance.parameter"]}
    assert values[NAME]["parameter_value"] == CHECKSUM
