"""What the parameters of all tasks have in common; needs no Gammapy.

A task declares its parameters once, as a pydantic model whose fields carry description,
default and what `distiller.analysis.fields.shown` says: validation, forms, JSON schema,
service descriptors and the reference are made from it.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from distiller.analysis.fields import files_of, repeatable_of, shown, texts_of
from distiller.core.errors import BadParameter, InternalError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

OBS_MAX: Final = 500
"""Most datasets that one job may take in."""

_NEAR_DEG: Final = 1.0
_SHA256: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)

_WORDS: Final[dict[str, str]] = {
    "missing": "is required",
    "too_short": "needs at least {min_length}",
    "too_long": "{actual_length:,} values are more than {max_length}",
    "string_too_long": "has more than {max_length} characters",
}
"""What is wrong, by pydantic's type of error; the value is not said again."""

_WORDS_OF_OBS: Final[dict[str, str]] = {
    "too_short": "names no dataset",
    "too_long": "{actual_length:,} datasets are more than the {max_length} of one job",
}

_MJD: Final = "must be a number: a UTC-based MJD such as 60000.5"
_WORDS_OF_TIMES: Final = {"float_type": _MJD, "float_parsing": _MJD}

_WORDS_OF_VALUES: Final[Mapping[str, str]] = {
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number of fewer digits",
    "int_from_float": "must be a whole number",
    "greater_than": "must be greater than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than": "must be less than {lt:g}",
    "less_than_equal": "must be at most {le:g}",
    "literal_error": "must be {expected}",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
}
"""Likewise; what was given is said after it."""


class InvalidParameters(BadParameter):
    """One or more parameters of a task are wrong; carries every fault.

    Attributes
    ----------
    faults
        Pairs of parameter name and what is wrong with it.
    """

    def __init__(self, task: str, faults: tuple[tuple[str, str], ...]) -> None:
        name, first = faults[0]
        rest = "".join(f"; {other}: {text}" for other, text in faults[1:])
        super().__init__(name, first + rest, hint=f"parameters of {task}")
        self.faults = faults


def separated(value: object) -> object:
    """Take repeated and comma-separated values alike, each once.

    >>> separated(["1, 2", "3,1"])
    ('1', '2', '3')
    """
    items = value if isinstance(value, (list, tuple)) else [value]
    parts = [p.strip() for item in items for p in str(item).split(",")]
    return tuple(dict.fromkeys(p for p in parts if p))


def numbers(value: object) -> tuple[object, ...]:
    """Take numbers that are separated by commas or blanks, as VOTable writes them.

    >>> numbers("5, 4"), numbers("5 4"), numbers(5)
    (('5', '4'), ('5', '4'), ('5',))
    """
    if isinstance(value, (list, tuple)):
        return tuple(value)
    parts = (part.split() for part in str(value).split(","))
    return tuple(word for words in parts for word in words or [""])


def _on_one_line(text: str | None) -> str | None:
    """Refuse what no line of a header, a plot or a page can show."""
    for character in text or "":
        # Blanks of other widths come with names that are pasted, and can be shown.
        if not (character.isprintable() or unicodedata.category(character) == "Zs"):
            message = (
                f"has a character that cannot be printed (U+{ord(character):04X}); "
                "write it on one line, as plain text"
            )
            raise ValueError(message)
    return text


def is_checksum(text: str) -> bool:
    """Whether a text can be the SHA-256 of a file.

    >>> is_checksum("AB" * 32), is_checksum("mask.fits")
    (True, False)
    """
    return _SHA256.fullmatch(text.strip().lower()) is not None


def _checksum(text: str) -> str:
    """Refuse what cannot be the checksum of a file."""
    text = text.strip().lower()
    if not is_checksum(text):
        message = (
            "must be sent along as a file (multipart/form-data); as text it is the "
            "SHA-256 of one that was sent before"
        )
        raise ValueError(message)
    return text


