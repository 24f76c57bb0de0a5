"""What several tests of the model need."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from lxml import etree


@pytest.fixture(scope="session")
def vodml_schema() -> etree.XMLSchema:
    """Return the IVOA's own schema; no package that we know carries that of 1.0."""
    given = os.environ.get("DISTILLER_VODML_XSD")
    shared = Path(__file__).parents[3] / "shared" / "standards"
    path = Path(given) if given else shared / "vo-dml-v1.0.xsd"
    if not path.is_file():
        pytest.skip(
            "no schema: set DISTILLER_VODML_XSD to the IVOA's vo-dml-v1.0.xsd "
            "(version 1.0; https://www.ivoa.net/xml/VODML)"
        )
    document = etree.parse(path)
    version = document.getroot().get("version")
    assert version == "1.0", f"{path} is of VO-DML {version}"
    return etree.XMLSchema(document)
