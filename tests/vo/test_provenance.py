"""Rows of provenance: each once, parents first, keys from what they name."""

from __future__ import annotations

from distiller.model import load_model
from distiller.vo.provenance import Record


def whole() -> Record:
    """Return a record with a row in every table that it can fill."""
    record = Record()
    kind = record.entity_description("Map", "image", description="A.", content_type="b")
    described = record.activity_description(
        "count_map", "1", kind="analysis", description="Counts."
    )
    usage = record.usage_description(
        described, "events", description="Runs.", many=True, entity=kind
    )
    made = record.generation_description(
        described, "product", description="Map.", entity=kind
    )
    parameter = record.parameter_description(
        described, "e_min", value_type="double", description="Lowest.", unit="TeV"
    )
    activity = record.activity("a", "Map of the Crab", described)
    earlier = record.activity("b", "Processing", described)
    source, product = record.entity("run#1"), record.entity("map#1", description=kind)
    record.used(activity, source, "events", usage)
    record.generated(activity, product, "product", made)
    record.derived(product, [source])
    record.informed(activity, earlier)
    record.configured(activity, "e_min", "0.1", parameter)
    record.configured_by_file(activity, "c.yaml", "ab" * 32, "e_min: 0.1")
    agent = record.agent("Gammapy", "SoftwareAgent", version="2.1")
    record.associated(activity, agent, "software")
    record.attributed(product, agent, "creator")
    return record


def test_every_row_fits_its_table_and_stands_after_its_parents() -> None:
    tables = load_model().by_name
    rows = whole().rows()
    assert len(rows) == 19
    order = list(rows)
    for name, some in rows.items():
        table = tables[name]
        assert table.rows == "history"
        for row in some:
            assert set(row) <= set(table.names), name
            for bound in table.columns:
                value = row.get(bound.column.name)
                assert bound.column.nullable or value is not None, (name, bound.column)
        for foreign in table.foreign_keys:
            ((own, other),) = foreign.columns
            used = {row.get(own) for row in some} - {None}
            assert used <= {row[other] for row in rows.get(foreign.target, ())}
            if used and foreign.target != name:
                assert order.index(foreign.target) < order.index(name)


def test_said_twice_is_once_and_the_first_stays() -> None:
    record = Record()
    record.entity("run#1", name="first")
    record.entity("run#1", name="second")
    record.used("a", "run#1", "events")
    record.used("a", "run#1", "events")
    rows = record.rows()
    assert [row["name"] for row in rows["provenance.entity"]] == ["first"]
    assert len(rows["provenance.used"]) == 1


def test_two_records_of_the_same_are_the_same() -> None:
    assert whole().rows() == whole().rows()
