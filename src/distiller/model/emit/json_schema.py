"""The model as a JSON schema (draft 2020-12), for programs that exchange its objects.

One definition for each class, data type and enumeration, ``model:vodml-id``. Parts
stand inside their whole, references are the key of what they refer to, and what is
missing is left out. Units and UCDs of the binding are the keywords ``x-unit`` and
``x-ucd``, the class that a reference leads to is ``x-refers-to``, and rules in words
are ``x-rules``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from distiller.model.emit.diagram import rule
from distiller.model.entities import UNBOUNDED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from distiller.model.entities import Document, Role, Type
    from distiller.model.tables import BoundColumn, BoundTable, Model

Schema = dict[str, Any]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PRIMITIVES: Mapping[str, Schema] = {
    "ivoa:string": {"type": "string"},
    "ivoa:anyURI": {"type": "string", "format": "uri"},
    "ivoa:datetime": {"type": "string", "format": "date-time"},
    "ivoa:boolean": {"type": "boolean"},
    "ivoa:real": {"type": "number"},
    "ivoa:rational": {"type": "number"},
    "ivoa:integer": {"type": "integer"},
    "ivoa:nonnegativeInteger": {"type": "integer", "minimum": 0},
}
_REGION: Schema = {
    "type": "array",
    "items": {"type": "number"},
    "anyOf": [{"minItems": 2, "maxItems": 3}, {"minItems": 6}],
    "x-unit": "deg",
}
"""2 numbers a point, 3 a circle, 6 and more the corners of a polygon."""


def schema(model: Model) -> Schema:
    """Return the schema of a document that holds objects of the model.

    The document is an object with a list for each class: those of its objects that
    are no part of another.
    """
    writer = _Writer(model)
    definitions = {
        name: writer.definition(document, item)
        for document in model.documents
        for item in document.types
        for name in (f"{document.name}:{item.id}",)
    }
    lists = {
        f"{document.name}:{item.id}": {
            "type": "array",
            "items": _definition(f"{document.name}:{item.id}"),
        }
        for document in model.documents
        for item in document.types
        if item.kind == "objectType" and not item.abstract
    }
    return {
        "$schema": _DIALECT,
        "title": ", ".join(document.title for document in model.documents),
        "type": "object",
        "properties": lists,
        "additionalProperties": False,
        "$defs": definitions,
    }


class _Writer:
    def __init__(self, model: Model) -> None:
        self._model = model
        self._documents = {document.name: document for document in model.documents}
        self._tables = {table.type_id: table for table in model.tables}
        self._heirs: dict[str, list[str]] = {}
        for document in model.documents:
            for item in document.types:
                if item.extends:
                    own = f"{document.name}:{item.id}"
                    self._heirs.setdefault(item.extends, []).append(own)

    def definition(self, document: Document, item: Type) -> Schema:
        """Return the definition of a type."""
        made: Schema = {"title": item.name, "description": item.description}
        if item.kind == "enumeration":
            made["type"] = "string"
            made["enum"] = [name for name, _ in item.literals]
            meanings = [f"{name}: {words}" for name, words in item.literals if words]
            made["description"] = " ".join([item.description, *meanings])
        elif item.kind == "primitiveType":
            made |= self._primitive(document, item)
        elif item.abstract:
            made |= _one_of(list(self._concrete(f"{document.name}:{item.id}")))
        else:
            made |= self._object(document, item)
        if item.constraints:
            made["x-rules"] = [rule(held) for held in item.constraints]
        return made

    def lineage(self, document: Document, item: Type) -> Iterator[str]:
        """Yield a type and those that it is a kind of."""
        yield f"{document.name}:{item.id}"
        base = self._find(item.extends) if item.extends else None
        if base and base[1] is not item:
            yield from self.lineage(*base)

    def _object(self, document: Document, item: Type) -> Schema:
        held = (self._tables.get(name) for name in self.lineage(document, item))
        table = next((table for table in held if table is not None), None)
        columns = {b.path: b for b in table.columns} if table else {}
        properties: Schema = {}
        required: list[str] = []
        for bound in _own_keys(table):
            properties[bound.column.name] = _key(bound)
            required.append(bound.column.name)
        for role in self._roles(item):
            if role.name in columns and columns[role.name].hidden:
                continue
            properties[role.name] = self._role(role, columns)
            if role.lower > 0:
                required.append(role.name)
        made: Schema = {"type": "object", "properties": properties}
        if required:
            made["required"] = required
        return made | {"additionalProperties": False}

    def _roles(self, item: Type) -> tuple[Role, ...]:
        base = self._find(item.extends) if item.extends else None
        if base is None or base[1] is item:
            return item.roles
        return self._roles(base[1]) + item.roles

    def _role(self, role: Role, columns: Mapping[str, BoundColumn]) -> Schema:
        found = self._find(role.ref)
        is_class = found is not None and found[1].kind == "objectType"
        if role.kind == "reference" or (role.kind == "attribute" and is_class):
            one: Schema = {"type": "string", "x-refers-to": role.ref}
        elif role.kind == "composition":
            one = self._any_of(role.ref)
        else:
            one = dict(_PRIMITIVES.get(role.ref) or self._any_of(role.ref))
            one |= _units(role.name, columns)
        if role.upper != 1:
            one = {"type": "array", "items": one, "minItems": role.lower}
            if role.upper != UNBOUNDED:
                one["maxItems"] = role.upper
        return one | {"description": role.description}

    def _any_of(self, ref: str) -> Schema:
        """Return what a value of a type may be: of it, or of a kind of it."""
        if self._find(ref) is None:
            return {}
        found = list(self._concrete(ref))
        return found[0] if len(found) == 1 else _one_of(found)

    def _concrete(self, ref: str) -> Iterator[Schema]:
        found = self._find(ref)
        if found and not found[1].abstract:
            yield _definition(ref)
        for heir in self._heirs.get(ref, ()):
            yield from self._concrete(heir)

    def _primitive(self, document: Document, item: Type) -> Schema:
        for name in self.lineage(document, item):
            if name.rpartition(":")[2] == "Region":
                return _REGION
        bases = [item.extends] if item.extends else []
        return dict(_PRIMITIVES.get(bases[0], {})) if bases else {}

    def _find(self, ref: str) -> tuple[Document, Type] | None:
        document = self._documents.get(ref.partition(":")[0])
        item = document.find(ref) if document else None
        return (document, item) if document and item else None


def _own_keys(table: BoundTable | None) -> Iterable[BoundColumn]:
    """Return the key of a table that no attribute stands for."""
    if table is None or len(table.key) > 1:
        return ()
    return (b for b in table.columns if b.column.name in table.key and not b.path)


def _key(bound: BoundColumn) -> Schema:
    return {"type": "string", "description": bound.column.description}


def _units(name: str, columns: Mapping[str, BoundColumn]) -> Schema:
    """Return unit and UCD of an attribute, or of each value inside it."""
    bound = columns.get(name)
    if bound is not None:
        return _words(bound)
    inside: Schema = {}
    for path, found in columns.items():
        if path.startswith(f"{name}."):
            _put(inside, path.split(".")[1:], _words(found))
    return inside


def _put(schema: Schema, path: list[str], words: Schema) -> None:
    if not words:
        return
    inner = schema.setdefault("properties", {}).setdefault(path[0], {})
    if len(path) == 1:
        inner |= words
    else:
        _put(inner, path[1:], words)


def _words(bound: BoundColumn) -> Schema:
    found = {"x-unit": bound.column.unit, "x-ucd": bound.column.ucd}
    return {key: value for key, value in found.items() if value}


def _definition(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _one_of(schemas: list[Schema]) -> Schema:
    """Return what allows each of some schemas; nothing, where there are none."""
    return {"anyOf": schemas} if schemas else {"not": {}}
