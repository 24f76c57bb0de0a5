"""Provenance as rows: what happened, to what, by whom (IVOA ProvenanceDM 1.0).

Identifiers and keys follow from what they name, so that the same history is the same
rows everywhere: a second ingest, another engine or a replay adds nothing. Rows are kept
for ever, but what is said of an entity (its row, what generated it, who is responsible)
is what the latest dataset says that generated it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from distiller.core.identifiers import key

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from distiller.core.bundle import Row, Value

AgentType = Literal["Person", "Organization", "SoftwareAgent"]

ENTITY_DIGITS: Final = 16
"""Hexadecimal digits of a SHA-256 that tell one state of a dataset from another."""

_TABLES: Final = (
    "agent",
    "activity_description",
    "parameter_description",
    "config_file_description",
    "entity_description",
    "usage_description",
    "generation_description",
    "usage_entity_description",
    "generation_entity_description",
    "activity",
    "entity",
    "used",
    "was_generated_by",
    "was_associated_with",
    "was_attributed_to",
    "was_informed_by",
    "was_derived_from",
    "parameter",
    "config_file",
    "was_configured_by",
)
"""Parents before children."""

_KEYS: Final = {
    "was_generated_by": "generation_id",
    "was_associated_with": "association_id",
    "was_attributed_to": "attribution_id",
    "was_configured_by": "configuration_id",
}
"""Key columns that are not named after their table."""


def dataset_entity(publisher_did: str, sha256: str) -> str:
    """Return the identifier of a state of a dataset, by its main file.

    >>> dataset_entity("ivo://org.example/hess?23523", "00112233445566778899aabb")
    'ivo://org.example/hess?23523#0011223344556677'
    """
    return f"{publisher_did}#{sha256[:ENTITY_DIGITS]}"


def response_entity(
    name: str, sha256: str, caldb: str | None = None, irf: str | None = None
) -> str:
    """Return the identifier of a file of instrument responses that datasets share.

    >>> response_entity("irf_file.fits", "ab" * 32, "1dc", "South_z20_50h")
    'irf:1dc/South_z20_50h/irf_file.fits#abababababababab'
    """
    path = "/".join(part for part in (caldb, irf, name) if part)
    return f"irf:{path}#{sha256[:ENTITY_DIGITS]}"


def sent_entity(name: str, sha256: str) -> str:
    """Return the identifier of a file that was sent along with a job.

    >>> sent_entity("exclusion_file", "ab" * 32)
    'file:exclusion_file#abababababababab'
    """
    return f"file:{name}#{sha256[:ENTITY_DIGITS]}"


def own_response_entity(entity: str) -> str:
    """Return the identifier of the responses inside the file of a dataset."""
    return f"{entity}/irf"


class Record:
    """Rows of the schema ``provenance``, gathered; equal rows once."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, Row]] = {}

    def rows(self) -> dict[str, tuple[Row, ...]]:
        """Return all rows by qualified table, parents before children."""
        return {
            f"provenance.{table}": tuple(self._rows[table].values())
            for table in _TABLES
            if table in self._rows
        }

    def agent(
        self, name: str, kind: AgentType | None, *, version: str | None = None
    ) -> str:
        """Add an agent; return its identifier."""
        words = {"Person": "person", "Organization": "organization"}
        prefix = words.get(kind or "", "software" if kind else "agent")
        label = f"{name} {version}" if version else name
        identifier = f"{prefix}:{label}"
        return self._keyed("agent", identifier, name=label, agent_type=kind)

    def entity_description(
        self, name: str, kind: str, *, description: str, content_type: str
    ) -> str:
        """Add a kind of dataset; return its key."""
        own = key("entity_description", name, content_type)
        return self._keyed(
            "entity_description",
            own,
            description_class="DatasetDescription",
            name=name,
            description=description,
            entity_type=kind,
            content_type=content_type,
        )

    def entity(  # noqa: PLR0913 - the attributes of the class
        self,
        identifier: str,
        *,
        name: str | None = None,
        location: str | None = None,
        generated: datetime | None = None,
        comment: str | None = None,
        description: str | None = None,
    ) -> str:
        """Add a dataset as it was; return its identifier."""
        return self._keyed(
            "entity",
            identifier,
            entity_class="DatasetEntity",
            name=name,
            location=location,
            generated_at_time=generated,
            comment=comment,
            entity_description_id=description,
        )

    def activity_description(
        self,
        name: str,
        version: str | None,
        *,
        kind: str,
        description: str,
        subtype: str | None = None,
    ) -> str:
        """Add a kind of activity; return its key."""
        own = key(
            "activity_description",
            kind,
            subtype or "",
            name,
            version or "",
            description,
        )
        return self._keyed(
            "activity_description",
            own,
            name=name,
            version=version,
            description=description,
            activity_type=kind,
            activity_subtype=subtype,
        )

    def usage_description(
        self, of: str, role: str, *, description: str, many: bool, entity: str
    ) -> str:
        """Add what an activity of a kind uses in a role; return its key."""
        return self._part(
            "usage", of, role, description=description, many=many, entity=entity
        )

    def generation_description(
        self, of: str, role: str, *, description: str, entity: str
    ) -> str:
        """Add what an activity of a kind generates in a role; return its key."""
        return self._part(
            "generation", of, role, description=description, many=False, entity=entity
        )

    def _part(  # noqa: PLR0913 - what the two have in common
        self,
        kind: Literal["usage", "generation"],
        of: str,
        role: str,
        *,
        description: str,
        many: bool,
        entity: str,
    ) -> str:
        table = f"{kind}_description"
        own = key(table, of, role)
        self._keyed(
            table,
            own,
            activity_description_id=of,
            role=role,
            description=description,
            multiplicity="*" if many else "1",
        )
        link = {f"{table}_id": own, "entity_description_id": entity}
        self._add(f"{kind}_entity_description", f"{own}/{entity}", **link)
        return own

    def parameter_description(  # noqa: PLR0913 - the attributes of the class
        self,
        of: str,
        name: str,
        *,
        value_type: str,
        description: str,
        unit: str | None = None,
        default: str | None = None,
    ) -> str:
        """Add a parameter that activities of a kind take; return its key."""
        own = key("parameter_description", of, name)
        return self._keyed(
            "parameter_description",
            own,
            activity_description_id=of,
            name=name,
            value_type=value_type,
            unit=unit,
            default_value=default,
            description=description,
        )

    def activity(
        self,
        identifier: str,
        name: str,
        description: str,
        *,
        started: datetime | None = None,
        ended: datetime | None = None,
    ) -> str:
        """Add an activity of a kind; return its identifier."""
        return self._keyed(
            "activity",
            identifier,
            name=name,
            start_time=started,
            end_time=ended,
            activity_description_id=description,
        )

    def used(
        self, activity: str, entity: str, role: str, usage: str | None = None
    ) -> None:
        """Say that an activity used an entity."""
        own = key("used", activity, entity, role)
        self._keyed(
            "used",
            own,
            activity_id=activity,
            entity_id=entity,
            role=role,
            usage_description_id=usage,
        )

    def generated(
        self, activity: str, entity: str, role: str, generation: str | None = None
    ) -> None:
        """Say that an activity generated an entity."""
        own = key("was_generated_by", entity, activity)
        self._keyed(
            "was_generated_by",
            own,
            entity_id=entity,
            activity_id=activity,
            role=role,
            generation_description_id=generation,
        )

    def associated(self, activity: str, agent: str, role: str) -> None:
        """Say that an agent was responsible for an activity."""
        own = key("was_associated_with", activity, agent, role)
        self._keyed(
            "was_associated_with",
            own,
            activity_id=activity,
            agent_id=agent,
            role=role,
        )

    def attributed(self, entity: str, agent: str, role: str) -> None:
        """Say that an agent is responsible for an entity."""
        own = key("was_attributed_to", entity, agent, role)
        self._keyed(
            "was_attributed_to",
            own,
            entity_id=entity,
            agent_id=agent,
            role=role,
        )

    def informed(self, activity: str, by: str) -> None:
        """Say that an activity used what another one generated."""
        row = {"activity_id": activity, "informant_id": by}
        self._add("was_informed_by", f"{activity} {by}", **row)

    def derived(self, entity: str, sources: Iterable[str]) -> None:
        """Say from what an entity was derived."""
        for source in sources:
            row = {"entity_id": entity, "used_entity_id": source}
            self._add("was_derived_from", f"{entity} {source}", **row)

    def configured(
        self, activity: str, name: str, value: str, description: str | None = None
    ) -> None:
        """Say that a parameter with a value governed an activity."""
        own = key("parameter", activity, name)
        self._keyed(
            "parameter",
            own,
            name=name,
            parameter_value=value,
            parameter_description_id=description,
        )
        self._configuration(activity, "Parameter", own)

    def configured_by_file(
        self, activity: str, name: str, sha256: str, text: str | None
    ) -> None:
        """Say that a file governed an activity; its text is kept with it."""
        own = f"{name}#{sha256[:ENTITY_DIGITS]}"
        self._keyed("config_file", own, name=name, comment=text)
        self._configuration(activity, "Configfile", own)

    def _configuration(self, activity: str, kind: str, artefact: str) -> None:
        own = key("was_configured_by", activity, kind, artefact)
        self._keyed(
            "was_configured_by",
            own,
            activity_id=activity,
            artefact_type=kind,
            parameter_id=artefact if kind == "Parameter" else None,
            config_file_id=artefact if kind == "Configfile" else None,
        )

    def _keyed(self, table: str, identifier: str, **values: Value) -> str:
        """Add a row with its identifier as key; return that."""
        self._add(
            table, identifier, **{_KEYS.get(table, f"{table}_id"): identifier}, **values
        )
        return identifier

    def _add(self, table: str, identifier: str, **values: Value) -> None:
        self._rows.setdefault(table, {}).setdefault(identifier, values)
