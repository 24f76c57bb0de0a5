"""Header values that the settings of a collection mend, each with a finding."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from distiller.ingest.findings import Finding
from distiller.ingest.keywords import INDEX_ONLY, is_asked, meant
from distiller.ingest.run import Correction
from distiller.ingest.run_settings import Names
from distiller.ingest.values import obs_id_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from distiller.core.places import Place
    from distiller.ingest.corrections import Override
    from distiller.ingest.fits_stream import CardValue, Header
    from distiller.ingest.gadf import RawRun, Response
    from distiller.ingest.index import IndexRow


def mended(
    raw: RawRun,
    overrides: Sequence[Override],
    filling: frozenset[str] = frozenset(),
) -> tuple[RawRun, tuple[Correction, ...]]:
    """Return a run with the values of the settings in place of those of its headers.

    Each override leaves a finding: D230 with what was and what is now, or D244 where
    it has no effect. Those of D230 are returned as corrections of each header, too.

    Parameters
    ----------
    filling
        Keywords that columns of the site are filled with.
    """
    path = str(raw.files[0].path)
    findings = list(raw.findings)
    corrections: list[Correction] = []
    for one in overrides:
        why = _without_effect(raw, one, filling)
        if why is not None:
            text = f"{one.keyword} of {one.table}: {why}"
            findings.append(Finding("D244", text, path))
            continue
        was = _shown(old) if (old := _old(raw, one)) is not None else "absent"
        now = "not known" if one.drop else _shown(one.value)
        text = f"{one.keyword} of {one.table} is {now}, was {was}: {one.reason}"
        findings.append(Finding("D230", text, path))
        corrections += _corrections(raw, one)
        raw = _applied(raw, one)
    return replace(raw, findings=tuple(findings)), tuple(corrections)


def names_of(events: Header, row: IndexRow, overrides: Sequence[Override]) -> Names:
    """Return the names of a run as they stand in header and index row, mended."""
    for one in overrides:
        if one.table == "EVENTS":
            events, row = _with(events, one), _row_with(row, one)
        elif one.table == "INDEX":
            row = {**row, one.keyword: one.value}
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


def header_of(raw: RawRun, table: str) -> Mapping[str, CardValue] | None:
    """Return the values of a table of a run; of responses of a kind those of the first.

    None where the run has no such table.
    """
    if table == "EVENTS":
        return raw.events.values
    if table == "GTI":
        return raw.gti.values
    if table == "INDEX":
        return raw.index_row
    return next((one.header.values for one in raw.responses if _is(one, table)), None)


def _is(one: Response, table: str) -> bool:
    return one.response_type == table.lower()


def _without_effect(raw: RawRun, one: Override, filling: frozenset[str]) -> str | None:
    """Return why an override changes nothing; None: it does."""
    if header_of(raw, one.table) is None:
        return f"the run has no {one.table}"
    if _is_faulty(raw, one):
        return None
    fills = one.table in {"EVENTS", "INDEX"} and one.keyword in filling
    if not fills and not is_asked(one.keyword, one.table):
        return f"nothing asks for it ({meant(one.keyword, one.table)})"
    asked_first = raw.events.values.get(one.keyword)
    if (
        one.table == "INDEX"
        and one.keyword not in INDEX_ONLY
        and asked_first not in {None, ""}
    ):
        return 'the header of the events has it and is asked first (table = "EVENTS")'
    return None


def _is_faulty(raw: RawRun, one: Override) -> bool:
    """Whether a card of the events is itself at fault, which the override mends."""
    events = raw.events
    faulty = (*events.duplicates, *events.damaged, *events.not_ascii)
    return one.table == "EVENTS" and one.keyword in faulty


def _old(raw: RawRun, one: Override) -> CardValue:
    old = (header_of(raw, one.table) or {}).get(one.keyword)
    if old is None and one.table == "EVENTS":
        return raw.index_row.get(one.keyword)
    return old


def _corrections(raw: RawRun, one: Override) -> Iterator[Correction]:
    """Yield what an override corrects, header by header."""
    for path, hdu, values in _headers(raw, one.table):
        yield Correction(
            header=one.table,
            path=path,
            hdu=hdu,
            keyword=one.keyword,
            value=_right(one),
            former=values.get(one.keyword),
            reason=one.reason,
        )


def _headers(
    raw: RawRun, table: str
) -> Iterator[tuple[Place | None, str, Mapping[str, CardValue]]]:
    """Yield every header of a table of a run with its file and EXTNAME."""
    if table == "INDEX":
        yield None, "", raw.index_row
    elif table in {"EVENTS", "GTI"}:
        main = raw.files[0]
        apart = next((note for note in raw.files if note.role == "gti"), main)
        header, note = (raw.gti, apart) if table == "GTI" else (raw.events, main)
        yield note.path, header.text("EXTNAME") or "", header.values
    else:
        for response in raw.responses:
            if _is(response, table):
                yield response.path, response.hdu, response.header.values


def _applied(raw: RawRun, one: Override) -> RawRun:
    if one.table == "EVENTS":
        row = _row_with(raw.index_row, one)
        return replace(raw, events=_with(raw.events, one), index_row=row)
    if one.table == "GTI":
        return replace(raw, gti=_with(raw.gti, one))
    if one.table == "INDEX":
        return replace(raw, index_row={**raw.index_row, one.keyword: one.value})
    responses = tuple(
        replace(response, header=_with(response.header, one))
        if _is(response, one.table)
        else response
        for response in raw.responses
    )
    return replace(raw, responses=responses)


def _text(values: Mapping[str, CardValue], keyword: str) -> str | None:
    value = values.get(keyword)
    return " ".join(value.split()) if isinstance(value, str) else None


def _row_with(row: IndexRow, one: Override) -> IndexRow:
    return {**row, one.keyword: one.value} if one.keyword in row else row


def _right(one: Override) -> CardValue:
    """Return the value of an override as a header is to have it."""
    value = one.value
    if one.keyword == "OBS_ID" and isinstance(value, str) and value.isdecimal():
        return int(value)  # as GADF wants it
    return value


def _with(header: Header, one: Override) -> Header:
    values = {**header.values, one.keyword: _right(one)}
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
