"""The stable codes of what is wrong with a file of a data model."""

from __future__ import annotations

CODES = {
    "M000": "a file that cannot be read",
    "M001": "no XML, or XML that defines entities",
    "M002": "XML that is no VO-DML document",
    "M003": "an element that VO-DML requires is absent, or a multiplicity is no number",
    "M010": "a binding that is no YAML",
    "M011": "an entry of a binding that is wrong",
    "M012": "a mapping of ObsCore that is no YAML or is wrong",
    "M013": "a list of examples of queries that is no YAML or is wrong",
    "M020": "a UML drawing that is too large",
    "M021": "XML without a UML model in it",
    "M022": "a UML model whose name is no name of a VO-DML model",
    "M100": "a model with faults; it names each of them",
}
"""Those of what the command `distiller model` reads."""
