"""Quick looks of a real home: made, kept, made anew, removed, and never lost."""

from __future__ import annotations

import os
import signal
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.jobs.conftest import wait_for

from distiller.core.errors import Unreachable
from distiller.core.times import now
from distiller.jobs import (
    folders,
    preview_files,
    preview_zygote,
    processes,
    shepherd,
)
from distiller.jobs.engines.local import LocalEngine
from distiller.jobs.preview_files import TRIES, Record
from distiller.jobs.previews import Previews
from distiller.jobs.spec import FILE
from distiller.vo.uws import Phase

from .conftest import each_engine
from .quick_looks import DID, QUICK, REAL, hurry, kept, stamps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.archive import Archive
    from distiller.core.settings import Settings
    from distiller.jobs.preview_files import Dataset
    from distiller.jobs.service import JobService
    from distiller.web.jobs.store import OrmJobStore

pytestmark = pytest.mark.slow

NO_ZYGOTE = ["-c", "raise SystemExit(1)"]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, quick_engine: LocalEngine) -> None:
    hurry(monkeypatch, quick_engine)


class House:
    """Makers of quick looks of one home, and helpers to look at what they made."""

    def __init__(
        self,
        home: Settings,
        store: OrmJobStore,
        archive: Archive,
        others: set[int],
    ) -> None:
        self.home = home
        self.store = store
        self.archive = archive
        self.others = others
        self.makers: list[Previews] = []

    def maker(self, *, archive: Any = None, **given: Any) -> Previews:
        """Make a maker that looks often; it is not started."""
        whose = archive or self.archive
        made = Previews(self.home, self.store, whose, look_s=0.1, **given)
        self.makers.append(made)
        return made

    def start(self, **given: Any) -> Previews:
        """Start a maker."""
        made = self.maker(**given)
        made.start()
        return made

    def datasets(self) -> list[Dataset]:
        return preview_files.datasets(self.archive)

    def records(self) -> list[Record | None]:
        return [preview_files.read(self.home, one.name) for one in self.datasets()]

    def names(self) -> list[str]:
        """Return the names of all files that are kept."""
        return kept(self.home)

    def until_all(self) -> list[Record]:
        """Wait until something is known of each dataset."""
        wait_for(lambda: all(self.records()), 60)
        return [record for record in self.records() if record is not None]

    def work(self) -> list[Path]:
        """Return the folders of those under way."""
        return list((self.home.jobs_path / "previews").glob("*"))

    def zygotes(self) -> list[int]:
        """Return the zygotes of this test and their forks."""
        return [
            pid
            for pid in processes.descendants(os.getpid())
            if pid not in self.others
            and b"_zygote" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]


@pytest.fixture
def house(home: Settings, store: OrmJobStore, archive: Archive) -> Iterator[House]:
    """Give a home whose makers end with the test, and all that they started."""
    # The one that is kept from test to test.
    others = set(processes.descendants(os.getpid()))
    made = House(home, store, archive, others)
    yield made
    for maker in made.makers:
        maker.stop()
        maker.leave()
    for folder in made.work():
        left = processes.leftovers(shepherd.mark(folder), folder / folders.LOCK)
        processes.kill(left)


@each_engine
def test_every_dataset_gets_one(house: House) -> None:
    house.start(engine=LocalEngine(program=REAL))
    records = house.until_all()
    assert [record.error for record in records] == [None, None]
    for one, record in zip(house.datasets(), records, strict=True):
        assert record.numbers is not None
        assert record.numbers.events > 1000
        assert record.numbers.simulated
        assert record.numbers.livetime_s is not None
        assert record.numbers.field_radius_deg is not None
        assert record.numbers.label == f"Crab Nebula, run {one.obs_id}"
        picture = preview_files.picture(house.home, one.name).read_bytes()
        assert picture.startswith(b"\x89PNG\r\n")
        assert len(picture) == record.size
        assert len(picture) > 50_000
    # Four files and nothing beside them: no work, no half files.
    assert len(house.names()) == 4
    wait_for(lambda: not house.work())


def test_what_is_there_is_not_made_again(house: House) -> None:
    first = house.start()
    house.until_all()
    first.stop()
    before = stamps(house.home)
    second = house.maker(engine=LocalEngine(program=NO_ZYGOTE))
    assert second.take_lock()
    for _ in range(2):
        second.turn()
        assert second.is_done
    assert stamps(house.home) == before
    # A picture that somebody removed is missed, also by who knew it to be there.
    preview_files.picture(house.home, house.datasets()[0].name).unlink()
    wait_for(lambda: second.turn() and not second.is_done)
    house.until_all()


