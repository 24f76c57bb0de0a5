"""What users may do to a job, and when; nothing runs here."""

from __future__ import annotations

import asyncio
import fcntl
import threading
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from asgiref.sync import sync_to_async

from distiller.analysis.parameters import InvalidParameters
from distiller.core.errors import (
    BadParameter,
    Forbidden,
    IllegalState,
    NotFound,
    Unreachable,
)
from distiller.core.rights import NOBODY, Reader
from distiller.core.times import now
from distiller.jobs import presence
from distiller.jobs.service import JobService
from distiller.jobs.spec import JobSpec
from distiller.vo.uws import Phase

if TYPE_CHECKING:
    from distiller.core.settings import Settings
    from distiller.vo.uws import Job
    from distiller.web.jobs.store import OrmJobStore

OBS = ("obs", "1001")
PLACE = (("ra", "83.633"), ("dec", "22.014"))
DID = "ivo://org.example/sim?1001"


def ran(service: JobService, *pairs: tuple[str, str], owner: str | None = None) -> Job:
    return service.run(service.create("count_map", pairs, owner=owner).job_id)


def test_a_new_job_is_pending_and_its_parameters_are_not_checked(
    service: JobService, home: Settings
) -> None:
    job = service.create("count_map", [("nonsense", "1")], "marie", run_id="r")
    assert job.phase is Phase.PENDING
    assert job.run_id == "r"
    assert job.execution_duration_s == home.job_duration_s
    assert job.destruction == job.creation_time + timedelta(days=home.job_keep_days)
    assert service.get(job.job_id) == job


def test_run_stores_all_that_the_job_needs(
    service: JobService, store: OrmJobStore
) -> None:
    job = ran(service, OBS, ("obs", DID), *PLACE, ("e_min", "0.5"), owner="marie")
    assert job.phase is Phase.QUEUED
    spec = JobSpec.model_validate_json(store.spec(job.job_id))
    # obs_id and DID of the same run are one input.
    (only,) = spec.inputs
    assert only.did == DID
    assert only.path.is_file()
    assert only.simulated
    assert len(only.checksum) == 64
    assert spec.parameters["e_min"] == pytest.approx(0.5)
    assert spec.owner == "marie"
    assert spec.heritage.collection == "sim"
    assert spec.heritage.rights == "public"


def test_target_is_resolved_before_the_run(
    service: JobService, store: OrmJobStore
) -> None:
    job = ran(service, OBS, ("target", "Crab"))
    spec = JobSpec.model_validate_json(store.spec(job.job_id))
    assert (spec.parameters["ra"], spec.parameters["dec"]) == (83.633, 22.014)
    assert spec.parameters["target"] == "Crab"


FIND = "find runs on the search page or with ADQL"
REFUSED = [
    (
        (OBS, ("target", "Vulcan")),
        "U300 target: no source is called 'Vulcan' (did you mean Crab?)",
    ),
    (
        (("obs", "1001,77,78"), *PLACE),
        "U300 obs: not in the archive: 77, 78 (find runs on the search page",
    ),
    (
        (("obs", "77"), ("target", "Vulcan")),
        f"U100 obs: not in the archive: 77 ({FIND}); target: no source is called",
    ),
    ((OBS, *PLACE, ("e_mni", "1")), "U100 e_mni: no such parameter; did you mean e_m"),
    (PLACE, "U100 obs: is required (parameters of count_map)"),
]


@pytest.mark.parametrize(("pairs", "message"), REFUSED)
def test_wrong_parameters_make_an_error_when_run(
    service: JobService, pairs: tuple[tuple[str, str], ...], message: str
) -> None:
    job = ran(service, *pairs)
    assert job.phase is Phase.ERROR
    assert job.error is not None
    assert job.error.message.startswith(message)
    assert job.error.type == "fatal"
    assert job.end_time is not None


@pytest.mark.parametrize(("pairs", "message"), REFUSED)
def test_forms_can_ask_before(
    service: JobService, pairs: tuple[tuple[str, str], ...], message: str
) -> None:
    with pytest.raises((InvalidParameters, NotFound)) as caught:
        service.check("count_map", pairs)
    assert f"{caught.value.code} {caught.value.text}".startswith(message)
    assert service.list(owner=None) == ()


