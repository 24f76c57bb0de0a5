"""Datasets in: whole or not at all, twice is once, and what refers finds its row."""

from __future__ import annotations

import dataclasses
import math
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from distiller.archive import open_archive
from distiller.core.errors import IllegalState, InternalError, NoSpace
from distiller.core.refusal import Refusal
from distiller.core.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from distiller.archive import Archive
    from distiller.core.bundle import Bundle, Row
    from distiller.core.settings import Settings

    MakeHome = Callable[..., Settings]

_PROGRAM = Path(__file__).with_name("bundles.py")


def _changed(bundle: Bundle, table: str, **values: Any) -> Bundle:
    """Return the bundle with other values in the first row of a table."""
    rows: dict[str, tuple[Row, ...]] = dict(bundle.rows)
    first, *others = rows[table]
    rows[table] = ({**first, **values}, *others)
    return dataclasses.replace(bundle, rows=rows, checksum=bundle.checksum + "'")


def _counts(archive: Archive) -> dict[str, int]:
    return {
        table.name: archive.rows(f"SELECT count(*) AS n FROM {table.name}")[0]["n"]
        for table in archive.model.tables
        if table.rows in {"own", "shared", "mapped"}
    }


def test_a_dataset_goes_in_once(archive: Archive, toy: Any) -> None:
    assert archive.store(toy.bundle(1)) == "added"
    digest = archive.digest()
    assert archive.store(toy.bundle(1)) == "unchanged"
    assert archive.digest() == digest
    assert archive.check() == []
    assert {d: s.checksum for d, s in archive.stored("toy").items()} == {
        toy.did_of(1): "1"
    }
    assert archive.stored("other") == {}


def test_obscore_is_what_the_mapping_says(archive: Archive, toy: Any) -> None:
    archive.store(toy.bundle(7))
    (row,) = archive.rows("SELECT * FROM ivoa.obscore")
    product = archive.rows("SELECT product_id FROM cta.product")[0]["product_id"]
    assert row["obs_publisher_did"] == toy.did_of(7)
    assert row["calib_level"] == 1
    assert row["obs_collection"] == "toy"
    assert row["access_url"] == (
        f"http://127.0.0.1:8000/data/{product}/run%207%20events.fits"
    )
    assert row["access_estsize"] == 1235
    # hc / E, with the values of CODATA 2018 for 100 TeV and 0.5 TeV, in m.
    hc = 6.62607015e-34 * 299792458.0
    ev = 1.602176634e-19
    assert row["em_min"] == pytest.approx(hc / (100e12 * ev), rel=1e-12)
    assert row["em_max"] == pytest.approx(hc / (0.5e12 * ev), rel=1e-12)
    assert row["em_min"] < row["em_max"]
    assert row["publisher_id"] == "ivo://org.example"
    assert row["s_region"] == [83.6, 22.5, 2.5]
    assert row["pol_states"] is None
    own = {name: row[name] for name in archive.model.by_name["ivoa.obscore"].names}
    assert archive.rows("SELECT * FROM cta.vo_obscore") == [own]


def test_a_changed_dataset_replaces_its_own_rows(archive: Archive, toy: Any) -> None:
    archive.store_many([toy.bundle(1), toy.bundle(2)])
    before = _counts(archive)
    fewer = toy.bundle(1, checksum="2")
    rows = {**fewer.rows, "cta.gti": fewer.rows["cta.gti"][:1]}
    assert archive.store(dataclasses.replace(fewer, rows=rows)) == "replaced"
    assert _counts(archive) == {**before, "cta.gti": before["cta.gti"] - 2}
    assert archive.check() == []


def test_a_removed_dataset_leaves_what_others_refer_to(
    archive: Archive, toy: Any
) -> None:
    archive.store(toy.bundle(1))
    before = toy.present(archive)
    archive.store(toy.bundle(2))
    assert archive.remove(toy.did_of(2)) is True
    assert archive.remove(toy.did_of(2)) is False
    assert toy.present(archive) == before
    assert archive.remove(toy.did_of(1)) is True
    counts = _counts(archive)
    assert not any(counts.values())


