"""The VO-DML documents: what is read, what is refused, and in which words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.model.toy import attribute, document, object_type, relation, subset

from distiller.core.errors import BadData
from distiller.model import load_file, load_model
from distiller.model.check import check_document
from distiller.model.load import (
    ENDING,
    PACKAGED,
    packaged_paths,
    read_models,
    warnings,
)
from distiller.model.read_vodml import read_vodml

if TYPE_CHECKING:
    from pathlib import Path

_PACKAGES = {
    "Project",
    "ArrayConfiguration",
    "Observation",
    "AmbientConditions",
    "Processing",
    "Product",
    "Analysis",
}


def test_packaged_documents_have_no_fault() -> None:
    _, faults = read_models(packaged_paths())
    assert faults == ()


def test_the_packages_of_the_design_are_there() -> None:
    cta = next(d for d in load_model().documents if d.name == "cta")
    assert {name for name, _ in cta.packages} == _PACKAGES
    kinds = {t.kind for t in cta.types}
    assert kinds == {"primitiveType", "enumeration", "dataType", "objectType"}
    assert any(t.extends for t in cta.types), "no generalisation"
    relations = {r.kind for t in cta.types for r in t.roles}
    assert relations == {"attribute", "composition", "reference"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            object_type("A", attribute("A", "x", "toy:B")) + object_type("Bb"),
            "line 10: A.x: attribute toy:B: no such type (did you mean toy:Bb?)",
        ),
        (
            object_type("A", attribute("A", "x", "ivoa:strin")),
            "attribute ivoa:strin: no such type (did you mean ivoa:string?)",
        ),
        (
            object_type("A", attribute("A", "x", "stc:Position")),
            "attribute stc:Position: model 'stc' is not imported",
        ),
        (
            object_type("A", attribute("A", "x", "ivoa:real", words="")),
            "A.x: attribute without description",
        ),
        (object_type("A", words=""), "A: objectType without description"),
        (object_type("A") + object_type("A"), "vodml-id A is already that of line 10"),
        (object_type("A", extends="toy:Z"), "A: extends toy:Z: no such type"),
        (
            object_type("A", extends="toy:B") + object_type("B", extends="toy:A"),
            "A: extends itself, through toy:B",
        ),
        (
            object_type("A", attribute("A", "x", "toy:B")) + object_type("B"),
            "A.x: attribute of the object type B (make it a reference or a comp",
        ),
        (
            object_type("A", relation("composition", "A", "x", "toy:C"))
            + object_type("B", relation("composition", "B", "x", "toy:C"))
            + object_type("C"),
            "toy:C is composed more than once: A.x, B.x",
        ),
        (
            object_type("A", attribute("A", "x", "ivoa:real")).replace(
                "</attribute>", "<constraint/></attribute>"
            ),
            "line 14: <constraint> in <attribute> is not of VO-DML 1.0 and was not",
        ),
        (
            object_type("A").replace(
                "</objectType>",
                '<constraint xmlns:x="http://www.w3.org/2001/XMLSchema-instance" '
                'x:type="NaturalKey"/></objectType>',
            ),
            "line 10: a constraint of the kind NaturalKey is not of VO-DML 1.0",
        ),
        (
            object_type("A", attribute("A", "x", "ivoa:real"))
            + object_type("B", subset("toy:A.x"), extends="toy:A")
            + object_type("C", subset("toy:A.x")),
            "C: narrows toy:A.x, which it does not inherit",
        ),
        (
            object_type("A", attribute("A", "x", "ivoa:real"))
            + object_type("B", subset("toy:A.x", "ivoa:strin"), extends="toy:A"),
            "B: narrows to ivoa:strin: no such type (did you mean ivoa:string?)",
        ),
        (
            object_type("A", subset("stc:A.x")),
            "A: narrows stc:A.x: model 'stc' is not imported",
        ),
        (
            object_type(
                "A",
                attribute("A", "x", "ivoa:real"),
                attribute("A", "x", "ivoa:real"),
            ),
            "A: 2 attributes or relations of the name x",
        ),
    ],
)
def test_faults_are_named_with_their_place(body: str, words: str) -> None:
    faults = check_document(read_vodml(document(body), "toy.vo-dml.xml"))
    assert any(words in fault for fault in faults), faults
    assert all(fault.startswith("toy.vo-dml.xml: ") for fault in faults)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"<a>", "M001 toy.xml: no XML: "),
        (b"<a/>", "M002 toy.xml: no VO-DML document: it starts with <a>"),
        (
            document("<objectType><name>A</name></objectType>"),
            "M003 toy.xml: line 10: <objectType> without <vodml-id>",
        ),
        (
            document(object_type("A", "<attribute><name>x</name></attribute>")),
            "<attribute> without <datatype>",
        ),
        (
            document(
                object_type(
                    "A", attribute("A", "x", "ivoa:real").replace(">0<", ">no<")
                )
            ),
            "minOccurs is no whole number: 'no'",
        ),
    ],
)
def test_what_is_no_vodml_is_refused(text: bytes, words: str) -> None:
    with pytest.raises(BadData) as caught:
        read_vodml(text, "toy.xml")
    assert words in str(caught.value)


def test_entities_are_not_resolved(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("TOP SECRET")
    text = document(object_type("A", words="&x;")).replace(
        b"<vo-dml:model",
        b'<!DOCTYPE m [<!ENTITY x SYSTEM "%s">]><vo-dml:model'
        % secret.as_uri().encode(),
        1,
    )
    assert "TOP SECRET" not in repr(read_vodml(text, "toy.xml"))


def test_a_model_without_binding_gets_tables(tmp_path: Path) -> None:
    path = tmp_path / "toy.vo-dml.xml"
    path.write_bytes(
        document(
            object_type(
                "BigWhole",
                attribute("BigWhole", "someValue", "ivoa:real"),
                relation("composition", "BigWhole", "parts", "toy:Part"),
            )
            + object_type("Part", attribute("Part", "when", "ivoa:datetime"))
        )
    )
    model = load_file(path)
    tables = model.by_name
    assert tables["toy.big_whole"].names == ("big_whole_id", "some_value")
    assert tables["toy.part"].names == ("part_id", "big_whole_id", "when")


def _bound(tmp_path: Path, change: tuple[str, str]) -> tuple[str, ...]:
    """Return the faults of cta with one change in its binding or document."""
    for source in PACKAGED.iterdir():
        text = source.read_text()
        if source.name.startswith("cta."):
            text = text.replace(*change)
        (tmp_path / source.name).write_text(text)
    paths = [tmp_path / path.name for path in packaged_paths()]
    return read_models(paths)[1]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "      livetime: {unit",
            "      lifetime: {unit",
            "Observation.Observation: livetime: attribute of the model left unbound",
        ),
        (
            "      livetime: {unit",
            "      lifetime: {unit",
            "lifetime: no such attribute in the model (did you mean livetime?)",
        ),
        (
            "  Product.Finding:\n",
            "  Product.Findings:\n",
            "no such object type in the model (did you mean Product.Finding?)",
        ),
        (
            "  Product.Finding:\n",
            "  Product.Findings:\n",
            "Product.Finding: object type of the model without a table",
        ),
        ("table: finding", "table: product", "cta.product: 2 tables or views"),
        ("unit: hPa", "unit: hectopascal", "'hectopascal' is no unit (VOUnits)"),
        ("ucd: pos.az.zd", "ucd: pos.az.zdd", "'pos.az.zdd' is no UCD"),
        (
            "column: t_start,",
            "column: T-Start,",
            "T-Start: 'T-Start' is no lower-case SQL name",
        ),
        ("column: t_start,", "column: title,", "two columns of that name"),
        ("column: t_start,", "column: xmin,", "PostgreSQL has a column xmin"),
        ("schema: cta", "schema: main", "main is a schema of the engine's own"),
        ("table: finding", "table: Finding", "'Finding' is no lower-case SQL name"),
        (
            "column: t_start,",
            f"column: {'t' * 64},",
            "has more than 63 letters, which PostgreSQL would cut off",
        ),
        ("of: ivoa.obscore", "of: ivoa.obscures", "view of ivoa.obscures"),
        (
            "owned_by: Product.Product.observation",
            "owned_by: Product.Product.observer",
            "owned_by Product.Product.observer is no reference to it",
        ),
    ],
)
def test_faults_of_a_binding(tmp_path: Path, old: str, new: str, words: str) -> None:
    faults = _bound(tmp_path, (old, new))
    assert any(words in fault for fault in faults), faults


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            object_type("A", extends="toy:B") + object_type("B", extends="toy:A"),
            "A: extends itself, through toy:B",
        ),
        (
            object_type("A", attribute("A", "x", "toy:P"))
            + object_type("P", attribute("P", "x", "toy:Q")).replace("objectT", "dataT")
            + object_type("Q", extends="toy:P").replace("objectT", "dataT"),
            "P: a value of it contains another of it, without end",
        ),
    ],
)
def test_types_in_a_circle_are_a_fault_of_the_file(
    tmp_path: Path, body: str, words: str
) -> None:
    path = tmp_path / "toy.vo-dml.xml"
    path.write_bytes(document(body))
    with pytest.raises(BadData, match=f"M100 .*{words}"):
        load_file(path)


def _copied(folder: Path, *names: str) -> Path:
    """Copy these models with their bindings; return the path of the first."""
    for source in PACKAGED.iterdir():
        if source.name.partition(".")[0] in names:
            (folder / source.name).write_bytes(source.read_bytes())
    return folder / f"{names[0]}{ENDING}"


@pytest.mark.parametrize("path", packaged_paths(), ids=lambda path: path.name)
def test_a_model_of_ours_stands_for_itself(path: Path) -> None:
    model = load_file(path)
    document = model.documents[0]
    assert len(model.documents) == 1
    assert {t.type_id.partition(":")[0] for t in model.tables} == {document.name}
    whole = load_model()
    assert [t for t in whole.tables if t.name in model.by_name] == list(model.tables)
    assert model.catalog == {
        name: table
        for name, table in whole.catalog.items()
        if name.partition(".")[0] in model.schemas
    }


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cta", "cta.vo_obscore: view of ivoa.obscore, which is absent"),
        ("obscore", "ivoa.obscore: foreign key to cta.product, which is absent"),
    ],
)
def test_a_model_alone_that_leads_elsewhere_names_both(
    tmp_path: Path, name: str, words: str
) -> None:
    path = _copied(tmp_path, name)
    with pytest.raises(BadData, match=f"M100 .*{words}$"):
        load_file(path)


def test_models_without_a_binding_are_not_looked_up(tmp_path: Path) -> None:
    path = _copied(tmp_path, "cta", "obscore")
    assert [table.name for table in load_file(path).beside] == ["ivoa.obscore"]
    (tmp_path / "obscore.binding.yaml").unlink()
    with pytest.raises(BadData, match=r"view of ivoa\.obscore, which is absent$"):
        load_file(path)


def test_columns_of_the_model_beside_are_checked(tmp_path: Path) -> None:
    path = _copied(tmp_path, "obscore", "cta")
    binding = tmp_path / "obscore.binding.yaml"
    binding.write_text(binding.read_text().replace(": publisher_did}", ": did}"))
    with pytest.raises(BadData, match=r"foreign key to cta\.product\.did: absent$"):
        load_file(path)


def test_a_bad_model_beside_matters_only_where_it_is_needed(tmp_path: Path) -> None:
    path = _copied(tmp_path, "cta", "obscore", "tap_schema")
    (tmp_path / f"obscore{ENDING}").write_text("<a>")
    assert len(load_file(tmp_path / f"tap_schema{ENDING}").tables) == 5
    with pytest.raises(BadData) as caught:
        load_file(path)
    text = str(caught.value)
    assert "view of ivoa.obscore, which is absent; " in text
    assert "not looked up in obscore.vo-dml.xml: M001 obscore.vo-dml.xml" in text


def test_a_copy_of_the_model_beside_it_is_no_second_one(tmp_path: Path) -> None:
    path = _copied(tmp_path, "cta", "obscore")
    for ending in (ENDING, ".binding.yaml"):
        (tmp_path / f"a_copy{ending}").write_bytes(
            (tmp_path / f"cta{ending}").read_bytes()
        )
    assert load_file(path).tables == load_file(PACKAGED / path.name).tables


def test_a_description_may_be_absent_where_nothing_is_bound(tmp_path: Path) -> None:
    path = tmp_path / "toy.vo-dml.xml"
    bare = attribute("A", "x", "ivoa:real", words="")
    path.write_bytes(document(object_type("A", bare, words="")))
    column = load_file(path).by_name["toy.a"].columns[-1].column
    assert (column.name, column.description) == ("x", "")
    assert warnings(path) == (
        "toy.vo-dml.xml: line 10: A: objectType without description",
        "toy.vo-dml.xml: line 10: A.x: attribute without description",
    )
    (tmp_path / "toy.binding.yaml").write_text(
        "{model: toy, schema: toy, tables: {A: {table: a, key: k, rows: shared, "
        "columns: {x: {}}}}}"
    )
    assert warnings(path) == ()
    with pytest.raises(BadData, match=r"M100 .*A: objectType without description.*"):
        load_file(path)


def test_every_fault_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "toy.vo-dml.xml"
    twice = (object_type("A", extends="toy:Y"), object_type("B", extends="toy:Z"))
    path.write_bytes(document("".join(twice)))
    with pytest.raises(BadData, match=re.compile("M100 .*A: .*; .*B: ", re.DOTALL)):
        load_file(path)
