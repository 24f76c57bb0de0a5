"""A thousand changed queries to ``/tap/sync``: an answer or a clear refusal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
import pytest
from tests.adql.mutations import mutated

from distiller import adql
from distiller.model import load_model

if TYPE_CHECKING:
    from tests.web.conftest import Server

_COUNT = 1200
_QUERIES = """\
SELECT TOP 9 obs_id, s_ra, s_dec FROM ivoa.obscore WHERE 1 = CONTAINS(POINT(s_ra,
s_dec), CIRCLE(83.6, 22, 2)) ORDER BY obs_id OFFSET 1

SELECT o.obs_id, p.title FROM ivoa.obscore AS o JOIN cta.product AS p ON o.obs_id =
p.obs_id WHERE p.data_level = 'DL3' AND NOT o.s_ra IS NULL

SELECT target_name, COUNT(*) AS n, AVG(t_exptime) FROM ivoa.obscore GROUP BY
target_name HAVING COUNT(*) > 1 ORDER BY n DESC

WITH q AS (SELECT DISTINCT obs_id FROM cta.observation) SELECT obs_id FROM q UNION
SELECT obs_id FROM ivoa.obscore EXCEPT SELECT obs_id FROM cta.product

SELECT AREA(s_region), IN_UNIT(s_fov, 'arcmin'), CAST(t_min AS INTEGER) FROM
ivoa.obscore WHERE s_dec BETWEEN -60 AND 60 OR target_name ILIKE '%crab%'

SELECT table_name, description FROM tap_schema.tables WHERE schema_name IN ('ivoa',
'cta') AND EXISTS (SELECT * FROM tap_schema.columns)

SELECT BOX('GALACTIC', 0, 0, 5, 5), COALESCE(target_name, 'none') || '!' FROM
ivoa.obscore NATURAL JOIN cta.product""".split("\n\n")  # noqa: SIM905 - queries, one a paragraph
_OURS = re.compile(
    r'Traceback|File "|\.py\b|sqlglot|duckdb\.|psycopg|django', re.IGNORECASE
)
"""What only the inside of the program says."""


@pytest.mark.slow
def test_no_change_ends_in_an_error_of_ours_or_reads_what_is_not_published(
    server: Server,
) -> None:
    catalog = load_model().catalog
    answered = 0
    with httpx.Client(timeout=60) as client:
        for text in mutated(_QUERIES, _COUNT, 11):
            fields = {"LANG": "ADQL", "QUERY": text, "MAXREC": "100"}
            answer = client.post(f"{server.url}/tap/sync", data=fields)
            assert answer.status_code in {200, 400}, (text, answer.text)
            assert "QUERY_STATUS" in answer.text, text
            said = answer.text.replace(text, "")
            if answer.status_code == 400:
                assert 'value="ERROR"' in answer.text
                assert not _OURS.search(said), (text, answer.text)
                continue
            assert adql.translate(text, catalog).tables <= set(catalog)
            answered += 1
    assert answered > _COUNT / 30
    assert server.process.poll() is None
