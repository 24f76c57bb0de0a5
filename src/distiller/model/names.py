"""Names and texts as SQL writes them, on every engine alike."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

_REGULAR = re.compile(r"[a-z_][a-z0-9_]*")
LONGEST = 63
"""Bytes of a name that PostgreSQL keeps; DuckDB keeps all."""

RESERVED_DUCKDB = frozenset({
    "all", "analyse", "analyze", "and", "anti", "any", "array", "as", "asc", "asof",
    "asymmetric", "at", "authorization", "binary", "both", "by", "case", "cast",
    "check", "collate", "collation", "column", "concurrently", "constraint", "create",
    "cross", "default", "deferrable", "desc", "describe", "distinct", "do", "else",
    "end", "except", "false", "fetch", "for", "foreign", "freeze", "from", "full",
    "glob", "group", "having", "ilike", "in", "initially", "inner", "intersect",
    "into", "is", "isnull", "join", "lambda", "lateral", "leading", "left", "like",
    "limit", "natural", "not", "notnull", "null", "offset", "on", "only", "or",
    "order", "outer", "overlaps", "pivot", "pivot_longer", "pivot_wider", "placing",
    "positional", "primary", "qualify", "references", "returning", "right", "select",
    "semi", "show", "similar", "some", "summarize", "symmetric", "table",
    "tablesample", "then", "to", "trailing", "true", "union", "unique", "unpack",
    "unpivot", "using", "variadic", "verbose", "when", "where", "window", "with",
})  # fmt: skip
"""Words that DuckDB takes as no name of a column; a test compares them with its own
list."""

RESERVED_POSTGRESQL = frozenset({
    "all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric",
    "authorization", "binary", "both", "case", "cast", "check", "collate",
    "collation", "column", "concurrently", "constraint", "create", "cross",
    "current_catalog", "current_date", "current_role", "current_schema",
    "current_time", "current_timestamp", "current_user", "default", "deferrable",
    "desc", "distinct", "do", "else", "end", "except", "false", "fetch", "for",
    "foreign", "freeze", "from", "full", "grant", "group", "having", "ilike", "in",
    "initially", "inner", "intersect", "into", "is", "isnull", "join", "lateral",
    "leading", "left", "like", "limit", "localtime", "localtimestamp", "natural",
    "not", "notnull", "null", "offset", "on", "only", "or", "order", "outer",
    "overlaps", "placing", "primary", "references", "returning", "right", "select",
    "session_user", "similar", "some", "symmetric", "table", "tablesample", "then",
    "to", "trailing", "true", "union", "unique", "user", "using", "variadic",
    "verbose", "when", "where", "window", "with",
})  # fmt: skip
"""Words that PostgreSQL 15 reserves; a test compares them with its own list."""

OF_ENGINES = frozenset({"cmax", "cmin", "ctid", "tableoid", "xmax", "xmin"})
"""Columns that every table of PostgreSQL has, which no other can be called."""

SCHEMAS_OF_ENGINES = frozenset({
    "information_schema", "main", "pg_catalog", "pg_temp", "pg_toast", "system",
    "temp",
})  # fmt: skip
"""Schemas and databases that an engine has of itself."""

SCHEMAS_OF_POSTGRESQL = "pg_"
"""How no other schema may begin there."""

RESERVED = RESERVED_DUCKDB | RESERVED_POSTGRESQL


def quoted(name: str) -> str:
    """Return an identifier, in double quotes where an engine needs them.

    >>> quoted("size"), quoted("order"), quoted("user"), quoted("a b")
    ('size', '"order"', '"user"', '"a b"')
    """
    if _REGULAR.fullmatch(name) and name not in RESERVED:
        return name
    return '"' + name.replace('"', '""') + '"'


def qualified(name: str) -> str:
    """Return a qualified name, each part quoted where it needs to be.

    >>> qualified("ivoa.obscore"), qualified("cta.order")
    ('ivoa.obscore', 'cta."order"')
    """
    return ".".join(quoted(part) for part in name.split("."))


def listed(names: tuple[str, ...]) -> str:
    """Return several identifiers, with commas between.

    >>> listed(("a", "end"))
    'a, "end"'
    """
    return ", ".join(quoted(name) for name in names)


def literal(text: str) -> str:
    """Return a text as SQL.

    >>> literal("the array's")
    "'the array''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def cut(name: str) -> str:
    """Return a name that PostgreSQL keeps whole.

    It cuts names off in silence; a long one is cut here, and told from others by a
    checksum. Room is left for a number at its end.

    >>> cut("short"), len(cut("c" * 80)), cut("c" * 80) == cut("c" * 79 + "d")
    ('short', 60, False)
    """
    if len(name.encode()) <= LONGEST:
        return name
    mark = hashlib.sha256(name.encode()).hexdigest()[:8]
    kept = name.encode()[: LONGEST - len(mark) - 4].decode(errors="ignore")
    return f"{kept}_{mark}"


def of_table(table: str, columns: tuple[str, ...], ending: str) -> str:
    """Return the name of a constraint or an index; no two in a schema are the same.

    >>> of_table("ivoa.obscore", ("s_ra", "s_dec"), "idx")
    'obscore__s_ra__s_dec__idx'
    """
    return cut("__".join((table.rpartition(".")[2], *columns, ending)))


def free_name(taken: Collection[str], *candidates: str) -> str:
    """Return the first name, cut where it is long, that is not taken.

    Where all are, the first one gets a number.

    >>> free_name({"a", "b"}, "a", "b", "c"), free_name({"a", "a_2"}, "a")
    ('c', 'a_3')
    >>> names = [free_name({"c" * 63}, "c" * 63)]
    >>> [len(name) <= LONGEST for name in names]
    [True]
    """
    short = [cut(name) for name in candidates]
    for name in short:
        if name not in taken:
            return name
    number = 2
    while (name := cut(f"{short[0]}_{number}")) in taken:
        number += 1
    return name
