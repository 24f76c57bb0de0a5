"""What is read ahead comes in order, is bounded, and ends as the reading did."""

from __future__ import annotations

import threading

import pyarrow as pa
import pytest

from distiller.archive.postgres.ahead import Ahead

NUMBERS = range(20)


class Source:
    """Gives batches of one number, then raises; knows how many were taken."""

    def __init__(self, end: BaseException) -> None:
        self.end = end
        self.given = 0
        self.full = threading.Event()

    def read(self) -> pa.RecordBatch:
        """Return the next batch."""
        if self.given == len(NUMBERS):
            raise self.end
        batch = pa.record_batch({"n": [self.given]})
        self.given += 1
        if self.given == 4:
            self.full.set()
        return batch


@pytest.mark.parametrize("end", [StopIteration(), OSError("the server has gone")])
def test_batches_come_in_order_and_then_the_end(end: Exception) -> None:
    ahead = Ahead(Source(end).read)
    assert [ahead.next()["n"][0].as_py() for _ in NUMBERS] == list(NUMBERS)
    for _ in range(2):
        with pytest.raises(type(end)) as raised:
            ahead.next()
        assert raised.value is end


def test_few_wait_where_nobody_takes_them() -> None:
    source = Source(StopIteration())
    ahead = Ahead(source.read)
    ahead.next()
    # The fourth stands in the place of the one that was taken.
    assert source.full.wait(10)
    assert source.given == 4
    for _ in NUMBERS[1:]:
        ahead.next()
    with pytest.raises(StopIteration):
        ahead.next()