def test_another_version_of_the_program_makes_them_anew(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.start()
    house.until_all()
    before = set(house.names())
    monkeypatch.setattr(preview_files, "VERSION", "next")
    wait_for(lambda: not before & set(house.names()))
    house.until_all()
    assert len(house.names()) == 4


def test_a_dataset_that_was_taken_out_leaves_nothing(house: House) -> None:
    house.start()
    house.until_all()
    house.archive.remove(DID, note="a test")
    wait_for(lambda: len(house.names()) == 2)


def test_the_maker_gives_way(house: House, service: JobService) -> None:
    pairs = [("obs", "1001"), ("ra", "83.6"), ("dec", "22.0")]
    job = service.submit("count_map", pairs)
    maker = house.maker(engine=LocalEngine(program=REAL))
    assert maker.take_lock()
    for _ in range(3):
        maker.turn()
    # Nobody runs the job that waits: nothing is begun, not even a zygote.
    assert not house.work()
    assert not house.zygotes()
    service.delete(job.job_id)
    maker.turn()
    assert len(house.work()) == 1
    for pid in house.zygotes():
        wait_for(lambda: _priority(pid) in {preview_zygote.NICE, None})  # noqa: B023 - waited for


@pytest.mark.parametrize("phase", [Phase.QUEUED, Phase.EXECUTING])
def test_the_maker_gives_way_for_a_while_only(
    house: House,
    service: JobService,
    store: OrmJobStore,
    monkeypatch: pytest.MonkeyPatch,
    phase: Phase,
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    pairs = [("obs", "1001"), ("ra", "83.6"), ("dec", "22.0")]
    job = service.submit("count_map", pairs)
    if phase is Phase.EXECUTING:
        assert store.update(job.job_id, {Phase.QUEUED}, {}, to=phase)
    maker = house.maker(engine=LocalEngine(program=REAL))
    assert maker.take_lock()
    maker.turn()
    assert not house.work()
    monkeypatch.setattr("distiller.jobs.previews._PATIENCE_S", 0.0)
    maker.turn()
    assert len(house.work()) == 1


def test_the_maker_uses_cores_that_nobody_wants(
    house: House,
    service: JobService,
    store: OrmJobStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    pairs = [("obs", "1001"), ("ra", "83.6"), ("dec", "22.0")]
    job = service.submit("count_map", pairs)
    assert store.update(job.job_id, {Phase.QUEUED}, {}, to=Phase.EXECUTING)
    maker = house.maker(engine=LocalEngine(program=REAL))
    assert maker.take_lock()
    maker.turn()
    assert len(house.work()) == 1


def submitted(service: JobService, obs: str = "1001", task: str = "count_map") -> str:
    """Return a job that waits."""
    pairs = [("obs", obs), ("ra", "83.6"), ("dec", "22.0")]
    return service.submit(task, pairs).job_id


def handed_over(house: House, job_id: str, *, to_slurm: bool) -> None:
    """Leave what is on the disk of a job that an engine has."""
    folder = folders.job_folder(house.home, job_id)
    folder.mkdir(parents=True)
    (folder / FILE).write_text(house.store.spec(job_id))
    if to_slurm:
        (folder / folders.SLURM).write_text("{}")


@pytest.mark.parametrize("phase", [Phase.QUEUED, Phase.EXECUTING])
@pytest.mark.parametrize("is_handed_over", [False, True])
def test_the_maker_does_not_give_way_to_jobs_of_a_batch_system(
    house: House,
    service: JobService,
    store: OrmJobStore,
    monkeypatch: pytest.MonkeyPatch,
    *,
    phase: Phase,
    is_handed_over: bool,
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    # Set for large jobs; those that are there already stay there whatever is set.
    wanted: dict[str, Any] = {} if is_handed_over else {"slurm_from_runs": 2}
    house.home = house.home.model_copy(update=wanted)
    job_id = submitted(service, "1001,1002")
    if is_handed_over:
        handed_over(house, job_id, to_slurm=True)
    if phase is Phase.EXECUTING:
        assert store.update(job_id, {Phase.QUEUED}, {}, to=phase)
    maker = house.maker()
    assert maker.take_lock()
    maker.turn()
    assert len(house.work()) == 1
    assert store.get(job_id).phase is phase


@pytest.mark.parametrize("is_handed_over", [False, True])
def test_the_maker_gives_way_to_jobs_of_this_machine_among_others(
    house: House, service: JobService, *, is_handed_over: bool
) -> None:
    wanted: dict[str, Any] = {"engine": "slurm"}
    if not is_handed_over:
        wanted["engine_by_task"] = {"select_events": "local"}
    house.home = house.home.model_copy(update=wanted)
    submitted(service)
    maker = house.maker()
    assert maker.take_lock()
    here = submitted(service, task="select_events")
    if is_handed_over:
        # By settings that were others then.
        handed_over(house, here, to_slurm=False)
    for _ in range(2):
        maker.turn()
    assert not house.work()
    service.delete(here)
    maker.turn()
    assert len(house.work()) == 1


def _priority(pid: int) -> int | None:
    """Return the priority of a process, None if it has ended."""
    try:
        return os.getpriority(os.PRIO_PROCESS, pid)
    except ProcessLookupError:
        return None


def test_the_zygote_goes_when_there_is_nothing_to_do(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distiller.jobs.previews._IDLE_S", 0.0)
    house.start(engine=LocalEngine(program=[str(QUICK)]))
    house.until_all()
    wait_for(lambda: not house.zygotes())


def test_one_maker_at_a_time(house: House) -> None:
    first, second = house.maker(), house.maker()
    assert not preview_files.is_tended(house.home)
    assert first.take_lock()
    assert preview_files.is_tended(house.home)
    assert not second.take_lock()
    second.start()
    time.sleep(0.3)
    assert not house.work()
    # The second goes on where the first left off.
    first.turn()
    first.leave()
    house.until_all()


def test_an_archive_that_is_away_for_a_while(house: House) -> None:
    class Away:
        away = True

        def rows(self, *words: Any) -> Any:
            if self.away:
                message = "the archive is away"
                raise Unreachable(message)
            return house.archive.rows(*words)

    archive = Away()
    house.start(archive=archive)
    time.sleep(0.5)
    assert not house.names()
    archive.away = False
    house.until_all()


# Kills -----------------------------------------------------------------------


def test_the_work_of_a_maker_that_was_killed_is_not_lost(house: House) -> None:
    # A maker that does nothing more after it has handed one over, as if killed.
    first = house.maker()
    assert first.take_lock()
    first.turn()
    (folder,) = house.work()
    first._lock.close()  # type: ignore[union-attr]  # as the kernel does for it
    house.start()
    records = house.until_all()
    assert [record.tries for record in records] == [1, 1]
    wait_for(lambda: not folder.exists())
    assert len(house.names()) == 4


def test_a_folder_that_nobody_has_begun_with(house: House) -> None:
    first = house.maker(engine=LocalEngine(warm=False))
    one = house.datasets()[0]
    spec = first._specify(one)
    folder = house.home.jobs_path / "previews" / one.name
    folder.mkdir(parents=True)
    # One was killed before it wrote what is to be done, one before it handed it over.
    (folder.parent / "half-made").mkdir()
    (folder / "job.json").write_text(spec.model_dump_json())
    house.start()
    house.until_all()
    wait_for(lambda: not house.work())


def test_kill_of_shepherd_and_zygote(house: House) -> None:
    maker = house.maker(engine=LocalEngine(program=[str(QUICK)]))
    assert maker.take_lock()
    maker.turn()
    (folder,) = house.work()
    for pid in (maker._work.shepherd.pid, *house.zygotes()):  # type: ignore[union-attr]  # it is at work
        os.kill(pid, signal.SIGKILL)
    maker.turn()
    record = preview_files.read(house.home, folder.name)
    if record is not None:  # it may have been quicker than the kill
        assert record.error is None or record.error.startswith("P400 ")
        assert not (record.error and record.is_final)
    maker.leave()
    _hurry(house)
    house.start()
    wait_for(lambda: [r.error for r in house.records() if r] == [None, None], 60)


def _hurry(house: House) -> None:
    """Let the time pass after which what failed is tried again."""
    for one in house.datasets():
        record = preview_files.read(house.home, one.name)
        if record is not None and record.error is not None:
            before = record.model_copy(update={"made": now() - timedelta(days=1)})
            preview_files.write(house.home, one.name, before)


def test_files_that_were_cut_off_or_damaged(house: House) -> None:
    one, other = house.datasets()
    picture = preview_files.picture(house.home, one.name)
    picture.parent.mkdir(parents=True)
    (picture.parent / f".{picture.name}.x1y2").write_bytes(b"half")
    picture.write_bytes(b"without a record")
    damaged = preview_files.picture(house.home, other.name).with_suffix(".json")
    damaged.parent.mkdir(parents=True, exist_ok=True)
    damaged.write_text('{"made": ')
    house.start()
    wait_for(lambda: all(r and r.numbers for r in house.records()), 60)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert len(house.names()) == 4


def test_what_may_pass_is_tried_again_but_not_for_ever() -> None:
    made = now()
    failed = Record(made=made, error="P400 away", tries=1)
    assert not failed.is_due(made + timedelta(seconds=9))
    assert failed.is_due(made + timedelta(seconds=11))
    later = failed.model_copy(update={"tries": 3})
    assert not later.is_due(made + timedelta(seconds=300))
    assert later.is_due(made + timedelta(seconds=400))
    # A clock that was set back does not make it wait for years.
    assert later.is_due(made - timedelta(days=400))
    last = failed.model_copy(update={"tries": TRIES})
    assert last.is_final
    assert not last.is_due(made + timedelta(days=400))
    with pytest.raises(ValueError, match="numbers"):
        Record(made=made)


# Files that change, and commands ---------------------------------------------
