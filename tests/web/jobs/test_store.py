"""The job table: atomic steps, and what is remembered of a job."""

from __future__ import annotations

import sqlite3
import threading
import time
import uuid
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from distiller.core.errors import IllegalState, NoSpace, NotFound
from distiller.core.times import now
from distiller.jobs.watch import Watcher
from distiller.vo.uws import FINAL, Job, JobError, JobFilter, Phase, Result

if TYPE_CHECKING:
    from collections.abc import Callable

    from distiller.web.jobs.store import OrmJobStore


def new(owner: str | None = None, created: datetime | None = None) -> Job:
    return Job(
        job_id=str(uuid.uuid4()),
        task="count_map",
        owner=owner,
        phase=Phase.PENDING,
        creation_time=created or now(),
        execution_duration_s=60,
        destruction=now() + timedelta(days=1),
        run_id="mine",
        parameters=(("obs", "1"), ("obs", "2")),
    )


def test_what_goes_in_comes_out(store: OrmJobStore) -> None:
    job = new("marie")
    store.create(job)
    assert store.get(job.job_id) == job


def test_a_job_that_was_given_a_product_comes_out_whole(store: OrmJobStore) -> None:
    job = replace(
        new(),
        phase=Phase.COMPLETED,
        end_time=now(),
        results=(Result("product", "product.fits", "application/fits", 1 << 40),),
        product_id="p",
        reused=now(),
        fresh=True,
    )
    store.create(job)
    assert store.get(job.job_id) == job
    assert store.unfinished() == ()


def test_every_field_of_a_step_is_kept(store: OrmJobStore) -> None:
    job = new()
    store.create(job)
    moment = now()
    results = (Result("product", "product.fits", "application/fits", 1 << 40),)
    error = JobError("why", "transient")
    assert store.update(
        job.job_id,
        {Phase.PENDING},
        {
            "parameters": (("a", "b"),),
            "spec": "{}",
            "quote": moment,
            "start_time": moment,
            "end_time": moment,
            "execution_duration_s": 7,
            "destruction": moment,
            "results": results,
            "error": error,
            "product_id": "p",
            "reused": moment,
            "fresh": True,
        },
        to=Phase.QUEUED,
    )
    assert store.get(job.job_id) == replace(
        job,
        phase=Phase.QUEUED,
        parameters=(("a", "b"),),
        quote=moment,
        start_time=moment,
        end_time=moment,
        execution_duration_s=7,
        destruction=moment,
        results=results,
        error=error,
        product_id="p",
        reused=moment,
        fresh=True,
    )
    assert store.spec(job.job_id) == "{}"


def test_a_step_from_the_wrong_phase_changes_nothing(store: OrmJobStore) -> None:
    job = new()
    store.create(job)
    assert not store.update(job.job_id, {Phase.EXECUTING}, {"spec": "x"})
    assert store.spec(job.job_id) == ""


def test_a_step_that_the_standard_does_not_know_is_not_taken(
    store: OrmJobStore,
) -> None:
    job = new()
    store.create(job)
    assert not store.update(job.job_id, set(Phase), {}, to=Phase.EXECUTING)
    assert store.get(job.job_id).phase is Phase.PENDING


