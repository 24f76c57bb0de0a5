"""Word at the end of a job to those who asked for it: by e-mail, or to a webhook.

A job asks with ``NOTIFY=mail`` or ``NOTIFY=webhook``. Where to is never taken from a
request: the address is that of its owner's account, the webhook the operators'.

Before a job gets its final phase, a file of its name is left in an outbox. A thread of
its own sends what is there, so that a mail server that is slow or away holds up no job.
Each notice goes out once; after a kill between sending and forgetting it, twice. What
cannot be sent is tried for some hours, then it is logged and given up.
"""

from __future__ import annotations

import logging
import smtplib
import ssl
import threading
from contextlib import suppress
from email.message import EmailMessage
from email.utils import formatdate
from textwrap import shorten
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import unquote, urlsplit

import httpx

from distiller.core.errors import (
    BadParameter,
    DistillerError,
    NotFound,
    Unreachable,
    UserError,
)
from distiller.core.files import write_text
from distiller.core.times import dali
from distiller.jobs.troubles import Troubles

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from distiller.core.settings import Settings
    from distiller.jobs.store import JobStore, Kind
    from distiller.vo.uws import Job, Pairs

    Way = Literal["mail", "webhook"]

logger = logging.getLogger(__name__)

NOTIFY: Final = "NOTIFY"
WAYS: Final = ("mail", "webhook")
TRIES: Final = 14
"""How often a notice is tried at most; with the pauses below, for four hours."""

_FIRST_S: Final = 5.0
_LONGEST_S: Final = 3600.0
_LOOK_S: Final = 5.0
_TIMEOUT_S: Final = 20.0
_STOP_S: Final = 5.0
_PORTS: Final = {"smtp": 25, "smtps": 465}
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_LASTING: Final = 500
_LONGEST: Final = 300
_LONGEST_LINE: Final = 900
_AGAIN: Final = frozenset({408, 429})
_GOOD: Final = range(200, 300)
_REFUSED: Final = range(400, 500)


def is_notice(name: str) -> bool:
    """Whether a parameter is ours, and not the task's."""
    return name.strip().upper() == NOTIFY


def ways(pairs: Iterable[tuple[str, str]]) -> frozenset[str]:
    """Return how the end of a job is to be told.

    >>> sorted(ways([("notify", "mail, WEBHOOK"), ("obs", "7"), ("NOTIFY", " ")]))
    ['mail', 'webhook']
    """
    words = (w for n, value in pairs if is_notice(n) for w in value.split(","))
    return frozenset(word.strip().lower() for word in words if word.strip())


def without(pairs: Iterable[tuple[str, str]]) -> Pairs:
    """Return the parameters that are the task's."""
    return tuple(pair for pair in pairs if not is_notice(pair[0]))


def check(job: Job, settings: Settings, store: JobStore) -> None:
    """Refuse a notice that could not be sent.

    Raises
    ------
    BadParameter
        Saying why.
    """
    for way in sorted(ways(job.parameters)):
        if way not in WAYS:
            raise BadParameter(NOTIFY, f"{way[:60]!r} is not {' or '.join(WAYS)}")
        if way not in possible(settings):
            name = "smtp_url" if way == "mail" else "webhook_url"
            raise BadParameter(
                NOTIFY,
                f"this site has no {way} for notices",
                hint=f"leave it out; operators set {name}",
            )
        if way == "mail" and (job.owner is None or not store.address(job.owner)):
            whose = "nobody's" if job.owner is None else f"that of {job.owner}"
            raise BadParameter(
                NOTIFY,
                f"the job is {whose}, and there is no e-mail address for it",
                hint="log in with an account that has one, or leave it out",
            )


def possible(settings: Settings) -> frozenset[str]:
    """Return what this site has been given the means for."""
    means = {"mail": settings.smtp_url, "webhook": settings.webhook_url}
    return frozenset(way for way, url in means.items() if url is not None)


