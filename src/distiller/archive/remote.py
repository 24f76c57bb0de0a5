"""The archive of a home that a server has open, through its control socket.

HTTP over a Unix socket of mode 0600: who may open the socket owns the home.

=====================  ==========================  ==========================
request                body                        answer
=====================  ==========================  ==========================
GET /health                                        ``{"place", ...}``
POST /bundle           a bundle (JSON)             ``{"outcome": "added"}``
POST /bundles          ``{"added", "cleared"}``,   ``{"outcomes": [...]}``
                       then one bundle per line
GET /stored            ``?collection=``            ``{did: {checksum, ...}}``
POST /remove           ``{"publisher_did": ...,    ``{"removed": true}``
                       "note": null}``
POST /unused           ``{}``                      ``{"removed": 2}``
GET /refusals          ``?collection=``            ``{"refusals": [...]}``
POST /refusals         ``{"added", "cleared"}``    ``{}``
GET /user_tables                                   ``{"tables": [...]}``
POST /user_tables/drop ``{"owner", "name"}``       ``{"removed": true}``
POST /query            ``{"adql": ...}``           the document in frames
GET /check                                         ``{"findings": [...]}``
GET /files                                         one file per line
POST /rows             ``{"sql", "params"}``       ``{"rows": [...]}``
=====================  ==========================  ==========================

A frame is its length, a line end and so many bytes. One of length 0 comes last, with
``{"error": null, "overflow": null}`` behind it: what ended the document before its end,
and that rows were left out.

An error is ``{"code", "message", "hint", "kind"}`` with kind user, passing or internal.
"""

from __future__ import annotations

import json
import socket
import ssl
from datetime import datetime
from typing import TYPE_CHECKING, Any

import httpx

from distiller.archive.user_tables import UserTable
from distiller.core import errors
from distiller.core.bundle import Stored, unpack
from distiller.core.errors import DistillerError, InternalError, Unreachable
from distiller.core.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Self

    from distiller.archive.protocol import Outcome
    from distiller.core.bundle import Bundle

FRAMED = "application/x-distiller-frames"
"""Media type of a document in frames."""

_PATIENCE_S = 300.0
_GREETING_S = 2.0
_OK = 200


