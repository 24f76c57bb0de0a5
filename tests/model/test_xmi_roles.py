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
