"""A mail server that keeps what it gets, and may be told to refuse (RFC 5321)."""

from __future__ import annotations

import email
import email.policy
import socketserver
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage

GOOD: Final = "250 good"


@dataclass
class Mailbox:
    """What came, and what is answered to the next ones.

    Attributes
    ----------
    answers
        To RCPT, one for each e-mail to come; then all are taken.
    tried
        How often somebody named a recipient.
    """

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    tried: int = 0

    @property
    def url(self) -> str:
        """Where it is."""
        return f"smtp://127.0.0.1:{self.port}"


@contextmanager
def serving() -> Iterator[Mailbox]:
    """Run a mail server of this machine."""
    box = Mailbox()

    class Handler(socketserver.StreamRequestHandler):
        def say(self, words: str) -> None:
            self.wfile.write(f"{words}\r\n".encode())

        def handle(self) -> None:
            self.say("220 here")
            while word := self.rfile.readline().strip().upper():
                if word.startswith(b"RCPT"):
                    box.tried += 1
                    self.say(box.answers.pop(0) if box.answers else GOOD)
                elif word == b"DATA":
                    self.say("354 go on")
                    lines = list(iter(self.rfile.readline, b".\r\n"))
                    policy = email.policy.default
                    mail = email.message_from_bytes(b"".join(lines), policy=policy)
                    box.mails.append(mail)
                    self.say(GOOD)
                elif word == b"QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say(GOOD)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Handler) as server:
        box.port = int(server.server_address[1])
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield box
        server.shutdown()