class Notifier:
    """Sends the notices of one kind of jobs; that kind's desk has it.

    Parameters
    ----------
    first_s, tries
        The pause after a first failure, each further one twice as long, and how often
        to try.
    """

    def __init__(
        self,
        settings: Settings,
        store: JobStore,
        kind: Kind,
        *,
        first_s: float = _FIRST_S,
        tries: int = TRIES,
    ) -> None:
        self._settings = settings
        self._store = store
        self._kind = kind
        self._outbox = settings.jobs_path / "notices" / kind
        self._possible = possible(settings)
        self._tries = tries
        self._troubles = Troubles(first_s=first_s, longest_s=_LONGEST_S)
        self._look_s = min(_LOOK_S, first_s)
        self._bell = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to send, what is left from before too; no thread where none is sent."""
        if self._possible:
            name = f"{self._kind}-notices"
            self._thread = threading.Thread(target=self._live, name=name, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End; what has not been sent is found again by the next start."""
        self._stopping = True
        self.ring()
        if self._thread is not None:
            self._thread.join(_STOP_S)

    def ring(self) -> None:
        """Tell that there may be something to send."""
        self._bell.set()

    def leave(self, job: Job) -> None:
        """Keep in mind, on disk, that the end of a job is to be told; never fails."""
        for way in ways(job.parameters) & self._possible:
            try:
                write_text(self._outbox / f"{job.job_id}.{way}", "")
            except (OSError, DistillerError) as error:
                logger.warning("no notice of job %s can be sent: %s", job.job_id, error)

    def _live(self) -> None:
        while not self._stopping:
            self._bell.clear()
            try:
                has_more = self._send_all()
                self._store.release()
            except Exception:
                # The edge of the thread: it must outlive a disk that is sick.
                logger.exception("notices cannot be sent at present")
                has_more = True
            # Where nothing is to be told, nothing is looked for.
            self._bell.wait(self._look_s if has_more else None)

    def _send_all(self) -> bool:
        """Send what is due; tell whether there was anything."""
        waiting = list(self._waiting())
        for path in waiting:
            if not (self._stopping or self._troubles.waits(path.name)):
                self._safely_deliver(path)
        return bool(waiting)

    def _waiting(self) -> Iterator[Path]:
        with suppress(OSError):
            for path in sorted(self._outbox.iterdir()):
                if path.suffix[1:] in WAYS and not path.name.startswith("."):
                    yield path

    def _safely_deliver(self, path: Path) -> None:
        try:
            is_done = self._deliver(path)
        except UserError as error:
            # Refused for good: it is not tried again, and the words say all.
            logger.error("notice %s is given up: %s", path.name, error)  # noqa: TRY400
            is_done = True
        except Exception as error:  # noqa: BLE001 - a notice is worth no more than a log
            count = self._troubles.note(path.name, error, f"notice {path.name} waits")
            is_done = count >= self._tries
            if is_done:
                logger.error("notice %s is given up: %s", path.name, error)  # noqa: TRY400
        if is_done:
            self._troubles.over(path.name)
            with suppress(OSError):
                path.unlink()

    def _deliver(self, path: Path) -> bool:
        """Send a notice; False if it is too early."""
        try:
            job = self._store.get(path.stem)
        except NotFound:
            return True  # deleted: nobody wants to know
        if not job.phase.is_final:
            return False
        if path.suffix == ".mail":
            self._mail(job)
        else:
            self._call(job)
        return True

    def _mail(self, job: Job) -> None:
        address = self._store.address(job.owner) if job.owner else None
        if address is None or self._settings.smtp_url is None:
            words = f"there is no address of {job.owner} any more, or no mail server"
            raise NotFound(words)
        message = letter(job, address, self._settings)
        url = self._settings.smtp_url.get_secret_value()
        try:
            _send(url, message)
        except smtplib.SMTPRecipientsRefused as error:
            raise _refusal(*next(iter(error.recipients.values()))) from error
        except smtplib.SMTPDataError as error:
            raise _refusal(error.smtp_code, error.smtp_error) from error
        except smtplib.SMTPException as error:
            raise Unreachable(f"the mail server: {error}") from error
        except OSError as error:
            # Its words name no machine: "Connection refused".
            where = urlsplit(url).hostname
            raise Unreachable(f"the mail server at {where}: {error}") from error

    def _call(self, job: Job) -> None:
        url = self._settings.webhook_url
        if url is None:
            raise NotFound("there is no webhook any more")
        try:
            with httpx.stream(
                "POST",
                url.get_secret_value(),
                json=record(job, self._settings),
                timeout=_TIMEOUT_S,
                follow_redirects=False,
            ) as answer:
                # No more is read: a body without an end would hold up all notices.
                status = answer.status_code
        except httpx.HTTPError as error:
            # Its words do not name the address, which may hold a secret.
            raise Unreachable(f"the webhook: {type(error).__name__}") from error
        if status in _GOOD:
            return
        lasting = status in _REFUSED and status not in _AGAIN
        kind = UserError if lasting else Unreachable
        raise kind(f"the webhook answered {status}")


