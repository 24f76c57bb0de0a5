"""Rows of a run that datasets share: project, proposal, block, array, target.

Rows that describe something with a name of its own (collection, proposal, block) are
known by it, and the latest that is said of them is right. All others are known by
their content.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from distiller.core.identifiers import key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from distiller.core.bundle import Row, Value
    from distiller.ingest.collection import Telescope
    from distiller.ingest.run import Run
    from distiller.ingest.to_rows import Target

Rows = dict[str, tuple["Row", ...]]


def shared_rows(run: Run, target: Target) -> Rows:
    """Return the rows by table, parents before children; tables may have none."""
    return {
        "cta.project": _project(run, target),
        "cta.proposal": _proposal(target),
        "cta.collection": (_collection(target),),
        **_array(run, target),
        "cta.target": _target(run, target),
        "cta.observation_block": _block(target),
    }


def content_key(table: str, values: Mapping[str, Value]) -> str:
    """Return the key of a row that is known by all its values."""
    return key(table, *(repr(value) for value in values.values()))


def _project(run: Run, target: Target) -> tuple[Row, ...]:
    if target.project is None:
        return ()
    return (
        {
            "project_id": key("project", target.project),
            "name": target.project,
            "facility_name": run.array.facility,
        },
    )


def _collection(target: Target) -> Row:
    return {
        "collection_id": key("collection", target.collection),
        "name": target.collection,
        "project_id": key("project", target.project) if target.project else None,
        "title": target.title,
        "terms": target.terms,
        "bib_reference": target.own.reference,
        "creator_did": target.own.creator_did,
    }


def _proposal(target: Target) -> tuple[Row, ...]:
    said = target.own.proposal
    if said is None:
        return ()
    identifier = f"{target.project or target.collection}/{said.id}"
    return (
        {
            "proposal_key": key("proposal", identifier),
            "identifier": identifier,
            "proposal_id": said.id,
            "project_id": key("project", target.project) if target.project else None,
            "title": said.title,
            "principal_investigator": said.pi,
            "category": said.category,
        },
    )


def _block(target: Target) -> tuple[Row, ...]:
    """Return the named observation, else the runs of the proposal as one block."""
    named, proposal = target.own.observation, target.own.proposal
    if named is None and proposal is None:
        return ()
    block_id = named.name if named is not None else proposal.id if proposal else ""
    title = named.title if named is not None else proposal.title if proposal else None
    parts = (target.collection, proposal.id if proposal else "", block_id)
    identifier = "/".join(parts)
    of_proposal = _proposal(target)
    return (
        {
            "observation_block_id": key("observation_block", identifier),
            "identifier": identifier,
            "block_id": block_id,
            "title": title,
            "proposal_key": of_proposal[0]["proposal_key"] if of_proposal else None,
            "collection_id": key("collection", target.collection),
        },
    )


def _array(run: Run, target: Target) -> Rows:
    """Return the array configuration, what it refers to and its telescopes."""
    array = run.array
    site = _site(run)
    sub_array = _sub_array(run)
    names = [name.strip() for name in (array.tel_list or "").split(",")]
    said = {one.id: one for one in target.own.telescopes}
    telescopes = [_telescope(name, said) for name in dict.fromkeys(names) if name]
    values: dict[str, Value] = {
        "facility_name": array.facility,
        "instrument_name": array.instrument,
        "n_tels": array.n_tels,
        "tel_list": array.tel_list,
        "site_id": str(site[0]["site_id"]) if site else None,
        "sub_array_id": str(sub_array[0]["sub_array_id"]) if sub_array else None,
    }
    # Telescopes that are described anew make another configuration.
    described = {str(one["telescope_id"]): repr(one) for one in telescopes}
    own = content_key("array_configuration", values | described)
    return {
        "cta.site": site,
        "cta.sub_array": sub_array,
        "cta.array_configuration": ({"array_configuration_id": own, **values},),
        "cta.telescope": tuple(
            {
                "telescope_key": key("telescope", own, str(one["telescope_id"])),
                "array_configuration_id": own,
                **one,
            }
            for one in telescopes
        ),
    }


def _telescope(name: str, described: Mapping[str, Telescope]) -> dict[str, Value]:
    said = described.get(name)
    return {
        "telescope_id": name,
        "telescope_type": said.type if said else None,
        "mirror_diameter": said.diameter if said else None,
        "field_of_view": said.fov if said else None,
        "camera": said.camera if said else None,
    }


def _site(run: Run) -> tuple[Row, ...]:
    array = run.array
    values: dict[str, Value] = {
        "name": array.site,
        "geo_lon": array.lon,
        "geo_lat": array.lat,
        "altitude": array.altitude,
    }
    if all(value is None for value in values.values()):
        return ()
    return ({"site_id": content_key("site", values), **values},)


def _sub_array(run: Run) -> tuple[Row, ...]:
    array = run.array
    if array.sub_array is None:
        return ()
    values: dict[str, Value] = {
        "name": array.sub_array,
        "facility_name": array.facility,
    }
    return ({"sub_array_id": content_key("sub_array", values), **values},)


def _target(run: Run, target: Target) -> tuple[Row, ...]:
    sky = run.sky
    if sky.target_name is None:
        return ()
    values: dict[str, Value] = {
        "name": sky.target_name,
        "ra": sky.target_ra,
        "dec": sky.target_dec,
    }
    if target.own.target_class is not None:  # others keep the keys that they have
        values["target_class"] = target.own.target_class
    return ({"target_id": content_key("target", values), **values},)
