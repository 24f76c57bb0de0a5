"""What others keep in the database, and what of it hangs on what an upgrade changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from distiller.archive.guests import Guest
from distiller.model.diff import former, former_column
from distiller.model.emit.sql.alter import dropped_views
from distiller.model.names import qualified, quoted
from distiller.model.shape import shape_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from distiller.archive.engine import Session
    from distiller.model import Model
    from distiller.model.diff import Difference
    from distiller.model.shape import Shape

_CHANGED = """
changed AS (
  SELECT c.oid, coalesce(a.attnum, 0) AS num, u.relation
    || coalesce('.' || u.field, '') || u.words AS why
  FROM unnest($relations::text[], $fields::text[], $words::text[])
    AS u(relation, field, words)
  JOIN pg_namespace n ON n.nspname = split_part(u.relation, '.', 1)
  JOIN pg_class c ON c.relnamespace = n.oid
    AND c.relname = split_part(u.relation, '.', 2)
  LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = u.field
)
"""
_VIEWS = f"""
WITH RECURSIVE {_CHANGED}, found AS (
  SELECT r.ev_class AS oid, s.why, 1 AS depth
  FROM changed s JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass
    AND d.refobjid = s.oid AND s.num IN (0, d.refobjsubid)
  JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
  WHERE r.ev_class <> s.oid
  UNION
  SELECT r.ev_class, f.why, f.depth + 1
  FROM found f JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass
    AND d.refobjid = f.oid
  JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
  WHERE r.ev_class <> f.oid AND f.depth < 100
)
SELECT n.nspname || '.' || c.relname, c.relkind::text, min(f.why)
FROM found f JOIN pg_class c ON c.oid = f.oid
JOIN pg_namespace n ON n.oid = c.relnamespace
GROUP BY 1, 2 ORDER BY max(f.depth) DESC, 1
"""  # noqa: S608 - fixed words
_KEYS = f"""
WITH {_CHANGED}
SELECT n.nspname || '.' || c.relname, k.conname, min(s.why)
FROM changed s JOIN pg_constraint k ON k.confrelid = s.oid AND k.contype = 'f'
  AND (s.num = 0 OR s.num = ANY(k.confkey))
JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
GROUP BY 1, 2 ORDER BY 1, 2
"""  # noqa: S608 - fixed words
_INDEXES = f"""
WITH {_CHANGED}
SELECT n.nspname || '.' || i.relname, min(s.why)
FROM changed s JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass
  AND d.refobjid = s.oid AND s.num IN (0, d.refobjsubid) AND d.deptype = 'a'
JOIN pg_class i ON d.classid = 'pg_class'::regclass AND i.oid = d.objid
  AND i.relkind = 'i'
