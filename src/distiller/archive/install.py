"""The schema of an archive: made from the model, filled with TAP_SCHEMA, compared."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from distiller.core.errors import BadParameter, IllegalState
from distiller.model.emit import sql, tap_schema
from distiller.model.obscore import mappings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from distiller.archive.engine import Engine, Session
    from distiller.core.bundle import Row
    from distiller.core.engines import EngineName
    from distiller.core.settings import Settings
    from distiller.model import Model

_SHAPE = "model.shape"
_WORDS = "model.words"
_MAPPING = "mapping"
_MAPPED = "model.mapping"


def install(engine: Engine, session: Session, model: Model) -> bool:
    """Make the schema where there is none, in one transaction.

    Returns
    -------
    Whether it was made now; False means it was there, and of this model.

    Raises
    ------
    IllegalState
        If the archive is of a model with other tables or columns.
    """
    statements = sql.ddl(model, engine.name)
    shape, words = _checksums(engine, model, statements)
    if is_installed(session):
        _compare(engine, session, model, shape, words)
        return False
    with session.transaction():
        session.lock_all()
        if is_installed(session):  # another process was quicker
            return False
        for statement in statements:
            session.execute(statement)
        settle(engine, session, model)
    engine.expect(shape)
    return True


def settle(engine: Engine, session: Session, model: Model) -> None:
    """Fill what derives from the model, and remember it, within a transaction.

    The tables are there: the functions are defined, TAP_SCHEMA is filled.
    """
    shape, words = _checksums(engine, model, sql.ddl(model, engine.name))
    session.define()
    _fill_tap_schema(session, model)
    write_setting(session, _SHAPE, shape)
    write_setting(session, _WORDS, words)


def is_of(engine: Engine, session: Session, model: Model) -> bool:
    """Tell whether an archive was made from the tables that a model has now."""
    shape, _ = _checksums(engine, model, sql.ddl(model, engine.name))
    return read_setting(session, _SHAPE) == shape


def is_installed(session: Session) -> bool:
    """Tell whether there is an archive, of whatever model."""
    found = session.fetch(
        "SELECT count(*) FROM information_schema.tables "
        "WHERE table_schema = 'internal' AND table_name = 'setting'"
    )
    return bool(found[0][0])


def apply_mappings(
    engine: Engine,
    session: Session,
    model: Model,
    settings: Settings,
    base_url: str,
) -> bool:
    """Fill ivoa.obscore and the like anew if a mapping or a parameter has changed.

    From here on the engine works only while the archive is filled by these mappings.

    Returns
    -------
    Whether something had changed.
    """
    parameters = parameters_of(settings, model, base_url)
    selects = [one.select_sql(engine.name) for one in mappings(model)]
    state = {"parameters": parameters, "selects": selects}
    is_filled = _state(session) == state
    if not is_filled or read_setting(session, _MAPPED) != _digest(selects):
        with session.transaction():
            session.lock_all()
            if is_filled:  # by a version that did not write the checksum
                write_setting(session, _MAPPED, _digest(selects))
            else:
                fill_mapped(engine.name, session, model, parameters)
    engine.expect_mapping(_digest(selects))
    return not is_filled


def changed_mappings(
    engine: EngineName, session: Session, model: Model
) -> tuple[str, ...]:
    """Return the tables that are filled by another mapping than the model's."""
    state = _state(session)
    filled = [] if state is None else state["selects"]
    return tuple(
        one.target for one in mappings(model) if one.select_sql(engine) not in filled
    )


def parameters_of(settings: Settings, model: Model, base_url: str) -> dict[str, Any]:
    """Return the parameters that mappings may name, from the settings.

    Raises
    ------
    BadParameter
        If words are given for a product type that the model does not have.
    """
    product = model.by_name["cta.product"].columns
    known = next(b.literals for b in product if b.column.name == "product_type")
    if unknown := settings.product_types.keys() - set(known):
        raise BadParameter(
            "product_types",
            f"there is no product type {min(unknown)!r}",
            hint=f"there are {', '.join(known)}",
        )
    return {
        "base_url": base_url.rstrip("/"),
        "calib_levels": json.dumps(settings.calib_levels, sort_keys=True),
        "product_types": json.dumps(settings.product_types, sort_keys=True),
        "event_format": settings.event_format,
    }


