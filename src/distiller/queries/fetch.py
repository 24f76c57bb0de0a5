"""A file fetched by its URL, from public addresses only, within limits.

Whoever may upload by URL could otherwise let this server ask what only it can reach:
its own ports, neighbours, the metadata service of a cloud. So the address that a name
means is looked at, and that same address is connected to; likewise after a redirect.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin, urlsplit

from distiller.core.errors import PassingError, TimedOut, Unreachable, UserError

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from distiller.core.settings import Settings
    from distiller.queries.tables import Limits

_BLOCK: Final = 2**16
_REDIRECTS: Final = 5
_OK: Final = 200
_MOVED: Final = frozenset({301, 302, 303, 307, 308})
_SERVERS: Final = 500
_PORTS: Final = {"http": 80, "https": 443}
_FREE_PORTS: Final = 1024
"""From here on no port is one of the system's own services (mail, SSH...)."""
_HEADERS: Final = {
    "User-Agent": "CTA-Data-Distiller",
    "Accept": "*/*",
    "Connection": "close",
}


class Patience:
    """How long the URLs of one request may take together, and who ends it before.

    Parameters
    ----------
    seconds
        From the first question on.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end: float | None = None
        self._lock = threading.Lock()
        self._stopped = False
        self._sock: socket.socket | None = None

    def stop(self) -> None:
        """End what goes on, since nobody waits for it any more; from any thread."""
        with self._lock:
            self._stopped = True
            if self._sock is not None:
                _cut_off(self._sock)

    def holds(self, sock: socket.socket | None) -> None:
        """Note the connection that is asked, None for none."""
        with self._lock:
            self._sock = sock
        self.check()

    def check(self) -> None:
        """Raise Unreachable if it was stopped."""
        if self._stopped:
            raise Unreachable("the tables of the query are not waited for any more")

    def left(self, host: str) -> float:
        """Return the seconds that are left.

        Raises
        ------
        TimedOut
            If none are.
        Unreachable
            If it was stopped.
        """
        self.check()
        now = time.monotonic()
        if self._end is None:
            self._end = now + self._seconds
        rest = self._end - now
        if rest <= 0:
            raise TimedOut(
                f"{host} did not give the table within {self._seconds:g} s",
                hint="send the table itself; the operator's limit for all tables of a "
                "query is upload_url_timeout_s",
            )
        return rest


def fetch(
    url: str, into: Any, settings: Settings, limits: Limits, left: Patience
) -> None:
    """Write what a URL gives into a file.

    Raises
    ------
    UserError
        If the URL is wrong, is of an address that is not asked, or gives no file, or
        too large a one.
    Unreachable, TimedOut
        If its server does not answer, or not in time, or nobody waits any more.
    """
    for _ in range(_REDIRECTS + 1):
        moved = _ask(url, into, settings, limits, left)
        if moved is None:
            return
        url = urljoin(url, moved)
    raise UserError(f"{url} is moved on and on")


def _ask(
    url: str, into: Any, settings: Settings, limits: Limits, left: Patience
) -> str | None:
    """Ask once; return where else it is, None if it was written."""
    parts, host, port = _taken_apart(url)
    address = _address(host, port, settings)
    sock = _connected(host, address, left, secure=parts.scheme == "https")
    # A server that sends a byte now and then never lets a time of its own run out.
    timer: threading.Timer | None = None
    connection = http.client.HTTPConnection(host, port)
    connection.default_port = _PORTS[parts.scheme]  # for the header Host
    connection.sock = sock
    try:
        left.holds(sock)
        timer = threading.Timer(left.left(host), _cut_off, [sock])
        timer.start()
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", path, headers=_HEADERS)
        answer = connection.getresponse()
        if answer.status in _MOVED and (moved := answer.getheader("Location")):
            return moved
        if answer.status != _OK:
            said = f"{host} answered {answer.status} {answer.reason}"
            if answer.status >= _SERVERS:
                raise Unreachable(said, hint="try again, or send the table itself")
            raise UserError(said, hint=f"is {url} right, and public?")
        _copy(answer, into, limits)
        left.left(host)
    except (OSError, http.client.HTTPException, ValueError) as error:
        left.left(host)
        said = str(error) or type(error).__name__
        raise Unreachable(
            f"{host} cannot be asked: {said}", hint="or send the table itself"
        ) from error
    finally:
        if timer is not None:
            timer.cancel()
        with contextlib.suppress(Unreachable):
            left.holds(None)
        connection.close()
        sock.close()
    return None


def _cut_off(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it may have ended meanwhile
        # Not that of an SSLSocket, which is not for another thread.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _copy(answer: http.client.HTTPResponse, into: Any, limits: Limits) -> None:
    said = answer.getheader("Content-Length")
    limits.check_size(int(said or 0))
    size = 0
    while block := answer.read1(_BLOCK):
        size += len(block)
        limits.check_size(size)
        into.write(block)
    if said is not None and size < int(said):
        raise http.client.IncompleteRead(b"", int(said) - size)


def _taken_apart(url: str) -> tuple[SplitResult, str, int]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UserError(f"{url!r} is no URL: {error}") from error
    plain = url.isascii() and url.isprintable() and " " not in url
    if parts.scheme not in _PORTS or not host or not plain:
        raise UserError(
            f"{url!r} cannot be fetched", hint="http:// and https:// can, escaped"
        )
    if "@" in parts.netloc:
        raise UserError(
            "the URL has a user or password in it", hint="send the table itself"
        )
    port = _PORTS[parts.scheme] if port is None else port
    if port not in _PORTS.values() and port < _FREE_PORTS:
        raise UserError(
            f"port {port} is not asked",
            hint=f"80, 443 and those from {_FREE_PORTS} are; or send the table itself",
        )
    return parts, host, port


def _address(host: str, port: int, settings: Settings) -> tuple[Any, ...]:
    """Return family and address to connect to.

    Raises
    ------
    UserError
        If one of those that the name means is not to be asked.
    """
    found = _found(host, port)
    if not settings.upload_url_private:
        for family, *_, address in found:
            if not is_public(str(address[0])) or _is_own(family, address, settings):
                raise UserError(
                    f"{host} is an address of this machine or of a private network, "
                    "which is not asked",
                    hint="send the table itself",
                )
    family, *_, address = found[0]
    return family, address


def _found(host: str, port: int) -> list[tuple[Any, ...]]:
    try:
        return [*socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError) as error:
        raise UserError(f"there is no host {host}", hint="is the URL right?") from error


_GLOBAL: Final = ipaddress.IPv6Network("2000::/3")
"""All that was ever given out; Python takes what it does not know for global."""
_SPECIAL: Final = tuple(
    ipaddress.IPv6Network(n) for n in ("2001::/23", "2001:db8::/32", "3fff::/20")
)
"""Of that: protocols (Teredo, ORCHID...), and documents."""


def is_public(address: str) -> bool:
    """Tell whether an address is one of the public network.

    >>> [is_public(a) for a in ("8.8.8.8", "127.0.0.1", "169.254.169.254", "::1")]
    [True, False, False, False]
    >>> [is_public(a) for a in ("::ffff:10.0.0.1", "64:ff9b::7f00:1", "fe80::1%eth0")]
    [False, False, False]
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if inner is not None:
            return is_public(str(inner))
        if found not in _GLOBAL or any(found in special for special in _SPECIAL):
            return False
    return found.is_global and not found.is_multicast


def _is_own(family: int, address: tuple[Any, ...], settings: Settings) -> bool:
    """Tell whether an address is of this machine, or of what stands before it."""
    host = urlsplit(settings.base_url).hostname or ""
    with contextlib.suppress(UserError):
        if address[0] in {place[0] for *_, place in _found(host, 0)}:
            return True
    # Only an address of one's own can be listened at, whatever its interface.
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind((address[0], 0, *address[2:]))
        except OSError:
            return False
    return True


def _connected(
    host: str, address: tuple[Any, ...], left: Patience, *, secure: bool
) -> socket.socket:
    """Return a connection to that very address; ``host`` must be whom it answers as."""
    family, place = address
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        left.holds(sock)
        sock.settimeout(left.left(host))
        sock.connect(place)
        if secure:
            sock = ssl.create_default_context().wrap_socket(sock, server_hostname=host)
    except PassingError:
        sock.close()
        raise
    except OSError as error:
        sock.close()
        left.left(host)
        said = error.strerror or str(error)
        raise Unreachable(
            f"{host} cannot be reached: {said}", hint="or send the table itself"
        ) from error
    return sock
