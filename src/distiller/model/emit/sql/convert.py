"""Values of a column become those of another type, alike on both engines."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from distiller.core.engines import EngineName

_INTEGERS = frozenset({"SMALLINT", "INTEGER", "BIGINT"})
_NUMBERS = _INTEGERS | {"REAL", "DOUBLE", "DOUBLE PRECISION"}
_TEXTS = frozenset({"VARCHAR", "TEXT"})
_DIRECT = _NUMBERS | _TEXTS | {"BOOLEAN"}


def conversion(
    engine: EngineName, value: str, old: str, new: str, *, cast: str = "CAST"
) -> str:
    """Return an expression that gives a value of one type as one of another.

    It fails at values that the other type does not have. Where no engine converts
    directly it goes by text, so that at least a column without values is converted.
    PostgreSQL is led to what DuckDB does: ``'7.0'`` is the integer 7, a truth value
    the number 0 or 1.

    Parameters
    ----------
    cast
        ``TRY_CAST`` gives NULL where it would fail; DuckDB only.

    >>> conversion("duckdb", "a", "VARCHAR", "INTEGER")
    'CAST(a AS INTEGER)'
    >>> conversion("postgresql", "a", 'TEXT COLLATE "C"', "INTEGER")
    'CAST(CAST(a AS NUMERIC) AS INTEGER)'
    >>> conversion("duckdb", "a", "TIMESTAMP", "DOUBLE")
    'CAST(CAST(a AS VARCHAR) AS DOUBLE)'
    """
    old, new = plain(old), plain(new)
    if old == new:
        return value
    for kind in (*_between(engine, old, new), new):
        value = f"{cast}({value} AS {kind})"
    return value


def is_number_of_text(old: str, new: str) -> bool:
    """Tell whether texts become numbers, which may be written in many ways."""
    return plain(old) in _TEXTS and plain(new) in _NUMBERS


def is_instant_of_text(old: str, new: str) -> bool:
    """Tell whether texts become instants, which ISO 8601 writes in many ways."""
    return plain(old) in _TEXTS and new == "TIMESTAMP"


def plain(kind: str) -> str:
    """Return a type without its collation."""
    return kind.partition(" COLLATE")[0]


def _between(engine: EngineName, old: str, new: str) -> tuple[str, ...]:
    """Return the types that a value has on its way."""
    if engine == "postgresql":
        if "BOOLEAN" in {old, new} and {old, new} & _NUMBERS:
            return ("INTEGER",) if "INTEGER" not in {old, new} else ()
        if old in _TEXTS and new in _INTEGERS:
            return ("NUMERIC",)
    if {old, new} <= _DIRECT or {old, new} & _TEXTS:
        return ()
    return ("VARCHAR" if engine == "duckdb" else "TEXT",)
