"""The end of a job is told by e-mail and to a webhook, by real servers."""

from __future__ import annotations

import json
import logging
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from tests.support import mail
from tests.support.ports import free_port
from tests.web.jobs.test_store import new

from distiller.core.errors import BadParameter
from distiller.core.rights import Reader
from distiller.core.settings import load_settings
from distiller.jobs.notices import Notifier, letter, ways
from distiller.jobs.service import JobService
from distiller.vo.uws import Phase
from distiller.web import site

from .conftest import PLACE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from distiller.core.settings import Settings
    from distiller.vo.uws import Job
    from distiller.web.jobs.store import OrmJobStore

pytestmark = pytest.mark.slow

SENDER = "archive@example.org"
MARIE = "marie@example.org"
MAIL = (("NOTIFY", "mail"),)


@pytest.fixture
def box() -> Iterator[mail.Mailbox]:
    with mail.serving() as made:
        yield made


@pytest.fixture
def marie(store: OrmJobStore) -> None:
    del store
    get_user_model().objects.create_user("marie", MARIE, "p")
    get_user_model().objects.create_user("pierre", "", "p")


class Hook(list[Any]):
    """What was posted, and with which statuses the next ones are answered."""

    url: str
    statuses: list[int]
    is_endless = False


@contextmanager
def hook(*statuses: int) -> Iterator[Hook]:
    """Run a server that takes JSON."""
    found = Hook()
    found.statuses = [*statuses]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            found.append(json.loads(self.rfile.read(size)))
            self.send_response(found.statuses.pop(0) if found.statuses else 200)
            self.end_headers()
            with suppress(OSError):  # until the client goes
                while found.is_endless:
                    self.wfile.write(b"more ")
                    time.sleep(0.01)

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.url = f"http://127.0.0.1:{server.server_address[1]}/hook?secret=s3cret"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield found
        server.shutdown()


