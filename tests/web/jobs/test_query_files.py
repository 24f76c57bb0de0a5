"""Files that come with asynchronous queries: kept, bounded, read, removed."""

from __future__ import annotations

import os
import re
import socket
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from tests.web.jobs.desks import (
    RUNS,
    Office,
)

from distiller.core.errors import (
    BadParameter,
    Forbidden,
    IllegalState,
    NoSpace,
)
from distiller.jobs import folders, query_desk, uploads
from distiller.jobs.service import JobService
from distiller.vo.uws import Phase

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.vo.uws import Job

pytestmark = pytest.mark.slow


def test_files_are_kept_until_the_query_has_run(office: Office) -> None:
    long = "é" * 60  # 360 bytes where it is escaped
    files = {"a": [b"one", b" two"], "../b c": [b"x"], long: [b"y"]}
    job = office.service.create("tap", [("LANG", "ADQL")], files=files)
    office.service.set_parameters(job.job_id, [("QUERY", RUNS)], {"a": [b"new"]})
    found = uploads.find(office.folder(job))
    assert {name: path.read_bytes() for name, path in found.items()} == {
        "a": b"new",
        "../b c": b"x",
        long: b"y",
    }
    for path in found.values():
        assert path.parent == office.folder(job) / folders.UPLOADS
        assert path.stat().st_mode & 0o077 == 0
    office.open()
    office.until(office.service.run(job.job_id))
    office.wait(lambda: not uploads.find(office.folder(job)))
    with pytest.raises(IllegalState, match="cannot take parameters"):
        office.service.set_parameters(job.job_id, [], {"a": [b"late"]})
    assert uploads.find(office.folder(job)) == {}