class RemoteArchive:
    """Stores, removes and asks through the server of a home."""

    def __init__(self, socket_path: Path) -> None:
        self._socket_path = socket_path
        self._client = httpx.Client(
            # A socket of this machine needs no certificates, and reading all of those
            # that others need takes time.
            transport=httpx.HTTPTransport(
                uds=str(socket_path), verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            ),
            base_url="http://control",
            timeout=_PATIENCE_S,
        )

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def answers(self) -> bool:
        """Tell whether a server answers at the socket."""
        return self.served() is not None

    def served(self) -> str | None:
        """Return where the archive of the server is; None if no server answers.

        One of an older version does not say, and an empty text stands for that.
        """
        if not self._is_listening():
            return None
        try:
            answer = self._client.get("/health", timeout=_GREETING_S)
        except httpx.HTTPError:
            return None
        return answer.json().get("place", "") if answer.status_code == _OK else None

    @property
    def place(self) -> str:
        """Where the archive of the server is; see `Archive.place`."""
        return self.served() or "the archive of the server"

    def _is_listening(self) -> bool:
        """Tell whether somebody listens; httpx leaks a socket where nobody does."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(_GREETING_S)
            try:
                probe.connect(str(self._socket_path))
            except OSError:
                return False
        return True

    def store(self, bundle: Bundle) -> Outcome:
        """Take in one dataset; see `Archive.store`."""
        outcome: Outcome = self._post("/bundle", bundle.to_json())["outcome"]
        return outcome

    def store_many(
        self,
        bundles: Sequence[Bundle],
        refused: Sequence[Refusal] = (),
        cleared: Sequence[str] = (),
    ) -> tuple[Outcome, ...]:
        """Take in several datasets in one transaction; see `Archive.store_many`."""
        first = json.dumps(_refusals(refused, cleared))
        body = "\n".join([first, *(bundle.to_json() for bundle in bundles)])
        return tuple(self._post("/bundles", body)["outcomes"])

    def remove(self, publisher_did: str, *, note: str | None = None) -> bool:
        """Take a dataset out; False where there is none."""
        asked = {"publisher_did": publisher_did, "note": note}
        answer = self._request("POST", "/remove", json=asked)
        return bool(answer.json()["removed"])

    def remove_unused(self) -> int:
        """Take out what nothing refers to; see `Archive.remove_unused`."""
        return int(self._post("/unused", "{}")["removed"])

    def refusals(self, collection: str | None = None) -> list[Refusal]:
        """Return what ingests refused; see `Archive.refusals`."""
        asked = {} if collection is None else {"collection": collection}
        answer = self._request("GET", "/refusals", params=asked)
        return [Refusal.from_json(values) for values in answer.json()["refusals"]]

    def record_refusals(self, added: Sequence[Refusal], cleared: Sequence[str]) -> None:
        """Remember and forget refusals; see `Archive.record_refusals`."""
        self._request("POST", "/refusals", json=_refusals(added, cleared))

    def stored(self, collection: str) -> Mapping[str, Stored]:
        """Return what is there of a collection, by publisher DID."""
        answer = self._request("GET", "/stored", params={"collection": collection})
        found: dict[str, dict[str, object]] = answer.json()
        return {did: Stored.from_json(values) for did, values in found.items()}

    @property
    def user_tables(self) -> _RemoteTables:
        """The tables that users keep; see `Archive.user_tables`."""
        return _RemoteTables(self)

    def check(self) -> list[str]:
        """Return what is wrong in the archive; see `Archive.check`."""
        findings: list[str] = self._request("GET", "/check").json()["findings"]
        return findings

    def files(self) -> Iterator[dict[str, Any]]:
        """Yield every file of the archive; see `Archive.files`."""
        if not self._is_listening():
            raise self._unreachable("nobody listens")
        try:
            with self._client.stream("GET", "/files") as answer:
                if answer.status_code != _OK:
                    answer.read()
                    raise error_of(answer)
                for line in answer.iter_lines():
                    file: dict[str, Any] = json.loads(line)
                    if file["mtime"] is not None:
                        file["mtime"] = datetime.fromisoformat(file["mtime"])
                    yield file
        except httpx.HTTPError as error:
            raise self._unreachable(type(error).__name__) from error

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Return all rows of a small look-up; see `Archive.rows`."""
        body = {"sql": sql, "params": list(params)}
        found = self._request("POST", "/rows", json=body).json()["rows"]
        return [{name: unpack(cell) for name, cell in row.items()} for row in found]

    def query_document(
        self,
        request: Mapping[str, Any],
        told: Callable[[str], None] = lambda _: None,
    ) -> Iterator[bytes]:
        """Yield the answer to an ADQL query as the server writes it, in chunks.

        Parameters
        ----------
        request
            ``adql``, and whatever else the server's query takes (``format``,
            ``maxrec``, ``uploads``: paths of files by the names of their tables).
        told
            Is told at the end if rows were left out.

        Raises
        ------
        DistillerError
            That of the server: before the first chunk, or behind a document that says
            the same.
        Unreachable
            If the answer breaks off.
        """
        if not self._is_listening():
            raise self._unreachable("nobody listens")
        try:
            with self._client.stream("POST", "/query", json=dict(request)) as answer:
                if answer.status_code != _OK:
                    answer.read()
                    raise error_of(answer)
                frames = _Frames()
                for chunk in answer.iter_raw():
                    yield from frames.parts(chunk)
        except httpx.HTTPError as error:
            raise self._unreachable(type(error).__name__) from error
        end = frames.end()
        if end is None:
            raise Unreachable(
                "the server of this home ended before its answer did",
                hint="ask again once `distiller serve` runs",
            )
        if end["overflow"]:
            told(str(end["overflow"]))
        if end["error"]:
            raise _error_of(end["error"])

    def _post(self, path: str, body: str) -> dict[str, Any]:
        answer = self._request(
            "POST",
            path,
            content=body.encode(),
            headers={"Content-Type": "application/json"},
        )
        found: dict[str, Any] = answer.json()
        return found

    def _request(self, method: str, path: str, **given: Any) -> httpx.Response:
        if not self._is_listening():
            raise self._unreachable("nobody listens")
        try:
            answer = self._client.request(method, path, **given)
        except httpx.HTTPError as error:
            raise self._unreachable(type(error).__name__) from error
        if answer.status_code != _OK:
            raise error_of(answer)
        return answer

    def _unreachable(self, reason: str) -> Unreachable:
        return Unreachable(
            f"the server of this home does not answer at {self._socket_path}: {reason}",
            hint="is `distiller serve` still running?",
        )


