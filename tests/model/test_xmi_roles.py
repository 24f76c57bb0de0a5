"""Inherited roles that a drawing narrows, over several generations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from lxml import etree
from tests.model.standard import faults
from tests.model.xmi.drawing import attribute, element, toy

from distiller.model.check import check_document
from distiller.model.read_vodml import read_vodml
from distiller.model.write_vodml import write_vodml

if TYPE_CHECKING:
    from distiller.model.read_xmi import Imported

pytestmark = pytest.mark.slow


def _lines(imported: Imported) -> str:
    return "\n".join(str(item) for item in imported.listed)


def _generations(how: str) -> Imported:
    """Read three types that extend each other; each narrows x of the one before."""
    kinds = "".join(
        element("Class", f"V{n}", _general(f"V{n - 1}") if n > 1 else "")
        for n in (1, 2, 3)
    )
    body = ""
    for number, name in enumerate("ABCD"):
        more = how.format(above=f"{chr(ord(name) - 1)}.x") if number else ""
        x = (
            f'<ownedAttribute xmi:type="uml:Property" xmi:id="{name}.x" name="x" '
            f'type="{["V1", "V1", "V2", "V3"][number]}" {more}/>'
        )
        body += element(
            "Class", name, (_general(chr(ord(name) - 1)) if number else "") + x
        )
    return toy(kinds + body)


def _general(base: str) -> str:
    return (
        f'<generalization xmi:type="uml:Generalization" xmi:id="to{base}{id(base)}" '
        f'general="{base}"/>'
    )


@pytest.mark.parametrize(
    "how", ['redefinedProperty="{above}"', 'subsettedProperty="{above}"', ""]
)
def test_what_is_narrowed_again_narrows_the_role_at_the_top(how: str) -> None:
    imported = _generations(how)
    text = write_vodml(imported.document)
    assert check_document(read_vodml(text, "toy.vo-dml.xml"), described=False) == ()
    assert list(faults(etree.fromstring(text))) == []
    types = {item.id: item for item in imported.document.types}
    assert [role.id for role in types["A"].roles] == ["A.x"]
    for name, ref in (("B", None), ("C", "toy:V2"), ("D", "toy:V3")):
        assert types[name].roles == ()
        (rule,) = types[name].constraints
        assert (rule.role, rule.datatype) == ("toy:A.x", ref)


def test_what_is_not_inherited_is_not_narrowed() -> None:
    other = element("Class", "A", attribute("x"))
    own = (
        '<ownedAttribute xmi:type="uml:Property" xmi:id="b.y" name="y" type="real" '
        'redefinedProperty="a.x"/>'
    )
    imported = toy(other + element("Class", "B", own))
    types = {item.id: item for item in imported.document.types}
    assert [role.id for role in types["B"].roles] == ["B.y"]
    assert "left: line" in _lines(imported)
    assert "that it narrows A.x, which B does not inherit in toy::B" in _lines(imported)
    text = write_vodml(imported.document)
    assert check_document(read_vodml(text, "toy.vo-dml.xml"), described=False) == ()


def test_two_ends_without_a_name_that_lead_to_one_class_are_both_carried() -> None:
    ends = "".join(
        f'<packagedElement xmi:type="uml:Association" xmi:id="n{n}" '
        f'memberEnd="n{n}b n{n}a" navigableOwnedEnd="n{n}b">'
        f'<ownedEnd xmi:type="uml:Property" xmi:id="n{n}b" type="B"/>'
        f'<ownedEnd xmi:type="uml:Property" xmi:id="n{n}a" type="A"/>'
        "</packagedElement>"
        for n in (1, 2)
    )
    imported = toy(element("Class", "A") + element("Class", "B") + ends)
    roles = imported.document.types[-2].roles
    assert [(role.name, role.ref) for role in roles] == [
        ("b", "toy:B"),
        ("b_2", "toy:B"),
    ]
    assert "another has the name 'b': it becomes 'b_2'" in _lines(imported)