def test_an_obs_id_of_several_collections_lists_the_dids(
    service: JobService, archive: Any
) -> None:
    from distiller.core.bundle import Bundle, Row  # noqa: PLC0415 - only here

    other: Row = {"collection_id": "other", "name": "other"}
    product: Row = {
        "product_id": "p", "publisher_did": "ivo://org.example/other?1001",
        "obs_id": "1001", "collection_id": "other", "data_level": "DL3",
        "product_type": "event", "rights": "public",
    }  # fmt: skip
    rows: dict[str, tuple[Row, ...]] = {
        "cta.collection": (other,),
        "cta.product": (product,),
    }
    archive.store(Bundle("ivo://org.example/other?1001", "1", rows))
    job = ran(service, OBS, *PLACE)
    assert job.error is not None
    assert job.error.message == (
        "U100 obs: 1001 stands in several collections: "
        "ivo://org.example/other?1001, ivo://org.example/sim?1001 "
        "(name the one you mean by its DID)"
    )
    assert ran(service, ("obs", DID), *PLACE).phase is Phase.QUEUED


def test_proprietary_runs_are_for_their_owner(
    service: JobService, archive: Any, home: Settings
) -> None:
    from distiller.core.bundle import Bundle, Row  # noqa: PLC0415 - only here

    did = "ivo://org.example/secret?9"
    rows: dict[str, tuple[Row, ...]] = {
        "cta.collection": ({"collection_id": "s", "name": "secret"},),
        "cta.product": (
            {
                "product_id": "q", "publisher_did": did, "obs_id": "9",
                "collection_id": "s", "data_level": "DL3", "product_type": "event",
                "rights": "proprietary", "owner": "marie", "access_group": "hess",
            },
        ),
        "cta.product_file": (
            {
                "file_id": "f", "product_id": "q", "role": "events", "name": "e.fits",
                "path": str(home.home / "e.fits"), "media_type": "application/fits",
                "size": 1, "checksum": "c",
            },
        ),
    }  # fmt: skip
    archive.store(Bundle(did, "1", rows))
    job = ran(service, ("obs", "9"), *PLACE)
    assert job.error is not None
    assert job.error.message == (
        f"U400 obs: proprietary and not yours to use: {did} "
        "(log in as its owner or with its group, or choose other runs)"
    )
    assert ran(service, ("obs", "9"), *PLACE, owner="pierre").phase is Phase.ERROR
    mine = ran(service, ("obs", f"9,{DID}"), *PLACE, owner="marie")
    assert mine.phase is Phase.QUEUED
    # The same rule as for downloads: groups and administrators too.
    pairs = (("obs", "9"), *PLACE)
    member = Reader("pierre", groups=frozenset({"hess"}))
    chief = Reader("chief", is_staff=True)
    for who in (member, chief):
        assert service.submit("count_map", pairs, who).phase is Phase.QUEUED
        service.check("count_map", pairs, who)
    with pytest.raises(Forbidden, match="not yours to use"):
        service.check("count_map", pairs, NOBODY)
    # What is made is the owner's: who runs it for others lends them no rights.
    for owner in ("pierre", None):
        made = service.create("count_map", pairs, owner=owner)
        assert service.run(made.job_id, chief).phase is Phase.ERROR


def test_a_product_takes_over_the_strictest_rights() -> None:
    from distiller.jobs import inputs  # noqa: PLC0415 - only here

    moment = datetime(2026, 1, 1)
    base = {
        "collection": "c", "collection_id": "c", "rights": "public",
        "release_date": None, "owner": None, "access_group": None, "facility_name": "H",
        "instrument_name": None, "target_name": "Crab",
    }  # fmt: skip
    soon = {
        **base, "rights": "proprietary", "release_date": datetime(2027, 1, 1),
        "access_group": "a", "facility_name": "V",
    }  # fmt: skip
    later = {**soon, "release_date": datetime(2028, 1, 1), "access_group": "b"}
    never = {**soon, "release_date": None}
    past = {**soon, "release_date": datetime(2025, 1, 1)}
    assert inputs._heritage([base, past], moment).rights == "public"
    mixed = inputs._heritage([base, soon], moment)
    assert (mixed.rights, mixed.access_group) == ("proprietary", "a")
    assert mixed.facility_name == "H, V"
    both = inputs._heritage([soon, later], moment)
    assert (both.release_date, both.access_group) == (datetime(2028, 1, 1), None)
    assert inputs._heritage([later, never], moment).release_date is None


def test_only_pending_jobs_take_parameters_and_they_accumulate(
    service: JobService,
) -> None:
    job = service.create("count_map", [OBS])
    job = service.set_parameters(job.job_id, PLACE)
    assert job.parameters == (OBS, *PLACE)
    service.run(job.job_id)
    with pytest.raises(IllegalState, match="is QUEUED and cannot take parameters"):
        service.set_parameters(job.job_id, [("e_min", "1")])


def test_a_job_runs_once(service: JobService) -> None:
    job = ran(service, OBS, *PLACE)
    with pytest.raises(IllegalState, match="is QUEUED and cannot run"):
        service.run(job.job_id)


