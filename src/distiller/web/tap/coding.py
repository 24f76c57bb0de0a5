"""Compression of answers while they are made (gzip, RFC 1952).

Most clients of the VO ask for gzip wherever they are, and compressing takes longer than
making an answer. So an answer is compressed as far as that helps: its beginning always
(most answers are small), and more as long as bytes wait for the client. For a client
that takes them as they come the rest stands uncompressed in the same gzip stream.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GZIP: Final = "gzip"
ALWAYS: Final = 4 * 2**20
"""Bytes of the beginning that are compressed in any case."""
MUCH: Final = 2**20
"""Bytes that wait for the client, from which on the next ones are compressed."""

_PIECE: Final = 2**18
_START: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_LAST_BLOCK: Final = b"\x03\x00"
_FAST: Final = 1
_STORED: Final = 0
_WORD: Final = 2**32


def wants_gzip(accepted: str) -> bool:
    """Tell whether an Accept-Encoding prefers gzip (RFC 9110 section 12.5.3).

    >>> wants_gzip("gzip, deflate"), wants_gzip("identity"), wants_gzip("gzip;q=0, *")
    (True, False, False)
    >>> wants_gzip("gzip;q=0.5, identity"), wants_gzip("br, *;q=0.1")
    (False, True)
    """
    weights = dict(map(_weighed, filter(str.strip, accepted.lower().split(","))))
    if "x-gzip" in weights:  # an old name of the same
        weights.setdefault(GZIP, weights["x-gzip"])
    weight = weights.get(GZIP, weights.get("*", 0.0))
    return weight > 0 and weight >= weights.get("identity", 0.0)


def _weighed(one: str) -> tuple[str, float]:
    name, *parameters = (part.strip() for part in one.split(";"))
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            try:
                return name, float(value)
            except ValueError:
                return name, 0.0
    return name, 1.0


class Plain:
    """An answer as it is."""

    name: str | None = None

    def begin(self, data: bytes) -> bytes:
        """Return the first bytes."""
        return data

    def pieces(self, data: bytes, waiting: Callable[[], int]) -> Iterator[bytes]:
        """Yield further bytes.

        Parameters
        ----------
        waiting
            Returns how many bytes wait for the client.
        """
        del waiting
        yield data

    def end(self, data: bytes = b"") -> bytes:
        """Return the last bytes."""
        return data


class Gzip(Plain):
    """An answer as one gzip member; all that was put in can be read at any moment.

    Each piece is compressed on its own, as by pigz, so that the level may change.
    """

    name = GZIP

    def __init__(self) -> None:
        self._sum = 0
        self._size = 0

    def begin(self, data: bytes) -> bytes:
        """Return the first bytes."""
        return _START + self._packed(data, _FAST)

    def pieces(self, data: bytes, waiting: Callable[[], int]) -> Iterator[bytes]:
        """Yield further bytes, see `Plain.pieces`."""
        view = memoryview(data)
        for start in range(0, len(view), _PIECE):
            helps = self._size < ALWAYS or waiting() >= MUCH
            level = _FAST if helps else _STORED
            yield self._packed(view[start : start + _PIECE], level)

    def end(self, data: bytes = b"") -> bytes:
        """Return the last bytes."""
        last = self._packed(data, _FAST) + _LAST_BLOCK
        return last + struct.pack("<II", self._sum, self._size % _WORD)

    def _packed(self, data: bytes | memoryview, level: int) -> bytes:
        if not data:
            return b""
        self._sum = zlib.crc32(data, self._sum)
        self._size += len(data)
        packer = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
        return packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH)
