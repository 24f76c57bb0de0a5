"""Values of header and index row, one by one: placeholders and nonsense become None.

What is dropped or changed leaves a finding. Missing is None, never 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from distiller.ingest.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from distiller.ingest.fits_stream import CardValue, Header

_MAX_TEXT = 500
_NO_TEXT = frozenset(
    {"", "string", "none", "null", "nan", "n/a", "na", "unknown", "undefined", "undef",
     "tbd", "-", "?", "not available"}
)  # fmt: skip


@dataclass(slots=True)
class Values:
    """Asks the header first and then the index row, and collects findings.

    Attributes
    ----------
    row
        Row of the observation index; never asked for times.
    """

    header: Header
    row: Mapping[str, CardValue]
    path: str
    obs_id: str
    findings: list[Finding] = field(default_factory=list)

    def note(self, code: str, message: str) -> None:
        """Add a finding of this run; twice the same is once."""
        found = Finding(code, message, self.path, self.obs_id)
        if found not in self.findings:
            self.findings.append(found)

    def raw(self, *keywords: str) -> tuple[str, CardValue]:
        """Return the first keyword that has a value, and the value."""
        for source in (self.header.values, self.row):
            for keyword in keywords:
                value = source.get(keyword)
                if value is not None and value != "":
                    return keyword, value
        return keywords[0], None

    def text(self, *keywords: str, placeholders: tuple[str, ...] = ()) -> str | None:
        """Return a text without control characters; placeholders are dropped."""
        return self.cleaned(*self.raw(*keywords), placeholders)

    def cleaned(
        self, keyword: str, value: CardValue, placeholders: tuple[str, ...] = ()
    ) -> str | None:
        """Return a value as such a text, wherever it was read."""
        if value is None or isinstance(value, bool):
            return None
        kept = "".join(c if c.isprintable() else " " for c in str(value))
        words = " ".join(kept.split())
        if words.lower() in _NO_TEXT or words.lower() in placeholders:
            if words:
                self.note("D201", f"{keyword} = {words!r}")
            return None
        if len(words) > _MAX_TEXT:
            self.note("D215", f"{keyword} has {len(words)} characters")
            words = words[:_MAX_TEXT]
        return words

    def number(
        self,
        *keywords: str,
        low: float = -math.inf,
        high: float = math.inf,
        placeholders: tuple[float, ...] = (),
    ) -> float | None:
        """Return a finite number within [low, high]; placeholders are dropped."""
        keyword, value = self.raw(*keywords)
        if value is None:
            return None
        number = as_number(value)
        if number is None or not math.isfinite(number):
            self.note("D211", f"{keyword} = {_shown(value)} is no number")
            return None
        if number in placeholders:
            self.note("D201", f"{keyword} = {number:g}")
            return None
        if not low <= number <= high:
            self.note("D211", f"{keyword} = {number:g} is outside {low:g}...{high:g}")
            return None
        return number

    def instant(self, keyword: str) -> datetime | None:
        """Return an ISO 8601 date (UTC) of the header."""
        text = self.text(keyword)
        if text is None:
            return None
        try:
            instant = datetime.fromisoformat(text)
            if instant.tzinfo is not None:
                instant = instant.astimezone(UTC).replace(tzinfo=None)
        except (ValueError, OverflowError):  # no date, or one beyond the years
            self.note("D211", f"{keyword} = {_shown(text)} is no date")
            return None
        return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def obs_id_text(value: CardValue) -> str | None:
    """Return an OBS_ID as text; a whole number among floats is one, too.

    >>> obs_id_text(20136.0), obs_id_text(" CTA1 "), obs_id_text(True), obs_id_text(1.5)
    ('20136', 'CTA1', None, '1.5')
    """
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value)
    return str(value).strip() or None


def as_number(value: CardValue) -> float | None:
    """Return a header value as a float; numbers written as text count.

    >>> as_number("111630"), as_number("string"), as_number(True)
    (111630.0, None, None)
    """
    if isinstance(value, bool) or value is None:
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _shown(value: CardValue) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."  # noqa: PLR2004 - a line
