"""Any VO-DML document, for property tests (hypothesis)."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from distiller.model.entities import (
    ROLE_KINDS,
    TYPE_KINDS,
    UNBOUNDED,
    Concept,
    Constraint,
    Document,
    EnumLiteral,
    Import,
    Package,
    Role,
    Type,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from distiller.model.entities import RoleKind, TypeKind

_LETTERS = string.ascii_letters
_name = st.text(_LETTERS + string.digits + "_", min_size=1, max_size=8).map(
    lambda text: f"n{text}"
)
_id = st.lists(_name, min_size=1, max_size=3).map(".".join)
_ref = st.tuples(_name, _id).map(":".join)
_words = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z")),
    min_size=1,
    max_size=12,
) | st.sampled_from(["<b>", "&amp;", "]]>", "'\"", "-90 <= x"])
_text = st.lists(_words, max_size=4).map(" ".join).map(lambda t: " ".join(t.split()))
_full = _text.map(lambda text: text or "words")
_uri = _name.map(lambda name: f"http://example.org/{name}")
_maybe_uri = st.just("") | _uri
_xml_id = st.just("") | _name
_concept = st.builds(
    Concept, top=_maybe_uri, vocabularies=st.lists(_uri, max_size=2).map(tuple)
)
_literal = st.builds(EnumLiteral, id=_id, name=_name, description=_text, xml_id=_xml_id)
_plain = st.builds(Constraint, description=_text)
_subset = st.builds(
    Constraint,
    description=_text,
    role=_ref,
    datatype=st.none() | _ref,
    concept=st.none() | _concept,
)
_constraints = st.lists(_plain | _subset, max_size=2).map(tuple)


def _role(kind: RoleKind) -> st.SearchStrategy[Role]:
    return st.builds(
        Role,
        kind=st.just(kind),
        id=_id,
        name=_name,
        ref=_ref,
        lower=st.integers(0, 9),
        upper=st.just(UNBOUNDED) | st.integers(1, 99),
        description=_text,
        concept=st.none() | _concept if kind == "attribute" else st.none(),
        ordered=st.booleans() if kind == "composition" else st.just(value=False),
        xml_id=_xml_id,
    )


def _roles(kind: TypeKind) -> st.SearchStrategy[tuple[Role, ...]]:
    if kind in {"primitiveType", "enumeration"}:
        return st.just(())
    kinds = [k for k in ROLE_KINDS if kind == "objectType" or k != "composition"]
    return st.tuples(*(st.lists(_role(k), max_size=2) for k in kinds)).map(
        lambda lists: tuple(role for roles in lists for role in roles)
    )


def _type(kind: TypeKind, package: str) -> st.SearchStrategy[Type]:
    literals = st.lists(_literal, min_size=1, max_size=3).map(tuple)
    return st.builds(
        Type,
        kind=st.just(kind),
        id=_id,
        name=_name,
        description=_text,
        package=st.just(package),
        abstract=st.booleans(),
        extends=st.none() | _ref,
        roles=_roles(kind),
        values=literals if kind == "enumeration" else st.just(()),
        constraints=_constraints,
        xml_id=_xml_id,
    )


@st.composite
def documents(draw: Callable[..., object]) -> Document:
    """Draw a document whose types stand in the order of a document."""
    packages: list[Package] = []
    types: list[Type] = []

    def fill(package: str, depth: int) -> None:
        for kind in TYPE_KINDS:
            drawn = draw(st.lists(_type(kind, package), max_size=1))
            assert isinstance(drawn, list)
            types.extend(drawn)
        inner = draw(st.integers(0, 2 - depth))
        assert isinstance(inner, int)
        for _ in range(inner):
            made = draw(
                st.builds(
                    Package,
                    id=st.just(f"p{len(packages)}"),
                    name=_name,
                    description=_text,
                    parent=st.just(package),
                    xml_id=_xml_id,
                )
            )
            assert isinstance(made, Package)
            packages.append(made)
            fill(made.id, depth + 1)

    fill("", 0)
    document = draw(
        st.builds(
            Document,
            name=_name,
            title=_full,
            description=_text,
            version=_full,
            package_tree=st.just(tuple(packages)),
            types=st.just(tuple(types)),
            imported=st.lists(_import, max_size=2).map(tuple),
            uri=_maybe_uri,
            identifier=_text,
            authors=st.lists(_full, max_size=2).map(tuple),
            previous_version=_maybe_uri,
            last_modified=st.datetimes().map(lambda t: t.isoformat()),
        )
    )
    assert isinstance(document, Document)
    return document


_import = st.builds(
    Import,
    name=_name,
    url=_uri,
    version=_text,
    documentation_url=_maybe_uri,
    identifier=_text,
)
