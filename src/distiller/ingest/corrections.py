"""Parts of a collection's settings that speak of its files: what is wrong with them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import (
    Field,
    Strict,
    ValidationInfo,
    field_validator,
    model_validator,
)

from distiller.ingest.findings import CODES, FILE_REFUSED
from distiller.ingest.parts import OfRuns, Part, Text

if TYPE_CHECKING:
    from typing import Self

TableName = Literal["EVENTS", "GTI", "INDEX", "AEFF", "EDISP", "PSF", "BKG", "RAD_MAX"]
"""What holds a value: a header of a run, or its row of the observation index."""

_KEYWORD: Final = re.compile(r"[A-Z0-9_-]{1,8}")
_COLUMN: Final = re.compile(r"[A-Z0-9_-]{1,68}")
_STRUCTURE: Final = re.compile(
    r"XTENSION|SIMPLE|BITPIX|NAXIS\d*|PCOUNT|GCOUNT|TFIELDS|EXTNAME|HDUCLAS\d|"
    r"T(TYPE|FORM|UNIT|DIM|SCAL|ZERO|NULL)\d+"
)
_MOST: Final = 2**63


def _check_keyword(keyword: str, table: str) -> None:
    """Refuse what is no keyword of a header, or no column of an index."""
    if table == "INDEX":
        if not _COLUMN.fullmatch(keyword):
            message = "a column has up to 68 capitals, digits, - or _"
            raise ValueError(message)
        return
    if not _KEYWORD.fullmatch(keyword):
        message = "a keyword has up to 8 capitals, digits, - or _"
        if _COLUMN.fullmatch(keyword):
            message += '; a column of the observation index needs table = "INDEX"'
        raise ValueError(message)
    if _STRUCTURE.fullmatch(keyword):
        message = f"{keyword} is structure of the file: write the file anew"
        raise ValueError(message)


class Override(OfRuns):
    """A header value that is known to be wrong, and the right one.

    With `EVENTS` it takes the place of the keyword in the header of the events and of
    the column of that name in the observation index. Each effect is noted with the run
    (D230) and kept in `cta.header_correction`, from where jobs take it when they read
    the file; an override without effect is noted, too (D244). CALDB and IRF are stored
    as they are mended; the response file itself is looked for by those of the file.
    """

    table: TableName = Field(
        default="EVENTS",
        description="What is mended: the header of `EVENTS` or `GTI`, of the responses "
        "of a kind (`AEFF`, `EDISP`, `PSF`, `BKG`, `RAD_MAX`), or the row of the "
        "observation index (`INDEX`).",
    )
    keyword: Text = Field(
        description="Name of the keyword or column, in capitals; `OBS_ID` needs files."
    )
    value: (
        Annotated[bool, Strict()]
        | Annotated[int, Strict(), Field(ge=-_MOST, lt=_MOST)]
        | Annotated[float, Strict(), Field(allow_inf_nan=False)]
        | Annotated[str, Strict()]
        | None
    ) = Field(default=None, description="The right value.")
    drop: bool = Field(
        default=False, description="`true`: the value is not known (instead of value)."
    )
    reason: Text = Field(description="Why; stored with the run.")

    @field_validator("keyword")
    @classmethod
    def _is_mendable(cls, keyword: str, info: ValidationInfo) -> str:
        _check_keyword(keyword, info.data.get("table", "EVENTS"))
        return keyword

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.value is None) != self.drop:
            message = "give either a value or drop = true"
            raise ValueError(message)
        if self.keyword == "OBS_ID" and not (self.files and self.value is not None):
            message = "OBS_ID names the run: select it by files, and give a value"
            raise ValueError(message)
        if self.keyword == "OBS_ID" and self.table != "EVENTS":
            message = "OBS_ID names the run in every table: leave out table"
            raise ValueError(message)
        return self


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