class _RemoteTables:
    """What operators do with tables of users, through the server."""

    def __init__(self, archive: RemoteArchive) -> None:
        self._archive = archive

    def everybody(self) -> list[UserTable]:
        """Return the tables of all users, by user and name."""
        answer = self._archive._request("GET", "/user_tables")  # noqa: SLF001 - a part of it
        return [UserTable.from_json(kept) for kept in answer.json()["tables"]]

    def drop(self, owner: str, name: str) -> bool:
        """Take a table away; False where there is none."""
        asked = {"owner": owner, "name": name}
        answer = self._archive._request("POST", "/user_tables/drop", json=asked)  # noqa: SLF001 - likewise
        return bool(answer.json()["removed"])


def _refusals(added: Sequence[Refusal], cleared: Sequence[str]) -> dict[str, object]:
    return {"added": [one.to_json() for one in added], "cleared": list(cleared)}


class _Frames:
    """Takes a document out of its frames."""

    def __init__(self) -> None:
        self._rest = b""
        self._left = 0
        self._last = False

    def parts(self, chunk: bytes) -> Iterator[bytes]:
        """Yield the parts of the document that a chunk holds."""
        data = self._rest + chunk
        while data and not self._last:
            if self._left == 0:
                length, line_end, behind = data.partition(b"\n")
                if not line_end:
                    break
                self._left, data = int(length), behind
                self._last = self._left == 0
                continue
            part, data = data[: self._left], data[self._left :]
            self._left -= len(part)
            yield part
        self._rest = data

    def end(self) -> dict[str, Any] | None:
        """Return what stands behind the document, None if that did not come."""
        try:
            found: dict[str, Any] | None
            found = json.loads(self._rest) if self._last else None
        except ValueError:
            return None
        return found


def error_of(answer: httpx.Response) -> DistillerError:
    """Return the error that a server reports, as the same kind of error here.

    The class is found by its code; one that needs more than a message to be made
    becomes the nearest class above it, with the code kept.
    """
    try:
        return _error_of(answer.json())
    except (ValueError, KeyError, TypeError):
        return InternalError(
            f"the server of this home answered {answer.status_code} with no reason"
        )


def _error_of(body: Mapping[str, Any]) -> DistillerError:
    code, message = str(body["code"]), str(body["message"])
    hint, kind = body.get("hint"), str(body["kind"])
    found = _PLAIN.get(code)
    if found is not None:
        return found(message, hint=hint)
    above = {"user": errors.UserError, "passing": errors.PassingError}.get(
        kind, errors.InternalError
    )
    error = above(message, hint=hint)
    error.code = code  # type: ignore[misc]  # this one instance speaks for another
    return error


_PLAIN: dict[str, type[DistillerError]] = {
    kind.code: kind
    for kind in (
        errors.UserError,
        errors.NotFound,
        errors.Forbidden,
        errors.NotLoggedIn,
        errors.IllegalState,
        errors.PassingError,
        errors.Busy,
        errors.TooMany,
        errors.TimedOut,
        errors.NoSpace,
        errors.Unreachable,
        errors.InternalError,
        errors.Damaged,
    )
}
"""Classes that are made of a message and a hint alone."""
