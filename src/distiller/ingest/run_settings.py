"""What the settings of a collection say of one run."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from distiller.ingest.collection import (
        NamedObservation,
        Proposal,
        Site,
        Telescope,
    )
    from distiller.ingest.corrections import Override
    from distiller.ingest.fill import Fill


@dataclass(frozen=True, slots=True)
class Names:
    """Names of one run; None where there is none, or where it is not renamed."""

    target: str | None = None
    facility: str | None = None
    instrument: str | None = None


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What the settings of a collection say of one run.

    Attributes
    ----------
    calib_levels
        ObsCore calib_level by data level, those that differ from the installation's.
    names
        New names; None: as in the file.
    reference
        What is to be cited.
    creator_did
        Of the collection.
    target_class
        Kind of the target of the run.
    """

    data_level: str = "DL3"
    calib_levels: tuple[tuple[str, int], ...] = ()
    names: Names = Names()
    reference: str | None = None
    creator_did: str | None = None
    target_class: str | None = None
    proposal: Proposal | None = None
    observation: NamedObservation | None = None
    site: Site | None = None
    telescopes: tuple[Telescope, ...] = ()
    overrides: tuple[Override, ...] = ()
    fills: tuple[Fill, ...] = ()

    def as_values(self) -> dict[str, Any]:
        """Return plain values, for the checksum; which other runs share it is left out.

        Equal values give equal rows, so that a settings file that is changed for other
        runs changes nothing for this one.
        """
        apart = {"runs", "files"}
        # What came later and says nothing leaves the checksums of earlier runs alone.
        later = {
            "reference": self.reference,
            "creator_did": self.creator_did,
            "target_class": self.target_class,
            "fills": [one.model_dump(exclude=apart) for one in self.fills] or None,
            "corrections": "stored" if self.overrides else None,
        }
        return {
            **{name: value for name, value in later.items() if value is not None},
            "data_level": self.data_level,
            "calib_levels": self.calib_levels,
            "names": asdict(self.names),
            "site": self.site.model_dump() if self.site else None,
            "telescopes": [one.model_dump() for one in self.telescopes],
            "overrides": [one.model_dump(exclude=apart) for one in self.overrides],
            **{
                name: part.model_dump(exclude=apart) if part else None
                for name, part in (
                    ("proposal", self.proposal),
                    ("observation", self.observation),
                )
            },
        }


NOTHING_SAID: Final = RunSettings()
"""Of a run that no settings speak of."""


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """The settings file as it was, for provenance.

    Attributes
    ----------
    name
        Without folders.
    sha256
        Of its bytes, 64 hexadecimal digits.
    """

    name: str
    sha256: str
    text: str
