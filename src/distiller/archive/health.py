"""Whether the archive is sound.

References, shared rows, ivoa.obscore against the mapping, TAP_SCHEMA, functions,
indexes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from distiller.archive import user_tables
from distiller.archive.install import mapping_parameters, tap_rows
from distiller.archive.litter import Litter
from distiller.archive.versions import TABLE
from distiller.model.emit.sql import quoted
from distiller.model.obscore import mappings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.archive.engine import Engine, Session
    from distiller.archive.protocol import Parameters
    from distiller.model import Model
    from distiller.model.obscore import ObsCoreMapping


def findings(engine: Engine, session: Session, model: Model) -> Iterator[str]:
    """Yield what is wrong, one sentence each."""
    yield from _dangling(session, model)
    yield from Litter(session, model).told()
    yield from _book_keeping(session)
    yield from _main_files(session)
    yield from _history(session, model)
    for declared in mappings(model):
        yield from _mapped(engine, session, model, declared)
    yield from _tap_schema(session, model)
    yield from _derived(session, model)
    for name in engine.unreadable(session, model):
        yield (
            f"the user of database_read_url may not read {name}: GRANT SELECT on it, "
            "and USAGE on its schema"
        )
    yield from user_tables.findings(engine, session)


def _derived(session: Session, model: Model) -> Iterator[str]:
    """Functions and indexes that a restored backup may lack."""
    for name in session.undefined():
        yield f"the function {name} is not there: `distiller init` makes it anew"
    for name in session.lost_indexes(model):
        yield f"the index {name} is not there: `distiller upgrade` makes it anew"


def _dangling(session: Session, model: Model) -> Iterator[str]:
    """Rows that refer to rows which are not there."""
    for table in model.tables:
        for key in table.foreign_keys:
            pairs = [(quoted(own), quoted(other)) for own, other in key.columns]
            where = " AND ".join(f"a.{own} IS NOT NULL" for own, _ in pairs)
            match = " AND ".join(f"b.{other} = a.{own}" for own, other in pairs)
            own = pairs[0][0]
            count, example = _one(
                session,
                f"SELECT count(*), min(a.{own}) FROM {table.name} a "  # noqa: S608 - names of the model
                f"WHERE {where} AND NOT EXISTS "
                f"(SELECT 1 FROM {key.target} b WHERE {match})",
            )
            if count:
                yield (
                    f"{table.name}.{own}: {count} rows refer to rows of {key.target} "
                    f"that are not there, such as {example!r}"
                )


def _book_keeping(session: Session) -> Iterator[str]:
    """Products without book-keeping, and the other way round."""
    for here, there in (
        ("cta.product", "internal.stored_dataset"),
        ("internal.stored_dataset", "cta.product"),
    ):
        count, example = _one(
            session,
            f"SELECT count(*), min(publisher_did) FROM {here} a WHERE NOT EXISTS "  # noqa: S608 - fixed names
            f"(SELECT 1 FROM {there} b WHERE b.publisher_did = a.publisher_did "
            f"AND b.product_id = a.product_id)",
        )
        if count:
            yield f"{count} rows of {here} are not in {there}, such as {example!r}"


def _main_files(session: Session) -> Iterator[str]:
    """Products that have no file of their own, or several."""
    count, example = _one(
        session,
        "SELECT count(*), min(publisher_did) FROM (SELECT p.publisher_did, "
        "count(*) FILTER (WHERE f.role IN ('events', 'product')) AS n "
        "FROM cta.product p "
        "LEFT JOIN cta.product_file f ON f.product_id = p.product_id "
        "GROUP BY p.publisher_did) AS counted WHERE n <> 1",
    )
    if count:
        yield (
            f"{count} products have no file of role events or product, or several, "
            f"such as {example!r}"
        )


def _history(session: Session, model: Model) -> Iterator[str]:
    """Datasets and their current states, one for one."""
    if TABLE not in model.by_name:
        return
    for here, there, words in (
        (
            "internal.stored_dataset",
            f"{TABLE} b WHERE b.end_reason IS NULL AND b.checksum = a.checksum AND",
            "have no current state in the history; `distiller upgrade` writes it",
        ),
        (
            f"(SELECT publisher_did FROM {TABLE} WHERE end_reason IS NULL)",  # noqa: S608 - a fixed name
            "internal.stored_dataset b WHERE",
            "are current in the history and not in the archive",
        ),
    ):
        count, example = _one(
            session,
            f"SELECT count(*), min(publisher_did) FROM {here} AS a WHERE "  # noqa: S608 - fixed names
            f"1 <> (SELECT count(*) FROM {there} b.publisher_did = a.publisher_did)",
        )
        if count:
            yield f"{count} datasets {words}, such as {example!r}"


def _mapped(
    engine: Engine, session: Session, model: Model, declared: ObsCoreMapping
) -> Iterator[str]:
    """Rows of a mapped table that are not what the mapping gives, and missing ones."""
    columns = [c.column for c in model.by_name[declared.target].columns]
    names = ", ".join(quoted(column.name) for column in columns)
    # A column that is not filled is NULL without a type in the mapping: a text.
    typed = ", ".join(
        quoted(c.name)
        if declared.columns[c.name] is not None or c.is_text
        else f"CAST(NULL AS {engine.sql_type(c)}) AS {quoted(c.name)}"
        for c in columns
    )
    select = declared.select_sql(engine.name)
    stored = f"SELECT {names} FROM {declared.target}"  # noqa: S608 - names of the model
    mapped = f"SELECT {typed} FROM ({select}) AS given"  # noqa: S608 - the packaged mapping
    parameters = declared.used(mapping_parameters(session))
    for words, first, second in (
        ("is not what the mapping gives", stored, mapped),
        ("is missing", mapped, stored),
    ):
        count, example = _one(
            session,
            f"SELECT count(*), min({declared.did_column}) FROM "  # noqa: S608 - the packaged mapping
            f"(({first}) EXCEPT ALL ({second})) AS compared",
            parameters,
        )
        if count:
            rows = "1 row" if count == 1 else f"{count} rows"
            yield f"{declared.target}: {rows} {words}, such as {example!r}"


def _tap_schema(session: Session, model: Model) -> Iterator[str]:
    """TAP_SCHEMA against the model."""
    for table, rows in tap_rows(model).items():
        names = list(model.by_name[table].names)
        listed = ", ".join(quoted(name) for name in names)
        found = session.fetch(f"SELECT {listed} FROM {table}")  # noqa: S608 - names of the model
        wanted = {tuple(row[name] for name in names) for row in rows}
        for row in sorted(set(found) ^ wanted, key=str)[:3]:
            words = "is not of the model" if row in found else "is missing"
            yield f"{table}: the row {row[:2]} {words}"


def _one(
    session: Session, statement: str, parameters: Parameters = ()
) -> tuple[int, Any]:
    count, example = session.fetch(statement, parameters)[0]
    return int(count), example
