"""Loads the runs of one collection: reads, judges, compares with what is there, stores.

Whatever a file does to this program, the other runs go in: what is foreseen has a code
of its own, what is not ends as D119 at the edge of its run.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from distiller.archive import ledger
from distiller.core.errors import (
    BadData,
    BadParameter,
    Damaged,
    DistillerError,
    PassingError,
)
from distiller.core.identifiers import PublisherDid
from distiller.ingest.checks import check
from distiller.ingest.claims import Claims
from distiller.ingest.collection import NO_SETTINGS
from distiller.ingest.fill import filled_values, with_filled
from distiller.ingest.find import is_events, shown
from distiller.ingest.findings import FILE_REFUSED, Finding
from distiller.ingest.fits_stream import first_header
from distiller.ingest.gadf import Reader, md5_of
from distiller.ingest.mend import mended, names_of, obs_id_of
from distiller.ingest.parts import is_among, is_range
from distiller.ingest.readers import Readers
from distiller.ingest.run_settings import Names
from distiller.ingest.to_rows import Target, bundle_checksum, to_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from distiller.core.bundle import Bundle, Stored
    from distiller.core.places import Place
    from distiller.core.refusal import Refusal
    from distiller.ingest.collection import CollectionSettings
    from distiller.ingest.corrections import Override
    from distiller.ingest.find import RunFiles
    from distiller.ingest.refused import Memory
    from distiller.ingest.run import Run

_LOG = logging.getLogger(__name__)

_AT_ONCE: Final = 64
_LOST: Final = frozenset({"D121", "D122"})
_WITH_FINDINGS = (
    "SELECT DISTINCT p.obs_id, f.code FROM cta.finding f "
    "JOIN cta.product p ON p.product_id = f.product_id "
    "JOIN cta.collection c ON c.collection_id = p.collection_id "
    "WHERE f.severity = 'warning' AND c.name = ?"
)


class Writer(Protocol):
    """What an archive must offer to be filled."""

    def store_many(
        self,
        bundles: Sequence[Bundle],
        refused: Sequence[Refusal],
        cleared: Sequence[str],
    ) -> tuple[Literal["added", "unchanged", "replaced"], ...]:
        """Store datasets in one transaction, all or none.

        With them go what was refused meanwhile, and keys of refusals to forget.
        """

    def stored(self, collection: str) -> Mapping[str, Stored]:
        """Return what is there of a collection, by publisher DID."""

    def refusals(self, collection: str | None) -> Sequence[Refusal]:
        """Return what was refused, of one collection or of all."""

    def record_refusals(self, added: Sequence[Refusal], cleared: Sequence[str]) -> None:
        """Remember refusals, and forget those with these ids."""

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Return all rows of a small look-up."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a run: added, replaced, unchanged, refused or withheld.

    Attributes
    ----------
    path
        Its event list.
    """

    run: str
    name: str
    path: str
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class _Ready:
    """A run that waits to be stored."""

    run: str
    path: str
    bundle: Bundle
    findings: tuple[Finding, ...]


