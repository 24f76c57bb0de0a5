"""Rows fit the tables of the model, say no more than is known, and are always equal."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.ingest.conftest import RunPlan, no_responses, write_indexes

from distiller.core.bundle import Bundle, Row
from distiller.ingest.checks import check
from distiller.ingest.find import find
from distiller.ingest.gadf import Reader
from distiller.ingest.index import HduRef
from distiller.ingest.to_rows import Target, bundle_checksum, to_bundle
from distiller.model import load_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from distiller.ingest.run import Run

    Judge = Callable[[RunPlan], Run]

TARGET = Target("org.example", "test-set", project="TESTSCOPE", terms="Be kind.")

PLANS = {
    "good": RunPlan(obs_id=42),
    "bare": RunPlan(
        obs_id=43,
        header=dict.fromkeys(
            (
                *("OBJECT", "RA_OBJ", "DEC_OBJ", "RA_PNT", "DEC_PNT", "ALT_PNT"),
                *("AZ_PNT", "TELESCOP", "INSTRUME", "N_TELS", "TELLIST", "GEOLON"),
                *("GEOLAT", "ALTITUDE", "ONTIME", "LIVETIME", "DEADC", "DATE"),
                *("ORIGIN", "CREATOR", "OBSERVER", "OBS_MODE", "EV_CLASS"),
            )
        ),
        responses=no_responses,
    ),
}


PROVENANCE = (
    *("agent", "entity_description", "entity", "activity_description", "activity"),
    *("used", "was_generated_by", "was_associated_with", "was_attributed_to"),
    *("was_informed_by", "parameter_description", "parameter", "was_configured_by"),
)


def bundle(run: Run, target: Target = TARGET) -> Bundle:
    return to_bundle(run, target, bundle_checksum(run.files, {}, target))


@pytest.mark.parametrize("name", PLANS)
def test_rows_fit_the_tables_of_the_model(judged: Judge, name: str) -> None:
    tables = load_model().by_name
    made = bundle(judged(PLANS[name]))
    for table, rows in made.rows.items():
        columns = {c.column.name: c for c in tables[table].columns}
        keys = {tuple(row[name] for name in tables[table].key) for row in rows}
        assert len(keys) == len(rows)
        for row in rows:
            assert set(row) <= set(columns), table
            for column, bound in columns.items():
                value = row.get(column)
                assert bound.column.nullable or value is not None, (table, column)
                assert not bound.literals or value in {None, *bound.literals}
    for table, rows in made.rows.items():
        for foreign in tables[table].foreign_keys:
            ((own, other),) = foreign.columns
            used = {row.get(own) for row in rows} - {None}
            there = {row[other] for row in made.rows.get(foreign.target, ())}
            assert used <= there, (table, own)
            if used:
                order = list(made.rows)
                assert order.index(foreign.target) < order.index(table)


def test_every_table_that_ingestion_fills_is_filled(judged: Judge) -> None:
    made = bundle(judged(RunPlan(header={"N_TELS": 0})))
    assert set(made.rows) == {
        *("cta.project", "cta.collection", "cta.site", "cta.telescope"),
        *("cta.array_configuration",),
        *("cta.target", "cta.observation", "cta.pointing", "cta.gti", "cta.finding"),
        *("cta.ambient_conditions", "cta.processing", "cta.product"),
        *("cta.product_file", "cta.response"),
        *(f"provenance.{table}" for table in PROVENANCE),
    }


def one(made: Bundle, table: str) -> Row:
    (row,) = made.rows[table]
    return row


def test_the_product_of_a_good_run(judged: Judge) -> None:
    made = bundle(judged(PLANS["good"]))
    assert made.publisher_did == "ivo://org.example/test-set?42"
    product = one(made, "cta.product")
    assert product["publisher_did"] == made.publisher_did
    assert product["title"] == "Test source, TESTSCOPE run 42"
    assert (product["data_level"], product["product_type"]) == ("DL3", "event")
    assert product["product_subtype"] == "event-list"
    assert product["s_region"] == (83.633, 22.514, 2.5)
    assert product["rights"] == "public"
    assert one(made, "cta.collection")["terms"] == "Be kind."
    file = one(made, "cta.product_file")
    assert (file["role"], file["media_type"]) == ("events", "application/fits")
    assert {row["file_id"] for row in made.rows["cta.response"]} == {file["file_id"]}


def test_a_bare_run_stores_nothing_that_it_does_not_know(judged: Judge) -> None:
    made = bundle(judged(PLANS["bare"]))
    product = one(made, "cta.product")
    known = {name for name, value in product.items() if value is not None}
    assert known == {
        *("product_id", "publisher_did", "obs_id", "collection_id", "observation_id"),
        *("data_level", "product_type", "product_subtype", "title", "access_format"),
        *("size", "checksum", "rights", "t_min", "t_max", "t_exptime", "ingested"),
    }
    assert product["title"] == "Observation, run 43"
    assert "cta.target" not in made.rows
    assert "cta.telescope" not in made.rows
    pointing = one(made, "cta.pointing")
    assert {v for k, v in pointing.items() if not k.endswith("_id")} == {None}


def test_simulated_data_say_so(judged: Judge) -> None:
    run = judged(RunPlan(header={"ORIGIN": "SYNTHETIC", "TELESCOP": "SIMULATED"}))
    made = bundle(run)
    assert one(made, "cta.product")["title"] == "Test source, run 1 (simulated)"
    assert one(made, "cta.processing")["simulated"] is True


def test_twice_read_is_twice_the_same_but_for_clocks(judged: Judge) -> None:
    first, second = bundle(judged(PLANS["good"])), bundle(judged(PLANS["good"]))
    clocks = {
        (t.name, c.column.name)
        for t in load_model().tables
        for c in t.columns
        if c.clock
    }

    def without_clocks(made: Bundle) -> dict[str, list[dict[str, Any]]]:
        return {
            t: [{k: v for k, v in r.items() if (t, k) not in clocks} for r in rows]
            for t, rows in made.rows.items()
        }

    assert without_clocks(first) == without_clocks(second)
    assert first.checksum == second.checksum
    assert ("cta.product", "ingested") in clocks


def test_a_bundle_survives_json(judged: Judge) -> None:
    made = bundle(judged(PLANS["good"]))
    assert Bundle.from_json(made.to_json()) == made


def test_shared_rows_have_keys_of_their_content(judged: Judge) -> None:
    four = bundle(judged(RunPlan(obs_id=1)))
    again = bundle(judged(RunPlan(obs_id=2)))
    five = bundle(judged(RunPlan(obs_id=3, header={"N_TELS": 5})))
    ids = [
        one(made, "cta.array_configuration")["array_configuration_id"]
        for made in (four, again, five)
    ]
    assert ids[0] == ids[1] != ids[2]
    assert one(four, "cta.target") == one(again, "cta.target")


@pytest.mark.parametrize(
    "other",
    [
        Target("org.example", "test-set", project="TESTSCOPE", terms="Be good."),
        Target("org.example", "test-set", "proprietary", "group"),
        Target("org.other", "test-set", project="TESTSCOPE", terms="Be kind."),
    ],
)
def test_the_checksum_holds_the_options(judged: Judge, other: Target) -> None:
    run = judged(PLANS["good"])
    assert bundle(run, other).checksum != bundle(run).checksum
    assert bundle_checksum(run.files, {"A": 1}, TARGET) != bundle(run).checksum


def test_files_of_the_same_name_get_different_addresses(tmp_path: Path) -> None:
    RunPlan(obs_id=5, responses=no_responses).write(tmp_path / "a" / "x.fits")
    RunPlan(obs_id=5, has_events=False, gti=None).write(tmp_path / "b" / "x.fits")
    write_indexes(tmp_path, {5: "a/x.fits"}, hdus=("EVENTS", "GTI"))
    run = find(tmp_path).runs[0]
    irf = HduRef(tmp_path / "b" / "x.fits", "AEFF", "aeff")
    made = bundle(check(Reader().read(replace(run, responses=(irf,)))))
    files = {(row["role"], row["name"]) for row in made.rows["cta.product_file"]}
    assert files == {("events", "x.fits"), ("irf", "1-x.fits")}