@pytest.mark.slow
def test_the_order_and_the_grouping_do_not_matter(
    archive: Archive, toy: Any, make_home: MakeHome
) -> None:
    numbers = list(range(12))
    archive.store_many([toy.bundle(n) for n in numbers])
    with open_archive(make_home("other", installed=True)) as other:
        for n in reversed(numbers):
            other.store(toy.bundle(n))
        assert other.digest() == archive.digest()


def test_a_shared_row_that_differs_is_refused(archive: Archive, toy: Any) -> None:
    archive.store(toy.bundle(1))
    digest = archive.digest()
    other = _changed(toy.bundle(2), "cta.target", dec=22.0)
    with pytest.raises(IllegalState) as caught:
        archive.store(other)
    assert "cta.target has a row " in str(caught.value)
    assert "with dec = 22.014 instead of 22.0" in str(caught.value)
    assert archive.digest() == digest
    with pytest.raises(IllegalState, match=r"dec = 22.014 instead of 22.0"):
        archive.store_many([toy.bundle(3), other])
    assert archive.digest() == digest


def test_a_reference_to_nothing_is_refused(archive: Archive, toy: Any) -> None:
    wrong = _changed(toy.bundle(1), "cta.response", file_id="nowhere")
    with pytest.raises(IllegalState) as caught:
        archive.store(wrong)
    assert "cta.response.file_id: no row of cta.product_file" in str(caught.value)
    assert "file_id = 'nowhere'" in str(caught.value)
    assert sum(_counts(archive).values()) == 0


@pytest.mark.parametrize(
    ("table", "values", "words"),
    [
        (
            "cta.product",
            {"data_level": "DL9"},
            "cta.product.data_level = 'DL9' is none of DL0, DL1, DL2",
        ),
        (
            "cta.product",
            {"t_exptime": -1.0},
            (
                "cta.product: t_exptime = -1.0, against the constraint of "
                "cta:Product.Product: exposureTime >= 0 ("
            ),
        ),
        (
            "cta.product",
            {"t_min": 60000.5, "t_max": 60000.25},
            (
                "t_min = 60000.5, t_max = 60000.25, against the constraint of "
                "cta:Product.Product: period.start <= period.stop ("
            ),
        ),
        ("cta.gti", {"t_start": None}, "cta.gti.t_start is missing, and never may be"),
        ("cta.gti", {"interval_index": "one"}, "interval_index = 'one' is not of its"),
        (
            "cta.gti",
            {"interval_index": 2**40},
            "interval_index = 1099511627776 is out of the range of its type, int (",
        ),
    ],
)
def test_rows_that_break_a_rule_of_the_model_are_refused_in_its_words(
    archive: Archive, toy: Any, table: str, values: dict[str, Any], words: str
) -> None:
    with pytest.raises(IllegalState) as caught:
        archive.store(_changed(toy.bundle(1), table, **values))
    assert str(caught.value).startswith(f"storing {toy.did_of(1)}: ")
    assert words in str(caught.value)
    assert "or the rule in the data model" in str(caught.value)
    assert sum(_counts(archive).values()) == 0
    assert archive.store(toy.bundle(1)) == "added"


def test_a_rule_about_words_is_told_too(archive: Archive, toy: Any) -> None:
    bundle = toy.bundle(1)
    entity = {"entity_id": "ivo://org.example/toy#1", "entity_class": "ValueEntity"}
    rows = {**bundle.rows, "provenance.entity": (entity,)}
    with pytest.raises(IllegalState) as caught:
        archive.store(dataclasses.replace(bundle, rows=rows))
    words = "entity_class = 'ValueEntity', entity_value = nothing, against the constr"
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("table", "values", "words"),
    [
        ("cta.product", {"publisher_did": "ivo://x/y?z"}, "needs one row of cta.prod"),
        ("cta.gti", {"tstart": 1.0}, "cta.gti has no column 'tstart'"),
        ("cta.product_file", {"role": "product"}, "constraint"),
    ],
)
def test_rows_that_do_not_fit_are_refused_and_nothing_stays(
    archive: Archive,
    toy: Any,
    table: str,
    values: dict[str, Any],
    words: str,
) -> None:
    wrong = _changed(toy.bundle(1), table, **values)
    if table == "cta.product_file":
        # Both files can be the main one: the mapping would give two rows.
        files = [{**row, "role": "events"} for row in wrong.rows["cta.product_file"]]
        rows = {**wrong.rows, "cta.product_file": tuple(files)}
        wrong = dataclasses.replace(wrong, rows=rows)
    with pytest.raises(InternalError) as caught:
        archive.store(wrong)
    assert words in str(caught.value)
    assert toy.did_of(1) in str(caught.value)
    assert sum(_counts(archive).values()) == 0
    assert archive.store(toy.bundle(1)) == "added"