def test_aborting_a_pending_job_ends_it_at_once(service: JobService) -> None:
    job = service.create("count_map", [OBS, *PLACE])
    job = service.abort(job.job_id)
    assert job.phase is Phase.ABORTED
    assert job.error is not None
    assert job.error.message == "aborted by its user before it ran"
    with pytest.raises(IllegalState, match="is ABORTED and cannot be aborted"):
        service.abort(job.job_id)
    with pytest.raises(IllegalState, match="is ABORTED and cannot run"):
        service.run(job.job_id)


def test_times_are_kept_within_the_settings(
    service: JobService, home: Settings
) -> None:
    job = service.create("count_map", [])
    assert service.set_duration(job.job_id, 5).execution_duration_s == 5
    longest = home.job_duration_max_s
    assert service.set_duration(job.job_id, 0).execution_duration_s == longest
    assert service.set_duration(job.job_id, 10**6).execution_duration_s == longest
    with pytest.raises(BadParameter, match="less than 0"):
        service.set_duration(job.job_id, -1)
    far = service.set_destruction(job.job_id, datetime(2999, 1, 1)).destruction
    assert far is not None
    assert far <= now() + timedelta(days=home.job_keep_days)


def test_submitting_is_one_step(service: JobService, store: OrmJobStore) -> None:
    heard: list[str] = []
    with store.changes.listening(heard.append):
        good = service.submit("count_map", [OBS, *PLACE], Reader("marie"), "r")
        bad = service.submit("count_map", [OBS], Reader("marie"))
    assert heard == [good.job_id, bad.job_id]
    assert service.get(good.job_id) == good
    assert (good.phase, good.owner, good.run_id) == (Phase.QUEUED, "marie", "r")
    assert JobSpec.model_validate_json(store.spec(good.job_id)).owner == "marie"
    assert service.get(bad.job_id) == bad
    assert bad.error is not None
    assert "no centre" in bad.error.message


def test_parameters_of_many_at_once_are_all_kept(
    service: JobService, store: OrmJobStore
) -> None:
    for _ in range(3):
        job = service.create("count_map", [OBS])
        gate = threading.Barrier(8)

        def add(number: int, job_id: str = job.job_id, gate: Any = gate) -> None:
            gate.wait()
            service.set_parameters(job_id, [("obs", str(number))])
            store.release()

        threads = [threading.Thread(target=add, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = service.get(job.job_id).parameters
        assert sorted(found) == sorted([OBS, *(("obs", str(n)) for n in range(8))])


def test_what_is_listed_is_what_runs(
    store: OrmJobStore, archive: Any, home: Settings
) -> None:
    added: list[str] = []

    def position(name: str) -> tuple[float, float]:
        # Somebody adds a parameter while the target is being looked up.
        if not added:
            added.append(name)
            service.set_parameters(job.job_id, [("e_min", "3")])
        return 83.633, 22.014

    service = JobService(store, archive, home, resolver=position)
    job = service.create("count_map", [OBS, ("target", "Crab")])
    queued = service.run(job.job_id)
    assert queued.phase is Phase.QUEUED
    assert ("e_min", "3") in queued.parameters
    spec = JobSpec.model_validate_json(store.spec(job.job_id))
    assert spec.parameters["e_min"] == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("Crab", None),
        ("my field 7", None),
        ("asleep", None),
        (
            "M 31",
            (
                "U100 target: M 31 is at ra 10.6847 dec 41.2690, 63.2 deg from the ra "
                "and dec that are given; leave out one or the other, or write a label "
                "that is no other source (parameters of count_map)"
            ),
        ),
    ],
)
def test_a_label_is_not_the_name_of_another_place(
    store: OrmJobStore,
    archive: Any,
    home: Settings,
    target: str,
    message: str | None,
) -> None:
    def position(name: str) -> tuple[float, float]:
        if name == "asleep":
            raise Unreachable("Sesame sleeps")
        if name == "M 31":
            return 10.6847, 41.269
        if name != "Crab":
            raise NotFound("who?")
        return 83.6331, 22.0145

    service = JobService(store, archive, home, resolver=position)
    job = service.submit("count_map", [OBS, *PLACE, ("target", target)])
    if message is None:
        spec = JobSpec.model_validate_json(store.spec(job.job_id))
        assert (spec.parameters["ra"], spec.parameters["target"]) == (83.633, target)
    else:
        assert job.error is not None
        assert job.error.message == message


def test_a_resolver_that_does_not_answer_is_passing(
    store: OrmJobStore, archive: Any, home: Settings
) -> None:
    def position(name: str) -> tuple[float, float]:
        raise Unreachable(f"{name!r} was not found: Sesame sleeps", hint="try again")

    service = JobService(store, archive, home, resolver=position)
    job = service.submit("count_map", [OBS, ("target", "Vulcan")])
    assert job.error is not None
    assert job.error.type == "transient"
    assert job.error.message == (
        "P400 target: 'Vulcan' was not found: Sesame sleeps (try again)"
    )


