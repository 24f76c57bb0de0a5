"""Which datasets of the archive the ``obs`` of a job mean, and may they be used."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from distiller.analysis.products import InputDataset
from distiller.core.errors import BadParameter, Damaged, Forbidden, NotFound
from distiller.core.places import Url, place
from distiller.core.rights import Terms, may_read
from distiller.core.times import now
from distiller.jobs.spec import Heritage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from distiller.core.rights import Reader
    from distiller.jobs.store import DatasetFinder

_SELECT: Final = """
SELECT p.publisher_did, p.obs_id, p.rights, p.release_date, p.owner, p.access_group,
       p.facility_name, p.instrument_name, p.target_name,
       c.collection_id, c.name AS collection,
       f.path, f.checksum, g.simulated
FROM cta.product AS p
JOIN cta.collection AS c ON c.collection_id = p.collection_id
LEFT JOIN cta.product_file AS f ON f.product_id = p.product_id AND f.role = 'events'
LEFT JOIN cta.processing AS g ON g.observation_id = p.observation_id
WHERE p.data_level = 'DL3' AND (p.publisher_did IN ({marks}) OR p.obs_id IN ({marks}))
"""

_MENDED: Final = """
SELECT p.publisher_did, n.message
FROM cta.finding AS n JOIN cta.product AS p ON p.product_id = n.product_id
WHERE n.code = 'D230' AND p.publisher_did IN ({marks})
ORDER BY p.publisher_did, n.message
"""
_CHANGE: Final = re.compile(
    r": (?P<keyword>[A-Z0-9_-]+) of (?P<table>[A-Z_]+) is (?P<now>.*?), "
    r"was (?P<was>.*?): "
)
"""The words of D230 (`distiller.ingest.mend`)."""
_READ_FROM_FILES: Final = frozenset(
    {"MJDREFI", "MJDREFF", "MJDREF", "TIMESYS", "TSTART", "TSTOP", "RA_PNT", "DEC_PNT",
     "ALT_PNT", "AZ_PNT", "OBS_MODE", "ONTIME", "LIVETIME", "DEADC", "RAD_MAX",
     "LO_THRES", "HI_THRES", "NMCIDS"}
)  # fmt: skip
"""What an analysis takes from the files themselves, whatever the settings say of it."""

Rows = list[dict[str, Any]]


def resolve(
    archive: DatasetFinder, obs: Sequence[str], reader: Reader
) -> tuple[tuple[InputDataset, ...], Heritage]:
    """Find the datasets, in the order in which they were named, each once.

    Raises
    ------
    NotFound
        Naming every identifier that the archive does not have.
    BadParameter
        If an obs_id stands in several collections; lists the DIDs to choose from.
    Forbidden
        Naming every dataset that this reader may not read.
    BadParameter
        If settings mend in the archive what an analysis reads from the file: its
        result would be wrong in silence.
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
    _refuse_mended(archive, [str(row["publisher_did"]) for row in rows])
    return tuple(_dataset(row) for row in rows), _heritage(rows, moment)


def _refuse_mended(archive: DatasetFinder, dids: Sequence[str]) -> None:
    marks = ", ".join("?" for _ in dids)
    told = [
        f"{row['publisher_did']}: {row['message']}"
        for row in archive.rows(_MENDED.format(marks=marks), list(dids))
        if _matters(str(row["message"]))
    ]
    if told:
        raise BadParameter(
            "obs",
            "mended in the archive only, and jobs read the file: " + "; ".join(told),
            hint="have the file itself mended and ingested again, or leave the run out",
        )


def _matters(finding: str) -> bool:
    """Whether a finding on an override tells of a value that files now say otherwise.

    >>> _matters("mended: TIMESYS of EVENTS is 'TT', was 'local': by hand")
    True
    >>> _matters("mended: TIMESYS of EVENTS is 'TT', was 'TT': to be sure")
    False
    """
    found = _CHANGE.search(finding)
    if found is None or found["table"] == "INDEX":
        return False
    return found["keyword"] in _READ_FROM_FILES and found["now"] != found["was"]


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
                f"{name} stands in several collections: {', '.join(dids)}",
                hint="name the one you mean by its DID",
            )
    unique = {str(rows[0]["publisher_did"]): rows[0] for rows in matches.values()}
    return list(unique.values())


def _dataset(row: Mapping[str, Any]) -> InputDataset:
    if not row["path"]:
        message = f"{row['publisher_did']} has no events file in the archive"
        raise Damaged(message, hint="run `distiller check`, then ingest it again")
    where = place(row["path"])
    return InputDataset(
        did=row["publisher_did"],
        obs_id=row["obs_id"],
        collection=row["collection"],
        path=where if isinstance(where, Path) else Path(where.name),
        url=str(where) if isinstance(where, Url) else None,
        checksum=row["checksum"] or "",
        simulated=bool(row["simulated"]),
    )


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
