"""What a data centre says of a collection beside its files: its settings.

A settings file (TOML) names, groups and mends; `collection_file` finds and reads it.
docs/decisions/0046-collection-settings.md.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field, Strict, StringConstraints, field_validator, model_validator

from distiller.core.identifiers import slug
from distiller.ingest.corrections import (  # noqa: TC001 - pydantic reads them
    Accept,
    Override,
)
from distiller.ingest.fill import Fill  # noqa: TC001 - likewise
from distiller.ingest.left_out import Ignore  # noqa: TC001 - likewise
from distiller.ingest.parts import (
    Number,
    Part,
    RunName,
    Runs,
    Text,
    is_among,
)
from distiller.ingest.run_settings import Names, RunSettings

Level = Literal["DL0", "DL1", "DL2", "DL3", "DL4", "DL5"]
_IVOID: Final = r"^ivo://[A-Za-z0-9][\w.-]+(/[\w.~*'()+-]+)*$"


class Rename(Part):
    """Names in place of those in the files.

    Each entry is the name and the spellings that stand for it:
    `"MSH 15-52" = ["MSH 15-5-02", "MSH15-52"]`. Case and blanks do not count. The
    name in the file stays in `cta.observation.object_name`.
    """

    target: dict[str, tuple[Text, ...]] = Field(
        default={}, description="Targets: TARGET_NAME of the index, else OBJECT."
    )
    facility: dict[str, tuple[Text, ...]] = Field(
        default={}, description="Facilities: TELESCOP."
    )
    instrument: dict[str, tuple[Text, ...]] = Field(
        default={}, description="Instruments: INSTRUME."
    )


class Access(Part):
    """Who may see runs; of several entries that hold for a run the last one counts."""

    rights: Literal["public", "proprietary"] = Field(
        description="`public` or `proprietary`."
    )
    group: Text | None = Field(
        default=None, description="The group that may see proprietary data."
    )
    release: datetime | date | None = Field(
        default=None, description="When they become public (UTC)."
    )
    runs: Runs | None = Field(
        default=None, description="The runs it holds for; without it, all."
    )

    @model_validator(mode="after")
    def _public_is_open(self) -> Access:
        if self.rights == "public" and (self.group or self.release):
            message = "public data have no group and no release date"
            raise ValueError(message)
        return self

    @field_validator("release")
    @classmethod
    def _is_utc(cls, release: datetime | date | None) -> datetime | date | None:
        """Return an instant as UTC without zone mark."""
        if not isinstance(release, datetime) or release.tzinfo is None:
            return release
        try:
            return release.astimezone(UTC).replace(tzinfo=None)
        except OverflowError:
            message = f"{release.isoformat()} is beyond the years 1 to 9999 in UTC"
            raise ValueError(message) from None

    @property
    def release_utc(self) -> datetime | None:
        """The release as an instant, UTC without zone mark."""
        if self.release is None:
            return None
        if not isinstance(self.release, datetime):
            return datetime(self.release.year, self.release.month, self.release.day)
        return self.release


class Proposal(Part):
    """An observing proposal and its runs."""

    id: RunName = Field(description="Number or code of the proposal.")
    title: Text | None = Field(default=None, description="Its title.")
    pi: Text | None = Field(default=None, description="Its principal investigator.")
    category: Text | None = Field(
        default=None, description="Its kind: `guest observer`, `key science`..."
    )
    runs: Runs


class Site(Part):
    """Where the array stands; takes the place of GEOLON, GEOLAT and ALTITUDE."""

    name: Text | None = Field(default=None, description="Name of the site.")
    lon: Number = Field(ge=-180, le=180, description="Longitude, east positive, deg.")
    lat: Number = Field(ge=-90, le=90, description="Latitude, deg.")
    altitude: Number | None = Field(
        default=None, ge=-500, le=9000, description="Height above the sea, m."
    )


class Telescope(Part):
    """A telescope of the array."""

    id: RunName = Field(description="Its name as in TELLIST.")
    type: Text | None = Field(default=None, description="Its type: `LST`, `MST`...")
    diameter: Number | None = Field(
        default=None, gt=0, description="Diameter of its mirror, m."
    )
    camera: Text | None = Field(default=None, description="Name of its camera.")
    fov: Number | None = Field(
        default=None, gt=0, description="Diameter of its field of view, deg."
    )


class NamedObservation(Part):
    """Runs that are one observation under a name of their own."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][\w.+-]{0,63}$")] = (
        Field(description="A short word, such as `CTA1DC_1`.")
    )
    title: Text | None = Field(default=None, description="Its title.")
    runs: Runs


