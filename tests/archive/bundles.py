"""Datasets made up for tests; as a program, stores them in a home."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distiller.archive import open_archive
from distiller.core.bundle import Bundle, Row
from distiller.core.identifiers import key
from distiller.core.settings import load_settings

if TYPE_CHECKING:
    from distiller.archive import Archive

COLLECTION = "toy"


def did_of(number: int, name: str = COLLECTION) -> str:
    """Return the publisher DID of a made-up run."""
    return f"ivo://org.example/{name}?{number}"


def present(archive: Archive) -> list[tuple[str, dict[str, Any]]]:
    """Return every row of the archive but those of history."""
    kept = {t.name for t in archive.model.tables if t.rows != "history"}
    return [(name, row) for name, row in archive.dump() if name in kept]


def bundle(number: int, *, checksum: str = "1", telescopes: int = 4) -> Bundle:
    """Return all rows of a made-up run, 27 of them."""
    return in_collection(COLLECTION, number, checksum=checksum, telescopes=telescopes)


def in_collection(
    name: str, number: int, *, checksum: str = "1", telescopes: int = 4
) -> Bundle:
    """Return all rows of a made-up run of a collection."""
    did = did_of(number, name)
    observation, product = key(did, "observation"), key(did, "product")
    array, target = key("array", str(telescopes)), key("Crab")
    collection, project = key("collection", name), key("project")
    own = {"observation_id": observation}
    rows: dict[str, tuple[Row, ...]] = {
        "cta.project": ({"project_id": project, "name": "Toy project"},),
        "cta.collection": (
            {
                "collection_id": collection,
                "name": name,
                "project_id": project,
                "terms": "None at all.",
            },
        ),
        "cta.array_configuration": (
            {"array_configuration_id": array, "n_tels": telescopes},
        ),
        "cta.telescope": tuple(
            {
                "telescope_key": key(array, str(i)),
                "array_configuration_id": array,
                "telescope_id": str(i),
            }
            for i in range(telescopes)
        ),
        "cta.target": (
            {"target_id": target, "name": "Crab", "ra": 83.633, "dec": 22.014},
        ),
        "cta.observation": (
            {
                **own,
                "obs_id": str(number),
                "collection_id": collection,
                "array_configuration_id": array,
                "target_id": target,
                "ontime": 1680.0 + number,
                "n_events": 7000 + number,
            },
        ),
        "cta.pointing": (
            {**own, "pointing_id": key(did, "pointing"), "ra": 83.6, "dec": 22.5},
        ),
        "cta.gti": tuple(
            {
                **own,
                "gti_id": key(did, "gti", str(i)),
                "interval_index": i,
                "t_start": 53343.9 + i / 100,
                "t_stop": 53343.905 + i / 100,
                "duration": 432.0,
            }
            for i in range(3)
        ),
        "cta.ambient_conditions": (
            {**own, "ambient_conditions_id": key(did, "ambient"), "zenith": 45.0},
        ),
        "cta.processing": (
            {**own, "processing_id": key(did, "processing"), "simulated": False},
        ),
        "cta.product": (_product(number, did, product, observation, collection),),
        "cta.product_file": tuple(
            {
                "file_id": key(did, role),
                "product_id": product,
                "role": role,
                "name": f"run {number} {role}.fits",
                "path": f"/data/{number}/{role}.fits",
            }
            for role in ("events", "irf")
        ),
        "cta.response": tuple(
            {
                **own,
                "response_id": key(did, kind),
                "response_type": kind,
                "file_id": key(did, "irf"),
            }
            for kind in ("aeff", "edisp", "psf", "bkg")
        ),
        "cta.finding": tuple(
            {
                "finding_id": key(did, "finding", str(i)),
                "product_id": product,
                "code": f"D20{i}",
                "severity": "note",
                "message": "Something was noticed.",
            }
            for i in range(4)
        ),
    }
    return Bundle(did, checksum, rows)


def with_entity(number: int, sha256: str) -> Bundle:
    """Return a made-up run whose events have that checksum, as an entity."""
    made = bundle(number, checksum=sha256)
    first, *others = made.rows["cta.product_file"]
    entity = {
        "entity_id": f"{did_of(number)}#{sha256[:16]}",
        "entity_class": "DatasetEntity",
    }
    rows = {
        **made.rows,
        "cta.product_file": ({**first, "checksum": sha256}, *others),
        "provenance.entity": (entity,),
    }
    return replace(made, rows=rows)


def _product(
    number: int, did: str, product: str, observation: str, collection: str
) -> Row:
    return {
        "product_id": product,
        "publisher_did": did,
        "obs_id": str(number),
        "collection_id": collection,
        "observation_id": observation,
        "data_level": "DL3",
        "product_type": "event",
        "product_subtype": "event-list",
        "rights": "public",
        "size": 1_234_567,
        "access_format": "application/fits",
        "s_ra": 83.6,
        "s_dec": 22.5,
        "s_fov": 5.0,
        "s_region": (83.6, 22.5, 2.5),
        "t_min": 53343.9 + number,
        "t_max": 53343.925 + number,
        "energy_min": 0.5,
        "energy_max": 100.0,
    }


def main() -> None:
    """Store runs 0 to N in a home, one by one, and say each."""
    home, last, step = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    with open_archive(load_settings(home)) as archive:
        for first in range(0, last, step):
            group = [bundle(number) for number in range(first, first + step)]
            outcomes = archive.store_many(group)
            sys.stdout.write(f"{first} {outcomes[0]}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
