"""Words of the language that build it, and strangers with a hint."""

from __future__ import annotations

CLAUSES = frozenset(
    """
    FROM WHERE GROUP HAVING ORDER OFFSET UNION EXCEPT INTERSECT AND OR NOT AS BY ON
    USING JOIN NATURAL INNER LEFT RIGHT FULL OUTER SELECT WITH DISTINCT ALL TOP
    BETWEEN LIKE ILIKE IN IS EXISTS ASC DESC NULL
    """.split()  # noqa: SIM905 - one word per entry is unreadable
)
"""Reserved words that build a query: where a name is due they mean that it is missing,
not that it is badly chosen."""

STATEMENTS = frozenset(
    """
    ALTER ANALYZE ATTACH BEGIN CALL CHECKPOINT COMMENT COMMIT COPY CREATE DEALLOCATE
    DECLARE DELETE DESCRIBE DETACH DROP EXEC EXECUTE EXPLAIN EXPORT FORCE FROM GRANT
    IMPORT INSERT INSTALL LOAD MERGE PIVOT PRAGMA PREPARE RESET REVOKE ROLLBACK SET SHOW
    START SUMMARIZE TABLE TRUNCATE UNPIVOT UPDATE USE VACUUM VALUES
    """.split()  # noqa: SIM905 - one word per entry is unreadable
)
"""First words of statements that other languages know."""

FOREIGN_WORDS = {
    "ANTI": "ADQL has no ANTI JOIN: use NOT EXISTS",
    "ANY": "ADQL has no ANY: use IN or EXISTS",
    "ASOF": "ADQL has no ASOF JOIN",
    "CASE": "ADQL has no CASE: COALESCE is its only conditional",
    "CROSS": "ADQL has no CROSS JOIN: put a comma between the tables",
    "COLLATE": "ADQL has no COLLATE",
    "COLUMNS": "ADQL has no COLUMNS(): name the columns",
    "ESCAPE": "ADQL has no ESCAPE for LIKE",
    "EXCLUDE": "ADQL has no EXCLUDE: name the columns",
    "EXTRACT": "ADQL has no EXTRACT",
    "FETCH": "use TOP n after SELECT",
    "FILTER": "ADQL has no FILTER: use WHERE in a sub-query",
    "GLOB": "use LIKE",
    "INTERVAL": "ADQL has no INTERVAL values",
    "INTO": "results cannot be written to tables",
    "LATERAL": "ADQL has no LATERAL",
    "LIMIT": "use TOP n after SELECT",
    "MINUS": "use EXCEPT",
    "NULLIF": "ADQL has no NULLIF",
    "NULLS": "NULLs sort as the largest values",
    "OVER": "ADQL has no window functions",
    "PIVOT": "ADQL has no PIVOT",
    "POSITIONAL": "ADQL has no POSITIONAL JOIN",
    "QUALIFY": "ADQL has no QUALIFY: use a sub-query",
    "RECURSIVE": "WITH cannot be recursive in ADQL",
    "REGEXP": "use LIKE",
    "REPLACE": "ADQL has no REPLACE: name the columns",
    "RLIKE": "use LIKE",
    "SAMPLE": "ADQL has no SAMPLE: use TOP n",
    "SEMI": "ADQL has no SEMI JOIN: use EXISTS",
    "SIMILAR": "use LIKE",
    "SOME": "ADQL has no SOME: use IN or EXISTS",
    "SUBSTRING": "ADQL has no SUBSTRING",
    "TABLESAMPLE": "ADQL has no TABLESAMPLE: use TOP n",
    "TRIM": "ADQL has no TRIM",
    "UNPIVOT": "ADQL has no UNPIVOT",
    "VALUES": "ADQL has no VALUES",
    "WINDOW": "ADQL has no window functions",
}
"""Words of other SQL dialects, with what to write instead."""

FOREIGN_SIGNS = {
    "::": "write CAST(x AS type)",
    "==": "write =",
    "=>": "ADQL has no named arguments",
    "->": "ADQL has no lambda functions",
    ":=": "ADQL has no assignment",
    "%": "write MOD(x, y)",
    "**": "write POWER(x, y)",
    "^": "write POWER(x, y)",
    "^@": "write LIKE",
    "//": "write /: it divides integers as integers",
    "[": "ADQL has no lists",
    "]": "ADQL has no lists",
    "{": "ADQL has no structures",
    "}": "ADQL has no structures",
    "?": "ADQL has no parameters: write the value",
    "$": "ADQL has no parameters: write the value",
    ":": "ADQL has no parameters: write the value",
    "@": "ADQL has no variables",
    "#": "a comment begins with --",
    "\\": "a quote in text is written twice",
    "`": 'put names in double quotes: "name"',
    "&": "ADQL has no bit operators",
    "|": "text is joined with ||",
    "~": "ADQL has no regular expressions: use LIKE",
    "!": "write NOT or !=",
    "\u2018": "text stands in straight quotes: 'text'",
    "\u2019": "text stands in straight quotes: 'text'",
    "\u201c": 'names stand in straight double quotes: "name"',
    "\u201d": 'names stand in straight double quotes: "name"',
    "\u2212": "write a plain minus sign",
    "\u00d7": "write *",
    "\u2264": "write <=",
    "\u2265": "write >=",
    "\u2260": "write <> or !=",
}
"""Signs that are no part of ADQL outside quotes, with what to write instead."""
