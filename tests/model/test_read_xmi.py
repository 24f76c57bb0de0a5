"""UML drawings: one model in the words of four tools becomes one document."""

from __future__ import annotations

import re
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from tests.model.standard import faults
from tests.model.xmi.account import accounted, identifiers
from tests.model.xmi.drawing import TOY, attribute, element, toy

from distiller.core.errors import BadData
from distiller.model.check import check_document
from distiller.model.codes import CODES
from distiller.model.emit import sql
from distiller.model.entities import Constraint, Role
from distiller.model.load import load_file
from distiller.model.read_vodml import read_vodml
from distiller.model.read_xmi import MAX_BYTES, read_xmi
from distiller.model.write_vodml import write_vodml

if TYPE_CHECKING:
    from distiller.model.entities import Document
    from distiller.model.read_xmi import Imported

_FOLDER = Path(__file__).parent / "xmi"
_TOOLS = ("modelio.xmi", "magicdraw.xml", "umodel.xmi", "papyrus.uml")
_EXPECTED = _FOLDER / "observatory.vo-dml.xml"


def _read(name: str) -> Imported:
    return read_xmi((_FOLDER / name).read_bytes(), name)


def _lines(imported: Imported) -> str:
    return "\n".join(str(item) for item in imported.listed)


@pytest.mark.parametrize("name", _TOOLS)
def test_what_each_tool_writes_is_the_same_model(name: str) -> None:
    assert write_vodml(_read(name).document) == _EXPECTED.read_bytes()


def test_the_model_is_valid_vodml(vodml_schema: etree.XMLSchema) -> None:
    vodml_schema.assertValid(etree.parse(_EXPECTED))


def test_the_model_is_vodml() -> None:
    assert list(faults(etree.parse(_EXPECTED).getroot())) == []
    document = read_vodml(_EXPECTED.read_bytes(), _EXPECTED.name)
    assert check_document(document, described=False) == ()
    assert _read("modelio.xmi").document == document


@pytest.mark.parametrize("name", _TOOLS)
def test_every_element_is_carried_or_listed(name: str) -> None:
    imported = _read(name)
    root = etree.parse(_FOLDER / name).getroot()
    assert accounted(imported) == identifiers(root)


_LISTED = {
    "modelio.xmi": [
        "left: line 3: eAnnotations Objing in observatory: the tool's own: drawings",
        "left: line 27: isUnique='false' of Property 'longitude', and 8 more",
        "changed: line 45: Property '2nd mirror' in observatory::site::Telescope",
        ": no VO-DML name: it becomes 'n2nd_mirror'",
        "left: line 50: Operation 'point' with 1 element inside in observatory::site",
        "left: line 74: 4 elements inside Package 'ivoa' in observatory: the imported",
        "InstanceSpecification 'CT5' in observatory: an example, no part of a model",
        "left: line 80: Dependency in observatory: VO-DML has no dependencies",
        "ProfileApplication in observatory: what it says is read from the stereotypes",
        "lacking: line 36: Class 'Instrument' in observatory::site: it has no descr",
        "lacking: line 24: EnumerationLiteral 'SST' in observatory::site::Size: it has",
        "lacking: line 37: Property 'name' in observatory::site::Instrument: it has no",
    ],
    "magicdraw.xml": [
        "left: line 12: Profile 'IVOA_UML_Profile' with 2 elements inside",
        "left: line 23: Package '_instances' with 2 elements inside in observatory: a",
        "name 'latitudeRange' of Constraint in observatory::site::Position: VO-DML has",
        "isDerived='true' of Property 'latitude' in observatory::site::Position: VO",
        "defaultValue 'unnamed' in observatory::site::Instrument::name: VO-DML has",
        "Property 'arrays' in observatory::site: it cannot be followed in this dir",
        "it is in another file: UML_Standard_Profile.xml#magicdraw_uml_standard",
        "left: line 4: Extension of MagicDraw UML 12.1, and 1 more: the tool's own: dr",
        "«attribute» maxlength='-1': VO-DML has nothing for it",
        "stereotype «DiagramInfo»: no stereotype that is read of such an element",
    ],
    "umodel.xmi": [
        "left: line 15: Package 'Component View' in Root: it is outside of the model",
        "Root::observatory::ivoa: 'quantity.real' is read as ivoa:real",
        "Position::rule1: VO-DML has one text, and the expression is it",
        "Property 'altitude' in Root::observatory::site::Position: it has no type",
        "Telescope: VO-DML has one base; observatory:site.Instrument is carried over",
        "::Telescope: upperValue without a value: read as any number",
    ],
    "papyrus.uml": [
        "left: line 4: PackageImport in observatory: what is used of it is referred to",
        "site::Telescope: its type is not in this file (cameras.uml#_camera)",
        "name 'has' of Association in observatory::site: VO-DML has nothing for it",
        "Property 'array' in observatory::site::has: the way back of a composition is",
        "site: it cannot be followed, but has a name: read as a relation",
        "stereotype «Rank»: no stereotype that is read of such an element",
    ],
}