def test_files_stay_while_the_end_cannot_be_written(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = office.make(RUNS)
    job = office.service.set_parameters(made.job_id, [], {"a": [b"x"]})
    update = office.store.update
    is_full = threading.Event()
    is_full.set()

    def refused(*args: Any, **kwargs: Any) -> bool:
        if kwargs.get("to") is Phase.COMPLETED and is_full.is_set():
            message = "the disk of the job table is full"
            raise NoSpace(message)
        return update(*args, **kwargs)

    monkeypatch.setattr(office.store, "update", refused)
    office.open()
    office.service.run(job.job_id)
    office.wait(lambda: list(office.folder(job).glob("answer/result.csv")))
    time.sleep(0.3)
    assert office.service.get(job.job_id).phase is Phase.EXECUTING
    assert list(uploads.find(office.folder(job))) == ["a"]
    is_full.clear()
    job = office.until(job)
    assert office.text(job) == "obs_id\n1001\n1002\n"
    office.wait(lambda: not uploads.find(office.folder(job)))


@pytest.mark.parametrize(
    ("file", "phase"),
    [(b"n,word\n1,one\n2,two\n", Phase.COMPLETED), (b"\0", Phase.ERROR)],
)
def test_a_table_that_came_with_a_query_is_read_when_it_runs(
    office: Office, file: bytes, phase: Phase
) -> None:
    query = "SELECT word FROM TAP_UPLOAD.t ORDER BY n DESC"
    job = office.service.submit(
        "tap",
        [
            ("LANG", "ADQL"),
            ("QUERY", query),
            ("FORMAT", "csv"),
            ("UPLOAD", "t,param:a"),
        ],
        files={"a": [file]},
    )
    assert list(uploads.find(office.folder(job))) == ["a"]
    office.open()
    job = office.until(job)
    assert job.phase is phase
    if job.error is not None:
        assert "UPLOAD: t:" in job.error.message
    else:
        assert office.text(job).split() == ["word", "two", "one"]


@pytest.mark.parametrize("is_late", [False, True], ids=["aborted", "late"])
def test_a_fetch_of_a_table_ends_with_its_job(office: Office, is_late: bool) -> None:  # noqa: FBT001 - a case
    office.open(upload_url_private=True, upload_url_timeout_s=600.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        job = office.make("SELECT * FROM TAP_UPLOAD.t", UPLOAD=f"t,{url}")
        if is_late:
            office.service.set_duration(job.job_id, 1)
        office.service.run(job.job_id)
        silent.settimeout(30)
        connection, _ = silent.accept()
        with connection:
            assert connection.recv(3) == b"GET"
            if not is_late:
                office.service.abort(job.job_id)
            job = office.until(job)
    assert job.phase is Phase.ABORTED
    assert job.error is not None
    said = "its executionDuration of 1 s" if is_late else "aborted by its user"
    assert said in job.error.message


def test_a_url_that_is_slow_is_no_late_job(office: Office) -> None:
    office.open(upload_url_private=True, upload_url_timeout_s=0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        job = office.run("SELECT * FROM TAP_UPLOAD.t", UPLOAD=f"t,{url}")
    assert job.phase is Phase.ERROR
    assert job.error is not None
    assert "t: 127.0.0.1 did not give the table within 0.2 s" in job.error.message


def test_files_that_are_too_many_or_too_large_leave_no_job(
    office: Office,
) -> None:
    home = office.home.model_copy(update={"upload_mb": 2})
    service = JobService(office.store, office.archive, home)
    big = [b"\0" * 10**6] * 3
    many = {str(n): [b"x"] for n in range(uploads.MOST_FILES + 1)}
    for files, words in (
        ({"small": [b"x"], "a": big}, "the files of a job may have 2 MB together"),
        (many, "101 files are more than the 100 of one job"),
        ({"n" * 61: [b"x"]}, "the name of a file has more than 60 characters"),
    ):
        with pytest.raises(BadParameter, match=words):
            service.create("tap", [], files=files)
    assert office.store.list(owner=None) == ()
    assert not list(office.home.jobs_path.glob("*-*"))
    # Those of several requests count together, and a refused one changes nothing.
    job = service.create("tap", [], files={"a": big[:1]})
    with pytest.raises(BadParameter):
        service.set_parameters(job.job_id, [], {"b": big[:1], "c": big[:1]})
    assert list(uploads.find(office.folder(job))) == ["a"]


def test_files_of_all_jobs_together_are_bounded(office: Office) -> None:
    few(office, async_results_mb=1)
    half = {"a": [b"\0" * 600_000]}
    first = office.service.create("tap", [("LANG", "ADQL")], "marie", files=half)
    with pytest.raises(NoSpace, match="files that came with queries which have not"):
        office.service.create("tap", [], "pierre", files=half)
    assert office.store.list(owner="pierre") == ()
    office.open()
    office.until(office.service.run(first.job_id))
    # They go once the end of the job is kept.
    kept = office.folder(first) / folders.UPLOADS
    office.wait(lambda: not kept.exists())
    office.service.create("tap", [], "pierre", files=half)


def few(office: Office, **settings: int) -> None:
    """Let all jobs have few MB for their files; one owner, a quarter."""
    office.service._files._settings = office.home.model_copy(update=settings)


WHAT = {
    "tap": "that came with queries which have not run",
    "spectrum": "that were sent with jobs",
}
each_kind = pytest.mark.parametrize(
    ("task", "name", "content"),
    [
        ("tap", "a", b"\0" * 600_000),
        ("spectrum", "exclusion_file", b"fk5\n" * 150_000),
    ],
    ids=WHAT,
)


def small(office: Office) -> None:
    few(office, async_results_mb=4, upload_mb=1, job_files_mb=4, job_file_mb=1)


@each_kind
def test_files_of_one_account_leave_room_for_others(
    office: Office, task: str, name: str, content: bytes
) -> None:
    small(office)
    files = {name: [content]}
    made = [office.service.create(task, [], "marie", files=files)]
    refusal = (
        f"your files {WHAT[task]} fill the 1 MB that this site gives an account (they "
        "go as these jobs end: start some, or delete some; the operator's limit is "
    )
    with pytest.raises(Forbidden, match=re.escape(refusal)):
        office.service.create(task, [], "marie", files=files)
    (job,) = office.store.list(owner="marie")
    assert job.job_id == made[0].job_id
    # Neither by a later request.
    empty = office.service.create(task, [], "marie")
    with pytest.raises(Forbidden, match=re.escape(refusal)):
        office.service.set_parameters(empty.job_id, [], files)
    assert [sizes(office, job) for job in (*made, empty)] == [[len(content)], []]
    others = ("pierre", None)
    made += [office.service.create(task, [], one, files=files) for one in others]
    office.service.abort(made[0].job_id)
    office.service.create(task, [], "marie", files=files)
    assert [office.service.get(job.job_id).phase for job in made] == [
        Phase.ABORTED,
        Phase.PENDING,
        Phase.PENDING,
    ]


def sizes(office: Office, job: Job) -> list[int]:
    """Return the sizes of the files that came with a job."""
    places = (office.folder(job) / name for name in (folders.UPLOADS, folders.SENT))
    found = [path for place in places for path in place.glob("*")]
    return [path.stat().st_size for path in found if path.suffix != ".name"]


@each_kind
def test_files_of_visitors_make_room_for_each_other(
    office: Office, task: str, name: str, content: bytes
) -> None:
    """A stranger who sends much and starts nothing shuts nobody out."""
    small(office)
    files = {name: [content]}
    empty = office.service.create(task, [])
    made = [office.service.create(task, [], files=files) for _ in range(3)]
    found = [office.service.get(job.job_id) for job in (empty, *made)]
    assert [job.phase for job in found] == [
        Phase.PENDING,
        Phase.ABORTED,
        Phase.ABORTED,
        Phase.PENDING,
    ]
    assert found[1].error is not None
    assert found[1].error.message == (
        "P300 its files made room for those of other visitors, since it was not "
        "started (send it again with PHASE=RUN, or log in)"
    )
    assert [sizes(office, job) for job in made] == [[], [], [len(content)]]


def test_files_of_visitors_that_wait_to_run_stay(office: Office) -> None:
    small(office)
    files = {"a": [b"\0" * 600_000]}
    waiting = office.service.submit("tap", [("QUERY", RUNS)], files=files)
    refusal = (
        "visitors' files that came with queries which have not run fill the 1 MB that "
        "this site gives all without an account together (try again once some of "
        "these jobs have ended, or log in; the operator's limit is async_results_mb)"
    )
    for make in (office.service.create, office.service.submit):
        with pytest.raises(Forbidden, match=re.escape(refusal)):
            make("tap", [], files=files)
    assert [job.job_id for job in office.store.list(owner=None)] == [waiting.job_id]
    office.service.create("tap", [], "marie", files=files)
    office.open()
    office.until(waiting)
    office.wait(lambda: not sizes(office, waiting))
    office.service.create("tap", [], files=files)


ORPHAN = "0b5ff3b6-5d0b-4f61-a1a4-6a3c2ba60d18"
YEARS_S = 1e9


@pytest.mark.parametrize("age_s", [-YEARS_S, 0, YEARS_S])
def test_files_of_jobs_that_were_never_made_go(office: Office, age_s: float) -> None:
    """Whatever the clock said when they came."""
    query = office.home.jobs_path / ORPHAN
    uploads.save(query, {"a": [b"x"]}, most_bytes=10, take=lambda _: None)
    analysis = query.with_name(str(uuid.uuid4()))
    (analysis / folders.SENT).mkdir(parents=True)
    (analysis / folders.SENT / "exclusion_file-0.reg").write_bytes(b"x")
    kept = [
        office.service.create("tap", [], files={"a": [b"x"]}),
        office.service.create("spectrum", [], files={"exclusion_file": [b"fk5"]}),
    ]
    set_back(office, age_s)
    office.open()
    office.wait(lambda: not query.exists())
    office.wait(lambda: not analysis.exists())
    assert [sizes(office, job) for job in kept] == [[1], [3]]


def set_back(office: Office, age_s: float) -> None:
    """Let all folders of jobs be so old by the clock."""
    then = time.time() - age_s
    for folder in office.home.jobs_path.glob("*-*"):
        os.utime(folder, (then, then))


def test_files_of_a_job_that_is_being_made_stay(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock was set ahead since they came: they look old."""
    monkeypatch.setattr(query_desk, "_SWEEP_AGAIN_S", 0.05)
    orphan = office.home.jobs_path / ORPHAN
    has_come, goes_on = threading.Event(), threading.Event()

    def content() -> Iterator[bytes]:
        yield b"x"
        has_come.set()
        assert goes_on.wait(30)

    made: list[Job] = []

    def make() -> None:
        files = {"a": content()}
        made.append(office.service.create("tap", [("QUERY", RUNS)], files=files))
        office.store.release()

    maker = threading.Thread(target=make)
    maker.start()
    assert has_come.wait(30)
    uploads.save(orphan, {"a": [b"x"]}, most_bytes=10, take=lambda _: None)
    set_back(office, YEARS_S)
    desk = office.open()
    # A query that runs to its end: the desk has looked around by then.
    office.run()
    swept_at = desk._sweep_at
    office.wait(lambda: desk._sweep_at > swept_at)
    assert orphan.exists()  # nobody knows whether it is the one
    goes_on.set()
    maker.join(30)
    office.wait(lambda: not orphan.exists())
    assert [sizes(office, job) for job in made] == [[1]]


def test_files_of_a_query_that_has_run_go_after_a_kill(office: Office) -> None:
    """Between the end of the job and that of its files."""
    job = office.service.create("tap", [("QUERY", RUNS)], files={"a": [b"x"]})
    office.store.update(job.job_id, {Phase.PENDING}, {}, to=Phase.COMPLETED)
    office.open()
    office.wait(lambda: not sizes(office, job))
    assert office.service.get(job.job_id).phase is Phase.COMPLETED