def until(what: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 30
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def posted_time(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds") + "Z"


def with_notices(home: Settings, **more: str) -> Settings:
    return load_settings(home.home, mail_from=SENDER, **more)


def ended(
    store: OrmJobStore, notifier: Notifier, owner: str = "marie", **more: str
) -> Job:
    """Return a job that has asked for an e-mail and has ended."""
    way = more.get("way", "mail")
    job = replace(new(owner), parameters=(("NOTIFY", way),))
    store.create(job)
    notifier.leave(job)
    store.update(job.job_id, {Phase.PENDING}, {}, to=Phase.ABORTED)
    return job


def test_a_job_tells_its_owner(
    yard: Any, store: OrmJobStore, archive: Any, box: mail.Mailbox, marie: None
) -> None:
    del marie
    with hook() as hooked:
        yard.home = with_notices(yard.home, smtp_url=box.url, webhook_url=hooked.url)
        service = JobService(store, archive, yard.home)
        yard.supervisor()
        who = Reader("marie")
        rogue = (("obs", "1001"), *PLACE)
        both = (*rogue, ("kind", "broken"), ("notify", "mail,webhook"))
        job = yard.until(service.submit("rogue", both, who, run_id="night\r\nBcc: x@y"))
        yard.until(service.submit("rogue", rogue, who))
        until(lambda: box.mails and hooked)
    (told,) = box.mails
    assert (told["To"], told["From"]) == (MARIE, SENDER)
    assert told["Subject"] == f"ERROR: rogue {job.job_id[:8]}"
    assert told["Bcc"] is None
    assert told["Message-ID"] == f"<{job.job_id}@org.example>"
    text = told.get_content().replace("\r\n", "\n")
    assert "Your job rogue (night Bcc: x@y) has ended: ERROR.\n" in text
    assert f"http://127.0.0.1:8000/jobs/{job.job_id}/" in text
    assert "seven is not eight" in text
    assert "\nRuns: 1\n" in text
    # No line begins with "From", which mail programs would show as ">From".
    assert f"\nIt ran from {posted_time(job.start_time)} to " in text
    (posted,) = hooked
    assert posted == {
        "job_id": job.job_id,
        "task": "rogue",
        "owner": "marie",
        "run_id": "night\r\nBcc: x@y",
        "phase": "ERROR",
        "started": posted_time(job.start_time),
        "ended": posted_time(job.end_time),
        "error": job.error.message,
        "url": f"http://127.0.0.1:8000/jobs/{job.job_id}/",
    }
    # The other did not ask, and nothing is left to be sent.
    assert not list((yard.home.jobs_path / "notices").glob("*/*.*"))


def test_a_query_tells_its_owner_too(
    office: Any, store: OrmJobStore, archive: Any, box: mail.Mailbox, marie: None
) -> None:
    del marie
    office.home = with_notices(office.home, smtp_url=box.url)
    office.service = JobService(store, archive, office.home)
    office.open()
    job = office.submit(owner="marie", NOTIFY="mail")
    assert office.until(job).phase is Phase.COMPLETED
    until(lambda: box.mails)
    assert box.mails[0]["Subject"] == f"COMPLETED: tap {job.job_id[:8]}"
    assert "\nQuery: SELECT" in box.mails[0].get_content()
    assert "Runs:" not in box.mails[0].get_content()


def test_a_letter_says_which_job_in_seven_bits(home: Settings) -> None:
    """Servers need not take eight (RFC 6152), and what users type may be long."""
    typed = (
        ("OBS", "1001, 1002"),
        ("obs", "1002"),
        ("target", "Große\r\nBcc: x@y " + "M" * 2000),
    )
    job = replace(new("marie"), parameters=typed, run_id="é")
    told = letter(job, MARIE, with_notices(home, smtp_url="smtp://localhost"))
    raw = bytes(told)
    assert raw.isascii()
    assert max(map(len, raw.splitlines())) < 100
    assert told["Bcc"] is None
    text = told.get_content()
    assert "count_map (é) has ended" in text
    assert "\nTarget: Große Bcc: x@y ...\nRuns: 2\n" in text


def test_an_abort_is_told_of_what_was_in_the_queue(
    yard: Any, store: OrmJobStore, archive: Any, box: mail.Mailbox, marie: None
) -> None:
    """And not of what was PENDING: the answer to the abort has told already."""
    del marie
    yard.home = with_notices(yard.home, smtp_url=box.url)
    service = JobService(store, archive, yard.home)
    pairs = (("obs", "1001"), *PLACE, *MAIL)
    never = service.create("rogue", pairs, "marie")
    assert service.abort(never.job_id).phase is Phase.ABORTED
    waiting = service.submit("rogue", pairs, Reader("marie"))
    service.abort(waiting.job_id)
    yard.supervisor()
    yard.until(waiting)
    until(lambda: box.mails)
    (told,) = box.mails
    assert told["Subject"] == f"ABORTED: rogue {waiting.job_id[:8]}"
    assert "aborted by its user before it ran" in told.get_content()
    assert "It ran from" not in told.get_content()


WRONG = [
    ("marie", "pigeon", {}, "NOTIFY: 'pigeon' is not mail or webhook"),
    ("marie", "mail", {}, "NOTIFY: this site has no mail for notices (leave it out"),
    ("marie", "mail,webhook", {"smtp_url": "smtp://localhost"},
     "NOTIFY: this site has no webhook for notices"),
    ("pierre", "mail", {"smtp_url": "smtp://localhost"},
     "NOTIFY: the job is that of pierre, and there is no e-mail address for it"),
    (None, "mail", {"smtp_url": "smtp://localhost"}, "NOTIFY: the job is nobody's"),
]  # fmt: skip


@pytest.mark.parametrize(("owner", "given", "more", "words"), WRONG)
def test_a_notice_that_cannot_be_sent_is_refused(
    home: Settings,
    store: OrmJobStore,
    archive: Any,
    marie: None,
    owner: str | None,
    given: str,
    more: dict[str, str],
    words: str,
) -> None:
    del marie
    service = JobService(store, archive, with_notices(home, **more))
    pairs = (("obs", "1001"), *PLACE, ("Notify", given))
    with pytest.raises(BadParameter) as caught:
        service.submit("count_map", pairs, Reader(owner))
    assert caught.value.text.startswith(words)
    assert not store.list(owner=None, everybody=True)
    made = service.create("count_map", pairs, owner)
    with pytest.raises(BadParameter):
        service.run(made.job_id)
    assert service.get(made.job_id).phase is Phase.PENDING


def test_what_is_sent_is_sent_once_and_after_a_restart(
    home: Settings, store: OrmJobStore, box: mail.Mailbox, marie: None
) -> None:
    del marie
    settings = with_notices(home, smtp_url=box.url)
    first = Notifier(settings, store, "analysis")
    kept = ended(store, first)
    gone = ended(store, first)
    store.delete(gone.job_id)
    for _ in range(2):
        notifier = Notifier(settings, store, "analysis")
        notifier.start()
        until(lambda: not list((home.jobs_path / "notices/analysis").iterdir()))
        notifier.stop()
    (told,) = box.mails
    assert kept.job_id in told["Message-ID"]


def test_a_job_that_has_not_ended_is_not_told(
    home: Settings, store: OrmJobStore, box: mail.Mailbox, marie: None
) -> None:
    """Its desk was killed between the outbox and the final phase."""
    del marie
    notifier = Notifier(
        with_notices(home, smtp_url=box.url), store, "analysis", first_s=0.05
    )
    job = replace(new("marie"), parameters=MAIL)
    store.create(job)
    notifier.leave(job)
    notifier.start()
    time.sleep(0.3)
    assert not box.mails
    store.update(job.job_id, {Phase.PENDING}, {}, to=Phase.ABORTED)
    until(lambda: box.mails)
    notifier.stop()


def test_a_mail_server_that_is_away_is_tried_again(
    home: Settings,
    store: OrmJobStore,
    box: mail.Mailbox,
    marie: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    del marie
    box.answers = ["451 later", "450 later"]
    settings = with_notices(home, smtp_url=box.url)
    notifier = Notifier(settings, store, "analysis", first_s=0.01)
    job = ended(store, notifier)
    notifier.start()
    until(lambda: box.mails)
    notifier.stop()
    assert box.tried == 3
    assert f"notice {job.job_id}.mail waits, and is tried again" in caplog.text


@pytest.mark.parametrize(("answer", "times"), [("550 nobody", 1), ("451 later", 4)])
def test_a_notice_is_given_up_and_logged(
    home: Settings,
    store: OrmJobStore,
    box: mail.Mailbox,
    marie: None,
    caplog: pytest.LogCaptureFixture,
    answer: str,
    times: int,
) -> None:
    del marie
    box.answers = [answer] * 20
    settings = with_notices(home, smtp_url=box.url)
    notifier = Notifier(settings, store, "analysis", first_s=0.01, tries=4)
    job = ended(store, notifier)
    notifier.start()
    until(lambda: not list((home.jobs_path / "notices/analysis").iterdir()))
    notifier.stop()
    assert box.tried == times
    words = f"notice {job.job_id}.mail is given up: the mail server says {answer}"
    assert words in caplog.text
    assert "Traceback" not in caplog.text
    assert not box.mails


def test_a_mail_server_that_is_not_there_is_named(
    home: Settings,
    store: OrmJobStore,
    marie: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    del marie
    url = f"smtp://u:s3cret@127.0.0.1:{free_port()}"
    notifier = Notifier(
        with_notices(home, smtp_url=url), store, "analysis", first_s=0.01, tries=2
    )
    ended(store, notifier)
    notifier.start()
    until(lambda: not list((home.jobs_path / "notices/analysis").iterdir()))
    notifier.stop()
    assert "the mail server at 127.0.0.1: [Errno 111]" in caplog.text
    assert "s3cret" not in caplog.text


def test_the_body_of_a_webhook_is_not_awaited(
    home: Settings, store: OrmJobStore
) -> None:
    """One that never ends held up all notices that came after it."""
    with hook() as hooked:
        hooked.is_endless = True
        settings = with_notices(home, webhook_url=hooked.url)
        notifier = Notifier(settings, store, "analysis", first_s=0.05)
        ended(store, notifier, way="webhook")
        notifier.start()
        until(lambda: not list((home.jobs_path / "notices/analysis").iterdir()))
        notifier.stop()
    assert len(hooked) == 1


@pytest.mark.parametrize(("status", "times"), [(503, 2), (404, 1), (302, 4)])
def test_a_webhook_that_does_not_take_it(
    home: Settings,
    store: OrmJobStore,
    caplog: pytest.LogCaptureFixture,
    status: int,
    times: int,
) -> None:
    """One that is busy or has moved is asked again; one that is not there is not."""
    with hook(*[status] * (1 if status == 503 else 9)) as hooked:
        settings = with_notices(home, webhook_url=hooked.url)
        notifier = Notifier(settings, store, "analysis", first_s=0.01, tries=4)
        ended(store, notifier, way="webhook")
        with caplog.at_level(logging.WARNING):
            notifier.start()
            until(lambda: not list((home.jobs_path / "notices/analysis").iterdir()))
            notifier.stop()
    assert len(hooked) == times
    assert "s3cret" not in caplog.text


def test_a_full_disk_loses_the_notice_and_no_job(
    yard: Any, store: OrmJobStore, archive: Any, box: mail.Mailbox, marie: None
) -> None:
    del marie
    yard.home = with_notices(yard.home, smtp_url=box.url)
    outbox = yard.home.jobs_path / "notices"
    outbox.mkdir(parents=True)
    (outbox / "analysis").write_text("in the way")
    service = JobService(store, archive, yard.home)
    yard.supervisor()
    pairs = (("obs", "1001"), *PLACE, *MAIL)
    job = yard.until(service.submit("rogue", pairs, Reader("marie")))
    assert job.phase is Phase.COMPLETED
    assert not box.mails


def test_the_form_has_a_box_for_who_has_an_address(
    home: Settings, store: OrmJobStore, archive: Any, box: mail.Mailbox, marie: None
) -> None:
    del marie
    settings = with_notices(home, smtp_url=box.url)
    service = JobService(store, archive, settings)
    site.install(site.Site(settings=settings, archive=archive, jobs=service))
    try:
        client = Client()
        place = "/jobs/new/count_map/?obs=1001"
        assert 'name="NOTIFY"' not in client.get(place).content.decode()
        client.login(username="pierre", password="p")  # noqa: S106
        assert 'name="NOTIFY"' not in client.get(place).content.decode()
        client.login(username="marie", password="p")  # noqa: S106
        shown = client.get(place).content.decode()
        assert 'name="NOTIFY" value="mail">' in shown
        assert f"Send an e-mail to {MARIE} when it has ended" in shown
        ticked = client.get(f"{place}&NOTIFY=mail").content.decode()
        assert 'name="NOTIFY" value="mail" checked>' in ticked
        sent = {"obs": "1001", "ra": "83.6", "dec": "22.0", "NOTIFY": "mail"}
        answer = client.post("/jobs/new/count_map/", sent)
        assert answer.status_code == 302
        (job,) = service.list(owner="marie")
        assert (job.phase, job.parameters[-1]) == (Phase.QUEUED, ("NOTIFY", "mail"))
        assert 'value="webhook"' not in shown
        wrong = client.post("/jobs/new/count_map/", {**sent, "NOTIFY": "pigeon"})
        assert wrong.status_code == 400
        assert "is not mail or webhook" in wrong.content.decode()
    finally:
        site.install(None)


def test_the_form_has_a_box_for_the_webhook(
    home: Settings, store: OrmJobStore, archive: Any, marie: None
) -> None:
    """Without it, who ran a job again from its page lost the wish of that job."""
    del marie
    url = "https://chat.example.org/hooks/s3cret"
    settings = with_notices(home, smtp_url="smtp://localhost", webhook_url=url)
    service = JobService(store, archive, settings)
    site.install(site.Site(settings=settings, archive=archive, jobs=service))
    try:
        client = Client()
        place = "/jobs/new/count_map/?obs=1001"
        shown = client.get(place).content.decode()
        assert 'name="NOTIFY" value="webhook">' in shown
        assert "s3cret" not in shown
        ticked = client.get(f"{place}&NOTIFY=mail,webhook").content.decode()
        assert 'name="NOTIFY" value="webhook" checked>' in ticked
        client.login(username="marie", password="p")  # noqa: S106
        sent = {"obs": "1001", "ra": "83.6", "dec": "22.0"}
        both = {**sent, "NOTIFY": ["mail", "webhook"]}
        assert client.post("/jobs/new/count_map/", both).status_code == 302
        (job,) = service.list(owner="marie")
        assert ways(job.parameters) == {"mail", "webhook"}
    finally:
        site.install(None)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"smtp_url": "mail.example.org"},
            "it is no URL as smtp://host.example.org is",
        ),
        ({"webhook_url": "file:///etc"}, "it is no URL as https://host.example.org is"),
        (
            {"smtp_url": "smtp://u:s3cret@h", "mail_from": ""},
            "settings: mail_from must be an e-mail address where smtp_url is set (m",
        ),
    ],
)
def test_settings_of_notices(home: Settings, given: dict[str, str], words: str) -> None:
    with pytest.raises(BadParameter) as caught:
        load_settings(home.home, **{"mail_from": SENDER, **given})
    assert words in caught.value.text
    assert "Value error" not in caught.value.text
    assert "s3cret" not in caught.value.text