def fill_mapped(
    engine: EngineName, session: Session, model: Model, parameters: dict[str, Any]
) -> None:
    """Fill the mapped tables anew, within a transaction, and remember how."""
    declared = mappings(model)
    for one in declared:
        session.execute(f"DELETE FROM {one.target}")  # noqa: S608 - names of the model
        table = model.by_name[one.target]
        session.execute(one.insert_sql(table, engine), one.used(parameters))
    selects = [one.select_sql(engine) for one in declared]
    state = {"parameters": parameters, "selects": selects}
    write_setting(session, _MAPPING, json.dumps(state, sort_keys=True))
    write_setting(session, _MAPPED, _digest(selects))


def mapping_parameters(session: Session) -> dict[str, Any]:
    """Return the parameters that the mappings of the archive are run with."""
    state = _state(session)
    if state is None:
        raise IllegalState("the archive was not opened yet")
    parameters: dict[str, Any] = state["parameters"]
    return parameters


def base_url(session: Session, settings: Settings) -> str:
    """Return the base URL that is set, else the one that the archive remembers.

    A command beside a server need not be told under which address that is reached.
    """
    state = _state(session)
    if state is None or "base_url" in settings.model_fields_set:
        return settings.base_url
    return str(state["parameters"]["base_url"])


def read_setting(session: Session, name: str) -> str | None:
    """Return what the archive remembers under a name."""
    found = session.fetch(
        "SELECT value FROM internal.setting WHERE name = $name", {"name": name}
    )
    return str(found[0][0]) if found else None


def write_setting(session: Session, name: str, value: str) -> None:
    """Remember something under a name."""
    session.execute(
        "INSERT INTO internal.setting (name, value) VALUES ($name, $value) "
        "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        {"name": name, "value": value},
    )


def _state(session: Session) -> dict[str, Any] | None:
    """Return the mappings that were applied, None where there are none of this kind."""
    text = read_setting(session, _MAPPING)
    state = None if text is None else json.loads(text)
    return state if isinstance(state, dict) else None


def _compare(
    engine: Engine, session: Session, model: Model, shape: str, words: str
) -> None:
    """Refuse an archive of other tables; renew words that have changed.

    Functions that are not there, as after a restored backup, are made too.
    """
    if read_setting(session, _SHAPE) != shape:
        raise IllegalState(
            "the archive was made with another version of the data model, or with "
            "another model_dir",
            hint="set that model_dir, run the version that made it, or bring it to "
            "this one with `distiller upgrade`",
        )
    engine.expect(shape)
    if read_setting(session, _WORDS) == words and not session.undefined():
        return
    with session.transaction():
        session.lock_all()
        comments = [s for s in sql.ddl(model, engine.name) if s.startswith("COMMENT ")]
        for statement in comments:
            session.execute(statement)
        session.define()
        engine.allow_readers(session, model)
        _fill_tap_schema(session, model)
        write_setting(session, _WORDS, words)


def _checksums(
    engine: Engine, model: Model, statements: tuple[str, ...]
) -> tuple[str, str]:
    """Return the checksum of tables and columns, and that of all else."""
    shape = [s for s in statements if not s.startswith("COMMENT ")]
    words = [s for s in statements if s.startswith("COMMENT ")]
    rows = json.dumps({k: list(map(dict, v)) for k, v in tap_rows(model).items()})
    return _digest(shape), _digest([*words, rows, *engine.definitions()])


def _digest(parts: list[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def tap_rows(model: Model) -> Mapping[str, tuple[Row, ...]]:
    """Return the rows of TAP_SCHEMA that the model asks for."""
    return tap_schema.rows(model)


def _fill_tap_schema(session: Session, model: Model) -> None:
    filled = tap_rows(model)
    for table in reversed(list(filled)):
        session.execute(f"DELETE FROM {table}")  # noqa: S608 - names of the model
    for table, rows in filled.items():
        bound = model.by_name[table]
        if rows:
            session.insert(
                bound, [tuple(row.get(name) for name in bound.names) for row in rows]
            )
