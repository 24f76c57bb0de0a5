"""Names and texts as SQL writes them, on every engine alike."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

_REGULAR = re.compile(r"[a-z_][a-z0-9_]*")
_LONGEST = 63
"""Bytes of a name that PostgreSQL keeps; DuckDB keeps all."""

RESERVED_DUCKDB = frozenset({
    "all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric",
    "both", "case", "cast", "check", "collate", "column", "constraint", "create",
    "default", "deferrable", "desc", "describe", "distinct", "do", "else", "end",
    "except", "false", "fetch", "for", "foreign", "from", "group", "having", "in",
    "initially", "intersect", "into", "lambda", "lateral", "leading", "limit", "not",
    "null", "offset", "on", "only", "or", "order", "pivot", "pivot_longer",
    "pivot_wider", "placing", "primary", "qualify", "references", "returning",
    "select", "show", "some", "summarize", "symmetric", "table", "then", "to",
    "trailing", "true", "union", "unique", "unpivot", "using", "variadic", "when",
    "where", "window", "with",
})  # fmt: skip
"""Words that DuckDB reserves; a test compares them with its own list."""

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


def of_table(table: str, columns: tuple[str, ...], ending: str) -> str:
    """Return the name of a constraint or an index; no two in a schema are the same.

    PostgreSQL cuts names off in silence; a long one is cut here, and told from others
    by a checksum.

    >>> of_table("ivoa.obscore", ("s_ra", "s_dec"), "idx")
    'obscore__s_ra__s_dec__idx'
    >>> len(of_table("a.b", ("c" * 80,), "fkey"))
    63
    """
    whole = "__".join((table.rpartition(".")[2], *columns, ending))
    if len(whole.encode()) <= _LONGEST:
        return whole
    mark = hashlib.sha256(whole.encode()).hexdigest()[:8]
    kept = whole.encode()[: _LONGEST - len(mark) - 1].decode(errors="ignore")
    return f"{kept}_{mark}"


def numbered(name: str, taken: Collection[str]) -> str:
    """Return a name that is not taken, with a number where it is.

    >>> numbered("a__rule", {"a__rule", "a__rule_2"})
    'a__rule_3'
    """
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name[: _LONGEST - 4]}_{number}"
    return free
