"""Class diagrams of the model in UML notation, as DOT text.

One per package: its classes with attributes, types and multiplicities, its data types
and enumerations, and how they hang together. Classes of other packages are plain boxes.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from distiller.model.emit import dot
from distiller.model.entities import UNBOUNDED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from distiller.model.entities import Constraint, Document, Role, Type
    from distiller.model.tables import Model

_FILLS = {
    "objectType": dot.BLUE,
    "dataType": dot.GREEN,
    "enumeration": dot.YELLOW,
    "primitiveType": dot.PLAIN,
}
_STEREOTYPES = {
    "dataType": "«dataType»",
    "enumeration": "«enumeration»",
    "primitiveType": "«primitive»",
}
_TEXT_WIDTH = 44


def package(model: Model, document: Document, name: str) -> str:
    """Return the class diagram of one package; the empty name is what is in none."""
    own = [item for item in document.types if item.package == name]
    drawn = {f"{document.name}:{item.id}" for item in own}
    known = _known(model, document)
    edges = list(_edges(document, own, known))
    beside = dict.fromkeys(
        end for start, end, _ in edges for end in (start, end) if end not in drawn
    )
    lines = [dot.node(f"{document.name}:{item.id}", _class(item)) for item in own]
    lines += [dot.node(ref, _other(ref, document, known)) for ref in beside]
    lines += [line for _, _, line in edges]
    title = f"Package {name} of {document.title}" if name else document.title
    return dot.graph(title, lines, **({} if edges else dot.PACKED))


def overview(document: Document) -> str:
    """Return the classes of all packages of a document, without their attributes."""
    lines = []
    for number, (name, _) in enumerate(document.packages):
        inside = [
            dot.node(f"{document.name}:{t.id}", dot.box([_heading(t)]))
            for t in document.types
            if t.package == name and t.kind == "objectType"
        ]
        if inside:
            lines += _cluster(number, name, inside)
    classes = [t for t in document.types if t.kind == "objectType"]
    known = {f"{document.name}:{t.id}": t for t in document.types}
    lines += [
        line
        for start, end, line in _edges(document, classes, known, named=False)
        if start in known and end in known
    ]
    return dot.graph(f"Classes of {document.title}", lines, nodesep="0.25")


def packages(model: Model) -> str:
    """Return the documents with their packages, and which package needs which."""
    lines: list[str] = []
    homes: dict[str, str] = {}
    for number, document in enumerate(model.documents):
        groups: dict[str, list[Type]] = {}
        for item in document.types:
            if item.kind == "objectType":
                groups.setdefault(item.package, []).append(item)
                homes[f"{document.name}:{item.id}"] = f"{document.name}/{item.package}"
        boxes = [
            dot.node(f"{document.name}/{name}", _package(name, members))
            for name, members in groups.items()
        ]
        lines += _cluster(number, document.name, boxes)
    lines += [
        dot.edge(dot.quoted(start), dot.quoted(end), style="dashed", arrowhead="vee")
        for start, end in _needs(model, homes)
    ]
    return dot.graph("Packages of the data model", lines, nodesep="0.25")


def _needs(model: Model, homes: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """Return which package leads to which, by relations or by keys of tables."""
    types = {table.name: table.type_id for table in model.tables}
    found: dict[tuple[str, str], None] = {}
    for document in model.documents:
        for item in document.types:
            here = homes.get(f"{document.name}:{item.id}")
            for ref in _leads_to(item):
                there = homes.get(ref)
                if here and there and here != there:
                    found.setdefault((here, there))
    for table in model.tables:
        for key in table.foreign_keys:
            here, there = (
                homes.get(types.get(n, "")) for n in (table.name, key.target)
            )
            if here and there and here.partition("/")[0] != there.partition("/")[0]:
                found.setdefault((here, there))
    return found


def _cluster(number: int, name: str, nodes: Iterable[str]) -> list[str]:
    return [
        f"subgraph cluster_{number} {{",
        f"  label={dot.quoted(name)} style=rounded labeljust=l margin=10",
        *(f"  {line}" for line in nodes),
        "}",
    ]


def multiplicity(role: Role) -> str:
    """Return how many values a role has, as UML writes it.

    >>> from distiller.model.entities import Role
    >>> multiplicity(Role("composition", "a", "a", "m:B", 0, -1, ""))
    '0..*'
    """
    upper = "*" if role.upper == UNBOUNDED else str(role.upper)
    return upper if str(role.lower) == upper else f"{role.lower}..{upper}"


def rule(constraint: Constraint) -> str:
    """Return a rule in words; what is narrowed by a kind of it is told as such.

    >>> from distiller.model.entities import Constraint
    >>> rule(Constraint("", role="m:Base.part", datatype="m:a.Wheel"))
    'part is a Wheel'
    """
    if constraint.description or constraint.role is None:
        return constraint.description
    narrow = (constraint.datatype or "narrower concept").rpartition(":")[2]
    name = constraint.role.rpartition(".")[2]
    return f"{name} is a {narrow.rpartition('.')[2]}"


def type_name(ref: str, document: Document) -> str:
    """Return the name of a type, with its model where it is another's.

    Those of the IVOA's base model stand alone: everybody knows what a real is.
    """
    prefix, _, identifier = ref.partition(":")
    name = identifier.rpartition(".")[2]
    return name if prefix in {document.name, "ivoa"} else f"{prefix}:{name}"


def _known(model: Model, document: Document) -> Mapping[str, Type]:
    """Every type by its name with its model, those of the document first."""
    documents = (document, *(d for d in model.documents if d is not document))
    return {f"{d.name}:{t.id}": t for d in reversed(documents) for t in d.types}


def _edges(
    document: Document,
    own: Iterable[Type],
    known: Mapping[str, Type],
    *,
    named: bool = True,
) -> Iterator[tuple[str, str, str]]:
    """Yield start, end and line of every relation of the given types.

    A part also shows what it is a part of, wherever that is.
    """
    mine = {f"{document.name}:{item.id}" for item in own}
    for item in document.types:
        here = f"{document.name}:{item.id}"
        if item.extends and here in mine and item.extends in known:
            line = dot.edge(
                dot.quoted(item.extends),
                dot.quoted(here),
                dir="back",
                arrowtail="onormal",
            )
            yield item.extends, here, line
        for role in item.roles:
            if role.kind == "attribute":
                if named and here in mine and role.ref in mine:
                    line = dot.edge(
                        dot.quoted(here),
                        dot.quoted(role.ref),
                        style="dashed",
                        arrowhead="vee",
                        color=dot.LINE,
                    )
                    yield here, role.ref, line
            elif here in mine or (role.kind == "composition" and role.ref in mine):
                yield here, role.ref, _relation(here, role, named=named)


def _relation(here: str, role: Role, *, named: bool) -> str:
    """Return a line: parts stand below the whole, what is referred to above."""
    words = {"label": dot.label(role.name, multiplicity(role))} if named else {}
    if role.kind == "composition":
        ends = {"dir": "both", "arrowtail": "diamond", "arrowhead": "none"}
        return dot.edge(dot.quoted(here), dot.quoted(role.ref), **ends, **words)
    ends = {"dir": "back", "arrowtail": "vee"}
    return dot.edge(dot.quoted(role.ref), dot.quoted(here), **ends, **words)


def _class(item: Type) -> str:
    rows = [_heading(item)]
    if item.kind == "enumeration":
        body = [dot.words(name) for name, _ in item.literals]
    else:
        body = [_attribute(role) for role in item.roles if role.kind == "attribute"]
    if body:
        rows += ["<HR/>", dot.lines(body)]
    rules = [
        dot.words(line, dot.SOFT, size=9)
        for constraint in item.constraints
        for line in textwrap.wrap(f"{{{rule(constraint)}}}", _TEXT_WIDTH)
    ]
    if rules:
        rows += ["<HR/>", dot.lines(rules)]
    return dot.box(rows)


def _heading(item: Type) -> str:
    name = f"<B>{dot.words(item.name, size=11)}</B>"
    if item.abstract:
        name = f"<I>{name}</I>"
    stereotype = _STEREOTYPES.get(item.kind)
    above = dot.words(stereotype, dot.SOFT, size=8) + "<BR/>" if stereotype else ""
    return dot.row(above + name, fill=_FILLS[item.kind], align="CENTER")


def _attribute(role: Role) -> str:
    many = multiplicity(role)
    kind = role.ref.rpartition(":")[2].rpartition(".")[2]
    if many != "1":
        kind += f" [{many}]"
    # Spaces that stay: the reader's letters may be wider than graphviz thinks.
    return dot.words(f"{role.name}:") + dot.words(f"\u00a0{kind}\u00a0", dot.SOFT)


def _other(ref: str, document: Document, known: Mapping[str, Type]) -> str:
    """Return the label of a class of another package or model."""
    item = known.get(ref)
    name = type_name(ref, document)
    text = dot.words(name, size=11)
    if item is not None and item.abstract:
        text = f"<I>{text}</I>"
    place = item.package if item else ""
    rows = [dot.row(text, fill=dot.PLAIN, align="CENTER")]
    if place:
        rows.append(
            dot.row(
                dot.words(f"package {place}", dot.SOFT, size=8),
                fill=dot.PLAIN,
                align="CENTER",
            )
        )
    return dot.box(rows)


def _package(name: str, members: Iterable[Type]) -> str:
    rows = []
    if name:
        heading = f"<B>{dot.words(name, size=11)}</B>"
        rows = [dot.row(heading, fill=dot.BLUE, align="CENTER"), "<HR/>"]
    texts = [(dot.words(item.name), item.abstract) for item in members]
    rows.append(dot.lines(f"<I>{t}</I>" if abstract else t for t, abstract in texts))
    return dot.box(rows)


def _leads_to(item: Type) -> Iterator[str]:
    if item.extends:
        yield item.extends
    for role in item.roles:
        if role.kind != "attribute":
            yield role.ref
