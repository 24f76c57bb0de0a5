"""Which file is the run, where several claim one name, or several names one file.

An index may be wrong; the OBS_ID in a file is what its maker called it. So a file whose
OBS_ID is the name that the index gives it is believed before one where they differ. If
they differ in all of them nobody knows which is right, and none goes in. If they agree
in all of them the first one found is the run.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from distiller.core.errors import BadData
from distiller.core.places import stamp_of
from distiller.ingest.find import is_events
from distiller.ingest.fits_stream import first_header
from distiller.ingest.values import obs_id_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from distiller.core.places import Place
    from distiller.ingest.collection import CollectionSettings
    from distiller.ingest.find import RunFiles
    from distiller.ingest.gadf import Reader


@dataclass(frozen=True, slots=True)
class _Claim:
    """A table that is to be a run.

    Attributes
    ----------
    name
        Of the index or the settings; None: the file itself has it.
    is_sure
        Whether the settings name the file.
    is_tried
        Whether it is to go in now.
    """

    path: Place
    hdu: str
    name: str | None
    is_sure: bool
    is_tried: bool


class Claims:
    """What is found for one collection, before any of it is read."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._claims: dict[tuple[str | None, Place, str], _Claim] = {}
        self._by_size: dict[int, list[_Claim]] = defaultdict(list)
        self._size: dict[Place, int] = {}
        self._own: dict[tuple[Place, str], str | None] = {}

    def add(
        self,
        found: Iterable[RunFiles],
        tried: Iterable[RunFiles],
        settings: CollectionSettings,
    ) -> None:
        """Add what one path holds, and which of it is tried now."""
        now = {(run.obs_id, run.events.path, run.events.hdu) for run in tried}
        for run in found:
            path, hdu = run.events.path, run.events.hdu
            said = next(
                (
                    str(one.value)
                    for one in settings.overrides_of("", path.name)
                    if one.keyword == "OBS_ID"
                ),
                None,
            )
            name = said or run.obs_id
            place = (None if run.obs_id is None else name, path, hdu)
            tries = (run.obs_id, path, hdu) in now
            claim = _Claim(path, hdu, name, is_sure=said is not None, is_tried=tries)
            if self._claims.setdefault(place, claim) is not claim:
                continue
            if path not in self._size:
                self._size[path] = _size(path)
            self._by_size[self._size[path]].append(claim)

    def refuse_wrong(self, run: RunFiles) -> None:
        """Refuse a run whose file has another OBS_ID, if another claim stands.

        Raises
        ------
        BadData
            D110 or D111.
        """
        mine = self._claim_of(run)
        if mine is None or mine.name is None or mine.is_sure:
            return
        sized, named = self._by_size[self._size[mine.path]], self._by_name[mine.name]
        if len(sized) == len(named) == 1:
            return
        try:
            own = self._own_name(mine)
        except BadData:
            return  # told when it is read
        if own == mine.name:
            return
        differs = "this file has no OBS_ID"
        if own is not None:
            differs = f"OBS_ID of this file is {own[:40]!r}, not {mine.name}"
        for other in sized:
            if self._is_copy(mine, other):
                said = f"{_sameness(mine, other)}; {differs}"
                raise BadData("D111", str(mine.path), said)
        for other in named:
            if other != mine and self._is_readable(other):
                said = f"run {mine.name}: {differs}; see {other.path}"
                raise BadData("D110", str(mine.path), said)

    def stored_before(
        self, run: RunFiles, obs_id: str
    ) -> Iterator[tuple[str, BadData]]:
        """Yield names of runs that are not tried now and are the same table or run.

        With each what is to be said if the archive has it.
        """
        mine = self._claim_of(run)
        if mine is None or all(one.is_tried for one in self._claims.values()):
            return
        path = str(mine.path)
        for other in self._by_size[self._size[mine.path]]:
            name = None if other.is_tried else self._name(other)
            if name is not None and self._is_copy(mine, other):
                yield name, BadData("D111", path, _sameness(mine, other))
        for other in self._by_name[obs_id]:
            if not other.is_tried and self._is_readable(other):
                text = f"run {obs_id} was taken from {other.path}"
                yield obs_id, BadData("D110", path, text)

    def _claim_of(self, run: RunFiles) -> _Claim | None:
        return self._claims.get((run.obs_id, run.events.path, run.events.hdu))

    @cached_property
    def _by_name(self) -> dict[str, list[_Claim]]:
        """Claims by name; files without an index are asked for theirs."""
        named: dict[str, list[_Claim]] = defaultdict(list)
        for one in self._claims.values():
            if (name := self._name(one)) is not None:
                named[name].append(one)
        return named

    def _name(self, claim: _Claim) -> str | None:
        """Return the name of a claim; None where its file has none to be read."""
        try:
            return self._own_name(claim) if claim.name is None else claim.name
        except BadData:
            return None

    def _own_name(self, claim: _Claim) -> str | None:
        """Return the OBS_ID in a file."""
        place = claim.path, claim.hdu
        if place not in self._own:
            header = first_header(
                claim.path, lambda h: is_events(h) and claim.hdu in {"", h.name}
            )
            value = None if header is None else header.values.get("OBS_ID")
            self._own[place] = obs_id_text(value)
        return self._own[place]

    def _is_readable(self, claim: _Claim) -> bool:
        try:
            self._own_name(claim)
        except BadData:
            return False
        return True

    def _is_copy(self, mine: _Claim, other: _Claim) -> bool:
        """Whether another claim is on the same table."""
        if mine.hdu != other.hdu or mine == other:
            return False
        if mine.path == other.path:
            return True
        try:
            # Headers first: many files of one size would all have to be summed.
            if self._own_name(mine) != self._own_name(other):
                return False
            sums = {self._reader.note(c.path, "events").sha256 for c in (mine, other)}
        except BadData:
            return False
        return len(sums) == 1


def _sameness(mine: _Claim, other: _Claim) -> str:
    if mine.path == other.path:
        return f"the same table as run {other.name} of the index"
    return f"the same bytes as {other.path}"


def _size(path: Place) -> int:
    """Return the size of a file; -1 where it cannot be asked for."""
    try:
        return stamp_of(path).size
    except (OSError, RuntimeError):
        return -1
