"""What others keep in the database of the archive outlives an upgrade, or is named."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from tests.archive import changed
from tests.archive.direct import execute, fetched

from distiller.archive import open_archive
from distiller.archive.upgrade import plan, upgrade
from distiller.core.errors import IllegalState
from distiller.core.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.core.settings import Settings

pytestmark = pytest.mark.slow

_VIEW = "CREATE VIEW site.long AS SELECT gti_id, duration FROM cta.gti"
_GUESTS = (
    "CREATE SCHEMA site",
    "CREATE TABLE site.note (note_id INTEGER PRIMARY KEY, words VARCHAR)",
    "ALTER TABLE site.note ALTER COLUMN words SET DEFAULT 'x'",
    "INSERT INTO site.note VALUES (1, 'ours'), (2, NULL)",
    "COMMENT ON TABLE site.note IS 'Notes of the site.'",
    "CREATE TABLE cta.mine (mine_id INTEGER PRIMARY KEY)",
    "INSERT INTO cta.mine VALUES (7)",
    _VIEW,
    "COMMENT ON VIEW site.long IS 'How long.'",
    "CREATE VIEW site.longer AS SELECT * FROM site.long WHERE duration > 1",
    "CREATE VIEW cta.shown AS SELECT obs_id FROM ivoa.obscore",
    "CREATE INDEX mine_idx ON cta.gti (duration)",
    "CREATE INDEX note_idx ON site.note (words)",
    "CREATE VIEW site.alias AS SELECT obs_id FROM cta.vo_obscore",
)


@pytest.fixture
def home(installed_home: Settings, toy: Any) -> Settings:
    """Return a home with a dataset, in whose database others keep something."""
    with open_archive(installed_home) as archive:
        archive.store(toy.bundle(1))
    execute(installed_home, *_GUESTS)
    return installed_home


def _there(settings: Settings) -> list[str]:
    """Return what others keep, as the catalogs name it."""
    file = settings.database_url is None
    indexes = "duckdb_indexes()" if file else "pg_indexes"
    schema = "schema_name" if file else "schemaname"
    index = "index_name" if file else "indexname"
    found = fetched(
        settings,
        "SELECT table_schema || '.' || table_name FROM information_schema.tables "
        "WHERE table_schema = 'site' OR table_name IN ('mine', 'shown') "
        f"UNION SELECT {schema} || '.' || {index} FROM {indexes} "
        f"WHERE {index} IN ('mine_idx', 'note_idx') ORDER BY 1",
    )
    return [name for (name,) in found]


def _comment(settings: Settings, view: str) -> list[tuple[Any, ...]]:
    if settings.database_url is None:
        return fetched(
            settings,
            "SELECT comment FROM duckdb_views() "
            f"WHERE schema_name || '.' || view_name = '{view}'",
        )
    return fetched(settings, f"SELECT obj_description('{view}'::regclass)")


def test_what_others_keep_stays(home: Settings, folder: Path) -> None:
    before = _there(home)
    assert len(before) == 8
    durations = fetched(home, "SELECT * FROM site.longer ORDER BY 1")
    assert durations
    changed.with_attribute(folder, "dewPoint", "{unit: K, ucd: phys.temperature}")
    settings = changed.model_dir(home, folder)
    planned = plan(settings)
    assert (planned.obstacles, planned.kept) == ((), ("cta.mine",))
    said: list[str] = []
    upgrade(settings, planned, say=said.append)
    if home.database_url is not None:
        assert said[-1] == (
            "the first drops, too, what is not in the dump: "
            "the view site.long, the view site.longer, the view site.alias"
        )
    assert _there(settings) == before
    assert fetched(settings, "SELECT * FROM site.longer ORDER BY 1") == durations
    assert fetched(settings, "SELECT * FROM site.note ORDER BY 1") == [
        (1, "ours"), (2, None)
    ]  # fmt: skip
    assert fetched(settings, "SELECT * FROM cta.mine") == [(7,)]
    assert fetched(settings, "SELECT * FROM cta.shown") == [("1",)]
    assert fetched(settings, "SELECT * FROM site.alias") == [("1",)]
    assert _comment(settings, "site.long") == [("How long.",)]
    with pytest.raises(Exception, match=r"(?i)duplicate key"):
        execute(settings, "INSERT INTO site.note VALUES (1, 'again')")
    execute(settings, "INSERT INTO site.note (note_id) VALUES (3)")
    assert fetched(settings, "SELECT words FROM site.note WHERE note_id = 3") == [
        ("x",)
    ]
    with open_archive(settings) as archive:
        assert archive.check() == []
    # They are no difference; a table among those of the archive is.
    told = [str(d) for d in plan(settings).differences]
    assert told == ["cta.mine: table gone (DESTRUCTIVE)"]


def test_what_depends_on_what_is_dropped_is_named_and_goes_with_it(
    home: Settings, folder: Path
) -> None:
    changed.with_attribute(folder, "dewPoint", "{unit: K, ucd: phys.temperature}")
    settings = changed.model_dir(home, folder)
    upgrade(settings, plan(settings))
    execute(
        settings,
        "CREATE VIEW site.dew AS SELECT dew_point FROM cta.ambient_conditions",
        "CREATE VIEW site.dews AS SELECT * FROM site.dew",
    )
    # The model of before: the column stays, and what shows it.
    upgrade(home, plan(home))
    assert fetched(home, "SELECT * FROM site.dews") == [(None,)]
    planned = plan(home, drop=True)
    assert planned.obstacles == ()
    assert [words.partition(" goes")[0] for words in planned.farewells] == sorted(
        ["the view site.dew", "the view site.dews"],
        reverse=home.database_url is not None,
    )
    upgrade(home, planned, drop=True)
    there = _there(home)
    assert "site.dew" not in there
    assert "site.dews" not in there
    assert {"site.long", "site.longer", "site.note", "cta.shown"} <= set(there)
    assert "cta.mine" not in there
    with open_archive(home) as archive:
        assert archive.check() == []


def test_a_view_of_a_column_that_changes_is_made_again_or_named(
    home: Settings, folder: Path
) -> None:
    changed.replace(
        folder / "cta.binding.yaml",
        "      duration: {unit: s,",
        "      duration: {datatype: int, unit: s,",
    )
    before = _there(home)
    settings = changed.model_dir(home, folder)
    planned = plan(settings)
    if home.database_url is None:
        upgrade(settings, planned)
        assert _there(settings) == before
        assert fetched(
            settings, "SELECT typeof(duration) FROM site.longer LIMIT 1"
        ) == [("INTEGER",)]
        return
    words = (
        "the view site.longer, which is not the archive's, cannot stay: "
        "cta.gti.duration becomes INTEGER; drop it, upgrade, and make it again (--drop "
        "drops it)"
    )
    assert planned.obstacles == (words, words.replace("longer", "long"))
    with pytest.raises(IllegalState, match=r"the view site\.longer"):
        upgrade(settings, planned)
    assert _there(home) == before
    execute(home, "DROP VIEW site.longer", "DROP VIEW site.long")
    upgrade(settings, plan(settings))
    assert set(before) - set(_there(settings)) == {"site.long", "site.longer"}
    execute(settings, _VIEW)


def test_what_hangs_on_a_renamed_column_is_named_in_a_file(
    installed_home: Settings, folder: Path
) -> None:
    """PostgreSQL's views follow a new name; the text of a file's views does not."""
    execute(installed_home, *_GUESTS[:1], _VIEW)
    changed.replace(
        folder / "cta.binding.yaml",
        "      duration: {unit: s,",
        "      duration: {column: length, was: duration, unit: s,",
    )
    for mapping in folder.glob("*.mapping.yaml"):
        mapping.write_text(mapping.read_text().replace("g.duration", "g.length"))
    settings = changed.model_dir(installed_home, folder)
    planned = plan(settings)
    if installed_home.database_url is None:
        (words,) = planned.obstacles
        assert words.startswith(
            "the view site.long, which is not the archive's, cannot"
        )
        assert '"duration" not found' in words
        with pytest.raises(IllegalState, match=r"the view site\.long"):
            upgrade(settings, planned)
        planned = plan(settings, drop=True)
        upgrade(settings, planned, drop=True)
        assert _there(settings) == []
    else:
        upgrade(settings, planned)
        assert _there(settings) == ["site.long"]


def test_what_a_file_cannot_make_again_is_named(
    tmp_home: Settings, folder: Path
) -> None:
    with open_archive(tmp_home):
        pass
    execute(
        tmp_home,
        "CREATE MACRO twice(x) AS 2 * x",
        "CREATE SEQUENCE numbers",
        "CREATE VIEW two AS SELECT twice(1) AS n",
        "CREATE VIEW area AS SELECT dst_area(s_region) AS a FROM archive.ivoa.obscore",
    )
    changed.with_attribute(folder, "dewPoint", "{unit: K, ucd: phys.temperature}")
    settings = changed.model_dir(tmp_home, folder)
    planned = plan(settings)
    assert [words.partition(",")[0] for words in planned.obstacles] == [
        "the macro main.twice", "the sequence main.numbers", "the view main.two"
    ]  # fmt: skip
    assert "an upgrade cannot make a macro again" in planned.obstacles[0]
    with pytest.raises(IllegalState, match=r"the macro main\.twice"):
        upgrade(settings, planned)
    upgrade(settings, plan(settings, drop=True), drop=True)
    shown = fetched(settings, "SELECT view_name FROM duckdb_views() WHERE NOT internal")
    assert [name for (name,) in shown if name in {"two", "area"}] == ["area"]


def test_foreign_keys_of_others_stay_or_are_named(
    postgres_url: str, tmp_home: Settings, folder: Path
) -> None:
    home = load_settings(tmp_home.home, database_url=postgres_url)
    with open_archive(home):
        pass
    execute(
        home,
        "CREATE SCHEMA site",
        'CREATE TABLE site.note (gti_id text COLLATE "C" REFERENCES cta.gti)',
        'CREATE TABLE cta.mine (project_id text COLLATE "C" REFERENCES cta.project)',
    )
    keys = "SELECT conname FROM pg_constraint WHERE contype = 'f' AND "
    keys += "conrelid::regclass::text IN ('site.note', 'cta.mine') ORDER BY 1"
    mine, note = ("mine_project_id_fkey",), ("note_gti_id_fkey",)
    changed.with_attribute(folder, "dewPoint", "{unit: K, ucd: phys.temperature}")
    settings = changed.model_dir(home, folder)
    upgrade(settings, plan(settings), backed_up=True)
    assert fetched(settings, keys) == [mine, note]
    other = folder.rename(folder.with_name("other"))
    changed.replace(
        other / "cta.binding.yaml", "    key: gti_id\n", "    key: gti_key\n"
    )
    settings = changed.model_dir(home, other)
    planned = plan(settings)
    (words,) = planned.obstacles
    assert words.startswith(
        "the foreign key note_gti_id_fkey of site.note, which is not the archive's, "
        "cannot stay: cta.gti.gti_id loses its PRIMARY KEY (gti_id); drop it"
    )
    with pytest.raises(IllegalState, match="note_gti_id_fkey"):
        upgrade(settings, planned, backed_up=True)
    assert fetched(settings, keys) == [mine, note]
    upgrade(settings, plan(settings, drop=True), drop=True, backed_up=True)
    assert fetched(settings, keys) == []
    assert fetched(settings, "SELECT * FROM site.note") == []


def test_what_hangs_on_a_derived_column_is_named(
    postgres_url: str, tmp_home: Settings, folder: Path
) -> None:
    """A column of ivoa.obscore goes without ``--drop``, since it is filled anew."""
    home = load_settings(tmp_home.home, database_url=postgres_url)
    with open_archive(home):
        pass
    execute(
        home,
        "CREATE SCHEMA site",
        "CREATE INDEX site_ucd ON ivoa.obscore (em_ucd)",
        "CREATE VIEW site.ucd AS SELECT em_ucd FROM ivoa.obscore",
        "CREATE MATERIALIZED VIEW site.alias AS SELECT obs_id FROM cta.vo_obscore",
        "GRANT SELECT ON cta.vo_obscore TO PUBLIC",
    )
    for name in ("obscore.binding.yaml", "obscore.mapping.yaml", "obscore.vo-dml.xml"):
        text = (folder / name).read_text()
        text = re.sub(r"\n +em_ucd: .*", "", text)
        parts = re.split(r"(?<=</attribute>)\n", text)
        parts = [part for part in parts if "ObsCore.em_ucd<" not in part]
        (folder / name).write_text("\n".join(parts))
    settings = changed.model_dir(home, folder)
    planned = plan(settings)
    assert [words.partition(", which")[0] for words in planned.obstacles] == [
        "the materialized view site.alias", "the view site.ucd",
        "the index ivoa.site_ucd",
    ]  # fmt: skip
    assert ": cta.vo_obscore is made anew" in planned.obstacles[0]
    assert ": ivoa.obscore.em_ucd is dropped" in planned.obstacles[2]
    with pytest.raises(IllegalState, match="the index"):
        upgrade(settings, planned, backed_up=True)
    upgrade(settings, plan(settings, drop=True), drop=True, backed_up=True)
    assert _there(settings) == []
    assert plan(settings).differences == ()
    rights = "SELECT relacl::text FROM pg_class WHERE relname = 'vo_obscore'"
    assert ",=r/" in fetched(settings, rights)[0][0]


def test_what_is_not_looked_for_is_named_by_postgresql(
    postgres_url: str, tmp_home: Settings, folder: Path
) -> None:
    home = load_settings(tmp_home.home, database_url=postgres_url)
    with open_archive(home):
        pass
    execute(
        home,
        "CREATE FUNCTION public.longest() RETURNS float LANGUAGE sql "
        "RETURN (SELECT max(duration) FROM cta.gti)",
    )
    changed.replace(
        folder / "cta.binding.yaml",
        "      duration: {unit: s,",
        "      duration: {datatype: int, unit: s,",
    )
    settings = changed.model_dir(home, folder)
    words = r"not the archive's is in the way: .*longest.*nothing was changed"
    with pytest.raises(IllegalState, match=words):
        upgrade(settings, plan(settings), backed_up=True)
    assert fetched(home, "SELECT public.longest()") == [(None,)]
    with open_archive(home) as archive:
        assert archive.check() == []