def test_one_bad_dataset_spoils_its_transaction_only(
    archive: Archive, toy: Any
) -> None:
    archive.store(toy.bundle(0))
    digest = archive.digest()
    bad = _changed(toy.bundle(50), "cta.gti", t_stop=None)
    with pytest.raises(InternalError):
        archive.store_many([*(toy.bundle(n) for n in range(1, 20)), bad])
    assert archive.digest() == digest
    with pytest.raises(IllegalState, match="twice in one transaction"):
        archive.store_many([toy.bundle(1), toy.bundle(1)])


def test_nan_is_no_value(archive: Archive, toy: Any) -> None:
    archive.store(_changed(toy.bundle(1), "cta.observation", livetime=math.nan))
    assert archive.rows("SELECT livetime FROM cta.observation") == [{"livetime": None}]
    region = (83.6, math.nan, 2.0)
    archive.store(_changed(toy.bundle(2), "cta.product", s_region=region))
    rows = archive.rows("SELECT s_region FROM cta.product ORDER BY obs_id")
    assert [row["s_region"] is None for row in rows] == [False, True]


def test_nul_characters_are_left_out(archive: Archive, toy: Any) -> None:
    """They end a text in C, and one of the engines cannot store them."""
    archive.store(_changed(toy.bundle(1), "cta.product", title="Crab\x00\x00"))
    assert archive.rows("SELECT title FROM cta.product") == [{"title": "Crab"}]


@pytest.mark.parametrize(
    "number",
    [
        0.1,
        5e-324,
        1.7976931348623157e308,
        -0.0,
        math.inf,
        -math.inf,
        1 / 3,
        2**53 + 2.0,
    ],
)
def test_numbers_keep_every_bit(archive: Archive, toy: Any, number: float) -> None:
    region = (math.copysign(max(abs(number), 1e-300), number), 0.5, 2.0)
    values = {"t_min": number, "t_max": None, "s_region": region}
    archive.store(_changed(toy.bundle(1), "cta.product", **values))
    (row,) = archive.rows("SELECT t_min, s_region FROM cta.product")
    given = [row["t_min"], *row["s_region"]]
    assert struct.pack("4d", *given) == struct.pack("4d", number, *region)


def test_refusals_go_in_with_the_datasets_or_not_at_all(
    archive: Archive, toy: Any
) -> None:
    when = datetime(2026, 1, 2)
    old, new = (
        Refusal(
            "c", p, None, "D103", "m", None, "/", None, None, None, None, when, when
        )
        for p in ("/old", "/new")
    )
    archive.record_refusals([old], [])
    bad = _changed(toy.bundle(1), "cta.gti", t_stop=None)
    with pytest.raises(IllegalState):
        archive.store_many([bad], [new], [old.refusal_id])
    assert archive.refusals() == [old]
    archive.store_many([toy.bundle(1)], [new], [old.refusal_id])
    assert archive.refusals() == [new]
    archive.store_many([toy.bundle(1)], [old])
    assert archive.refusals() == [new, old]


def test_the_latest_words_of_a_collection_count(archive: Archive, toy: Any) -> None:
    archive.store(toy.bundle(1))
    archive.store(_changed(toy.bundle(2), "cta.collection", title="T", terms=None))
    assert archive.rows("SELECT title, terms FROM cta.collection") == [
        {"title": "T", "terms": "None at all."}
    ]


