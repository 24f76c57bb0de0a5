"""How a job made its product, as provenance.

The inputs are entities of the states that the job read: event lists, and the files of
the responses that it used. Where the archive does not know
one (it was taken in by an older version, or removed since), it is named here, so that
nothing stands in the way of the product.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from distiller.analysis import tasks
from distiller.analysis.fields import unit_of
from distiller.analysis.products import CONFIGURATION
from distiller.core.errors import NotFound
from distiller.vo.provenance import (
    Record,
    dataset_entity,
    own_response_entity,
    response_entity,
    sent_entity,
)

if TYPE_CHECKING:
    from distiller.analysis.products import (
        HeaderCorrection,
        InputDataset,
        ProductDescription,
        ProductFile,
        ResponseTable,
    )
    from distiller.core.bundle import Row
    from distiller.jobs.ends import End
    from distiller.jobs.spec import JobSpec

_KINDS: Final = {
    "plot": ("Plot", "A picture of the product."),
    "table": ("Table", "The numbers of the product as a table."),
    "ogip": ("OGIP spectra", "Counts, background and responses of a spectrum."),
    "fit": ("Fit", "What was fitted, in numbers."),
    "models": ("Models", "The fitted models, as Gammapy reads them."),
    "recipe": ("Recipe", "How plain Gammapy makes the product again."),
    "runs": ("Runs", "What came out run by run."),
}
"""Name and meaning of a file beside the product, by its role."""

_TYPES: Final = {"number": "double", "integer": "long", "boolean": "boolean"}
"""VOTable type of a parameter by its type in JSON schema; all else is text."""


def provenance_rows(  # noqa: PLR0913 - what a product is made of
    spec: JobSpec,
    product: ProductDescription,
    end: End,
    *,
    entity: str,
    configuration: str,
    configuration_sha256: str,
    software: Mapping[str, str],
) -> dict[str, tuple[Row, ...]]:
    """Return the provenance of a product, by table.

    Parameters
    ----------
    entity
        Identifier of the product's main file.
    configuration, configuration_sha256
        The whole configuration, as YAML, and its checksum.
    software
        Versions by name.
    """
    record = Record()
    main = product.files[0]
    described = _description(record, spec)
    events = record.entity_description(
        "Event list",
        "event-list",
        description="Selected events with their good time intervals.",
        content_type="application/fits",
    )
    made = record.entity_description(
        product.product_subtype,
        product.product_type,
        description=f"Result of the task {spec.task}.",
        content_type=main.media_type,
    )
    usage = record.usage_description(
        described, "events", description="Runs to use.", many=True, entity=events
    )
    generation = record.generation_description(
        described, "product", description="The product.", entity=made
    )
    activity = record.activity(
        f"{entity}/{spec.task}",
        product.title,
        described,
        started=end.started,
        ended=end.ended,
    )
    record.entity(
        entity,
        name=product.title,
        location=main.name,
        generated=end.ended,
        comment=product.description,
        description=made,
    )
    record.generated(activity, entity, "product", generation)
    inputs = [_input(record, item, events) for item in spec.inputs]
    for source in inputs:
        record.used(activity, source, "events", usage)
    _responses(record, spec, activity, described)
    _sent(record, spec, product, activity, described)
    for file in product.files[1:]:
        kinds = _further_file(record, file, described)
        if kinds is not None:
            own = record.entity(
                f"{entity}/{file.name}",
                name=f"{product.title}: {file.name}",
                location=file.name,
                generated=end.ended,
                description=kinds[0],
            )
            record.generated(activity, own, file.role, kinds[1])
    _corrections(record, spec, activity, described)
    record.derived(entity, inputs)
    _configuration(record, spec, activity, described)
    record.configured_by_file(
        activity, "configuration.yaml", configuration_sha256, configuration
    )
    _agents(record, spec, activity, entity, software)
    return record.rows()


def _description(record: Record, spec: JobSpec) -> str:
    task = _task(spec)
    words = task.description if task else f"Task {spec.task} of an older version."
    return record.activity_description(
        spec.task, spec.task_version, kind="analysis", description=words
    )


def _task(spec: JobSpec) -> tasks.Task | None:
    """Return the task; None where this version of the program has it no more."""
    try:
        return tasks.task(spec.task)
    except NotFound:
        return None


def _input(record: Record, item: InputDataset, kind: str) -> str:
    """Name an input; what its ingest said of it stays."""
    identifier = dataset_entity(item.did, item.checksum) if item.checksum else item.did
    return record.entity(
        identifier,
        name=f"Run {item.obs_id} of {item.collection}",
        location=item.path.name,
        description=kind,
    )


def _responses(record: Record, spec: JobSpec, activity: str, of: str) -> None:
    """Add the files of responses that a task used; those that runs share once."""
    if not any(item.responses for item in spec.inputs):
        return
    kind = record.entity_description(
        "Instrument responses",
        "response-function",
        description="Effective area, energy dispersion, point-spread function and the "
        "like.",
        content_type="application/fits",
    )
    usage = record.usage_description(
        of,
        "response",
        description="Instrument responses of the runs.",
        many=True,
        entity=kind,
    )
    for item in spec.inputs:
        for table in item.responses:
            own = _response(item, table)
            record.entity(
                own,
                name=f"Instrument responses of run {item.obs_id}"
                if table.path == item.path
                else " ".join(
                    name
                    for name in ("Instrument responses", table.caldb, table.irf_name)
                    if name
                ),
                location=table.path.name,
                description=kind,
            )
            record.used(activity, own, "response", usage)


def _sent(
    record: Record,
    spec: JobSpec,
    product: ProductDescription,
    activity: str,
    of: str,
) -> None:
    """Add the files that were sent along with the job."""
    task = _task(spec)
    fields = task.parameters.model_fields if task else {}
    for file in product.files:
        # A file that is a parameter is a result under that name, too.
        checksum = spec.parameters.get(file.result_id)
        if file.role != CONFIGURATION or not checksum:
            continue
        words = fields[file.result_id].description if file.result_id in fields else None
        kind = record.entity_description(
            "File of a user",
            file.result_id,
            description="What was sent along with a job.",
            content_type=file.media_type,
        )
        usage = record.usage_description(
            of,
            file.result_id,
            description=words or file.result_id,
            many=False,
            entity=kind,
        )
        own = record.entity(
            sent_entity(file.result_id, checksum),
            name=f"Sent as {file.result_id}",
            location=file.name,
            description=kind,
        )
        record.used(activity, own, file.result_id, usage)


def _response(item: InputDataset, table: ResponseTable) -> str:
    """Return the identifier that the ingest gave to the file of a response."""
    if table.path == item.path:
        return own_response_entity(dataset_entity(item.did, item.checksum))
    return response_entity(table.path.name, table.checksum, table.caldb, table.irf_name)


def _further_file(record: Record, file: ProductFile, of: str) -> tuple[str, str] | None:
    """Describe a file that came out beside the product, and its generation.

    None for the configuration, which went in.
    """
    if file.role not in _KINDS:
        return None
    name, words = _KINDS[file.role]
    kind = record.entity_description(
        name, file.role, description=words, content_type=file.media_type
    )
    generation = record.generation_description(
        of, file.role, description=words, entity=kind
    )
    return kind, generation


def _corrections(record: Record, spec: JobSpec, activity: str, of: str) -> None:
    """Add what was read otherwise than it stands in the files of the inputs."""
    for item in spec.inputs:
        if not item.corrections:
            continue
        kind = record.parameter_description(
            of,
            "header_corrections",
            value_type="char",
            description="Header values of a run that were taken in place of its own.",
        )
        name = f"header_corrections of {item.did}"
        words = "; ".join(_correction(one) for one in item.corrections)
        record.configured(activity, name, words, kind)


def _correction(one: HeaderCorrection) -> str:
    """Return a correction in the words of its finding."""
    right = "not known" if one.value is None else repr(one.value)
    former = "absent" if one.former is None else one.former
    where = f"{one.keyword} of {one.hdu} in {one.file}"
    return f"{where} is {right}, was {former}: {one.reason}"


def _configuration(record: Record, spec: JobSpec, activity: str, of: str) -> None:
    """Add every parameter with its value, those that were left at their default too."""
    task = _task(spec)
    fields = task.parameters.model_fields if task else {}
    schema = task.parameters.model_json_schema()["properties"] if task else {}
    for name, value in spec.parameters.items():
        if value is None or name == "obs":  # the inputs are entities
            continue
        kind = None
        if name in fields:
            field = fields[name]
            kind = record.parameter_description(
                of,
                name,
                value_type=_TYPES.get(_json_type(schema[name]), "char"),
                description=field.description or name,
                unit=unit_of(field),
                default=None
                if field.is_required() or field.default is None
                else _text(field.default),
            )
        record.configured(activity, name, _text(value), kind)


def _json_type(schema: Mapping[str, Any]) -> str:
    kinds = [schema, *schema.get("anyOf", ())]
    return next((str(k["type"]) for k in kinds if k.get("type", "null") != "null"), "")


def _text(value: object) -> str:
    """Return a value as a request writes it, repeated ones beside each other.

    >>> _text((5.0, 4.0)), _text(0.02), _text("TAN")
    ('5.0,4.0', '0.02', 'TAN')
    >>> _text([{"ra": 83.6, "dec": 22.0, "radius": 0.3}, {"ra": 1, "dec": 2, "r": 3}])
    '83.6,22.0,0.3 1,2,3'
    """
    if isinstance(value, Mapping):  # a circle
        return _text(list(value.values()))
    if isinstance(value, (list, tuple)):
        between = " " if value and isinstance(value[0], (Mapping, list)) else ","
        return between.join(_text(item) for item in value)
    return str(value)


def _agents(
    record: Record,
    spec: JobSpec,
    activity: str,
    entity: str,
    software: Mapping[str, str],
) -> None:
    for name, version in software.items():
        agent = record.agent(name, "SoftwareAgent", version=version)
        record.associated(activity, agent, "software")
    if spec.owner is not None:
        owner = record.agent(spec.owner, "Person")
        record.associated(activity, owner, "operator")
        record.attributed(entity, owner, "creator")