@pytest.mark.parametrize(
    ("name", "line"),
    [pytest.param(n, x, id=f"{n}-{x[:40]}") for n, xs in _LISTED.items() for x in xs],
)
def test_what_is_not_carried_over_is_listed(name: str, line: str) -> None:
    assert line in _lines(_read(name))


def _roles(document: Document, name: str) -> tuple[Role, ...]:
    return next(t for t in document.types if t.name == name).roles


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ("", (1, 1)),
        ('<lowerValue xmi:type="uml:LiteralInteger" xmi:id="l"/>', (0, 1)),
        ('<upperValue xmi:id="u" value="*"/>', (1, -1)),
        ('<upperValue xmi:id="u" value="-1"/>', (1, -1)),
        ('<upperValue xmi:id="u"/><lowerValue xmi:id="l"/>', (0, -1)),
        ('<upperValue xmi:id="u" value="3"/><lowerValue value="2"/>', (2, 3)),
        ('<upperValue xmi:id="u"><body>4</body></upperValue>', (1, 4)),
        ('<upperValue xmi:id="u" value="some"/>', (1, -1)),
        ('<lowerValue xmi:id="l" value="2"/>', (1, 1)),
    ],
)
def test_bounds_in_their_several_encodings(
    bounds: str, expected: tuple[int, int]
) -> None:
    imported = toy(element("Class", "A", attribute("x", inside=bounds)))
    role = _roles(imported.document, "A")[0]
    assert (role.lower, role.upper) == expected


@pytest.mark.parametrize("bound", ["99999999999", "9" * 5000])
def test_a_bound_that_is_too_large_is_listed(bound: str) -> None:
    inside = f'<upperValue xmi:id="u" value="{bound}"/>'
    imported = toy(element("Class", "A", attribute("x", inside=inside)))
    assert _roles(imported.document, "A")[0].upper == 2**31 - 1
    assert "is too large: read as 2147483647" in _lines(imported)


_ENDS = """<packagedElement xmi:type="uml:Association" xmi:id="s" name="{name}"
    memberEnd="b a" {more}>
<ownedEnd xmi:type="uml:Property" xmi:id="b" {b} type="B" association="s"/>
<ownedEnd xmi:type="uml:Property" xmi:id="a" {a} type="A" association="s"/>
</packagedElement>"""


@pytest.mark.parametrize(
    ("name", "more", "b", "a", "expected"),
    [
        ("", 'navigableOwnedEnd="b"', 'name="bs"', "", ["A reference bs toy:B"]),
        ("", "", 'name="bs" isNavigable="true"', "", ["A reference bs toy:B"]),
        ("", 'navigableOwnedEnd="b"', "", "", ["A reference b toy:B"]),
        ("has", 'navigableOwnedEnd="b"', "", "", ["A reference has toy:B"]),
        ("", "", 'aggregation="composite"', "", ["A composition b toy:B"]),
        (
            "",
            'navigableOwnedEnd="b"',
            'name="bs" aggregation="shared"',
            "",
            ["A reference bs toy:B"],
        ),
        (
            "",
            'navigableOwnedEnd="a b"',
            'name="bs"',
            'name="as"',
            ["A reference bs toy:B", "B reference as toy:A"],
        ),
        (
            "",
            'navigableOwnedEnd="a b"',
            'name="bs" aggregation="composite"',
            'name="whole"',
            ["A composition bs toy:B"],
        ),
        ("", "", "", "", []),
    ],
)
def test_ends_of_associations(
    name: str, more: str, b: str, a: str, expected: list[str]
) -> None:
    body = _ENDS.format(name=name, more=more, b=b, a=a)
    imported = toy(element("Class", "A") + element("Class", "B") + body)
    found = [
        f"{item.name} {role.kind} {role.name} {role.ref}"
        for item in imported.document.types
        for role in item.roles
    ]
    assert found == expected
    root = etree.fromstring(
        TOY.format(
            body=element("Class", "A") + element("Class", "B") + body, after=""
        ).encode()
    )
    assert accounted(imported) == identifiers(root)


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (
            element("Class", "A", '<nestedClassifier xmi:id="n" name="N"/>'),
            "Class 'N'",
        ),
        (element("Interface", "I"), "Interface 'I' in toy: VO-DML has classes, data"),
        (element("Signal", "S"), "Signal 'S' in toy: VO-DML has nothing for it"),
        (element("AssociationClass", "AC"), "draw a class with two references"),
        (element("Class", ""), "left: line 6: Class in toy: it has no name"),
        (
            element("Class", "A", attribute("x") + attribute("x")),
            "Property 'x' in toy::A: a second one of the name x",
        ),
        (
            element("Class", "A", attribute("x", type_="none")),
            "Property 'x' in toy::A: its type is not in this file (#none)",
        ),
        (
            element("Class", "A", attribute("x", type_="I"))
            + element("Interface", "I"),
            "Property 'x' in toy::A: its type 'I' is not carried over (Interface)",
        ),
        (
            element("Class", "A", attribute("x", "B", 'aggregation="composite"'))
            + element("Class", "B")
            + element("DataType", "D", attribute("y", "B", 'aggregation="composite"')),
            "Property 'y' in toy::D: dataType composes no objects: read as a reference",
        ),
        (
            element("Enumeration", "E"),
            "Enumeration 'E' in toy: no literals: read as a",
        ),
        (
            element("PrimitiveType", "P", attribute("x")),
            "PrimitiveType 'P' in toy: it has attributes: read as a data type",
        ),
        (
            element("Class", "A", '<generalization xmi:id="g" general="real"/>'),
            "Generalization in toy::A: objectType cannot extend a primitiveType",
        ),
        (
            element("Class", "A", '<ownedRule xmi:id="r"/>'),
            "Constraint in toy::A: it says nothing",
        ),
        ('<ownedRule xmi:id="r" name="x > 0"/>', "it is about nothing that is carried"),
        (element("Class", "A b") + element("Class", "A_b"), "'A_b' is taken: it has"),
        (
            element("Class", "A", attribute("x", more='isReadOnly="true"')),
            "isReadOnly",
        ),
    ],
)
def test_what_vodml_cannot_say_is_listed(body: str, line: str) -> None:
    imported = toy(body)
    assert line in _lines(imported)
    text = write_vodml(imported.document)
    assert check_document(read_vodml(text, "toy.vo-dml.xml"), described=False) == ()
    assert list(faults(etree.fromstring(text))) == []


