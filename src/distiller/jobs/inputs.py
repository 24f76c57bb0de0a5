"""Which datasets of the archive the ``obs`` of a job mean, and may they be used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from distiller.analysis.products import (
    SELECTED_EVENTS,
    GoodTimeFile,
    HeaderCorrection,
    InputDataset,
    ResponseTable,
)
from distiller.core.errors import BadParameter, Damaged, Forbidden, NotFound
from distiller.core.places import Url, place
from distiller.core.rights import Terms, may_read
from distiller.core.times import now
from distiller.jobs.spec import Heritage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from distiller.core.rights import Reader
    from distiller.jobs.store import DatasetFinder

_SELECT: Final = """
SELECT p.publisher_did, p.obs_id, p.rights, p.release_date, p.owner, p.access_group,
       p.product_id, p.product_subtype,
       p.facility_name, p.instrument_name, p.target_name,
       c.collection_id, c.name AS collection,
       f.path, f.checksum, f.events_hdu, COALESCE(t.gti_hdu, f.gti_hdu) AS gti_hdu,
       t.path AS gti_path, t.checksum AS gti_checksum, g.simulated
FROM cta.product AS p
JOIN cta.collection AS c ON c.collection_id = p.collection_id
LEFT JOIN cta.product_file AS f ON f.product_id = p.product_id AND f.role = 'events'
LEFT JOIN cta.product_file AS t ON t.product_id = p.product_id AND t.role = 'gti'
LEFT JOIN cta.processing AS g ON g.observation_id = p.observation_id
WHERE p.data_level = 'DL3' AND (p.publisher_did IN ({marks}) OR p.obs_id IN ({marks}))
"""

_MADE_FROM: Final = """
SELECT i.input_did FROM cta.analysis AS a
JOIN cta.analysis_input AS i ON i.analysis_id = a.analysis_id
WHERE a.product_id = ? ORDER BY i.position
"""

_RESPONSES: Final = """
SELECT p.publisher_did, r.response_type, r.gadf_class, r.hdu_name, r.caldb, r.irf_name,
       f.name AS file, f.path, f.checksum
FROM cta.response AS r
JOIN cta.product AS p ON p.observation_id = r.observation_id
LEFT JOIN cta.product_file AS f ON f.file_id = r.file_id
WHERE p.data_level = 'DL3' AND p.publisher_did IN ({marks})
ORDER BY p.publisher_did, r.response_type, r.response_id
"""

_CORRECTIONS: Final = """
SELECT p.publisher_did, h.header, h.hdu_name, h.keyword, h.correct_value, h.value_type,
       h.former_value, h.reason, f.name AS file, f.role
FROM cta.header_correction AS h
JOIN cta.product AS p ON p.product_id = h.product_id
LEFT JOIN cta.product_file AS f ON f.file_id = h.file_id
WHERE h.header <> 'INDEX' AND p.publisher_did IN ({marks})
ORDER BY p.publisher_did, h.number
"""
"""No job reads an index."""
_UNKEPT: Final = """
SELECT DISTINCT p.publisher_did
FROM cta.finding AS n JOIN cta.product AS p ON p.product_id = n.product_id
WHERE n.code = 'D230' AND p.publisher_did IN ({marks}) AND NOT EXISTS
  (SELECT 1 FROM cta.header_correction AS h WHERE h.product_id = p.product_id)