def test_of_many_at_once_one_takes_the_step(store: OrmJobStore) -> None:
    job = new()
    store.create(job)
    won: list[int] = []
    gate = threading.Barrier(8)

    def take(number: int) -> None:
        gate.wait()
        if store.update(job.job_id, {Phase.PENDING}, {}, to=Phase.QUEUED):
            won.append(number)
        store.release()

    threads = [threading.Thread(target=take, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


def test_a_wish_to_delete_hides_the_job_and_outlives_its_end(
    store: OrmJobStore,
) -> None:
    job = new()
    store.create(job)
    store.update(job.job_id, {Phase.PENDING}, {}, to=Phase.QUEUED)
    store.update(job.job_id, set(Phase), {"wish": "delete"})
    store.update(job.job_id, set(Phase), {"wish": "abort"})
    store.update(job.job_id, {Phase.QUEUED}, {"wish": None}, to=Phase.ABORTED)
    (entry,) = store.unfinished()
    assert (entry.phase, entry.wish) == (Phase.ABORTED, "delete")
    with pytest.raises(NotFound, match="it may have been deleted"):
        store.get(job.job_id)
    assert store.list(owner=None) == ()
    assert store.delete(job.job_id)
    assert not store.unfinished()


def test_lists_are_newest_first_and_filtered(store: OrmJobStore) -> None:
    start = datetime(2026, 1, 1)
    jobs = [new("marie", start + timedelta(hours=n)) for n in range(4)]
    other = new("pierre", start)
    for job in (*jobs, other, new(None, start)):
        store.create(job)
    store.update(jobs[0].job_id, {Phase.PENDING}, {}, to=Phase.ABORTED)
    store.update(jobs[1].job_id, {Phase.PENDING}, {}, to=Phase.ABORTED)
    store.update(jobs[1].job_id, {Phase.ABORTED}, {}, to=Phase.ARCHIVED)

    def listed(wanted: JobFilter) -> list[int]:
        found = store.list(owner="marie", wanted=wanted)
        return [[j.job_id for j in jobs].index(job.job_id) for job in found]

    assert listed(JobFilter()) == [3, 2, 0]
    assert listed(JobFilter(phases=frozenset({Phase.ARCHIVED}))) == [1]
    both = frozenset({Phase.ABORTED, Phase.PENDING})
    assert listed(JobFilter(phases=both)) == [3, 2, 0]
    assert listed(JobFilter(last=1)) == [3]
    assert listed(JobFilter(after=start + timedelta(hours=2))) == [3]
    assert len(store.list(owner=None)) == 1
    assert len(store.list(owner=None, everybody=True)) == 5
    assert store.list(owner="marie", task="spectrum") == ()


def test_the_same_id_twice_is_refused(store: OrmJobStore) -> None:
    job = new()
    store.create(job)
    with pytest.raises(IllegalState, match="already"):
        store.create(job)


def test_expired_jobs_are_found_once(store: OrmJobStore) -> None:
    old = replace(new(), destruction=now() - timedelta(seconds=1))
    for job in (old, new(), replace(new(), destruction=None)):
        store.create(job)
    assert store.expired(now()) == (old.job_id,)
    store.update(old.job_id, set(Phase), {"wish": "delete"})
    assert store.expired(now()) == ()


def test_the_typical_run_is_the_median(store: OrmJobStore) -> None:
    assert store.typical_duration_s("count_map") is None
    start = now()
    for seconds in (1, 2, 30):
        job = new()
        store.create(job)
        store.update(job.job_id, {Phase.PENDING}, {}, to=Phase.QUEUED)
        end = start + timedelta(seconds=seconds)
        store.update(
            job.job_id,
            {Phase.QUEUED},
            {"start_time": start, "end_time": end},
            to=Phase.COMPLETED,
        )
    assert store.typical_duration_s("count_map") == pytest.approx(2.0)


def test_listeners_hear_of_every_change(store: OrmJobStore) -> None:
    heard: list[str] = []
    job = new()
    with store.changes.listening(heard.append):
        store.create(job)
        store.update(job.job_id, {Phase.PENDING}, {}, to=Phase.QUEUED)
        store.update(job.job_id, {Phase.PENDING}, {}, to=Phase.QUEUED)
    store.delete(job.job_id)
    assert heard == [job.job_id] * 2


def test_a_step_may_ask_for_the_parameters_that_were_seen(store: OrmJobStore) -> None:
    job = new()
    store.create(job)
    more = (*job.parameters, ("e_min", "1"))
    step = {Phase.PENDING}
    assert store.update(job.job_id, step, {"parameters": more}, seen=job.parameters)
    assert not store.update(job.job_id, step, {"spec": "x"}, seen=job.parameters)
    assert not store.update(job.job_id, step, {"spec": "x"}, seen=())
    assert store.update(job.job_id, step, {"spec": "x"}, seen=more)


def test_a_new_job_may_be_queued_or_failed_already(store: OrmJobStore) -> None:
    error = JobError("why", "fatal")
    failed = replace(new(), phase=Phase.ERROR, end_time=now(), error=error)
    store.create(failed)
    assert store.get(failed.job_id) == failed
    queued = replace(new(), phase=Phase.QUEUED, quote=now())
    store.create(queued, "{}")
    assert store.get(queued.job_id) == queued
    assert store.spec(queued.job_id) == "{}"


def test_counts_and_places(store: OrmJobStore) -> None:
    start = datetime(2026, 1, 1)
    jobs = [new("marie", start + timedelta(hours=n)) for n in range(4)]
    for job in (*jobs, new("pierre"), new()):
        store.create(job)
    for job in jobs[1:]:
        store.update(job.job_id, {Phase.PENDING}, {}, to=Phase.QUEUED)
    store.update(jobs[3].job_id, set(Phase), {"wish": "delete"})
    assert store.count("marie", {Phase.PENDING}) == 1
    assert store.count("marie", {Phase.QUEUED, Phase.EXECUTING}) == 2
    assert store.count(None, set(Phase)) == 1
    ids = [job.job_id for job in jobs]
    assert store.ids("marie", {Phase.PENDING, Phase.QUEUED}, "analysis") == (*ids[:3],)
    assert store.ids("marie", {Phase.ERROR}, "analysis") == ()
    assert store.ids("marie", {Phase.PENDING}, "query") == ()
    assert store.place(jobs[2].creation_time) == (1, 3)


def test_lists_have_pages(store: OrmJobStore) -> None:
    start = datetime(2026, 1, 1)
    jobs = [new("marie", start + timedelta(hours=n)) for n in range(5)]
    for job in jobs:
        store.create(job)
    found = store.list(owner="marie", wanted=JobFilter(last=2), skip=2)
    assert [job.job_id for job in found] == [jobs[2].job_id, jobs[1].job_id]
    assert len(store.list(owner="marie", skip=4)) == 1


ASKED: dict[str, Callable[[OrmJobStore], object]] = {
    "supervisor's look": lambda store: store.unfinished(),
    "destructions": lambda store: store.expired(now()),
    "limit": lambda store: store.count("marie", {Phase.QUEUED, Phase.EXECUTING}),
    "share": lambda store: store.ids(None, set(Phase) - FINAL, "query"),
    "place": lambda store: store.place(now()),
    "list": lambda store: store.list(owner="marie", wanted=JobFilter(last=9)),
    "quote": lambda store: store.typical_duration_s("count_map"),
}


@pytest.mark.parametrize("what", sorted(ASKED))
def test_no_question_reads_the_whole_table(store: OrmJobStore, what: str) -> None:
    with CaptureQueriesContext(connection) as caught:
        ASKED[what](store)
    assert len(caught.captured_queries) == 1
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {caught.captured_queries[0]['sql']}")
        plan = [row[3] for row in cursor.fetchall()]
    looks = [line for line in plan if "jobs_job" in line]
    assert looks
    assert all(line.startswith("SEARCH") for line in looks), plan


def test_everybodys_list_follows_an_index(store: OrmJobStore) -> None:
    with CaptureQueriesContext(connection) as caught:
        store.list(owner=None, everybody=True, wanted=JobFilter(last=9))
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {caught.captured_queries[0]['sql']}")
        plan = [row[3] for row in cursor.fetchall()]
    # It is read in order and stops after so many; nothing is sorted.
    assert plan == ["SCAN jobs_job USING INDEX jobs_newest"]


def test_lists_do_not_read_the_specifications(store: OrmJobStore) -> None:
    store.create(new(), "x")
    with CaptureQueriesContext(connection) as caught:
        store.list(owner=None)
    assert len(caught.captured_queries) == 1
    assert '"spec"' not in caught.captured_queries[0]["sql"]


def test_a_full_disk_is_told_as_one(store: OrmJobStore) -> None:
    job = new()
    store.create(job)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA page_count")
        pages = cursor.fetchone()[0]
        # As much as there is, and not one page more: what a full disk is to SQLite.
        cursor.execute(f"PRAGMA max_page_count = {pages}")
    try:
        big = (("target", "x" * 500_000),)
        with pytest.raises(NoSpace, match="the disk of the job table is full"):
            store.create(replace(new(), parameters=big))
        with pytest.raises(NoSpace, match="full"):
            store.update(job.job_id, set(Phase), {"parameters": big})
        with pytest.raises(NoSpace, match="full"):
            store.update(
                job.job_id, set(Phase), {"parameters": big}, seen=job.parameters
            )
    finally:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA max_page_count = 1073741823")
    assert store.list(owner=None) == (job,)


def test_what_another_process_changes_is_told(store: OrmJobStore) -> None:
    told = threading.Event()
    seen: list[str] = []

    def listen(job_id: str) -> None:
        seen.append(job_id)
        told.set()

    with store.changes.listening(listen, only_due=True), Watcher(store):
        time.sleep(0.1)
        seen.clear()
        told.clear()
        name = connection.settings_dict["NAME"]
        with closing(sqlite3.connect(name)) as other, other:
            other.execute("UPDATE jobs_job SET wish = 'abort'")
            other.execute("CREATE TABLE another (x)")
            other.execute("DROP TABLE another")
        assert told.wait(10)
    assert set(seen) == {""}
