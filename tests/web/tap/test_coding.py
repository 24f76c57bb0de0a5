"""gzip: any client reads it, and reads what came so far."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distiller.web.tap import coding
from distiller.web.tap.coding import Gzip, wants_gzip


@given(parts=st.lists(st.binary(max_size=300)), waiting=st.sampled_from([0, 2**30]))
def test_parts_come_back_at_once(parts: list[bytes], waiting: int) -> None:
    packer, reader = Gzip(), zlib.decompressobj(16 + zlib.MAX_WBITS)
    assert reader.decompress(packer.begin(b"head")) == b"head"
    for part in parts:
        packed = b"".join(packer.pieces(part, lambda: waiting))
        assert reader.decompress(packed) == part
    assert reader.decompress(packer.end(b"tail")) == b"tail"
    assert reader.eof
    assert reader.unused_data == b""


def test_a_client_that_waits_for_us_is_not_held_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(coding, "ALWAYS", 1000)
    data = b"the same again " * 100_000

    def packed(waiting: int) -> bytes:
        packer = Gzip()
        parts = [packer.begin(b"")]
        for _ in range(3):
            parts += packer.pieces(data, lambda: waiting)
        return b"".join([*parts, packer.end()])

    slow, quick = packed(coding.MUCH), packed(0)
    assert gzip.decompress(slow) == gzip.decompress(quick) == data * 3
    assert len(slow) < len(data) / 10
    assert len(data) * 3 * 0.9 < len(quick) < len(data) * 3 * 1.01


@pytest.mark.parametrize(
    ("accepted", "wanted"),
    [
        ("", False),
        ("gzip", True),
        ("GZIP", True),
        ("x-gzip", True),
        ("deflate, br", False),
        ("*", True),
        ("*;q=0", False),
        ("gzip;q=0", False),
        ("gzip;q=0.0, *;q=1", False),
        ("gzip; q=0.3, identity; q=0.7", False),
        ("gzip;q=0.7,identity;q=0.3", True),
        ("gzip;q=much", False),
        (" , gzip ,", True),
    ],
)
def test_what_a_header_asks_for(accepted: str, *, wanted: bool) -> None:
    assert wants_gzip(accepted) is wanted
