"""The id of a job opens a job that nobody owns: nothing published holds it."""

from __future__ import annotations

import csv
import io
from typing import Any

import httpx
import pytest


@pytest.mark.slow
def test_nothing_published_holds_the_id_of_a_job(uws: Any) -> None:
    path = uws.submit(target="Crab", width="2", binsz="0.1")
    assert b">COMPLETED<" in uws.finish(path)
    job_id = path.strip("/")
    base = uws.url.removesuffix("/uws/count_map")

    def fetch(place: str) -> httpx.Response:
        answer = httpx.get(f"{base}{place}", timeout=60, follow_redirects=True)
        assert answer.status_code == 200, (place, answer.text)
        assert job_id.encode() not in answer.content, place
        # Nor in a header, such as the name under which a file is saved.
        assert job_id[:8] not in str(answer.headers), place
        return answer

    def query(adql: str) -> list[dict[str, str]]:
        given = {"LANG": "ADQL", "QUERY": adql, "RESPONSEFORMAT": "csv"}
        text = fetch(f"/tap/sync?{httpx.QueryParams(given)}").text
        return list(csv.DictReader(io.StringIO(text)))

    tables = [row["table_name"] for row in query("SELECT * FROM tap_schema.tables")]
    assert {"ivoa.obscore", "cta.product", "cta.analysis"} <= set(tables)
    found = {name: query(f"SELECT * FROM {name}") for name in tables}
    (product,) = [r for r in found["cta.product"] if r["data_level"] == "DL4"]
    (analysis,) = found["cta.analysis"]
    assert analysis["product_id"] == product["product_id"]
    files = [
        row["name"]
        for row in found["cta.product_file"]
        if row["product_id"] == product["product_id"]
    ]
    wanted = ["configuration.yaml", "plot.png", "plot.svg", "product.fits"]
    wanted.append("recipe.py")
    assert sorted(files) == wanted
    for name in files:
        assert fetch(f"/data/{product['product_id']}/{name}").content
    page = fetch(f"/products/{product['product_id']}/").text
    assert product["publisher_did"] in page
    # Those who may see the job are led to its product.
    html = httpx.get(f"{base}/jobs/{job_id}/", timeout=60).text
    assert f"/products/{product['product_id']}/" in html
