"""Files of the formats that are spooled, for their tests."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pyarrow as pa

    from distiller.vo.spooled import SpooledWriter


def write(
    writer: SpooledWriter,
    batches: Iterable[pa.RecordBatch],
    path: Path,
    overflow: str | None = None,
) -> bytes:
    """Write a document to a path and return it; its length is what was said."""
    with tempfile.TemporaryFile() as file:
        writer.begin(file)
        for batch in batches:
            writer.add(batch)
        length = writer.end(overflow)
        document = b"".join(writer.document())
    assert len(document) == length
    path.write_bytes(document)
    return document
