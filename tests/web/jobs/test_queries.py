"""The desk of asynchronous queries with the real archive and job table."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, NoReturn

import pytest
from tests.web.jobs.desks import (
    COLUMNS,
    ENDLESS,
    MANY,
    RUNS,
    Office,
    each_engine,
    executing,
    kill,
)

from distiller.core.errors import (
    Busy,
    IllegalState,
    InternalError,
    NotFound,
)
from distiller.core.files import atomic_file
from distiller.core.times import now
from distiller.jobs import folders, query_desk
from distiller.jobs.engines.queries import QueryEngine
from distiller.jobs.limits import Times
from distiller.jobs.query_desk import QueryDesk
from distiller.queries import answer
from distiller.vo.uws import Phase

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.jobs.engines.queries import Run
    from distiller.jobs.store import JobUpdate

pytestmark = pytest.mark.slow


@each_engine
def test_a_query_becomes_a_result(office: Office) -> None:
    office.open()
    job = office.run()
    (result,) = job.results
    assert (result.id, result.name) == ("result", "result.csv")
    assert result.media_type == "text/csv;header=present;charset=utf-8"
    assert office.text(job) == "obs_id\n1001\n1002\n"
    path = office.service.result_path(job.job_id, "result")
    assert path.stat().st_size == result.size
    assert job.start_time is not None
    assert job.end_time is not None
    assert job.creation_time <= job.start_time <= job.end_time
    # It is no product.
    assert job.product_id is None
    assert [p.name for p in office.folder(job).iterdir()] == ["answer"]
    assert [p.name for p in path.parent.iterdir()] == ["result.csv"]


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ({"QUERY": "SELECT nothing FROM ivoa.obscore"}, "there is no column nothing"),
        ({"LANG": "SQL", "QUERY": RUNS}, "U100 LANG: unknown 'SQL' (there are ADQL"),
        ({"LANG": "ADQL"}, "U100 QUERY: missing (give QUERY=SELECT ...)"),
        ({"QUERY": RUNS}, "U100 LANG: missing"),
        ({"QUERY": RUNS, "query": RUNS}, "U100 QUERY: given 2 times"),
        ({"QUERY": RUNS, "MAXREC": "many"}, "U100 MAXREC: 'many' is not a whole"),
        ({"QUERY": RUNS, "FORMAT": "pdf"}, "U100 RESPONSEFORMAT: unknown format 'pdf'"),
        ({"QUERY": "SELECT 1/(t_min - t_min) FROM nowhere"}, "no table nowhere"),
    ],
)
def test_what_is_wrong_is_told_by_the_job(
    office: Office, pairs: dict[str, str], words: str
) -> None:
    office.open()
    given = pairs if "missing" in words else {"LANG": "ADQL", **pairs}
    made = office.service.create("tap", given.items())
    job = office.until(office.service.run(made.job_id))
    assert job.phase is Phase.ERROR
    assert job.error is not None
    assert words in job.error.message
    assert job.error.type == "fatal"
    assert job.results == ()


def test_every_fault_of_a_query_is_told(office: Office) -> None:
    office.open()
    job = office.run("SELECT one, two FROM ivoa.obscore")
    assert job.error is not None
    assert "1:8 Q202 there is no column one" in job.error.message
    assert "1:13 Q202 there is no column two" in job.error.message


def test_an_overflow_stands_in_the_result_and_in_the_log(office: Office) -> None:
    office.open()
    words = "rows were cut at 1 by the MAXREC of this request"
    votable = office.text(office.run(MAXREC="1", FORMAT="votable/td"))
    assert f'value="OVERFLOW">{words}' in votable
    job = office.run(MAXREC="1")
    assert office.text(job) == "obs_id\n1001\n"
    assert office.service.log_tail(job.job_id) == words
    assert office.service.log_tail(office.run().job_id) == ""


@each_engine
def test_abort_stops_the_query_in_the_database(office: Office) -> None:
    office.open(async_queries_at_once=1)
    job = office.until(office.submit(ENDLESS), executing)
    following = office.submit()
    office.service.abort(job.job_id)
    job = office.until(job)
    assert job.phase is Phase.ABORTED
    assert job.error is not None
    assert job.error.message == "aborted by its user"
    # Its only place is free again, and so is its thread.
    assert office.text(office.until(following)) == "obs_id\n1001\n1002\n"
    names = [thread.name for thread in threading.enumerate()]
    assert f"query-{job.job_id[:8]}" not in names
    assert not list(office.folder(job).glob("answer/*"))


def test_a_query_is_aborted_before_it_ran(office: Office) -> None:
    job = office.submit()
    office.service.abort(job.job_id)
    office.open()
    job = office.until(job)
    assert job.phase is Phase.ABORTED
    assert job.error is not None
    assert job.error.message == "aborted by its user before it ran"


@pytest.mark.parametrize("query", [ENDLESS, MANY])
def test_the_duration_is_kept(office: Office, query: str) -> None:
    """By the work of the database, and by the wall clock while rows are written."""
    if query == MANY:
        query = f"{MANY}, {COLUMNS} c"
    office.open()
    made = office.make(query)
    office.service.set_duration(made.job_id, 1)
    job = office.until(office.service.run(made.job_id))
    assert job.phase is Phase.ABORTED
    assert job.error is not None
    assert "ran longer than its executionDuration of 1 s" in job.error.message
    assert not list(office.folder(job).glob("answer/*"))


def test_durations_of_queries_are_their_own(office: Office) -> None:
    home, service = office.home, office.service
    assert office.make(RUNS).execution_duration_s == home.async_duration_s == 600
    most = home.async_duration_max_s
    made = service.create("tap", [], times=Times(10 * most, None))
    assert made.execution_duration_s == most
    assert service.set_duration(made.job_id, 0).execution_duration_s == most


@each_engine
def test_a_query_whose_process_went_is_run_again(office: Office) -> None:
    desk = office.open()
    job = office.until(office.submit(ENDLESS), executing)
    assert office.tries(job) == 1
    kill(office, desk)
    assert office.service.get(job.job_id).phase is Phase.EXECUTING
    # As if it had been one that ends.
    pairs = (("LANG", "ADQL"), ("QUERY", RUNS), ("FORMAT", "csv"))
    office.store.update(job.job_id, {Phase.EXECUTING}, {"parameters": pairs})
    half = office.folder(job) / folders.ANSWER / ".result.csv.half"
    half.parent.mkdir(parents=True, exist_ok=True)
    half.write_bytes(b"obs_")
    office.open()
    job = office.until(job)
    assert office.text(job) == "obs_id\n1001\n1002\n"
    assert not half.exists()


def test_a_query_that_ends_its_process_each_time_is_given_up(office: Office) -> None:
    """One that only ran beside it is not: at the end each runs alone."""
    job, innocent, following = (office.submit(ENDLESS) for _ in range(3))
    for count in range(query_desk.TRIES):
        desk = office.open()
        begun = [job] if count >= query_desk.SUSPECT else [job, innocent, following]
        for one in begun:
            office.wait(partial(office.has_tries, one, count + 1))
        kill(office, desk)
    for other in (innocent, following):
        assert office.has_tries(other, query_desk.SUSPECT)
        pairs = (("LANG", "ADQL"), ("QUERY", RUNS), ("FORMAT", "csv"))
        office.store.update(other.job_id, {Phase.EXECUTING}, {"parameters": pairs})
    office.open()
    job = office.until(job)
    assert job.phase is Phase.ERROR
    assert job.error is not None
    assert job.error.message == (
        "I000 the server ended 10 times while it ran this query, which is not tried "
        "again (ask for less, or tell the operators)"
    )
    for other in (innocent, following):
        assert office.text(office.until(other)) == "obs_id\n1001\n1002\n"


def test_a_suspect_does_not_hold_up_others_for_long(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    suspect, other = office.submit(ENDLESS), office.submit()
    tries: JobUpdate = {"tries": query_desk.SUSPECT}
    office.store.update(suspect.job_id, {Phase.QUEUED}, tries)
    office.open()
    office.until(suspect, executing)
    time.sleep(0.7)
    assert office.service.get(other.job_id).phase is Phase.QUEUED
    monkeypatch.setattr(query_desk, "ALONE_S", 0.5)
    assert office.text(office.until(other)) == "obs_id\n1001\n1002\n"
    assert office.service.get(suspect.job_id).phase is Phase.EXECUTING


def test_a_stop_of_the_server_is_no_try(office: Office) -> None:
    job = office.submit(ENDLESS)
    for _ in range(query_desk.TRIES + 2):
        desk = office.open()
        office.wait(lambda: office.tries(job) == 1)
        desk.stop()
        assert office.tries(job) == 0
        assert office.service.get(job.job_id).phase is Phase.EXECUTING


def test_an_abort_of_a_query_whose_process_went(office: Office) -> None:
    desk = office.open()
    job = office.until(office.submit(ENDLESS), executing)
    desk.stop()
    office.service.abort(job.job_id)
    office.open()
    job = office.until(job)
    assert job.phase is Phase.ABORTED


def test_delete_stops_the_query_and_removes_its_files(office: Office) -> None:
    office.open()
    running = office.until(office.submit(ENDLESS), executing)
    done = office.run()
    for job in (running, done):
        office.service.delete(job.job_id)
        with pytest.raises(NotFound):
            office.service.get(job.job_id)
    office.wait(lambda: not office.store.unfinished())
    assert not any(office.folder(job).exists() for job in (running, done))
    names = [thread.name for thread in threading.enumerate()]
    assert f"query-{running.job_id[:8]}" not in names


def test_destruction_removes_the_result(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distiller.jobs.desk._CLEAN_S", 0.1)
    office.open()
    job = office.run()
    office.service.set_destruction(job.job_id, now() - timedelta(seconds=1))
    office.wait(lambda: not office.store.list(owner=None))
    office.wait(lambda: not office.folder(job).exists())


# Places ----------------------------------------------------------------------


def test_queries_have_places_of_their_own(office: Office) -> None:
    office.open(async_queries_at_once=3)
    jobs = [office.submit(ENDLESS) for _ in range(3)]
    for job in jobs[:2]:
        office.until(job, executing)
    time.sleep(0.3)
    assert office.service.get(jobs[2].job_id).phase is Phase.QUEUED
    assert office.service.place(office.service.get(jobs[2].job_id)) == (1, 1)
    assert office.store.unfinished("analysis") == ()


@pytest.mark.parametrize(("places", "most"), [(1, 1), (2, 1), (4, 3)])
def test_a_place_is_kept_from_who_has_the_others(
    office: Office, places: int, most: int
) -> None:
    office.open(async_queries_at_once=places)
    jobs = [office.submit(ENDLESS) for _ in range(places + 1)]
    for job in jobs[:most]:
        office.until(job, executing)
    if most < places:
        office.until(office.submit(owner="ann"))
    phases = [office.service.get(job.job_id).phase for job in jobs]
    assert phases == [Phase.EXECUTING] * most + [Phase.QUEUED] * (places + 1 - most)


def test_a_quote_that_is_past_is_none(office: Office) -> None:
    waits = office.submit()
    past: JobUpdate = {"quote": now() - timedelta(seconds=1)}
    office.store.update(waits.job_id, {Phase.QUEUED}, past)
    assert office.service.get(waits.job_id).quote is None
    later: JobUpdate = {"quote": now() + timedelta(hours=1)}
    office.store.update(waits.job_id, {Phase.QUEUED}, later)
    assert office.service.get(waits.job_id).quote == later["quote"]


def test_analysis_does_not_count_as_queries(office: Office) -> None:
    few = office.home.model_copy(update={"jobs_per_user": 1})
    office.service._settings = few
    place = [("obs", "1001"), ("ra", "83.6"), ("dec", "22")]
    office.service.submit("count_map", place)
    assert office.submit().phase is Phase.QUEUED
    made = office.make(RUNS)
    with pytest.raises(Exception, match="1 jobs of visitors without an account"):
        office.service.run(made.job_id)
    assert {e.job_id for e in office.store.unfinished("query")}.isdisjoint(
        e.job_id for e in office.store.unfinished("analysis")
    )


def test_owners_take_turns(office: Office) -> None:
    jobs = [office.submit(owner=owner) for owner in ("a", "a", "a", "b", "b")]
    office.open(async_queries_at_once=1)
    done = [office.until(job) for job in jobs]
    done.sort(key=lambda job: job.start_time or now())
    assert "".join(job.owner or "" for job in done) == "ababa"


def test_a_home_has_one_desk_of_queries(office: Office) -> None:
    office.open()
    with pytest.raises(Busy, match="another process runs the jobs of"):
        QueryDesk(office.home, office.store, office.archive).start()


# Trouble -----------------------------------------------------------------------


def test_what_nobody_thought_of_is_logged_and_told(
    office: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        message = "in /srv/home/secret.txt"
        raise RuntimeError(message)

    monkeypatch.setattr(answer, "prepare", broken)
    office.open()
    job = office.run()
    assert job.phase is Phase.ERROR
    assert job.error is not None
    assert job.error.message == "I000 RuntimeError: in secret.txt"
    assert "/srv/home/secret.txt" in caplog.text


def test_a_query_that_is_given_up_has_ended_before_its_folder_goes(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, asked, gone = threading.Event(), threading.Event(), threading.Event()
    written: list[Path] = []
    drop = QueryDesk._drop_answer

    def slow_to_end(_: QueryEngine, run: Run) -> NoReturn:
        run.running(asked.set)
        begun.set()
        asked.wait(30)
        gone.wait(1)
        with atomic_file(run.folder / folders.ANSWER / "result.csv") as stream:
            stream.write(b"obs_id")
        written.append(run.folder)
        raise IllegalState("the query was cancelled")

    def noted(desk: QueryDesk, folder: Path) -> None:
        drop(desk, folder)
        gone.set()

    def broken(*_: object) -> NoReturn:
        raise InternalError("the desk cannot look after it")

    monkeypatch.setattr(QueryEngine, "_answered", slow_to_end)
    desk = office.open()
    job = office.submit()
    assert begun.wait(30)
    monkeypatch.setattr(QueryDesk, "_drop_answer", noted)
    monkeypatch.setattr(QueryDesk, "_handle", broken)
    desk.ring("")
    found = office.until(job)
    office.wait(lambda: written)
    assert found.phase is Phase.ERROR
    assert gone.wait(30)
    assert not (office.folder(job) / folders.ANSWER).exists()


def test_a_query_that_does_not_end_keeps_its_folder_for_now(
    office: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    begun, may_end = threading.Event(), threading.Event()

    def endless(*_: object) -> NoReturn:
        begun.set()
        may_end.wait(30)
        raise IllegalState("the query was cancelled")

    def broken(*_: object) -> NoReturn:
        raise InternalError("the desk cannot look after it")

    monkeypatch.setattr(QueryEngine, "_answered", endless)
    monkeypatch.setattr(query_desk, "_STOP_S", 0.1)
    desk = office.open()
    job = office.submit()
    assert begun.wait(30)
    monkeypatch.setattr(QueryDesk, "_handle", broken)
    desk.ring("")
    office.wait(lambda: "has not ended yet" in caplog.text)
    assert office.service.get(job.job_id).phase is Phase.EXECUTING
    may_end.set()
    assert office.until(job).phase is Phase.ERROR
