"""What the parts of a collection's settings are made of: texts, numbers, runs."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Annotated, Final, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
    model_validator,
)

_RANGE: Final = re.compile(r"([0-9]+)\.\.([0-9]+)")
_MOST_DIGITS: Final = 18
_MOST_LETTERS: Final = 64


class Part(BaseModel):
    """A part of the settings; what is not declared is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _run_name(value: object) -> object:
    """Return a run id as text; whole numbers may stand without quotes."""
    if isinstance(value, int) and not isinstance(value, bool):
        if abs(value) >= 10**_MOST_DIGITS:
            message = f"a number of a run has at most {_MOST_DIGITS} digits"
            raise ValueError(message)
        return str(value)
    return value


def _is_short(name: str) -> str:
    """Refuse what names no run, so that later no number is too large to be one."""
    if len(name) > _MOST_LETTERS:
        message = f"an id has at most {_MOST_LETTERS} characters"
        raise ValueError(message)
    match = _RANGE.fullmatch(name)
    if match is None:
        return name
    if any(len(number) > _MOST_DIGITS for number in match.groups()):
        message = f"a number of a range has at most {_MOST_DIGITS} digits"
        raise ValueError(message)
    if int(match[1]) > int(match[2]):
        message = f"the range {name} ends before it begins"
        raise ValueError(message)
    return name


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
RunName = Annotated[Text, BeforeValidator(_run_name), AfterValidator(_is_short)]
Runs = Annotated[
    tuple[RunName, ...],
    Field(
        min_length=1,
        description="The runs: obs_ids, and ranges of whole numbers such as "
        '`"23523..23592"`, both ends included.',
    ),
]
Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]


def is_range(name: str) -> bool:
    """Whether a name of a run stands for several."""
    return _RANGE.fullmatch(name) is not None


def is_among(obs_id: str, runs: tuple[str, ...]) -> bool:
    """Whether a run is among ids and ranges.

    >>> runs = ("7", "20..23")
    >>> [is_among(name, runs) for name in ("7", "20", "23", "24", "x", "020")]
    [True, True, True, False, False, True]
    """
    if obs_id in runs:
        return True
    if not obs_id.isdecimal() or len(obs_id) > _MOST_DIGITS:
        return False
    ranges = (match for name in runs if (match := _RANGE.fullmatch(name)))
    return any(int(one[1]) <= int(obs_id) <= int(one[2]) for one in ranges)


class OfRuns(Part):
    """A part that holds for some runs, named themselves or by their files."""

    runs: Runs | None = Field(
        default=None, description="The runs it holds for; without it, all."
    )
    files: tuple[Text, ...] = Field(
        default=(),
        description='Instead of runs: names of files, such as `"run_*.fits"`.',
    )

    @model_validator(mode="after")
    def _is_one_way(self) -> Self:
        if self.runs and self.files:
            message = "give either runs or files"
            raise ValueError(message)
        return self

    def holds(self, obs_id: str, file_name: str) -> bool:
        """Whether it holds for a run."""
        if self.files:
            return any(fnmatchcase(file_name, pattern) for pattern in self.files)
        return self.runs is None or is_among(obs_id, self.runs)