def _start(home: Settings, runs: int, step: int) -> subprocess.Popen[str]:
    environment = {**os.environ, "DISTILLER_AUTHORITY": "org.example"}
    if home.database_url is not None:
        environment["DISTILLER_DATABASE_URL"] = home.database_url.get_secret_value()
    return subprocess.Popen(
        [sys.executable, str(_PROGRAM), str(home.home), str(runs), str(step)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )


@pytest.mark.slow
@pytest.mark.parametrize("step", [1, 8])
def test_killed_at_any_moment_and_run_again(
    make_home: MakeHome, toy: Any, step: int
) -> None:
    """A kill leaves whole datasets; a second run ends in the same archive."""
    runs = 48
    source = random.Random(20260101 + step)  # noqa: S311 - a fixed seed is wanted
    home = make_home()
    for _ in range(4):
        process = _start(home, runs, step)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(source.uniform(0.0, 0.4))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        with open_archive(home) as archive:
            assert archive.check() == []
            per_run = archive.rows(
                "SELECT count(*) AS n FROM cta.gti GROUP BY observation_id"
            )
            assert {row["n"] for row in per_run} == {3}
    process = _start(home, runs, step)
    process.communicate(timeout=120)
    assert process.returncode == 0
    with open_archive(make_home("clean", installed=True)) as archive:
        archive.store_many([toy.bundle(n) for n in range(runs)])
        expected = archive.digest()
    with open_archive(home) as archive:
        assert archive.check() == []
        assert len(archive.stored("toy")) == runs
        assert archive.digest() == expected


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small disk")
def test_a_full_disk_is_said_and_nothing_is_half_written(
    tmp_path: Path, toy: Any
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    options = ["-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)]
    if subprocess.run(["mount", *options], check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        settings = load_settings(disk / "home")
        with open_archive(settings) as archive:
            archive.store(toy.bundle(0))
            _fill(disk)
            with pytest.raises(NoSpace) as caught:
                _store_for_ever(archive, toy)
            assert "the disk of the archive is full" in str(caught.value)
            assert "free space there" in str(caught.value)
        (disk / "filler").unlink()
        with open_archive(settings) as archive:
            assert archive.check() == []
            assert toy.did_of(0) in archive.stored("toy")
            assert archive.store(toy.bundle(9999)) == "added"
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def _store_for_ever(archive: Archive, toy: Any) -> None:
    for number in range(1, 4000, 20):
        archive.store_many([toy.bundle(number + i) for i in range(20)])


def _fill(disk: Path) -> None:
    """Leave 256 kB."""
    free = shutil.disk_usage(disk).free
    (disk / "filler").write_bytes(b"x" * (free - 262_144))


@pytest.mark.slow
def test_a_second_process_is_told_who_has_the_file(tmp_home: Settings) -> None:
    program = (
        "import sys\n"
        "from distiller.archive import open_archive\n"
        "from distiller.core.errors import Busy\n"
        "from distiller.core.settings import load_settings\n"
        "try:\n    open_archive(load_settings(sys.argv[1]))\n"
        "except Busy as error:\n    print(error)\n"
    )
    with open_archive(tmp_home):
        answer = subprocess.run(
            [sys.executable, "-c", program, str(tmp_home.home)],
            capture_output=True,
            text=True,
            check=True,
        )
    assert "another process has the archive open" in answer.stdout
    assert "wait until it has ended" in answer.stdout


@pytest.mark.parametrize("count", [3, 200])
@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"gti_id": "same"}, InternalError, "uplicate key"),
        ({"interval_index": 2**40}, IllegalState, "out of the range of its type"),
    ],
)
@pytest.mark.parametrize("engine", ["duckdb"], indirect=True)
def test_the_cause_is_told_however_many_rows_there_are(
    archive: Archive,
    toy: Any,
    count: int,
    change: dict[str, Any],
    kind: type[Exception],
    words: str,
) -> None:
    bundle = toy.bundle(1)
    first = bundle.rows["cta.gti"][0]
    rows = tuple({**first, "gti_id": str(i), **change} for i in range(count))
    with pytest.raises(kind) as caught:
        archive.store(
            dataclasses.replace(bundle, rows={**bundle.rows, "cta.gti": rows})
        )
    assert words in str(caught.value)
    assert "aborted" not in str(caught.value)