def test_tags_of_the_profile_become_rules_and_kinds() -> None:
    imported = toy(
        element("Class", "A", attribute("x")) + element("Class", "V"),
        '<p:attribute xmi:id="s1" base_Property="a.x" minValue="0" maxValue="few"/>'
        '<p:dataType xmi:id="s2" base_Class="V"/>'
        '<p:modelelement xmi:id="s3" base_Element="A" vodml_id="toy:my.A"/>',
    )
    types = {item.id: item for item in imported.document.types}
    assert types["V"].kind == "dataType"
    assert types["my.A"].constraints == (Constraint("x >= 0"),)
    assert types["my.A"].roles[0].id == "my.A.x"
    assert "maxvalue 'few'" in _lines(imported)


def test_standard_types_drawn_by_the_tool_extend_those_of_the_ivoa() -> None:
    imported = toy(element("Class", "A", attribute("x")))
    document = imported.document
    assert document.types[0].extends == "ivoa:real"
    assert document.imports == ("ivoa",)
    assert "PrimitiveType 'Real' in toy: it extends ivoa:real" in _lines(imported)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"<a>", "M001 toy.xmi: no XML: "),
        (
            b'<!DOCTYPE a [<!ENTITY b "c">]><a/>',
            "M001 toy.xmi: it has a document type, which could define entities (XMI",
        ),
        (b"<a/>", "M021 toy.xmi: no XMI with a UML model: it starts with <a> (export"),
        (
            b'<uml:Profile xmlns:uml="http://www.eclipse.org/uml2/5.0.0/UML"/>',
            "M021 toy.xmi: no UML model in it (export the model itself, not a profile",
        ),
        (
            b'<uml:Model xmlns:uml="http://www.eclipse.org/uml2/5.0.0/UML" name="?"/>',
            "M022 toy.xmi: '?' is no name of a model (give one with --name: a letter",
        ),
        (b" " * (MAX_BYTES + 1), "M020 toy.xmi: larger than 64 MiB (export the model"),
        (
            b'<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb">'
            + b"".join(
                b'<!ENTITY b%d "%s">' % (n, b"&b%d;" % (n - 1) * 10 if n else b"&b;")
                for n in range(12)
            )
            + b"]><a>&b11;</a>",
            "M001 toy.xmi: ",
        ),
        (
            b"<a>" * 257 + b"</a>" * 257,
            "M001 toy.xmi: line 1: more than 256 elements stand inside each other",
        ),
    ],
)
def test_what_is_no_drawing_is_refused(text: bytes, words: str) -> None:
    with pytest.raises(BadData) as caught:
        read_xmi(text, "toy.xmi")
    assert words in str(caught.value)


