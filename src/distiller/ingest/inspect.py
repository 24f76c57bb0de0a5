"""Whether the files of the archive are still those that were ingested."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from distiller.core.files import sha256
from distiller.core.places import Unanswered, Url, place, stamp_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from distiller.core.places import Place

_REMEMBERED: Final = 256
_SAME_S: Final = 2.0  # stores and file systems round the time
_MISSING: Final = "put the file back, or `distiller remove` the dataset"
_CHANGED: Final = "ingest it again, or put the former file back"


@dataclass(slots=True)
class Inspector:
    """Looks at files one by one and counts; in constant memory.

    Attributes
    ----------
    depth
        ``present``: local files must be there; ``quick``: every file must have its
        size and time, else its checksum (also where a store tells no time);
        ``checksums``: every file is read.
    seen, wrong
        Files that were looked at, and those that are not as they were.
    """

    depth: Literal["present", "quick", "checksums"]
    seen: int = 0
    wrong: int = 0
    _known: OrderedDict[tuple[Any, ...], str | None] = field(
        default_factory=OrderedDict
    )

    def look(self, row: Mapping[str, Any]) -> str | None:
        """Return what is wrong with a file, and what to do; None: nothing.

        Parameters
        ----------
        row
            ``path``, ``checksum``, ``size``, ``mtime`` and ``role``.
        """
        self.seen += 1
        # Runs share response files: each is looked at once.
        asked = row["path"], row["checksum"], row["size"], row["mtime"]
        if asked not in self._known:
            self._known[asked] = self._fault(row)
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(asked)
        fault = self._known[asked]
        if fault is None:
            return None
        self.wrong += 1
        return f"{row['path']} ({row['role']}): {fault}"

    def _fault(self, row: Mapping[str, Any]) -> str | None:
        try:
            return self._difference(place(row["path"]), row)
        except FileNotFoundError:
            return f"the file is missing: {_MISSING}"
        except Unanswered as error:
            return f"{error.strerror}: check again later"
        except OSError as error:
            what = error.strerror or str(error)
            return f"the file cannot be read: {what}: mend its permissions or the disk"

    def _difference(self, where: Place, row: Mapping[str, Any]) -> str | None:
        if self.depth == "present" and isinstance(where, Url):
            return None
        stamp, size = stamp_of(where), row["size"]
        if self.depth == "present":
            return None
        if size is not None and stamp.size != size:
            return f"has {stamp.size} bytes, had {size}: {_CHANGED}"
        if self.depth == "quick" and _is_same(stamp.mtime, row["mtime"]):
            return None
        if row["checksum"] and sha256(where) != row["checksum"]:
            return f"the content has changed since it was ingested: {_CHANGED}"
        return None


def _is_same(one: datetime | None, other: datetime | None) -> bool:
    """Whether two times are known and equal."""
    if one is None or other is None:
        return False
    return abs((one - other).total_seconds()) <= _SAME_S
