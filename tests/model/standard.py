"""The content models of VO-DML 1.0, for documents to be held against."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml import etree

_ELEMENT = "vodml-id name description?"
_TYPE = f"{_ELEMENT} extends? constraint*"
_TYPES = "primitiveType* enumeration* dataType* objectType* package*"
_ROLE = f"{_ELEMENT} datatype multiplicity"
_CONTENT = {
    "model": "name description? identifier? uri title author* version "
    f"previousVersion? lastModified import* {_TYPES}",
    "import": "name identifier? version? url documentationURL",
    "package": f"{_ELEMENT} {_TYPES}",
    "primitiveType": _TYPE,
    "enumeration": f"{_TYPE} literal+",
    "dataType": f"{_TYPE} attribute* reference*",
    "objectType": f"{_TYPE} attribute* composition* reference*",
    "literal": _ELEMENT,
    "attribute": f"{_ROLE} semanticconcept?",
    "composition": f"{_ROLE} isOrdered?",
    "reference": _ROLE,
    "extends": "vodml-ref",
    "datatype": "vodml-ref",
    "multiplicity": "minOccurs maxOccurs",
    "semanticconcept": "topConcept? vocabularyURI*",
    "constraint": "description?",
    "SubsettedRole": "description? role datatype? semanticconcept?",
    "role": "vodml-ref",
}
"""What each element holds, in that order (VO-DML 1.0, section 4 and appendix A)."""

_VALUES = {
    "vodml-id": r"[a-zA-Z][a-zA-Z0-9._]*",
    "vodml-ref": r"[a-zA-Z][a-zA-Z0-9._-]+:[a-zA-Z][a-zA-Z0-9._]*",
    "name": r"[a-zA-Z_][a-zA-Z0-9_]*",
    "lastModified": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?",
    "minOccurs": r"\d+",
    "maxOccurs": r"-?\d+",
    "isOrdered": r"true|false|1|0",
}
_ABSTRACT = ("primitiveType", "enumeration", "dataType", "objectType")
_BOOLEANS = ("true", "false", "1", "0")
_XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
_ROOT = "{http://www.ivoa.net/xml/VODML/v1}model"


def faults(root: etree._Element) -> Iterator[str]:
    """Yield what VO-DML 1.0 does not allow, each with its line."""
    if root.tag != _ROOT:
        yield f"the root is {root.tag}"
    for element in root.iter("*"):
        where = f"line {element.sourceline}: {element.tag}"
        tag = "model" if element is root else str(element.tag)
        kind = element.get(_XSI_TYPE, "")
        if tag == "constraint" and kind == "vo-dml:SubsettedRole":
            tag = "SubsettedRole"
        children = [child.tag for child in element.iterchildren("*")]
        wanted = _CONTENT.get(tag, "")
        pattern = re.sub(r"([\w-]+)([?*+]?) ?", r"(?:\1 )\2", wanted)
        if not re.fullmatch(pattern, "".join(f"{child} " for child in children)):
            yield f"{where} holds {' '.join(children)}, not {wanted or 'text'}"
        value = _VALUES.get(tag)
        if value and not re.fullmatch(value, element.text or ""):
            yield f"{where} is {element.text!r}"
        for name, text in element.attrib.items():
            fits = name == "abstract" and tag in _ABSTRACT and text in _BOOLEANS
            named = name == "id" and "vodml-id" in children
            kinds = name == _XSI_TYPE and tag == "SubsettedRole"
            if not (fits or named or kinds):
                yield f"{where} has the attribute {name!r}: {text!r}"