def record(job: Job, settings: Settings) -> dict[str, Any]:
    """Return what a webhook is told, as JSON has it; instants are DALI's, UTC."""
    return {
        "job_id": job.job_id,
        "task": job.task,
        "owner": job.owner,
        "run_id": job.run_id,
        "phase": job.phase.value,
        "started": dali(job.start_time) if job.start_time else None,
        "ended": dali(job.end_time) if job.end_time else None,
        "error": job.error.message if job.error else None,
        "url": _url(job, settings),
    }


def letter(job: Job, address: str, settings: Settings) -> EmailMessage:
    """Return the e-mail that tells the end of a job."""
    message = EmailMessage()
    # Nothing that a user has typed stands in the headers.
    message["Subject"] = f"{job.phase.value}: {job.task} {job.job_id[:8]}"
    message["From"] = settings.mail_from
    message["To"] = address
    message["Date"] = formatdate()
    # The same each time, so that a mail program knows a notice that came twice.
    message["Message-ID"] = f"<{job.job_id}@{settings.authority}>"
    message["Auto-Submitted"] = "auto-generated"
    name = f"{job.task} ({_short(job.run_id)})" if job.run_id else job.task
    lines = [
        f"Your job {name} has ended: {job.phase.value}.",
        "",
        _url(job, settings),
        "",
        *_about(job),
    ]
    if job.error is not None:
        lines += [job.error.message, ""]
    if job.start_time is not None and job.end_time is not None:
        # A line that began with "From" would come with ">" before it (mbox).
        lines += [f"It ran from {dali(job.start_time)} to {dali(job.end_time)}.", ""]
    lines += [f"{settings.site_title}; the job asked for this with NOTIFY=mail."]
    text = "\n".join(lines)
    # Not every server takes eight bits (RFC 6152).
    message.set_content(text, cte="7bit" if _is_plain(text) else "quoted-printable")
    return message


def _about(job: Job) -> list[str]:
    """Return what tells a job from others of its task: where, or what, of how much."""
    given = {name.strip().lower(): value for name, value in job.parameters}
    place = given.get("target") or " ".join((given.get("ra", ""), given.get("dec", "")))
    runs = {
        run.strip()
        for name, value in job.parameters
        if name.strip().lower() == "obs"
        for run in value.split(",")
    } - {""}
    said = {
        "Target": place,
        "Runs": str(len(runs)) if runs else "",
        "Query": given.get("query", ""),
    }
    lines = [
        f"{name}: {_short(value)}" for name, value in said.items() if value.strip()
    ]
    return [*lines, ""] if lines else []


def _short(text: str) -> str:
    return shorten(text, _LONGEST, placeholder=" ...")


def _is_plain(text: str) -> bool:
    return text.isascii() and max(map(len, text.splitlines())) <= _LONGEST_LINE


def _url(job: Job, settings: Settings) -> str:
    return f"{settings.base_url}/jobs/{job.job_id}/"


def _refusal(code: int, words: bytes | str) -> DistillerError:
    said = words if isinstance(words, str) else words.decode(errors="replace")
    text = f"the mail server says {code} {said}"
    return UserError(text) if code >= _LASTING else Unreachable(text)


def _send(url: str, message: EmailMessage) -> None:
    """Send an e-mail; a password goes to another machine over TLS only.

    Raises
    ------
    smtplib.SMTPException, OSError
        If the server is away, or refuses.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    context = ssl.create_default_context()
    is_near = host in _LOOPBACK
    server: smtplib.SMTP
    if parts.scheme == "smtps":
        server = smtplib.SMTP_SSL(host, port, timeout=_TIMEOUT_S, context=context)
    else:
        server = smtplib.SMTP(host, port, timeout=_TIMEOUT_S)
    with server:
        server.ehlo_or_helo_if_needed()
        if (
            parts.scheme == "smtp"
            and not is_near
            and (parts.password or server.has_extn("starttls"))
        ):
            server.starttls(context=context)
        if parts.password:
            server.login(unquote(parts.username or ""), unquote(parts.password))
        server.send_message(message)