def test_a_file_of_eclipse_without_a_frame_is_read() -> None:
    text = (
        b'<uml:Model xmi:version="20131001" name="toy" xmi:id="m" '
        b'xmlns:xmi="http://www.omg.org/spec/XMI/20131001" '
        b'xmlns:uml="http://www.eclipse.org/uml2/5.0.0/UML"><packagedElement '
        b'xmi:type="uml:Class" xmi:id="a" name="A"/></uml:Model>'
    )
    assert [t.id for t in read_xmi(text, "toy.uml").document.types] == ["A"]


def test_another_name_is_the_prefix_of_every_reference() -> None:
    document = read_xmi(
        (_FOLDER / "modelio.xmi").read_bytes(), "modelio.xmi", name="mine"
    ).document
    text = write_vodml(document).decode()
    assert "mine:site.Position" in text
    assert "observatory:" not in text
    assert check_document(read_vodml(text.encode(), "x"), described=False) == ()


def test_a_model_with_constraints_and_no_descriptions_has_tables(
    tmp_path: Path,
) -> None:
    path = tmp_path / "toy.vo-dml.xml"
    rule = (
        '<ownedRule xmi:id="r"><specification xmi:type="uml:OpaqueExpression" '
        'xmi:id="q" body="x &gt;= 0"/></ownedRule>'
    )
    imported = toy(element("Class", "A", rule + attribute("x")))
    path.write_bytes(write_vodml(imported.document))
    assert load_file(path).by_name["toy.a"].names == ("a_id", "x")


def test_duckdb_accepts_the_sql_of_the_model() -> None:
    with duckdb.connect() as connection:
        for statement in sql.ddl(load_file(_EXPECTED), "duckdb"):
            connection.execute(statement)
        found = connection.execute("DESCRIBE observatory.site").fetchall()
    assert [row[0] for row in found] == ["site_id", "name"]


@pytest.mark.slow
def test_postgresql_accepts_the_sql_of_the_model(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        for statement in sql.ddl(load_file(_EXPECTED), "postgresql"):
            connection.execute(statement.encode())
        found = connection.execute("SELECT * FROM observatory.site").description
    assert [column.name for column in found or ()] == ["site_id", "name"]


def test_codes_are_those_that_are_raised() -> None:
    folder = Path(read_xmi.__code__.co_filename).parents[1]
    raised = {
        code
        for path in folder.rglob("*.py")
        if path.name != "codes.py"
        for code in re.findall(r'"(M\d{3})"', path.read_text())
    }
    assert raised == set(CODES)


@pytest.mark.parametrize("name", _TOOLS)
def test_a_new_thing_anywhere_in_the_model_is_listed(name: str) -> None:
    """Put an element and an attribute, unknown to all, into each that is carried."""
    root = etree.parse(_FOLDER / name).getroot()
    carried = set(_read(name).carried)
    space = next(uri for uri in root.nsmap.values() if "/XMI" in uri)
    for one in [e for e in root.iter("*") if e.get(f"{{{space}}}id") in carried]:
        if not one.get(f"{{{space}}}type", "").startswith("uml:"):
            continue
        new = etree.SubElement(one, "surprise", name="new")
        new.set(f"{{{space}}}type", "uml:Surprise")
        one.set("surprising", "yes")
        new.set(f"{{{space}}}id", "surprise")
        found = read_xmi(etree.tostring(root), name)
        where = one.get("name") or str(one.tag)
        assert "surprise" in accounted(found), where
        if not any("Extension" in str(e.tag) for e in one.iterancestors()):
            assert "surprising='yes'" in _lines(found), where
        one.remove(new)
        del one.attrib["surprising"]


_IDS = ("_m", "site", "Uposition", "_telescope", "a1_back", "_real", "no", "")


@pytest.mark.slow
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    name=st.sampled_from(_TOOLS),
    edits=st.lists(
        st.tuples(
            st.integers(0, 400),
            st.sampled_from(["remove", "attribute", "junk", "twice"]),
            st.integers(0, 9),
            st.sampled_from(_IDS),
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_a_damaged_drawing_gives_vodml_or_is_refused(
    name: str, edits: list[tuple[int, str, int, str]]
) -> None:
    root = etree.parse(_FOLDER / name).getroot()
    for index, what, number, junk in edits:
        elements = list(root.iter("*"))[1:] or [root]
        element = elements[index % len(elements)]
        keys = sorted(str(key) for key in element.attrib)
        parent = element.getparent()
        if what == "remove" and parent is not None:
            parent.remove(element)
        elif what == "twice" and parent is not None:
            parent.append(deepcopy(element))
        elif what == "attribute" and keys:
            del element.attrib[keys[number % len(keys)]]
        elif keys:
            element.set(keys[number % len(keys)], junk)
    text = etree.tostring(root)
    try:
        imported = read_xmi(text, name)
    except BadData:
        return
    written = write_vodml(imported.document)
    assert list(faults(etree.fromstring(written))) == []
    assert read_vodml(written, "x.vo-dml.xml") == imported.document
    assert accounted(imported) >= identifiers(root) - {""}
