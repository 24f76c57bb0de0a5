"""Row access: what a user may not see is nowhere in the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from distiller.adql import Rules, translate
from distiller.core.errors import InternalError

if TYPE_CHECKING:
    import duckdb

    from distiller.core.columns import Catalog


@dataclass(frozen=True)
class Visitor:
    """A toy access: anonymous users see public rows, members those of a collection."""

    collection: str | None = None

    def condition(self, table: str) -> str | None:
        if table == "ivoa.obscore":
            if self.collection is None:
                return "data_rights = 'public'"
            return f"data_rights = 'public' OR obs_collection = '{self.collection}'"
        if table == "cta.product":
            return (
                "EXISTS (SELECT 1 FROM ivoa.obscore o WHERE o.obs_id = product.obs_id "
                "AND o.data_rights = 'public')"
            )
        return None


@pytest.mark.parametrize(
    "text",
    [
        "SELECT obs_id FROM ivoa.obscore",
        "SELECT obs_id FROM ivoa.obscore WHERE data_rights = 'x' OR 1 = 1",
        "SELECT o.obs_id FROM ivoa.obscore AS o",
        "SELECT x FROM (SELECT obs_id AS x FROM ivoa.obscore) q",
        "WITH q AS (SELECT * FROM ivoa.obscore) SELECT obs_id FROM q",
        "WITH obscore AS (SELECT * FROM ivoa.obscore) SELECT obs_id FROM obscore",
        "SELECT obs_id FROM ivoa.obscore UNION SELECT obs_id FROM ivoa.obscore",
        "SELECT DISTINCT b.obs_id FROM ivoa.obscore a, ivoa.obscore b",
        (
            "SELECT b.obs_id FROM cta.target t LEFT JOIN ivoa.obscore b ON 1=1 "
            "WHERE t.target_id = 1"
        ),
        (
            "SELECT b.obs_id FROM ivoa.obscore b RIGHT JOIN cta.target t ON 1=1 "
            "WHERE t.target_id = 1"
        ),
        "SELECT a.obs_id FROM ivoa.obscore a JOIN ivoa.obscore b USING (obs_id)",
        (
            "SELECT obs_id FROM (SELECT obs_id FROM ivoa.obscore) a NATURAL JOIN "
            "(SELECT obs_id FROM ivoa.obscore) b"
        ),
    ],
)
def test_proprietary_rows_are_nowhere(
    text: str, catalog: Catalog, sky: duckdb.DuckDBPyConnection
) -> None:
    translation = translate(text, catalog, access=Visitor())
    found = {row[0] for row in sky.execute(translation.sql).fetchall()}
    assert found == {"1", "2", "4"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT COUNT(*) FROM ivoa.obscore", 3),
        ("SELECT MAX(calib_level) FROM ivoa.obscore", 2),
        ("SELECT q.n FROM (SELECT COUNT(*) AS n FROM ivoa.obscore) q", 3),
        (("SELECT COUNT(*) FROM cta.target WHERE EXISTS (SELECT 1 FROM ivoa.obscore "
         "WHERE data_rights <> 'public')"), 0),
        (("SELECT COUNT(*) FROM cta.target WHERE '3' IN (SELECT obs_id FROM "
         "ivoa.obscore)"), 0),
        ("SELECT COUNT(*) FROM cta.product", 3),
        (("SELECT COUNT(*) FROM ivoa.obscore WHERE 0=CONTAINS(POINT(s_ra, s_dec), "
         "CIRCLE(1, 1, 1))"), 3),
    ],
)  # fmt: skip
def test_nor_can_they_be_counted_or_inferred(
    text: str, expected: int, catalog: Catalog, sky: duckdb.DuckDBPyConnection
) -> None:
    translation = translate(text, catalog, access=Visitor())
    assert sky.execute(translation.sql).fetchone() == (expected,)


def test_translations_of_different_users_are_kept_apart(
    catalog: Catalog, sky: duckdb.DuckDBPyConnection
) -> None:
    text = "SELECT COUNT(*) FROM ivoa.obscore"
    counts = [
        sky.execute(translate(text, catalog, access=access).sql).fetchall()[0][0]
        for access in (None, Visitor(), Visitor("cta"), Visitor("hess"), None)
    ]
    assert counts == [6, 3, 5, 4, 6]


def test_columns_and_tables_are_told_as_without_access(catalog: Catalog) -> None:
    text = "SELECT * FROM ivoa.obscore JOIN cta.product USING (obs_id)"
    free, bound = translate(text, catalog), translate(text, catalog, access=Visitor())
    assert free.columns == bound.columns
    assert bound.tables == {"ivoa.obscore", "cta.product"}


def test_rules_are_an_access(catalog: Catalog) -> None:
    rules = Rules((("cta.target", "target_id < 3"),))
    text = "SELECT name FROM cta.target"
    assert '"target_id" < 3' in translate(text, catalog, access=rules).sql


@pytest.mark.parametrize("condition", ["nix = 1", "1=1) OR (1=1", "1=1; DROP", "name"])
def test_a_bad_condition_is_our_fault_not_the_users(
    condition: str, catalog: Catalog
) -> None:
    rules = Rules((("cta.target", condition),))
    with pytest.raises(InternalError, match=r"access condition of cta\.target"):
        translate("SELECT name FROM cta.target", catalog, access=rules)
