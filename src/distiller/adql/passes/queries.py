"""Named queries that are read more than once are computed once."""

from __future__ import annotations

from collections import Counter

from sqlglot import exp

from distiller.adql.nodes import find


def queries(query: exp.Query) -> exp.Query:
    """Mark each named query that stands in FROM more than once as materialised.

    DuckDB would plan it anew in each place, and those inside it as well: a chain of
    names that are each used twice doubles its plan with every link.

    >>> from distiller.adql.passes.example import tree
    >>> text = "WITH a AS (SELECT id FROM sky.run) SELECT 1 AS x FROM a, a AS b"
    >>> queries(tree(text)).sql().replace('"', "")
    'WITH a AS MATERIALIZED (SELECT run.id AS id FROM sky.run AS run) \
SELECT 1 AS x FROM a AS a, a AS b'
    """
    with_ = query.args.get("with_")
    if with_ is None:
        return query
    uses = Counter(table.meta.get("query") for table in find(query, exp.Table))
    for named in with_.expressions:
        if uses[named.args["alias"].this.this] > 1:
            named.args["materialized"] = True
    return query