class Loader:
    """Loads runs into one collection and remembers what it has seen.

    Parameters
    ----------
    authority
        Of the publisher DIDs of its runs.
    rights_given
        Whether the user said who may see the runs; if not, those that are stored
        keep what they have.
    restore
        Runs that go in although they were removed before.

    Raises
    ------
    BadParameter
        If the collection holds runs of another authority.
    """

    def __init__(
        self,
        writer: Writer,
        collection: str,
        authority: str,
        *,
        rights_given: bool,
        restore: frozenset[str] = frozenset(),
    ) -> None:
        self.reader = Reader()
        self._writer = writer
        self._held = dict(writer.stored(collection))
        _refuse_other_authority(collection, authority, self._held)
        begin = str(PublisherDid(authority, collection, ""))
        removed = ledger.removed(writer, begin)
        self._removed = {one.publisher_did.removeprefix(begin): one for one in removed}
        self.known = frozenset(self._removed) | {
            did.removeprefix(begin) for did in self._held
        }
        """Runs that are in the collection, or were removed from it."""
        self._incomplete = frozenset(
            row["obs_id"]
            for row in writer.rows(_WITH_FINDINGS, [collection])
            if row["code"] in FILE_REFUSED
        )
        self._restore = restore
        left = ledger.rights_left(writer, collection)
        self._settings = NO_SETTINGS
        self._readers = Readers(
            NO_SETTINGS,
            self._held,
            {one.publisher_did.partition("?")[2]: one for one in left},
            self._is_withheld,
            is_given=rights_given,
        )
        self.claims = Claims(self.reader)
        """What is found of the collection; to be told before the first `load`."""
        self.kinds: dict[str, str] = {}
        """Types of the columns that settings fill."""
        self._by_obs_id: dict[str, Place] = {}
        self._by_content: dict[tuple[str, str], Place] = {}

    def load(
        self,
        runs: Sequence[RunFiles],
        target: Target,
        settings: CollectionSettings,
        memory: Memory,
    ) -> Iterator[Outcome]:
        """Store runs, a few at a time; yield what became of each.

        Parameters
        ----------
        memory
            Is told what was refused; it goes into the archive with the runs.

        Raises
        ------
        PassingError
            If the archive cannot be written to now; what was yielded is stored.
        """
        self._settings = settings
        self._readers = replace(self._readers, settings=settings)
        waiting: list[_Ready] = []
        for given in runs:
            run = self._renamed(given)
            made = self._edge(run, target)
            if isinstance(made, Outcome):
                if made.name != "refused":
                    memory.take(made.path, made.run)
                memory.add(made.findings)
                yield made
            else:
                waiting.append(made)
            if len(waiting) + memory.due >= _AT_ONCE:
                yield from self._store(waiting, memory)
                waiting = []
        yield from self._store(waiting, memory)

    def _store(self, ready: Sequence[_Ready], memory: Memory) -> Iterator[Outcome]:
        """Store together; where the archive refuses, one by one to find which."""
        if not ready and not memory.due:
            return
        changes = memory.changes(self._writer, self.reader, ready)
        try:
            outcomes = self._writer.store_many(
                [one.bundle for one in ready], changes.added, changes.cleared
            )
        except (PassingError, Damaged):
            raise  # no fault of the runs
        except DistillerError as error:
            if len(ready) > 1:
                for one in ready:
                    yield from self._store([one], memory)
                return
            (one,) = ready
            found = Finding("D117", error.text, one.path, one.run)
            memory.add([found])
            yield Outcome(one.run, "refused", one.path, (found,))
            return
        memory.wrote(changes, ready)
        for one, name in zip(ready, outcomes, strict=True):
            yield Outcome(one.run, name, one.path, one.findings)

    def _edge(self, run: RunFiles, target: Target) -> _Ready | Outcome:
        """Prepare one run; nothing that is wrong with it stops the others."""
        label = run.obs_id or run.events.path.name
        try:
            return self._prepare(run, target, label)
        except BadData as error:
            text = error.finding
            if run.obs_id and target.did(run.obs_id) in self._held:
                text += "; what is stored of the run stays"
            found = Finding(error.data_code, text, error.path, run.obs_id)
        except Exception as error:  # noqa: BLE001 - the edge of one run
            path = shown(run.events.path)
            _LOG.exception("run %s of %s is not understood", label, path)
            text = f"{type(error).__name__}: {error}"
            found = Finding("D119", text, path, run.obs_id)
        return Outcome(label, "refused", shown(run.events.path), (found,))

    def unknown_runs(self, target: Target, refused: frozenset[str]) -> list[str]:
        """Return what the settings name and the collection does not have, in words.

        Runs, and ranges in which no run is; those that were just refused are there.
        """
        begin = target.did("")
        present = {did.removeprefix(begin) for did in self._held} | refused
        present |= set(self._by_obs_id)
        return sorted(
            f"no run of {name}" if is_range(name) else f"run {name}"
            for name in self._settings.named_runs()
            if name not in present
            and not (is_range(name) and any(is_among(one, (name,)) for one in present))
        )

    def _renamed(self, run: RunFiles) -> RunFiles:
        """Return a run of the index with the OBS_ID that the settings give its file."""
        if run.obs_id is None:
            return run
        mine = self._of_file(run)
        return replace(run, obs_id=next((str(o.value) for o in mine), run.obs_id))

    def _of_file(self, run: RunFiles) -> tuple[Override, ...]:
        """Return the overrides of OBS_ID for a file."""
        name = run.events.path.name
        every = self._settings.overrides_of("", name)
        return tuple(one for one in every if one.keyword == "OBS_ID")

    def _prepare(self, run: RunFiles, target: Target, label: str) -> _Ready | Outcome:
        """Read and judge one run, unless the archive has it."""
        if run.obs_id is not None:
            if self._is_withheld(run.obs_id):
                return self._withhold(run, run.obs_id, label)
            self._refuse_twice(run.obs_id, run, target)
            if self._is_unchanged(run, run.obs_id, target):
                self._remember(run.obs_id, run)
                return Outcome(label, "unchanged", shown(run.events.path))
        raw = self.reader.read(run)
        obs_id = obs_id_of(raw.events, run.obs_id, self._of_file(run))
        if self._is_withheld(obs_id):
            return self._withhold(run, obs_id, label)
        file_name = run.events.path.name
        fills = self._settings.fills_of(obs_id, file_name)
        filling = frozenset(one.keyword for one in fills if one.keyword)
        given = self._settings.overrides_of(obs_id, file_name)
        raw, corrections = mended(raw, given, filling)
        values, unfilled = filled_values(raw, fills, self.kinds)
        names = names_of(raw.events, raw.index_row, ())
        of_run = self._settings.of_run(obs_id, file_name, names)
        checked = check(raw, of_run)
        if run.obs_id is None:
            self._refuse_twice(checked.obs_id, run, target)
        self._remember(checked.obs_id, run)
        held = self._held.get(target.did(checked.obs_id))
        self._refuse_less(run, checked, held)
        own = replace(self._readers.of(target, checked.obs_id), own=of_run)
        told = (*unfilled, *_changed(run, checked.obs_id))
        of_the_run = tuple(replace(one, obs_id=checked.obs_id) for one in told)
        findings = checked.findings + of_the_run
        checked = replace(checked, findings=findings, corrections=corrections)
        checksum = bundle_checksum(checked.files, run.index_row, own, run.tables)
        path = str(run.events.path)
        said = findings + self._readers.told(own, checked.obs_id, path)
        bundle = with_filled(to_bundle(checked, own, checksum), values)
        return _Ready(label, path, bundle, said)

    def _is_withheld(self, obs_id: str) -> bool:
        return obs_id in self._removed and obs_id not in self._restore

    def _withhold(self, run: RunFiles, obs_id: str, label: str) -> Outcome:
        """Leave a run out that was removed on purpose."""
        path = shown(run.events.path)
        self._by_obs_id.setdefault(obs_id, run.events.path)
        gone = self._removed[obs_id]
        why = f": {gone.note}" if gone.note else ""
        text = f"removed on {gone.ended:%Y-%m-%d}{why}"
        return Outcome(label, "withheld", path, (Finding("D236", text, path, obs_id),))

    def _is_unchanged(self, run: RunFiles, obs_id: str, target: Target) -> bool:
        held = self._held.get(target.did(obs_id))
        if held is None or obs_id in self._incomplete:
            return False  # what is refused of a run is told until it is mended
        if not held.responses and not run.responses:
            return False  # CALDB files may have come since; only the header names them
        notes = self.reader.notes(run)
        own = replace(
            self._readers.of(target, obs_id),
            own=self._settings.of_run(
                obs_id, run.events.path.name, self._names(run, obs_id)
            ),
        )
        return held.checksum == bundle_checksum(notes, run.index_row, own, run.tables)

    def _names(self, run: RunFiles, obs_id: str) -> Names:
        """Return the names of a run; its file is asked only if they matter."""
        if not self._settings.names_matter:
            return Names()
        header = first_header(
            run.events.path,
            lambda h: is_events(h) and run.events.hdu in {"", h.name},
        )
        if header is None:
            return Names()
        mine = self._settings.overrides_of(obs_id, run.events.path.name)
        return names_of(header, run.index_row, mine)

    @staticmethod
    def _refuse_less(run: RunFiles, checked: Run, held: Stored | None) -> None:
        """Keep what was stored with more than can be read now."""
        if held is None:
            return
        path = str(run.events.path)
        if run.index_lost:
            raise BadData("D118", path, f"run {checked.obs_id}: its index is unusable")
        now = len(checked.responses)
        lost = any(finding.code in _LOST for finding in checked.findings)
        if lost and now < held.responses:
            message = f"run {checked.obs_id} has {now} responses, had {held.responses}"
            raise BadData("D118", path, message)

    def _refuse_twice(self, obs_id: str, run: RunFiles, target: Target) -> None:
        self.claims.refuse_wrong(run)
        path = run.events.path
        copied = self._by_content.get(self._content(run))
        if copied is not None:
            same = "the same table" if copied == path else f"the same bytes as {copied}"
            raise BadData("D111", str(path), same)
        first = self._by_obs_id.get(obs_id)
        if first is not None:
            message = f"run {obs_id} was taken from {first}"
            raise BadData("D110", str(path), message)
        for name, error in self.claims.stored_before(run, obs_id):
            if target.did(name) in self._held:
                raise error

    def _remember(self, obs_id: str, run: RunFiles) -> None:
        self._by_obs_id[obs_id] = run.events.path
        self._by_content[self._content(run)] = run.events.path

    def _content(self, run: RunFiles) -> tuple[str, str]:
        return self.reader.note(run.events.path, "events").sha256, run.events.hdu


def _refuse_other_authority(
    collection: str, authority: str, held: Mapping[str, Stored]
) -> None:
    """Refuse to store runs a second time, under other names."""
    others = [PublisherDid.parse(did).authority for did in held]
    other = next((one for one in others if one != authority), None)
    if other is None:
        return
    number = sum(one != authority for one in others)
    raise BadParameter(
        "authority",
        f"is {authority}, but {number} runs of collection {collection} were ingested "
        f"under {other}",
        hint=f'set authority = "{other}" again; or take them out first: `distiller '
        f"remove --collection {collection} --reason ...`, then ingest",
    )


def _changed(run: RunFiles, obs_id: str) -> tuple[Finding, ...]:
    """Compare checksums of the index with the files."""
    wanted = {
        ref.path: ref.md5
        for ref in (run.events, run.gti)
        if ref is not None and ref.md5
    }
    return tuple(
        Finding("D124", f"MD5 is not {md5} as in the index", str(path), obs_id)
        for path, md5 in wanted.items()
        if md5_of(path) != md5
    )
