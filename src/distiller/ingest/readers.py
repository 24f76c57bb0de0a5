"""Who may see the runs of a collection: never more people because nobody said so."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from distiller.ingest.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from distiller.archive.ledger import Left
    from distiller.core.bundle import Stored
    from distiller.ingest.collection import CollectionSettings
    from distiller.ingest.to_rows import Target


@dataclass(frozen=True)
class Readers:
    """By option, by settings, as the run is or was in the archive, or everybody.

    Attributes
    ----------
    is_given
        Whether an option of the ingest says who may see the runs.
    held
        Runs that are stored, by publisher DID.
    left
        Runs that were removed, by obs_id.
    is_withheld
        Whether a run was removed to stay out.
    """

    settings: CollectionSettings
    held: Mapping[str, Stored]
    left: Mapping[str, Left]
    is_withheld: Callable[[str], bool]
    is_given: bool

    def of(self, target: Target, obs_id: str) -> Target:
        """Return where a run goes, with those who may see it.

        A run that was removed is seen by those who might see it then.
        """
        if self.is_given:
            return target
        access = self.settings.access_to(obs_id)
        if access is not None:
            return _seen_by(target, access.rights, access.group, access.release_utc)
        held = self.held.get(target.did(obs_id))
        if held is not None:
            return _seen_by(target, held.rights, held.group, held.release)
        left = self.left.get(obs_id)
        if left is None or left.rights is None:
            return target
        return _seen_by(target, left.rights, left.access_group, left.release_date)

    def told(self, own: Target, obs_id: str, path: str) -> tuple[Finding, ...]:
        """Tell of data that become public, or that nobody said who may see.

        Not stored: it is about this ingest.

        Parameters
        ----------
        own
            What `of` gave for the run.
        """
        held = self.held.get(own.did(obs_id))
        is_said = self.is_given or self.settings.access_to(obs_id) is not None
        before = held or self.left.get(obs_id)
        code, text = "D227", None
        if own.rights != "public":
            if not is_said and held is None:
                code, text = "D247", _words(own)
        elif before is not None and before.rights == "proprietary":
            by = "--rights public" if self.is_given else "the settings"
            code, text = "D228", f"by {by}"
        elif not is_said and before is None:
            text = self._others_closed
        elif not is_said and before is not None and before.rights is None:
            text = "it is not known who might see it when it was removed"
        return () if text is None else (Finding(code, text, path, obs_id),)

    @cached_property
    def _others_closed(self) -> str | None:
        """How many runs are proprietary by no rule of the settings, in words."""
        states: dict[str, str | None] = {
            did.partition("?")[2]: one.rights for did, one in self.held.items()
        }
        words = "stored runs of the collection are proprietary"
        if not states:  # a collection that begins anew
            states = {
                name: one.rights
                for name, one in self.left.items()
                if "/" not in name and not self.is_withheld(name)  # no job made it
            }
            words = "runs of the collection were proprietary when they were removed"
        number = sum(
            rights == "proprietary" and self.settings.access_to(name) is None
            for name, rights in states.items()
        )
        if not number:
            return None
        ruled = ", by no [[access]] of the settings" if self.settings.access else ""
        return f"{number} {words}{ruled}"


def _seen_by(
    target: Target, rights: str, group: str | None, release: datetime | None
) -> Target:
    return replace(target, rights=rights, group=group, release=release)


def _words(own: Target) -> str:
    """Return who may see a proprietary run, in words."""
    group = "no group" if own.group is None else f"group {own.group}"
    release = "" if own.release is None else f", until {own.release.isoformat(' ')}"
    return f"{own.rights}, {group}{release}"