SentFile = Annotated[str, AfterValidator(_checksum)]
"""A file that is sent along with a job; in parameters the SHA-256 of its content."""


class TaskParameters(BaseModel):
    """Parameters that every task has: which datasets, and which place on the sky."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    _files: dict[str, Path] = PrivateAttr(default_factory=dict)

    obs: Annotated[tuple[str, ...], BeforeValidator(separated)] = Field(
        min_length=1,
        max_length=OBS_MAX,
        description="Datasets to use: obs_id or publisher DID, separated by commas.",
        json_schema_extra=shown("Runs", group="Place", ucd="meta.id", repeatable=True),
    )
    target: Annotated[str | None, AfterValidator(_on_one_line)] = Field(
        default=None,
        max_length=100,
        description=(
            "Name of the centre, resolved to a position; or give ra and dec. "
            "Beside ra and dec it is a label, and must not be the name of another "
            "place."
        ),
        examples=["Crab"],
        json_schema_extra=shown("Centre: target", group="Place", ucd="meta.id;src"),
    )
    ra: float | None = Field(
        default=None,
        ge=0,
        lt=360,
        description="Right ascension of the centre (ICRS).",
        examples=[83.63],
        json_schema_extra=shown(
            "Centre: RA",
            group="Place",
            unit="deg",
            ucd="pos.eq.ra",
            unset="from the target",
        ),
    )
    dec: float | None = Field(
        default=None,
        ge=-90,
        le=90,
        description="Declination of the centre (ICRS).",
        examples=[22.01],
        json_schema_extra=shown(
            "Centre: Dec",
            group="Place",
            unit="deg",
            ucd="pos.eq.dec",
            unset="from the target",
        ),
    )

    @model_validator(mode="after")
    def _has_centre(self) -> Self:
        if (self.ra is None) != (self.dec is None):
            missing = "ra" if self.ra is None else "dec"
            message = f"{missing}: is missing; ra and dec go together"
            raise ValueError(message)
        if self.needs_centre and self.ra is None and self.target is None:
            message = "target: no centre; give target, or ra and dec"
            raise ValueError(message)
        return self

    @property
    def needs_centre(self) -> bool:
        """Whether the task cannot do without a place on the sky."""
        return True

    @property
    def uses_responses(self) -> bool:
        """Whether, asked like this, a task that reads responses reads them."""
        return True

    @property
    def centre_deg(self) -> tuple[float, float]:
        """ICRS right ascension and declination, deg; only once they are resolved."""
        if self.ra is None or self.dec is None:
            message = f"the target {self.target!r} was not resolved before the run"
            raise InternalError(message)
        return self.ra, self.dec

    @property
    def place_name(self) -> str:
        """What the centre is called: the target, or where it is."""
        if self.target:
            return self.target
        ra_deg, dec_deg = self.centre_deg
        return f"ra {ra_deg:g} deg, dec {dec_deg:g} deg"

    @property
    def near_deg(self) -> float:
        """How far from the centre, deg, a named place may be that labels it."""
        return _NEAR_DEG

    def resolved(self, ra_deg: float, dec_deg: float) -> Self:
        """Return the same parameters with the centre at this ICRS position."""
        return self.model_copy(update={"ra": ra_deg, "dec": dec_deg})

    @property
    def sent(self) -> dict[str, str]:
        """The SHA-256 of each file that is sent along, by parameter."""
        values = {name: getattr(self, name) for name in files_of(type(self))}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def files(self) -> Mapping[str, Path]:
        """Where these files lie on this machine, as far as it was told."""
        return self._files

    def with_files(self, files: Mapping[str, Path]) -> Self:
        """Return the same parameters with the places of the files they name."""
        copy = self.model_copy()
        copy._files = dict(files)  # noqa: SLF001 - of this class
        return copy

    def for_recipe(self) -> dict[str, Any]:
        """Return what a recipe is given: as in a configuration, with files as paths."""
        lacking = self.sent.keys() - self.files.keys()
        if lacking:
            message = f"nobody said where {', '.join(sorted(lacking))} lies"
            raise InternalError(message)
        values = self.model_dump(mode="json", exclude_none=True)
        return values | {name: str(self.files[name]) for name in self.sent}

    def completed(self) -> Self:
        """Return the same with all that follows from it written out; see tasks.

        Called once the centre is resolved, so that a configuration says all by itself
        and means the same under any later version.

        Raises
        ------
        ValueError
            If something cannot be; the text begins with the parameter.
        """
        return self

    @classmethod
    def from_pairs(cls, task: str, pairs: Iterable[tuple[str, str]]) -> Self:
        """Read names and values of a request.

        Names are case-insensitive and an empty value is none (DALI 1.1 section 2.4).
        Several lines are several values of a parameter that may be repeated.

        Raises
        ------
        InvalidParameters
            With every fault. A name that the task does not have is one: a misspelt
            ``e_mim`` must not give a map with the default energy range.
        """
        given: dict[str, list[str]] = {}
        for name, value in pairs:
            if value.strip():
                given.setdefault(name.strip().lower(), []).append(value.strip())
        many = repeatable_of(cls)
        faults = [
            (name, "given more than once")
            for name, values in given.items()
            if len(values) > 1 and name not in many
        ]
        faults += [
            (name, _unknown(name, cls.model_fields))
            for name in given
            if name not in cls.model_fields
        ]
        if not faults:
            flat = {n: _lines(v) if n in many else v[0] for n, v in given.items()}
            try:
                return cls.model_validate(flat)
            except ValidationError as error:
                faults = list(faults_of(error))
        raise InvalidParameters(task, tuple(faults))

    def to_pairs(self) -> tuple[tuple[str, str], ...]:
        """Write as names and values of a request; `from_pairs` reads them back."""
        fields = type(self).model_fields
        return tuple(
            (name, text)
            for name, value in self
            for text in texts_of(fields[name], value)
        )


def _lines(values: Iterable[str]) -> list[str]:
    """Return the values of a repeatable parameter; a form sends one on each line."""
    # A break is CRLF in a form; `splitlines` would break at other characters, too.
    lines = (line.strip() for value in values for line in value.split("\n"))
    return [line for line in lines if line]


def faults_of(error: ValidationError) -> tuple[tuple[str, str], ...]:
    """Return what is wrong, in words for people: one fault for each parameter."""
    faults: dict[str, str] = {}
    for item in error.errors(include_url=False):
        name, text = _fault(item)
        # A pair with two wrong halves is one thing to mend.
        faults.setdefault(name, text)
    return tuple(faults.items())


def _fault(item: Mapping[str, Any]) -> tuple[str, str]:
    if item["loc"]:
        return str(item["loc"][0]), _sentence(item)
    # What concerns several fields starts with the name of the first.
    name, _, text = _sentence(item).partition(": ")
    return name, text


def _sentence(item: Mapping[str, Any]) -> str:
    kind, about = str(item["type"]), item.get("ctx", {})
    words_of_lists = _WORDS | (_WORDS_OF_OBS if item["loc"] == ("obs",) else {})
    if kind in words_of_lists:
        return words_of_lists[kind].format_map(about)
    if kind == "value_error":
        return str(item["msg"]).removeprefix("Value error, ")
    is_time = item["loc"] in {("t_min",), ("t_max",)}
    words = (_WORDS_OF_TIMES if is_time else {}).get(kind, _WORDS_OF_VALUES.get(kind))
    plain = str(item["msg"]) if words is None else words.format_map(about)
    return f"{plain}, not {str(item['input'])[:60]!r}"


def _unknown(name: str, fields: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(name, fields, n=1)
    suggestion = f"; did you mean {near[0]}?" if near else ""
    return f"no such parameter{suggestion}"
