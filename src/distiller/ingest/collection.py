"""What a data centre says of a collection beside its files: its settings.

A settings file (TOML) names, groups and mends; `collection_file` finds and reads it.
docs/decisions/0046-collection-settings.md.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from typing import Annotated, Any, Final, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
    field_validator,
    model_validator,
)

from distiller.core.identifiers import slug
from distiller.ingest.findings import CODES, FILE_REFUSED
from distiller.ingest.run_settings import Names, RunSettings

Level = Literal["DL0", "DL1", "DL2", "DL3", "DL4", "DL5"]
_IVOID: Final = r"^ivo://[A-Za-z0-9][\w.-]+(/[\w.~*'()+-]+)*$"
Scalar = str | int | float | bool

_RANGE: Final = re.compile(r"(\d+)\.\.(\d+)")
_KEYWORD: Final = re.compile(r"[A-Z0-9_-]{1,8}")
_STRUCTURE: Final = re.compile(
    r"XTENSION|SIMPLE|BITPIX|NAXIS\d*|PCOUNT|GCOUNT|TFIELDS|EXTNAME|HDUCLAS\d|"
    r"T(TYPE|FORM|UNIT|DIM|SCAL|ZERO|NULL)\d+"
)


def _run_name(value: object) -> object:
    """Return a run id as text; whole numbers may stand without quotes."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
RunName = Annotated[Text, BeforeValidator(_run_name)]
Runs = Annotated[
    tuple[RunName, ...],
    Field(
        min_length=1,
        description="The runs: obs_ids, and ranges of whole numbers such as "
        '`"23523..23592"`, both ends included.',
    ),
]
Number = Annotated[float, Strict()]


class Part(BaseModel):
    """A part of the settings; what is not declared is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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

    @property
    def release_utc(self) -> datetime | None:
        """The release as an instant, UTC without zone mark."""
        if self.release is None:
            return None
        if not isinstance(self.release, datetime):
            return datetime(self.release.year, self.release.month, self.release.day)
        if self.release.tzinfo is None:
            return self.release
        return self.release.astimezone(UTC).replace(tzinfo=None)


class Proposal(Part):
    """An observing proposal and its runs."""

    id: Annotated[Text, BeforeValidator(_run_name)] = Field(
        description="Number or code of the proposal."
    )
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

    id: Annotated[Text, BeforeValidator(_run_name)] = Field(
        description="Its name as in TELLIST."
    )
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


class Override(Part):
    """A header value that is known to be wrong, and the right one.

    It takes the place of the keyword in the EVENTS header and of the column of that
    name in the observation index; each effect is noted with the run (D230).
    """

    keyword: Text = Field(description="Name of the keyword, in capitals.")
    value: (
        Annotated[bool, Strict()]
        | Annotated[int, Strict()]
        | Annotated[float, Strict()]
        | Annotated[str, Strict()]
        | None
    ) = Field(default=None, description="The right value.")
    drop: bool = Field(
        default=False, description="`true`: the value is not known (instead of value)."
    )
    table: Literal["EVENTS", "GTI"] = Field(
        default="EVENTS", description="Header that is mended: `EVENTS` or `GTI`."
    )
    runs: Runs | None = Field(
        default=None, description="The runs it holds for; without it, all."
    )
    files: tuple[Text, ...] = Field(
        default=(),
        description='Instead of runs: names of files, such as `"run_*.fits"`. An '
        "override of OBS_ID needs it.",
    )
    reason: Text = Field(description="Why; stored with the run.")

    @field_validator("keyword")
    @classmethod
    def _is_mendable(cls, keyword: str) -> str:
        if not _KEYWORD.fullmatch(keyword):
            message = "a keyword has up to 8 capitals, digits, - or _"
            raise ValueError(message)
        if _STRUCTURE.fullmatch(keyword):
            message = f"{keyword} is structure of the file: write the file anew"
            raise ValueError(message)
        return keyword

    @model_validator(mode="after")
    def _is_whole(self) -> Override:
        if (self.value is None) != self.drop:
            message = "give either a value or drop = true"
            raise ValueError(message)
        if self.runs and self.files:
            message = "give either runs or files"
            raise ValueError(message)
        if self.keyword == "OBS_ID" and not (self.files and self.value is not None):
            message = "OBS_ID names the run: select it by files, and give a value"
            raise ValueError(message)
        return self

    def holds(self, obs_id: str, file_name: str) -> bool:
        """Whether it holds for a run."""
        if self.files:
            return any(fnmatchcase(file_name, pattern) for pattern in self.files)
        return self.runs is None or is_among(obs_id, self.runs)


class Accept(Part):
    """A finding that is known and need not be told again.

    It is stored with the run all the same; the report only counts it.
    """

    code: Text = Field(description="Code of a warning or a note: `D216`.")
    reason: Text = Field(description="Why it may be.")

    @field_validator("code")
    @classmethod
    def _can_be_accepted(cls, code: str) -> str:
        known = CODES.get(code)
        if known is None:
            message = f"there is no finding {code}"
            raise ValueError(message)
        if known.severity == "error" or code in FILE_REFUSED:
            message = f"{code} refuses a run or a file and cannot be accepted"
            raise ValueError(message)
        return code


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

    def named_runs(self) -> frozenset[str]:
        """Return every single obs_id that the settings name."""
        parts = (*self.access, *self.proposal, *self.observation, *self.override)
        runs = (name for part in parts for name in getattr(part, "runs", None) or ())
        return frozenset(name for name in runs if not _RANGE.fullmatch(name))

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
        )


NO_SETTINGS: Final = CollectionSettings()
"""Of a collection without a settings file."""


def is_among(obs_id: str, runs: tuple[str, ...]) -> bool:
    """Whether a run is among ids and ranges.

    >>> runs = ("7", "20..23")
    >>> [is_among(name, runs) for name in ("7", "20", "23", "24", "x", "020")]
    [True, True, True, False, False, True]
    """
    if obs_id in runs:
        return True
    if not obs_id.isdecimal():
        return False
    ranges = (match for name in runs if (match := _RANGE.fullmatch(name)))
    return any(int(one[1]) <= int(obs_id) <= int(one[2]) for one in ranges)


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
