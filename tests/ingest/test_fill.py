"""Columns that a site has added are filled as its settings say."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from tests.archive import changed
from tests.ingest.conftest import RunPlan, write_indexes
from tests.ingest.loading import counts, load, said

from distiller.archive import open_archive
from distiller.core.errors import BadParameter
from distiller.ingest.fill import _cell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from distiller.archive import Archive
    from distiller.core.settings import Settings

pytestmark = pytest.mark.slow

DEW = "cta.ambient_conditions.dew_point"


@pytest.fixture
def archive(make_home: Callable[..., Settings], tmp_path: Path) -> Iterator[Archive]:
    """Return an archive whose weather has a dew point, on each engine."""
    folder = changed.copied(tmp_path / "uml")
    changed.with_attribute(folder, "dewPoint", "{unit: K, ucd: phys.temperature}")
    with open_archive(make_home(model_dir=folder)) as opened:
        yield opened


def settings(folder: Path, text: str) -> None:
    (folder / "distiller-collection.toml").write_text(text)


def dew_points(archive: Archive) -> list[float | None]:
    rows = archive.rows("SELECT dew_point FROM cta.ambient_conditions ORDER BY 1")
    return [row["dew_point"] for row in rows]


@pytest.mark.slow
def test_from_a_keyword_a_column_of_the_index_or_a_constant(
    archive: Archive, tmp_path: Path
) -> None:
    folder = tmp_path / "set"
    headers: list[dict[str, Any]] = [
        {"DEWPOINT": 281.5},
        {"DEWPOINT": " 282.5 "},
        {},
        {"DEWPOINT": "dry"},
    ]
    for number, header in enumerate(headers):
        path = folder / f"run_{number}.fits"
        RunPlan(obs_id=number, n_events=number + 1, header=header).write(path)
    files = {n: f"run_{n}.fits" for n in range(4)}
    write_indexes(folder, files)
    fill = f'[[fill]]\ncolumn = "{DEW}"\nkeyword = "DEWPOINT"\n'
    settings(folder, fill)
    report = load(archive, folder)
    assert counts(report) == {"added": 4}
    assert dew_points(archive) == [281.5, 282.5, None, None]
    assert said(report, "D245") == [f"DEWPOINT for {DEW}"]
    (wrong,) = said(report, "D211")
    assert wrong == f"DEWPOINT for {DEW}: 'dry' is no number (double)"
    codes = "SELECT obs_id, code FROM cta.finding JOIN cta.product USING (product_id)"
    found = {tuple(row.values()) for row in archive.rows(codes)}
    assert {("2", "D245"), ("3", "D211")} <= found
    # Only what the change concerns is stored anew.
    settings(folder, f'{fill}[[fill]]\ncolumn = "{DEW}"\nvalue = 270\nruns = ["3"]\n')
    report = load(archive, folder)
    assert counts(report) == {"replaced": 1, "unchanged": 3}
    assert dew_points(archive) == [270.0, 281.5, 282.5, None]
    write_indexes(folder, files, {"DEWPOINT": [1.0, 2.0, 3.0, 4.0]})
    load(archive, folder)
    assert dew_points(archive) == [3.0, 270.0, 281.5, 282.5]
    assert archive.check() == []


def test_an_override_mends_the_keyword(archive: Archive, tmp_path: Path) -> None:
    path = RunPlan(header={"DEWPOINT": 281.5}).write(tmp_path / "set" / "run.fits")
    settings(
        path.parent,
        f'[[fill]]\ncolumn = "{DEW}"\nkeyword = "DEWPOINT"\n'
        '[[override]]\nkeyword = "DEWPOINT"\nvalue = 7.5\nreason = "was in C"\n',
    )
    report = load(archive, path.parent)
    assert dew_points(archive) == [7.5]
    assert (said(report, "D244"), len(said(report, "D230"))) == ([], 1)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (
            'column = "cta.ambient_conditions.dew_pont"\nvalue = 1.0',
            r"1: the archive has no column cta\S+dew_pont \(did you mean dew_point",
        ),
        (
            'column = "cta.gti.dew_point"\nvalue = 1.0',
            r"cta.gti has no row of its own for every run \(known: cta.observation,",
        ),
        (
            'column = "cta.ambient_conditions.zenith"\nvalue = 1.0',
            r"zenith is filled by the ingest itself \(mend its header by an",
        ),
        (
            f'column = "{DEW}"\nvalue = "dry"',
            r"value of fill 1: 'dry' is no number \(double\)",
        ),
        (f'column = "{DEW}"', "line 1: fill 1: give either a keyword or a value"),
        ('column = "dew_point"\nvalue = 1.0', "line 2: column of fill 1: "),
    ],
)
@pytest.mark.parametrize("engine", ["duckdb"], indirect=True)
def test_what_cannot_be_filled_stops_the_ingest(
    archive: Archive, tmp_path: Path, entry: str, words: str
) -> None:
    path = RunPlan().write(tmp_path / "set" / "run.fits")
    settings(path.parent, f"[[fill]]\n{entry}\n")
    with pytest.raises(BadParameter, match=words):
        load(archive, path.parent)
    assert dew_points(archive) == []


@pytest.mark.parametrize(
    ("given", "kind", "cell"),
    [
        (3, "short", 3),
        (3.0, "long", 3),
        ("7", "int", 7),
        (2, "double", 2.0),
        (True, "boolean", True),
        (" text ", "char", "text"),
        ("2026-01-02T04:00:00+01:00", "timestamp", datetime(2026, 1, 2, 3)),
        (None, "int", None),
        ("  ", "char", None),
    ],
)
def test_values_become_cells(given: object, kind: str, cell: object) -> None:
    assert _cell(given, kind) == cell


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (40_000, "short"),
        (1 << 63, "long"),
        (1.5, "int"),
        (True, "double"),
        (1, "boolean"),
        ("soon", "timestamp"),
        ("nan", "double"),
    ],
)
def test_values_that_do_not_fit(given: object, kind: str) -> None:
    with pytest.raises(ValueError, match=rf"is no .* \({kind}\)"):
        _cell(given, kind)