ORDER BY p.publisher_did
"""
"""Runs that were stored by a version that did not keep what it had corrected."""

_VALUES: Final[Mapping[str, Callable[[str], str | int | float | bool]]] = {
    "text": str, "integer": int, "real": float, "boolean": lambda text: text == "true",
}  # fmt: skip

WHICH: Final = "name the one you mean by its DID"
"""What to do about an obs_id that stands in several collections."""

Rows = list[dict[str, Any]]


def resolve(
    archive: DatasetFinder,
    obs: Sequence[str],
    reader: Reader,
    *,
    responses: bool = False,
    optional: tuple[str, ...] = (),
) -> tuple[tuple[InputDataset, ...], Heritage]:
    """Find the datasets, in the order in which they were named, each once.

    Parameters
    ----------
    responses
        Whether the instrument responses of the runs are read too.
    optional
        Kinds of responses that are read where it is clear which they are.

    Raises
    ------
    NotFound
        Naming every identifier that the archive does not have.
    BadParameter
        If an obs_id stands in several collections; lists the DIDs to choose from.
    Forbidden
        Naming every dataset that this reader may not read.
    BadParameter
        If settings correct what no analysis can correct as it reads the file, or it is
        not known what they corrected: the result would be wrong in silence.
    """
    marks = ", ".join("?" for _ in obs)
    found = archive.rows(_SELECT.format(marks=marks), [*obs, *obs])
    rows = _in_order(obs, found)
    moment = now()
    closed = [r for r in rows if not may_read(reader, Terms.of(r), moment)]
    if closed:
        dids = ", ".join(str(row["publisher_did"]) for row in closed)
        message = f"obs: proprietary and not yours to use: {dids}"
        hint = "log in as its owner or with its group, or choose other runs"
        raise Forbidden(message, hint=hint)
    _refuse_selected(archive, rows)
    named = [str(row["publisher_did"]) for row in rows]
    corrections = _corrections(archive, named)
    tables: dict[str, list[ResponseTable]] = {}
    if responses:
        tables = _responses(archive, named)
    elif optional:
        tables = _clear_responses(archive, named, optional)
    datasets = (
        _dataset(row, corrections.get(did, ()), tables.get(did, ()))
        for did, row in zip(named, rows, strict=True)
    )
    return tuple(datasets), _heritage(rows, moment)


def _refuse_selected(archive: DatasetFinder, rows: Rows) -> None:
    """Refuse lists of selected events: they have neither one pointing nor responses."""
    for row in rows:
        if row["product_subtype"] != SELECTED_EVENTS:
            continue
        made_from = archive.rows(_MADE_FROM, [row["product_id"]])
        runs = ", ".join(str(one["input_did"]) for one in made_from)
        raise BadParameter(
            "obs",
            f"{row['publisher_did']} is a list of selected events, which no task takes",
            hint=f"name the runs that it was made from: {runs}",
        )


def _responses(
    archive: DatasetFinder, dids: Sequence[str]
) -> dict[str, list[ResponseTable]]:
    """Return the response tables of runs by DID.

    Raises
    ------
    BadParameter
        If the archive does not say which table of a file is meant: two of a kind, or
        one without a name. A wrong one would give a wrong result in silence.
    """
    found, unclear = _told_responses(archive, dids)
    if unclear:
        words = (f"{did}: {fault}" for (did, _), fault in unclear.items())
        raise BadParameter(
            "obs",
            f"instrument responses that cannot be told apart: {'; '.join(words)}",
            hint="have the files mended and ingested again, or leave these runs out",
        )
    return found


def _clear_responses(
    archive: DatasetFinder, dids: Sequence[str], kinds: Sequence[str]
) -> dict[str, list[ResponseTable]]:
    """Return the response tables of these kinds by DID; none where it is not clear."""
    found, unclear = _told_responses(archive, dids)
    return {
        did: [r for r in own if r.kind in kinds and (did, r.kind) not in unclear]
        for did, own in found.items()
    }


def _told_responses(
    archive: DatasetFinder, dids: Sequence[str]
) -> tuple[dict[str, list[ResponseTable]], dict[tuple[str, str], str]]:
    """Return response tables by DID, and what is not clear by DID and kind."""
    marks = ", ".join("?" for _ in dids)
    found: dict[str, list[ResponseTable]] = {}
    unclear: dict[tuple[str, str], str] = {}
    for row in archive.rows(_RESPONSES.format(marks=marks), list(dids)):
        did, kind = str(row["publisher_did"]), str(row["response_type"])
        known = found.setdefault(did, [])
        if not (row["path"] and row["hdu_name"] and row["gadf_class"]):
            fault = f"the table of {kind} has no name (EXTNAME) or class"
            unclear.setdefault((did, kind), fault)
        elif any(one.kind == kind for one in known):
            unclear.setdefault((did, kind), f"there are several tables of {kind}")
        else:
            path, url = _where(row["path"])
            known.append(
                ResponseTable(
                    kind=kind,
                    gadf_class=str(row["gadf_class"]).lower(),
                    path=path,
                    url=url,
                    checksum=row["checksum"] or "",
                    hdu=row["hdu_name"],
                )
            )
    return found, unclear


def _corrections(
    archive: DatasetFinder, dids: Sequence[str]
) -> dict[str, list[HeaderCorrection]]:
    """Return the corrections of runs by DID; refuse those that no job can honour."""
    marks = ", ".join("?" for _ in dids)
    unkept = archive.rows(_UNKEPT.format(marks=marks), list(dids))
    if unkept:
        names = ", ".join(str(row["publisher_did"]) for row in unkept)
        raise BadParameter(
            "obs",
            f"stored before corrections of their headers were kept for jobs: {names}",
            hint="have them ingested again with the settings of their collection, or "
            "leave them out",
        )
    found: dict[str, list[HeaderCorrection]] = {}
    beyond: list[str] = []
    for row in archive.rows(_CORRECTIONS.format(marks=marks), list(dids)):
        one = _correction(row)
        found.setdefault(str(row["publisher_did"]), []).append(one)
        if _is_beyond(one, row["role"]):
            where = f"the table {one.header} without a name of {one.file}"
            beyond.append(f"{row['publisher_did']}: {one.keyword} of {where}")
    if beyond:
        raise BadParameter(
            "obs",
            f"corrected in a header that jobs cannot find: {'; '.join(beyond)}",
            hint="have the file itself mended and ingested again, or leave the run out",
        )
    return found


def _is_beyond(one: HeaderCorrection, role: str) -> bool:
    """Whether a correction is of responses in the events file that have no name."""
    return role == "events" and not one.hdu and one.header not in {"EVENTS", "GTI"}


def _correction(row: Mapping[str, Any]) -> HeaderCorrection:
    kind = row["value_type"]
    text = row["correct_value"] or ""
    return HeaderCorrection(
        file=row["file"],
        hdu=row["hdu_name"] or "",
        header=row["header"],
        keyword=row["keyword"],
        value=None if kind is None else _VALUES[kind](text),
        former=row["former_value"],
        reason=row["reason"],
    )


def several(name: str, dids: Sequence[str]) -> str:
    """Say that an obs_id is no name of one dataset.

    >>> several("7", ["ivo://x/a?7", "ivo://x/b?7"])
    '7 stands in several collections: ivo://x/a?7, ivo://x/b?7'
    """
    return f"{name} stands in several collections: {', '.join(dids)}"


def _in_order(obs: Sequence[str], found: Rows) -> Rows:
    matches: dict[str, Rows] = {name: [] for name in obs}
    for row in found:
        for name in (row["publisher_did"], row["obs_id"]):
            if name in matches:
                matches[name].append(row)
    unknown = [name for name, rows in matches.items() if not rows]
    if unknown:
        message = f"obs: not in the archive: {', '.join(unknown)}"
        raise NotFound(message, hint="find runs on the search page or with ADQL")
    for name, rows in matches.items():
        dids = sorted({str(row["publisher_did"]) for row in rows})
        if len(dids) > 1:
            raise BadParameter(
                "obs",
                several(name, dids),
                hint=WHICH,
            )
    unique = {str(rows[0]["publisher_did"]): rows[0] for rows in matches.values()}
    return list(unique.values())


def _dataset(
    row: Mapping[str, Any],
    corrections: Sequence[HeaderCorrection],
    responses: Sequence[ResponseTable],
) -> InputDataset:
    if not row["path"]:
        message = f"{row['publisher_did']} has no events file in the archive"
        raise Damaged(message, hint="run `distiller check`, then ingest it again")
    path, url = _where(row["path"])
    return InputDataset(
        did=row["publisher_did"],
        obs_id=row["obs_id"],
        collection=row["collection"],
        path=path,
        url=url,
        checksum=row["checksum"] or "",
        simulated=bool(row["simulated"]),
        corrections=tuple(corrections),
        events_hdu=row["events_hdu"],
        gti_hdu=row["gti_hdu"],
        gti_file=_gti_file(row),
        responses=tuple(responses),
    )


def _gti_file(row: Mapping[str, Any]) -> GoodTimeFile | None:
    if not row["gti_path"]:
        return None
    path, url = _where(row["gti_path"])
    return GoodTimeFile(path=path, url=url, checksum=row["gti_checksum"] or "")


def _where(text: str) -> tuple[Path, str | None]:
    """Return the path of a file, and its URL if it lies in a store."""
    where = place(text)
    return (Path(where.name), str(where)) if isinstance(where, Url) else (where, None)


def _heritage(rows: Rows, moment: datetime) -> Heritage:
    # A product of several collections is filed under the first that was named.
    first = rows[0]
    closed = [row for row in rows if not Terms.of(row).is_public(moment)]
    releases = [row["release_date"] for row in closed]
    groups = {row["access_group"] for row in closed}
    return Heritage(
        collection=first["collection"],
        collection_id=first["collection_id"],
        rights="proprietary" if closed else "public",
        release_date=None if None in releases else max(releases, default=None),
        access_group=groups.pop() if len(groups) == 1 else None,
        facility_name=_common(rows, "facility_name"),
        instrument_name=_common(rows, "instrument_name"),
        target_name=_common(rows, "target_name"),
    )


def _common(rows: Rows, column: str) -> str | None:
    """Return the value that all rows share, or all values joined by a comma."""
    values = dict.fromkeys(str(row[column]) for row in rows if row[column])
    return ", ".join(values) or None
