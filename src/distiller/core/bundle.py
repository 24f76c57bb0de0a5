"""All rows that belong to one dataset: the unit that goes into the archive at once."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

Value: TypeAlias = str | int | float | bool | datetime | tuple[float, ...] | None
"""One cell: an instant is an aware-of-nothing UTC datetime; a geometry is a tuple of
degrees (2 numbers a point, 3 a circle, an even number from 6 on a polygon)."""

Row: TypeAlias = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Bundle:
    """One dataset with all its rows, keyed by table.

    Attributes
    ----------
    publisher_did
        Identifier of the dataset; a bundle replaces what the archive had under it.
    checksum
        Over the content that the rows were made from; equal means nothing to do.
    rows
        Rows by qualified table name, parents before children. Rows of *shared* tables
        (instrument configuration, collection...) may be there already: equal key,
        equal row.
    """

    publisher_did: str
    checksum: str
    rows: Mapping[str, tuple[Row, ...]]

    def to_json(self) -> str:
        """Write as one line of JSON; floats keep every bit, NaN and infinity too.

        What becomes of them is for the archive to say, wherever it is.

        >>> b = Bundle("ivo://x/y?1", "abc", {"cta.gti": ({"start_met_s": 0.1},)})
        >>> Bundle.from_json(b.to_json()) == b
        True
        """
        return json.dumps(
            {
                "publisher_did": self.publisher_did,
                "checksum": self.checksum,
                "rows": {
                    table: [{k: pack(v) for k, v in row.items()} for row in rows]
                    for table, rows in self.rows.items()
                },
            },
            separators=(",", ":"),
            allow_nan=False,
        )

    @classmethod
    def from_json(cls, text: str) -> Bundle:
        """Read what `to_json` wrote."""
        data = json.loads(text)
        return cls(
            publisher_did=data["publisher_did"],
            checksum=data["checksum"],
            rows={
                table: tuple({k: unpack(v) for k, v in row.items()} for row in rows)
                for table, rows in data["rows"].items()
            },
        )


@dataclass(frozen=True, slots=True)
class Stored:
    """What an archive holds of one dataset, as far as ingestion has to know.

    Attributes
    ----------
    checksum
        Of its bundle.
    rights, group, release
        Who may see it.
    responses
        Number of its instrument responses.
    """

    checksum: str
    rights: str
    group: str | None
    release: datetime | None
    responses: int

    def to_json(self) -> dict[str, object]:
        """Return plain values.

        >>> stored = Stored("abc", "public", None, None, 4)
        >>> Stored.from_json(stored.to_json()) == stored
        True
        """
        return {name: pack(getattr(self, name)) for name in self.__slots__}

    @classmethod
    def from_json(cls, values: Mapping[str, object]) -> Stored:
        """Return what `to_json` gave."""
        return cls(**{name: unpack(value) for name, value in values.items()})  # type: ignore[arg-type]  # checked by the class


def pack(value: Value) -> object:
    """Return a cell as JSON has it; `unpack` returns it whole.

    >>> pack((1.0, float("inf"))), unpack(pack((1.0, float("inf"))))
    ([1.0, {'$f': 'inf'}], (1.0, inf))
    """
    if isinstance(value, datetime):
        return {"$t": value.isoformat()}
    if isinstance(value, (tuple, list)):
        return [pack(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"$f": repr(value)}
    return value


def unpack(value: object) -> Value:
    """Return the cell that `pack` gave."""
    if isinstance(value, dict):
        if "$f" in value:
            return float(value["$f"])
        return datetime.fromisoformat(value["$t"])
    if isinstance(value, list):
        return tuple(float(unpack(v)) for v in value)  # type: ignore[arg-type]  # numbers
    return value  # type: ignore[return-value]  # JSON scalars are Values
