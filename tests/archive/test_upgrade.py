"""An archive of an older model becomes one of a newer: all of it, or nothing."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import duckdb
import psycopg
import pytest
from tests.archive import changed
from tests.archive.direct import fetched
from tests.archive.upgrading import RUNS, digest, upgraded

from distiller.adql import translate
from distiller.archive import open_archive
from distiller.archive.duckdb.upgrade import _Copy
from distiller.archive.opening import engine_of
from distiller.archive.upgrade import plan, upgrade
from distiller.core.errors import IllegalState, NotFound
from distiller.core.settings import load_settings
from distiller.model import load_model
from distiller.model.shape import ColumnShape, Shape, TableShape

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.core.settings import Settings

pytestmark = pytest.mark.slow


@pytest.fixture
def home(installed_home: Settings, toy: Any) -> Settings:
    """Return a home with some datasets of the packaged model."""
    with open_archive(installed_home) as archive:
        archive.store_many([toy.bundle(number) for number in range(RUNS)])
    return installed_home


def test_a_new_attribute_becomes_a_column(home: Settings, folder: Path) -> None:
    before = fetched(home, "SELECT * FROM ivoa.obscore ORDER BY obs_id")
    changed.with_attribute(
        folder, "dewPoint", "{unit: K, ucd: phys.temperature.dew, indexed: true}"
    )
    settings = changed.model_dir(home, folder)
    with pytest.raises(IllegalState, match="distiller upgrade"):
        open_archive(settings)
    told = upgraded(settings)
    assert any("cta.ambient_conditions.dew_point: column new" in t for t in told)
    with open_archive(settings) as archive:
        assert archive.check() == []
        column = archive.catalog["cta.ambient_conditions"].column("dew_point")
        assert column is not None
        assert (
            archive.rows("SELECT dew_point FROM cta.ambient_conditions")
            == [{"dew_point": None}] * RUNS
        )
        assert archive.rows(
            "SELECT unit, description FROM tap_schema.columns "
            "WHERE column_name = 'dew_point'"
        ) == [{"unit": "K", "description": "The dewPoint of the weather."}]
    assert fetched(settings, "SELECT * FROM ivoa.obscore ORDER BY obs_id") == before
    planned = plan(settings)
    assert (planned.differences, planned.is_due) == ((), False)


def test_rows_are_as_before_and_can_be_written(
    home: Settings, folder: Path, toy: Any
) -> None:
    replaced = fetched(home, "SELECT count(*) FROM cta.gti")
    changed.with_attribute(folder, "dewPoint", "{unit: K, ucd: phys.temperature}")
    settings = changed.model_dir(home, folder)
    upgraded(settings)
    with open_archive(settings) as archive:
        # The same datasets are known; another goes in, one is replaced, one goes.
        assert archive.store(toy.bundle(0)) == "unchanged"
        assert archive.store(toy.bundle(1, checksum="2")) == "replaced"
        assert archive.store(toy.bundle(7)) == "added"
        assert archive.remove(toy.did_of(7))
        assert archive.check() == []
    assert fetched(settings, "SELECT count(*) FROM cta.gti") == replaced


def test_an_archive_from_before_time_mocs_finds_runs_by_them(
    engine_home: Settings, folder: Path, toy: Any
) -> None:
    changed.replace(folder / "cta.binding.yaml", ", times: true}", "}")
    changed.replace(folder / "obscore.binding.yaml", ", times: true}", "}")
    with open_archive(changed.model_dir(engine_home, folder)) as archive:
        archive.store(toy.bundle(1))
    if engine_home.database_url is not None:
        told = upgraded(engine_home)
        name = "cta.observation.observation__time_moc__idx"
        assert any(f"{name}: index new" in words for words in told)
    with open_archive(engine_home) as archive:
        assert archive.check() == []
        text = (
            "SELECT obs_id, cta_tmoc_duration(time_moc) AS s FROM cta.observation "
            "WHERE 1 = cta_tmoc_intersects(time_moc, '0/0')"
        )
        archive.rows(translate(text, archive.catalog, target=archive.target).sql)


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_an_archive_from_before_the_index_of_uncovered_regions(
    engine_home: Settings, toy: Any
) -> None:
    with open_archive(engine_home) as archive:
        archive.store(toy.bundle(1))
    name = "obscore__s_region__uncovered__idx"
    assert engine_home.database_url is not None
    with psycopg.connect(engine_home.database_url.get_secret_value()) as connection:
        connection.execute(f"DROP INDEX ivoa.{name}".encode())
    with open_archive(engine_home) as archive:
        assert any(name in told for told in archive.check())
    told = upgraded(engine_home)
    assert any(f"ivoa.obscore.{name}: index new" in words for words in told)
    with open_archive(engine_home) as archive:
        assert archive.check() == []


def test_a_backup_is_the_archive_as_it_was(home: Settings, folder: Path) -> None:
    before = digest(home)
    changed.with_attribute(folder, "dewPoint", "{unit: K, ucd: phys.temperature}")
    upgraded(changed.model_dir(home, folder))
    (backup,) = home.backups_path.iterdir()
    assert backup.stat().st_mode & 0o077 == 0
    if home.database_url is None:
        backup.replace(home.archive_path)
        assert digest(home) == before
    else:
        assert backup.read_bytes()[:5] == b"PGDMP"


def test_renamed_columns_and_tables_keep_their_values(
    home: Settings, folder: Path
) -> None:
    query = "SELECT {} FROM cta.{} ORDER BY 1"
    before = fetched(home, query.format("gti_id, duration", "gti"))
    changed.replace(
        folder / "cta.binding.yaml",
        "    table: gti\n",
        "    table: interval\n    was: gti\n",
    )
    changed.replace(
        folder / "cta.binding.yaml",
        "      duration: {unit: s,",
        "      duration: {column: length, was: duration, unit: s,",
    )
    for mapping in folder.glob("*.mapping.yaml"):
        text = mapping.read_text().replace("cta.gti", "cta.interval")
        mapping.write_text(text.replace("g.duration", "g.length"))
    settings = changed.model_dir(home, folder)
    told = upgraded(settings)
    assert "cta.interval: table renamed, it was cta.gti" in told
    assert "cta.interval.length: column renamed, it was duration" in told
    assert fetched(settings, query.format("gti_id, length", "interval")) == before
    assert plan(settings).differences == ()


def test_what_the_model_no_longer_has_stays_until_it_is_dropped(
    home: Settings, folder: Path, toy: Any
) -> None:
    changed.with_attribute(folder, "dewPoint", "{unit: K, ucd: phys.temperature}")
    settings = changed.model_dir(home, folder)
    upgraded(settings)
    engine = engine_of(settings)
    with closing(engine.session()) as session:
        session.execute("UPDATE cta.ambient_conditions SET dew_point = 280")
    engine.close()
    # Back to the model of the program.
    assert fetched(home, "SELECT 1")
    with pytest.raises(IllegalState):
        open_archive(home)
    planned = plan(home)
    assert planned.kept == ("cta.ambient_conditions.dew_point",)
    (gone,) = (d for d in planned.differences if d.name == "dew_point")
    assert (gone.kind, gone.is_kept) == ("column gone", False)
    upgrade(home, planned)
    _only_kept(home, "cta.ambient_conditions.dew_point: column kept: DOUBLE")
    query = "SELECT DISTINCT dew_point FROM cta.ambient_conditions ORDER BY 1"
    assert fetched(home, query) == [(280.0,)]
    with open_archive(home) as archive:
        assert archive.store(toy.bundle(8)) == "added"
        assert archive.check() == []
    assert not plan(home).is_due
    assert plan(home, drop=True).is_due
    # It stays kept under another upgrade, and until it is dropped.
    more = changed.copied(folder.with_name("more"))
    changed.with_attribute(more, "frostPoint", "{unit: K, ucd: phys.temperature}")
    upgraded(changed.model_dir(home, more))
    _only_kept(
        changed.model_dir(home, more), "cta.ambient_conditions.dew_point: column kept"
    )
    assert fetched(home, query) == [(280.0,), (None,)]
    upgraded(home)
    assert len(plan(home).kept) == 2
    upgraded(home, drop=True)
    assert plan(home).differences == ()


def _only_kept(settings: Settings, words: str) -> None:
    (difference,) = plan(settings).differences
    assert difference.is_kept
    assert str(difference).startswith(words)


def test_what_is_kept_becomes_a_column_of_the_model_again(
    home: Settings, folder: Path
) -> None:
    changed.with_attribute(folder, "dewPoint", "{unit: K, ucd: phys.temperature}")
    settings = changed.model_dir(home, folder)
    upgraded(settings)
    upgraded(home)
    _only_kept(home, "cta.ambient_conditions.dew_point: column kept")
    told = upgraded(settings)
    assert any("dew_point: column comment: Kept by an upgrade" in t for t in told)
    assert plan(settings).differences == ()


def test_a_table_that_the_model_no_longer_has_is_kept(
    home: Settings, folder: Path
) -> None:
    changed.replace(
        folder / "cta.binding.yaml", "    table: gti\n", "    table: interval\n"
    )
    for mapping in folder.glob("*.mapping.yaml"):
        text = mapping.read_text().replace("cta.gti", "cta.interval")
        mapping.write_text(text)
    settings = changed.model_dir(home, folder)
    planned = plan(settings)
    assert planned.kept == ("cta.gti",)
    upgrade(settings, planned)
    _only_kept(settings, "cta.gti: table kept")
    count = "SELECT count(*) FROM cta.gti"
    assert fetched(settings, count) == [(3 * RUNS,)]
    upgraded(settings, drop=True)
    assert plan(settings).differences == ()


def test_what_somebody_has_added_is_never_taken_for_kept(
    home: Settings, folder: Path, behind: Any
) -> None:
    behind(home, "ALTER TABLE cta.gti ADD COLUMN mine INTEGER")
    behind(home, "UPDATE cta.gti SET mine = 7")
    changed.with_attribute(folder, "dewPoint", "{unit: K, ucd: phys.temperature}")
    settings = changed.model_dir(home, folder)
    planned = plan(settings)
    assert planned.kept == ("cta.gti.mine",)
    upgrade(settings, planned)
    assert fetched(settings, "SELECT DISTINCT mine FROM cta.gti") == [(7,)]
    (difference,) = plan(settings).differences
    assert str(difference) == "cta.gti.mine: column gone: INTEGER (DESTRUCTIVE)"


@pytest.mark.parametrize(
    ("binding", "lower", "words"),
    [
        (
            "{unit: K, ucd: phys.temperature}",
            1,
            "cta.ambient_conditions.dew_point is never missing, and 3 rows have no",
        )
    ],
)
def test_rows_that_stand_in_the_way_are_told(
    home: Settings, folder: Path, binding: str, lower: int, words: str
) -> None:
    before = digest(home)
    changed.with_attribute(folder, "dewPoint", binding, lower=lower)
    settings = changed.model_dir(home, folder)
    planned = plan(settings)
    assert any(words in obstacle for obstacle in planned.obstacles)
    with pytest.raises(IllegalState, match=words):
        upgrade(settings, planned)
    assert digest(home) == before
    assert not home.backups_path.exists()


def test_rows_that_came_since_the_plan_are_told(
    home: Settings, folder: Path, behind: Any
) -> None:
    changed.replace(
        folder / "cta.binding.yaml",
        "      quality: {datatype: int,",
        "      quality: {datatype: int, unique: true,",
    )
    behind(home, "UPDATE cta.ambient_conditions SET quality = NULL")
    settings = changed.model_dir(home, folder)
    planned = plan(settings)
    assert planned.obstacles == ()
    behind(home, "UPDATE cta.ambient_conditions SET quality = 7")
    before = digest(home)
    words = r"UNIQUE \(quality\), and 3 rows do not differ in it.*nothing was changed"
    with pytest.raises(IllegalState, match=words):
        upgrade(settings, planned)
    assert digest(home) == before
    assert not home.backups_path.exists()
    assert [p.name for p in home.home.glob(".upgrade*")] == []


def test_a_constraint_that_rows_break_is_told(home: Settings, folder: Path) -> None:
    rule = "<constraint><description>{}</description></constraint>\n      "
    first = "<attribute>\n        <vodml-id>Observation.GoodTimeInterval."
    changed.replace(
        folder / "cta.vo-dml.xml", first, rule.format("duration &lt; 400") + first
    )
    settings = changed.model_dir(home, folder)
    (obstacle,) = plan(settings).obstacles
    assert "CHECK (duration < 400)" in obstacle
    assert "rows break it" in obstacle
    changed.replace(folder / "cta.vo-dml.xml", "&lt; 400", "&lt; 500")
    again = folder.rename(folder.with_name("again"))
    settings = changed.model_dir(home, again)
    told = upgraded(settings)
    assert any("constraint new: CHECK (duration < 500)" in t for t in told)
    assert plan(settings).differences == ()


def test_a_type_that_holds_less_is_an_obstacle(home: Settings, folder: Path) -> None:
    changed.replace(
        folder / "cta.binding.yaml",
        "      duration: {unit: s,",
        "      duration: {datatype: int, unit: s,",
    )
    settings = changed.model_dir(home, folder)
    assert plan(settings).obstacles == ()  # 432.0 s have no digits to lose
    told = upgraded(settings)
    assert any("column type" in t and "DESTRUCTIVE" in t for t in told)
    assert fetched(settings, "SELECT DISTINCT duration FROM cta.gti") == [(432,)]


def test_without_an_archive_there_is_nothing_to_upgrade(engine_home: Settings) -> None:
    with pytest.raises(NotFound, match="distiller init"):
        plan(engine_home)


@pytest.mark.slow
def test_postgresql_wants_a_backup(
    postgres_url: str,
    tmp_home: Settings,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = load_settings(tmp_home.home, database_url=postgres_url)
    with open_archive(home):
        pass
    changed.with_attribute(folder, "dewPoint", "{unit: K, ucd: phys.temperature}")
    settings = changed.model_dir(home, folder)
    monkeypatch.setenv("PATH", "/nowhere")
    said: list[str] = []
    with pytest.raises(IllegalState, match=r"pg_dump is not on the PATH.*--backed-up"):
        upgrade(settings, plan(settings), say=said.append)
    assert said[0].startswith("backup: pg_dump --format=custom --file=")
    upgrade(settings, plan(settings), backed_up=True)
    assert plan(settings).differences == ()


def test_a_table_of_a_file_of_which_no_column_stays(tmp_path: Path) -> None:
    """Old and new have nothing in common, and ``--drop`` is given."""
    old, new = tmp_path / "old.duckdb", tmp_path / "new.duckdb"
    for path, column in ((old, "a"), (new, "b")):
        with duckdb.connect(str(path)) as made:
            made.execute("CREATE SCHEMA s")
            made.execute(f"CREATE TABLE s.t ({column} INTEGER)")
    before, after = (
        Shape(
            "duckdb",
            {"s.t": TableShape("s.t", (ColumnShape(name, "INTEGER", nullable=True),))},
        )
        for name in "ab"
    )
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{old}' AS before")
        _Copy(connection, load_model(), before, after, [], drop=True).into(new)
    with duckdb.connect(str(new)) as made:
        assert made.execute("SELECT count(b) FROM s.t").fetchall() == [(0,)]