JOIN pg_namespace n ON n.oid = i.relnamespace
GROUP BY 1 ORDER BY 1
"""  # noqa: S608 - fixed words
_GRANTS = """
SELECT n.nspname || '.' || c.relname, a.privilege_type,
  CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END, a.is_grantable
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) a
WHERE n.nspname || '.' || c.relname = ANY($views) AND a.grantee <> c.relowner
ORDER BY 1, 2, 3
"""
_VIEW_KINDS = {"v": "VIEW", "m": "MATERIALIZED VIEW"}


def guests(
    session: Session,
    live: Shape,
    model: Model,
    differences: Sequence[Difference],
    *,
    drop: bool,
) -> list[Guest]:
    """Return what cannot stay, in an order in which it can be dropped.

    PostgreSQL lets no column be dropped or change its type, and no table or view be
    dropped, that a view or a foreign key hangs on; indexes go with their columns.
    """
    return list(_Looked(session, live, model, differences, drop=drop).guests())


def grants(session: Session, views: Sequence[str]) -> list[str]:
    """Return what lets others use some views; it goes with them when they go."""
    return [
        f"GRANT {right} ON {qualified(view)} TO {grantee}"
        + (" WITH GRANT OPTION" if is_grantable else "")
        for view, right, grantee, is_grantable in session.fetch(
            _GRANTS, {"views": list(views)}
        )
    ]


def hanging(session: Session, live: Shape, schemas: Sequence[str]) -> list[str]:
    """Return what stands elsewhere and goes with the schemas of the archive."""
    all_tables = [*live.tables, *live.views]
    given = {
        "relations": all_tables,
        "fields": [None] * len(all_tables),
        "words": [""] * len(all_tables),
    }
    views = [
        f"the {_VIEW_KINDS[kind].lower()} {name}"
        for name, kind, _ in session.fetch(_VIEWS, given)
        if name.partition(".")[0] not in schemas
    ]
    keys = [
        f"the foreign key {name} of {table}"
        for table, name, _ in session.fetch(_KEYS, given)
        if table.partition(".")[0] not in schemas
    ]
    return [*reversed(views), *keys]


class _Looked:
    def __init__(
        self,
        session: Session,
        live: Shape,
        model: Model,
        differences: Sequence[Difference],
        *,
        drop: bool,
    ) -> None:
        self._session = session
        self._live = live
        self._model = model
        self._wanted = shape_of(model, "postgresql")
        self._differences = differences
        self._drop = drop

    def guests(self) -> Iterator[Guest]:
        """Yield views, foreign keys and indexes."""
        gone = list(self._gone())
        changed = [*gone, *self._retyped()]
        views = dropped_views(
            self._differences, self._live, self._model, drop=self._drop
        )
        shown = [(view, None, " is made anew") for view in views]
        for name, kind, why in self._fetch(_VIEWS, [*changed, *shown]):
            if name not in self._live.views:
                words = _VIEW_KINDS[kind]
                yield Guest(
                    f"the {words.lower()} {name}",
                    why,
                    f"DROP {words} {qualified(name)}",
                )
        ours = {(t, k) for t in self._known() for k in self._live.tables[t].keys}
        dropped = {table for table, column, _ in gone if column is None}
        for table, name, why in self._fetch(_KEYS, [*changed, *self._unkeyed()]):
            if (table, name) not in ours and table not in dropped:
                yield Guest(
                    f"the foreign key {name} of {table}",
                    why,
                    f"ALTER TABLE {qualified(table)} DROP CONSTRAINT {quoted(name)}",
                )
        if self._drop:
            return
        known = {n for t in self._live.tables.values() for n in t.indexes}
        known |= {n for t in self._live.tables.values() for n in t.constraints}
        for name, why in self._fetch(_INDEXES, gone):
            if name.partition(".")[2] not in known:
                yield Guest(f"the index {name}", why, f"DROP INDEX {qualified(name)}")

    def _fetch(
        self, query: str, changed: Sequence[tuple[str, str | None, str]]
    ) -> list[tuple[Any, ...]]:
        if not changed:
            return []
        relations, fields, words = (list(part) for part in zip(*changed, strict=True))
        given = {"relations": relations, "fields": fields, "words": words}
        return self._session.fetch(query, given)

    def _known(self) -> set[str]:
        """Return the tables that models have made, by the names that they have now."""
        found = [former(self._live, t) for t in self._wanted.tables.values()]
        names = {t.name for t in found if t is not None}
        return names | {t.name for t in self._live.tables.values() if t.comment}

    def _was(self, table: str) -> str:
        before = former(self._live, self._wanted.tables[table])
        assert before is not None  # noqa: S101 - a difference of its columns
        return before.name

    def _gone(self) -> Iterator[tuple[str, str | None, str]]:
        """Yield the tables and columns that are dropped."""
        for d in self._differences:
            if d.kind in {"table gone", "table kept"} and self._drop:
                yield d.table, None, " is dropped"
            is_column = d.kind in {"column gone", "column kept"}
            if is_column and (self._drop or self._wanted.tables[d.table].derived):
                yield self._was(d.table), d.name, " is dropped"

    def _retyped(self) -> Iterator[tuple[str, str | None, str]]:
        for d in self._differences:
            if d.kind == "column type":
                after = self._wanted.tables[d.table]
                column, before = after.column(d.name), former(self._live, after)
                assert column is not None and before is not None  # noqa: S101, PT018 - a difference
                old = former_column(before, column)
                if old is not None:
                    yield before.name, old.name, f" becomes {d.new}"

    def _unkeyed(self) -> Iterator[tuple[str, str | None, str]]:
        """Yield the columns that foreign keys cannot lead to any more."""
        for d in self._differences:
            if d.kind == "constraint gone" and d.old.startswith(("PRIMARY", "UNIQUE")):
                table = self._live.tables[self._was(d.table)]
                for column in table.columns:
                    names = d.old.partition("(")[2].rstrip(")").split(", ")
                    if quoted(column.name) in names:
                        yield table.name, column.name, f" loses its {d.old}"
