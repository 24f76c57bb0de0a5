"""Where a run comes from and how it came in, as provenance.

The event list is an entity that the processing generated; the responses are one too, be
they in its file or in one that many runs share. Taking it in is an activity of its own,
configured by this program's mapping and by the settings file of the collection.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from distiller.core.times import now
from distiller.vo.provenance import (
    Record,
    dataset_entity,
    own_response_entity,
    response_entity,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from distiller.core.bundle import Row
    from distiller.ingest.gadf import FileNote
    from distiller.ingest.run import Run
    from distiller.ingest.to_rows import Target

PROGRAM: Final = "CTA Data Distiller"
_PACKAGE: Final = "cta-data-distiller"
_UNKNOWN: Final = "unknown software"
_FITS: Final = "application/fits"
_SHORT: Final = 16

_STEPS: Final = (
    ("dst_version", "DST_VER", "Version of the data summary files."),
    ("calibration_version", "CAL_VER", "Version of the calibration."),
    ("analysis_version", "ANA_VER", "Version of the reconstruction."),
    ("event_version", "EVTVER", "Version of the event format."),
    ("configuration", "CONFIG", "Configuration of the event selection."),
)
"""Attribute of `run.Making`, keyword that is the name of the parameter, and meaning."""


def provenance_rows(
    run: Run, target: Target, title: str, checksum: str, mapping: str
) -> dict[str, tuple[Row, ...]]:
    """Return the provenance of a run, by table.

    Parameters
    ----------
    title
        Of the run, for a person.
    checksum
        Of the bundle: another one is another ingest.
    mapping
        Version of the mapping of files to rows.
    """
    record = Record()
    main = run.files[0]
    entity = dataset_entity(target.did(run.obs_id), main.sha256)
    kind = record.entity_description(
        f"{target.own.data_level} event list",
        "event-list",
        description="Selected events with their good time intervals.",
        content_type=_FITS,
    )
    record.entity(
        entity,
        name=title,
        location=main.path.name,
        generated=run.making.created,
        description=kind,
    )
    shared, own = _responses(record, run, entity)
    processing = _processing(record, run, entity, title, shared)
    for response in shared:
        record.used(processing, response, "response")
    for response in own:
        record.generated(processing, response, "response")
    _ingest(
        record, target, entity, title, processing, checksum=checksum, mapping=mapping
    )
    return record.rows()


def _processing(
    record: Record, run: Run, entity: str, title: str, shared: Sequence[str]
) -> str:
    """Add what made the event list, and who is responsible.

    Its identifier has a digest of all that describes it: what the settings mend is
    another processing, and the one that nobody believes any more is told apart.
    """
    making = run.making
    creator = making.creator or _UNKNOWN
    described = record.activity_description(
        creator,
        making.pipeline_version,
        kind="processing",
        description="Calibration, reconstruction and selection of events.",
        subtype="simulation" if making.simulated else "reconstruction",
    )
    activity = record.activity(
        f"{entity}/processing/{_digest(_described(run), title, *shared)}",
        f"Processing of {title}",
        described,
        ended=making.created,
    )
    record.generated(activity, entity, "events")
    for attribute, keyword, words in _STEPS:
        value = getattr(making, attribute)
        if value is not None:
            kind = record.parameter_description(
                described, keyword, value_type="char", description=words
            )
            record.configured(activity, keyword, str(value), kind)
    if making.creator is not None:
        software = record.agent(
            making.creator, "SoftwareAgent", version=making.pipeline_version
        )
        record.associated(activity, software, "software")
    if making.origin is not None:
        origin = record.agent(making.origin, "Organization")
        record.associated(activity, origin, "operator")
        record.attributed(entity, origin, "creator")
    if run.observer is not None:  # a person, or a crew
        observer = record.agent(run.observer, None)
        record.attributed(entity, observer, "observer")
    return activity


def _described(run: Run) -> str:
    """Return what describes how a run was made, as one text."""
    making = run.making
    words = [making.creator, making.pipeline_version, making.origin, making.created]
    steps = [getattr(making, attribute) for attribute, _, _ in _STEPS]
    return repr([*words, making.simulated, *steps])


def _digest(*parts: str) -> str:
    content = "\n".join(parts).encode()
    return hashlib.sha256(content).hexdigest()[:_SHORT]


def _responses(
    record: Record, run: Run, entity: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Add the responses: those of files that runs share, and that of the own file."""
    if not run.responses:
        return (), ()
    kind = record.entity_description(
        "Instrument responses",
        "response-function",
        description="Effective area, energy dispersion, point-spread function and the "
        "like.",
        content_type=_FITS,
    )
    main = run.files[0]
    others = {note.path: note for note in run.files if note.role == "irf"}
    shared: list[str] = []
    own: list[str] = []
    for path in dict.fromkeys(one.path for one in run.responses):
        note = others.get(path)
        if note is not None:
            shared.append(_shared_response(record, run, note, kind))
        elif path == main.path:
            made = record.entity(
                own_response_entity(entity),
                name=f"Instrument responses of run {run.obs_id}",
                location=path.name,
                generated=run.making.created,
                description=kind,
            )
            own.append(made)
    return tuple(shared), tuple(own)


def _shared_response(record: Record, run: Run, note: FileNote, kind: str) -> str:
    names = [name for name in (run.caldb, run.irf_name) if name]
    return record.entity(
        response_entity(note.path.name, note.sha256, run.caldb, run.irf_name),
        name=" ".join(["Instrument responses", *names]),
        location=note.path.name,
        description=kind,
    )


def _ingest(  # noqa: PLR0913 - what an ingest is made of
    record: Record,
    target: Target,
    entity: str,
    title: str,
    processing: str,
    *,
    checksum: str,
    mapping: str,
) -> None:
    """Add that the archive took the run in, and under which settings."""
    own_version = _own_version()
    described = record.activity_description(
        "ingest",
        own_version,
        kind="archiving",
        description="Headers and tables of a dataset are read, judged and stored.",
    )
    mapped = record.parameter_description(
        described,
        "mapping",
        value_type="char",
        description="Version of the mapping of files to rows of the archive.",
    )
    file = target.config
    told = _digest(checksum, own_version, "" if file is None else file.sha256)
    activity = record.activity(
        f"{entity}/ingest/{told}",
        f"Ingest of {title} into {target.collection}",
        described,
        ended=now(),
    )
    record.used(activity, entity, "events")
    record.informed(activity, processing)
    record.configured(activity, "mapping", mapping, mapped)
    if file is not None:
        record.configured_by_file(activity, file.name, file.sha256, file.text)
    software = record.agent(PROGRAM, "SoftwareAgent", version=own_version)
    record.associated(activity, software, "software")


@cache
def _own_version() -> str:
    """Return the version of this program, looked up once."""
    return version(_PACKAGE)
