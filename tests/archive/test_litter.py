"""Shared rows go with the last dataset that referred to them."""

from __future__ import annotations

import dataclasses
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.archive import changed

from distiller.archive import open_archive
from distiller.model.read_vodml import read_file
from distiller.model.write_binding import write_binding

if TYPE_CHECKING:
    from collections.abc import Callable

    from distiller.archive import Archive
    from distiller.core.bundle import Bundle
    from distiller.core.settings import Settings

    MakeHome = Callable[..., Settings]

pytestmark = pytest.mark.slow

_XMI = Path(__file__).parents[1] / "model" / "xmi"
SHARED = ("project", "collection", "array_configuration", "telescope", "target")


def counts(archive: Archive) -> dict[str, int]:
    return {
        name: archive.rows(f"SELECT count(*) AS n FROM cta.{name}")[0]["n"]
        for name in SHARED
    }


def with_target(made: Bundle, name: str) -> Bundle:
    """Return a dataset of another target, as a changed state of it."""
    (target,) = made.rows["cta.target"]
    (observation,) = made.rows["cta.observation"]
    rows = {
        "cta.target": ({**target, "target_id": name, "name": name},),
        "cta.observation": ({**observation, "target_id": name},),
    }
    return dataclasses.replace(made, checksum=name, rows={**made.rows, **rows})


def test_the_last_dataset_takes_what_only_it_referred_to(
    archive: Archive, toy: Any
) -> None:
    archive.store_many([toy.bundle(1), toy.bundle(2)])
    full = counts(archive)
    archive.remove(toy.did_of(1))
    assert counts(archive) == full
    archive.remove(toy.did_of(2))
    assert counts(archive) == dict.fromkeys(SHARED, 0)
    assert archive.check() == []
    archive.store(toy.bundle(1))
    assert counts(archive) == full
    assert archive.check() == []


def test_a_replaced_dataset_takes_the_target_that_it_leaves(
    archive: Archive, toy: Any
) -> None:
    archive.store_many([toy.bundle(1), toy.bundle(2)])
    archive.store(with_target(toy.bundle(1), "New"))
    names = "SELECT target_id FROM cta.target ORDER BY 1"
    (old,) = {row["target_id"] for row in archive.rows(names)} - {"New"}
    archive.store(with_target(toy.bundle(2), "New"))
    assert [row["target_id"] for row in archive.rows(names)] == ["New"]
    archive.store_many([toy.bundle(1), toy.bundle(2)])
    assert [row["target_id"] for row in archive.rows(names)] == [old]
    assert archive.check() == []


def test_a_collection_takes_the_project_that_it_leaves(
    archive: Archive, toy: Any
) -> None:
    archive.store(toy.bundle(1))
    made = toy.bundle(2)
    (collection,) = made.rows["cta.collection"]
    rows = {
        "cta.project": ({"project_id": "new", "name": "New"},),
        "cta.collection": ({**collection, "project_id": "new"},),
    }
    archive.store(dataclasses.replace(made, rows={**made.rows, **rows}))
    assert archive.rows("SELECT name FROM cta.project") == [{"name": "New"}]
    assert archive.check() == []


def test_history_stays(archive: Archive, toy: Any) -> None:
    archive.store(toy.with_entity(1, "a" * 64))
    entities = archive.rows("SELECT entity_id FROM provenance.entity ORDER BY 1")
    archive.remove(toy.did_of(1), note="why")
    assert (
        archive.rows("SELECT entity_id FROM provenance.entity ORDER BY 1") == entities
    )
    assert archive.rows("SELECT note FROM cta.dataset_version") == [{"note": "why"}]
    assert counts(archive) == dict.fromkeys(SHARED, 0)


def test_litter_of_earlier_versions_is_told_and_taken_out(
    installed_home: Settings, toy: Any, behind: Callable[[Settings, str], None]
) -> None:
    with open_archive(installed_home) as archive:
        archive.store(toy.bundle(1))
        full = counts(archive)
    for table, columns, values in (
        ("project", "project_id, name", "'p', 'Old'"),
        ("collection", "collection_id, name, project_id", "'c', 'old', 'p'"),
        ("array_configuration", "array_configuration_id", "'a'"),
        (
            "telescope",
            "telescope_key, telescope_id, array_configuration_id",
            "'t', '1', 'a'",
        ),
    ):
        statement = f"INSERT INTO cta.{table} ({columns}) VALUES ({values})"
        behind(installed_home, statement)
    with open_archive(installed_home) as archive:
        assert archive.check() == [
            f"cta.{name}: nothing refers to 1 rows, such as {key!r}: "
            "`distiller check --mend` takes them out"
            for name, key in (("array_configuration", "a"), ("collection", "c"))
        ]
        assert archive.remove_unused() == 4
        assert archive.remove_unused() == 0
        assert counts(archive) == full
        assert archive.check() == []


def test_rows_that_no_dataset_leads_to_are_those_of_the_site(
    make_home: MakeHome, tmp_path: Path, behind: Callable[[Settings, str], None]
) -> None:
    folder = changed.copied(tmp_path / "uml")
    text = (_XMI / "observatory.vo-dml.xml").read_text(encoding="utf-8")
    described = r"\1<description>Something of a test.</description>"
    text = re.sub(r"(</vodml-id>\s*<name>[^<]*</name>)(?!\s*<desc)", described, text)
    document = folder / "observatory.vo-dml.xml"
    document.write_text(text, encoding="utf-8")
    binding = write_binding(read_file(document))
    assert "rows: shared" in binding
    (folder / "observatory.binding.yaml").write_text(binding, encoding="utf-8")
    home = make_home(model_dir=folder)
    with open_archive(home) as archive:
        table = next(
            one
            for one in archive.model.tables
            if one.name.startswith("observatory.")
            and one.rows == "shared"
            and any(
                key.target == one.name
                for other in archive.model.tables
                for key in other.foreign_keys
            )
            and all(c.column.name in one.key or c.column.nullable for c in one.columns)
        )
    (key,) = table.key
    behind(home, f"INSERT INTO {table.name} ({key}) VALUES ('one')")
    with open_archive(home) as archive:
        assert archive.check() == []
        assert archive.remove_unused() == 0
        assert len(archive.rows(f"SELECT {key} FROM {table.name}")) == 1


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_what_another_process_took_out_is_put_in_again(
    installed_home: Settings, toy: Any
) -> None:
    with open_archive(installed_home) as ours, open_archive(installed_home) as theirs:
        ours.store(toy.bundle(1))
        theirs.remove(toy.did_of(1))
        ours.store(toy.bundle(2))
        assert ours.check() == []


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_processes_that_share_rows_do_not_take_them_from_each_other(
    installed_home: Settings, toy: Any
) -> None:
    def work(number: int) -> None:
        name = f"collection-{number}"
        with open_archive(installed_home) as archive:
            for turn in range(12):
                archive.store(toy.in_collection(name, number))
                if turn % 2:
                    archive.remove(toy.did_of(number, name))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(3)))
    with open_archive(installed_home) as archive:
        assert counts(archive) == dict.fromkeys(SHARED, 0)
        assert archive.check() == []