def test_who_may_visit(service: JobService) -> None:
    marie = service.create("count_map", [], owner="marie").job_id
    nobodys = service.create("count_map", []).job_id
    for who in (Reader("marie"), Reader("chief", is_staff=True)):
        assert service.visit(marie, who).owner == "marie"
    for who in (NOBODY, Reader("pierre", groups=frozenset({"marie"}))):
        with pytest.raises(Forbidden, match="belongs to somebody else"):
            service.visit(marie, who)
        assert service.visit(nobodys, who).owner is None


def test_place_in_the_queue(service: JobService) -> None:
    jobs = [service.submit("count_map", [OBS, *PLACE]) for _ in range(3)]
    assert service.place(jobs[0]) == (1, 3)
    assert service.place(jobs[2])[1] == 3


def test_waiting_ends_when_the_server_leaves(service: JobService) -> None:
    job = service.create("count_map", [])

    async def story() -> list[Phase]:
        waiting = [
            asyncio.create_task(service.wait(job.job_id, timeout_s=50))
            for _ in range(20)
        ]
        await asyncio.sleep(0.3)
        assert not any(task.done() for task in waiting)
        service.leave()
        late = service.wait(job.job_id, timeout_s=50)
        return [
            j.phase for j in await asyncio.wait_for(asyncio.gather(*waiting, late), 5)
        ]

    assert asyncio.run(story()) == [Phase.PENDING] * 21


def test_whether_a_runner_is_there(home: Settings) -> None:
    assert not presence.has_runner(home)
    home.jobs_path.mkdir(exist_ok=True)
    with (home.jobs_path / presence.LOCKS["analysis"]).open("w") as lock:
        assert not presence.has_runner(home)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert presence.has_runner(home)
    assert not presence.has_runner(home)


def test_jobs_of_nobody_are_listed_in_the_embedded_default_only(
    service: JobService, store: OrmJobStore, archive: Any, home: Settings
) -> None:
    service.create("count_map", [])
    service.create("count_map", [], owner="marie")
    assert len(service.list(owner=None)) == 1
    assert len(service.list(owner="marie")) == 1
    url = {"database_url": "postgresql://x"}
    production = JobService(store, archive, home.model_copy(update=url))
    assert production.list(owner=None) == ()
    assert len(production.list(owner="marie")) == 1


@pytest.mark.parametrize("name", ["../../etc/passwd", "x", "", "A" * 36])
def test_ids_that_are_none_lead_nowhere(service: JobService, name: str) -> None:
    for what in (service.get, service.delete, service.log_tail, service.run):
        with pytest.raises(NotFound, match="no such job"):
            what(name)


def test_no_result_yet(service: JobService) -> None:
    job = service.create("count_map", [])
    with pytest.raises(NotFound, match="has no result 'product'"):
        service.result_path(job.job_id, "product")


def test_waiting_ends_with_the_change(service: JobService) -> None:
    job = service.create("count_map", [OBS, *PLACE])

    async def story() -> tuple[Phase, float]:
        waiting = asyncio.create_task(service.wait(job.job_id, timeout_s=20))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        began = time.monotonic()
        await sync_to_async(service.abort)(job.job_id)
        return (await waiting).phase, time.monotonic() - began

    phase, took = asyncio.run(story())
    assert phase is Phase.ABORTED
    assert took < 0.5


def test_waiting_ends_in_time_and_at_once_where_there_is_no_point(
    service: JobService,
) -> None:
    job = service.create("count_map", [])

    async def took(**given: Any) -> float:
        began = time.monotonic()
        await service.wait(job.job_id, **given)
        return time.monotonic() - began

    assert 0.4 <= asyncio.run(took(timeout_s=0.5)) < 1.5
    assert asyncio.run(took(timeout_s=30, phase=Phase.QUEUED)) < 0.4
    service.abort(job.job_id)
    assert asyncio.run(took(timeout_s=30)) < 0.4
    assert asyncio.run(took(timeout_s=30, phase=Phase.ABORTED)) < 0.4


def test_jobs_of_nobody_are_listed_where_only_this_machine_is_served(
    store: OrmJobStore, archive: Any, home: Settings
) -> None:
    for url, count in (("http://127.0.0.1:8000", 1), ("https://archive.org", 0)):
        settings = home.model_copy(update={"base_url": url})
        service = JobService(store, archive, settings)
        if count:
            service.create("count_map", ())
        assert len(service.list(owner=None)) == count
