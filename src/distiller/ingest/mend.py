"""Header values that the settings of a collection mend, each with a finding."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from distiller.ingest.collection import Names
from distiller.ingest.findings import Finding
from distiller.ingest.values import obs_id_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from distiller.ingest.collection import Override
    from distiller.ingest.fits_stream import CardValue, Header
    from distiller.ingest.gadf import RawRun
    from distiller.ingest.index import IndexRow


def mended(raw: RawRun, overrides: Sequence[Override]) -> RawRun:
    """Return a run with the values of the settings in place of those of its headers."""
    path = str(raw.files[0].path)
    events, gti, row = raw.events, raw.gti, raw.index_row
    findings = list(raw.findings)
    for one in overrides:
        if one.table == "GTI":
            old, gti = gti.values.get(one.keyword), _with(gti, one)
        else:
            old = events.values.get(one.keyword, row.get(one.keyword))
            events, row = _with(events, one), _row_with(row, one)
        now = "not known" if one.drop else _shown(one.value)
        was = "absent" if old is None else _shown(old)
        text = f"{one.keyword} is {now}, was {was}: {one.reason}"
        findings.append(Finding("D230", text, path))
    return replace(raw, events=events, gti=gti, index_row=row, findings=tuple(findings))


def names_of(events: Header, row: IndexRow, overrides: Sequence[Override]) -> Names:
    """Return the names of a run as they stand in header and index row, mended."""
    for one in overrides:
        if one.table == "EVENTS":
            events, row = _with(events, one), _row_with(row, one)
    return Names(
        target=_text(row, "TARGET_NAME") or _text(events.values, "OBJECT"),
        facility=_text(events.values, "TELESCOP"),
        instrument=_text(events.values, "INSTRUME"),
    )


def obs_id_of(
    events: Header, index_obs_id: str | None, overrides: Sequence[Override]
) -> str:
    """Return the name by which the settings know a run; empty where it has none."""
    for one in overrides:
        if one.keyword == "OBS_ID":
            return str(one.value)
    return index_obs_id or obs_id_text(events.values.get("OBS_ID")) or ""


def _text(values: Mapping[str, CardValue], keyword: str) -> str | None:
    value = values.get(keyword)
    return " ".join(value.split()) if isinstance(value, str) else None


def _row_with(row: IndexRow, one: Override) -> IndexRow:
    return {**row, one.keyword: one.value} if one.keyword in row else row


def _with(header: Header, one: Override) -> Header:
    value = one.value
    if one.keyword == "OBS_ID" and isinstance(value, str) and value.isdecimal():
        value = int(value)  # as GADF wants it
    values = {**header.values, one.keyword: value}
    # What was wrong with the card itself is mended with it.
    return replace(
        header,
        values=values,
        duplicates=tuple(k for k in header.duplicates if k != one.keyword),
        damaged=tuple(k for k in header.damaged if k != one.keyword),
        not_ascii=tuple(k for k in header.not_ascii if k != one.keyword),
    )


def _shown(value: object) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 - a line
