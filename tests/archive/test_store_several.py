"""Several values within several values are stored, replaced and removed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.archive import changed

from distiller.archive import open_archive
from distiller.core.errors import IllegalState
from distiller.core.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.core.settings import Settings

pytestmark = pytest.mark.slow

_READING = """<dataType>
      <vodml-id>AmbientConditions.Reading</vodml-id>
      <name>Reading</name>
      <description>A reading of an instrument.</description>
      <attribute>
        <vodml-id>AmbientConditions.Reading.samples</vodml-id>
        <name>samples</name>
        <description>The samples of a reading.</description>
        <datatype><vodml-ref>ivoa:real</vodml-ref></datatype>
        <multiplicity><minOccurs>0</minOccurs><maxOccurs>-1</maxOccurs></multiplicity>
      </attribute>
    </dataType>
    """
_ATTRIBUTE = """<attribute>
        <vodml-id>AmbientConditions.AmbientConditions.readings</vodml-id>
        <name>readings</name>
        <description>The readings.</description>
        <datatype><vodml-ref>cta:AmbientConditions.Reading</vodml-ref></datatype>
        <multiplicity><minOccurs>0</minOccurs><maxOccurs>-1</maxOccurs></multiplicity>
      </attribute>
      """
_TYPE = "<objectType>\n      <vodml-id>AmbientConditions.AmbientConditions<"
_OUTER = "cta.ambient_conditions_readings"
_INNER = "cta.ambient_conditions_readings_samples"


@pytest.fixture
def settings(engine_home: Settings, tmp_path: Path) -> Settings:
    """Return a home whose weather has several readings of several samples."""
    folder = changed.copied(tmp_path / "uml")
    document = folder / "cta.vo-dml.xml"
    changed.replace(document, _TYPE, _READING + _TYPE)
    changed.replace(document, changed._FIRST, _ATTRIBUTE + changed._FIRST)
    lines = "      readings: {}\n      readings.samples: {ucd: meta.number}\n"
    changed.replace(folder / "cta.binding.yaml", changed._LINE, lines + changed._LINE)
    return load_settings(
        engine_home.home,
        database_url=engine_home.database_url,
        model_dir=folder,
        authority=engine_home.authority,
    )


def _with_samples(bundle: Any, samples: tuple[float, ...], reading: int = 1) -> Any:
    rows = dict(bundle.rows)
    (weather,) = rows["cta.ambient_conditions"]
    name = "ambient_conditions_id"
    own = {name: weather[name]}
    rows[_OUTER] = ({**own, "readings_index": 1},)
    rows[_INNER] = tuple(
        {
            **own,
            "readings_index": reading,
            "samples_index": place,
            "readings_samples": value,
        }
        for place, value in enumerate(samples, 1)
    )
    return replace(bundle, rows=rows)


def _samples(archive: Any) -> list[float]:
    return sorted(
        row["readings_samples"] for name, row in archive.dump() if name == _INNER
    )


def test_values_within_values_go_in_and_out(settings: Settings, toy: Any) -> None:
    with open_archive(settings) as archive:
        archive.store(_with_samples(toy.bundle(1), (1.0, 2.0)))
        archive.store(_with_samples(toy.bundle(2), (7.0,)))
        assert _samples(archive) == [1.0, 2.0, 7.0]
        again = _with_samples(toy.bundle(1, checksum="2"), (3.0,))
        assert archive.store(again) == "replaced"
        assert _samples(archive) == [3.0, 7.0]
        assert archive.remove(toy.did_of(2))
        assert _samples(archive) == [3.0]
        lost = _with_samples(toy.bundle(3), (1.0,), reading=5)
        with pytest.raises(IllegalState, match=r"and readings_index = 5"):
            archive.store(lost)
        assert _samples(archive) == [3.0]