class CollectionSettings(Part):
    """Everything that a settings file may say."""

    name: Text | None = Field(
        default=None, description="Name of the collection; `--collection` beats it."
    )
    title: Text | None = Field(
        default=None, description="Title; else the first line of the README."
    )
    project: Text | None = Field(
        default=None, description="Name of the project; else the facility."
    )
    terms: Text | None = Field(
        default=None, description="Terms of use; else the text of the README."
    )
    reference: Text | None = Field(
        default=None,
        description="What is to be cited for the data: bibcode, DOI or URL "
        "(`bib_reference`).",
    )
    creator_did: Annotated[str, StringConstraints(pattern=_IVOID)] | None = Field(
        default=None,
        description="Identifier under which the creator of the data has the collection "
        "in the VO, `ivo://authority/path`; with `?` and the obs_id it is "
        "`obs_creator_did`.",
    )
    target_class: dict[Text, Text] = Field(
        default={},
        description='Kinds of targets by name: `"Crab Nebula" = "PWN"`; case and '
        "blanks do not count.",
    )
    data_level: Level = Field(
        default="DL3", description="CTA data level of the runs: `DL0`...`DL5`."
    )
    calib_levels: dict[Level, Annotated[int, Strict(), Field(ge=0, le=4)]] = Field(
        default={},
        description="ObsCore calib_level by data level, where it differs from the "
        "installation's.",
    )
    rename: Rename = Field(default=Rename(), description="Names of targets and so on.")
    access: tuple[Access, ...] = Field(default=(), description="Who may see which.")
    proposal: tuple[Proposal, ...] = Field(default=(), description="Proposals.")
    site: Site | None = Field(default=None, description="Place of the array.")
    telescope: tuple[Telescope, ...] = Field(default=(), description="Telescopes.")
    observation: tuple[NamedObservation, ...] = Field(
        default=(), description="Runs that belong together."
    )
    override: tuple[Override, ...] = Field(
        default=(), description="Header values that are known to be wrong."
    )
    fill: tuple[Fill, ...] = Field(
        default=(), description="Columns that the site has added to the data model."
    )
    ignore: tuple[Ignore, ...] = Field(
        default=(), description="Files that are not to go in."
    )
    accept: tuple[Accept, ...] = Field(
        default=(), description="Findings that are known."
    )

    @field_validator("name")
    @classmethod
    def _is_simple(cls, name: str | None) -> str | None:
        if name is not None and slug(name) != name:
            message = f"letters, digits and . _ + - only, for example {slug(name)}"
            raise ValueError(message)
        return name

    @model_validator(mode="after")
    def _each_once(self) -> CollectionSettings:
        for kind, names in (
            ("proposal", [one.id for one in self.proposal]),
            ("observation", [one.name for one in self.observation]),
            ("telescope", [one.id for one in self.telescope]),
        ):
            twice = {name for name in names if names.count(name) > 1}
            if twice:
                message = f"{kind} {min(twice)} stands there twice"
                raise ValueError(message)
        return self

    def access_to(self, obs_id: str) -> Access | None:
        """Return who may see a run, None where the settings do not say."""
        holding = [
            one for one in self.access if one.runs is None or is_among(obs_id, one.runs)
        ]
        return holding[-1] if holding else None

    @property
    def names_matter(self) -> bool:
        """Whether something depends on the names in the files."""
        rename = self.rename
        return bool(
            rename.target or rename.facility or rename.instrument or self.target_class
        )

    def _class_of(self, name: str | None) -> str | None:
        """Return the kind of a target, by its name or the one that it is given."""
        if name is None:
            return None
        wanted = _squeezed(renamed(name, self.rename.target) or name)
        kinds = self.target_class.items()
        return next((kind for one, kind in kinds if _squeezed(one) == wanted), None)

    def overrides_of(self, obs_id: str, file_name: str) -> tuple[Override, ...]:
        """Return the overrides that hold for a run, in order."""
        return tuple(one for one in self.override if one.holds(obs_id, file_name))

    def fills_of(self, obs_id: str, file_name: str) -> tuple[Fill, ...]:
        """Return what fills columns of a run, in order."""
        return tuple(one for one in self.fill if one.holds(obs_id, file_name))

    def named_runs(self) -> frozenset[str]:
        """Return every obs_id that the settings name, and every range of them."""
        parts = (
            *self.access,
            *self.proposal,
            *self.observation,
            *self.override,
            *self.fill,
        )
        runs = (name for part in parts for name in getattr(part, "runs", None) or ())
        return frozenset(runs)

    def of_run(self, obs_id: str, file_name: str, names: Names) -> RunSettings:
        """Return what concerns one run.

        Parameters
        ----------
        names
            As they stand in the files.
        """
        return RunSettings(
            data_level=self.data_level,
            calib_levels=tuple(sorted(self.calib_levels.items())),
            reference=self.reference,
            creator_did=self.creator_did,
            target_class=self._class_of(names.target),
            names=Names(
                renamed(names.target, self.rename.target),
                renamed(names.facility, self.rename.facility),
                renamed(names.instrument, self.rename.instrument),
            ),
            proposal=_first(self.proposal, obs_id),
            observation=_first(self.observation, obs_id),
            site=self.site,
            telescopes=self.telescope,
            overrides=self.overrides_of(obs_id, file_name),
            fills=self.fills_of(obs_id, file_name),
        )


NO_SETTINGS: Final = CollectionSettings()
"""Of a collection without a settings file."""


def renamed(name: str | None, table: dict[str, tuple[str, ...]]) -> str | None:
    """Return the name that stands for a spelling, None where none does.

    >>> renamed("msh 15-5-02", {"MSH 15-52": ("MSH15-5-02",)})
    'MSH 15-52'
    >>> renamed("Crab", {"MSH 15-52": ("MSH15-5-02",)})
    """
    if name is None:
        return None
    wanted = _squeezed(name)
    for new, spellings in table.items():
        if wanted in {_squeezed(one) for one in (new, *spellings)}:
            return new
    return None


def _squeezed(name: str) -> str:
    return "".join(name.split()).lower()


def _first(parts: tuple[Any, ...], obs_id: str) -> Any:
    return next((one for one in parts if is_among(obs_id, one.runs)), None)
