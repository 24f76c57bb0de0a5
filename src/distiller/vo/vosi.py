"""VOSI 1.1 documents: capabilities (with TAPRegExt 1.0), availability, tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Literal

from lxml import etree

from distiller.core import times
from distiller.core.errors import BadParameter, NotFound
from distiller.core.reserved import adql_name
from distiller.vo import elements, examples
from distiller.vo.elements import PREFIXES, TYPE, add, add_known, interface, written
from distiller.vo.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from distiller.core.columns import Catalog, Column, ForeignKey, Table

OBSCORE = "ivo://ivoa.net/std/ObsCore#core-1.1"
_TAP = "ivo://ivoa.net/std/TAP"
_AVAILABILITY = "http://www.ivoa.net/xml/VOSIAvailability/v1.0"
_TABLES = "http://www.ivoa.net/xml/VOSITables/v1.0"
_REGISTRY = "http://www.ivoa.net/xml/TAPRegExt/v1.0"

_WORDS = (
    "Astronomical Data Query Language, with every optional feature of 2.1; COALESCE "
    "(features-adql-conditional) is among them, though no list below names it."
)
_BASIC = "ivo://ivoa.net/sso#BasicAA"
_UPLOADS = "ivo://ivoa.net/std/TAPRegExt#upload-"

FEATURES = "ivo://ivoa.net/std/TAPRegExt#features-"
"""Start of the names of feature lists (TAPRegExt 1.0 section 2.3)."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One optional feature of ADQL, or one user-defined function with its signature."""

    form: str
    description: str | None = None


@dataclass(frozen=True, slots=True)
class TapService:
    """What a TAP service says of itself.

    Attributes
    ----------
    base_url
        Without a last slash, such as ``https://example.org/tap``.
    features
        Of ADQL, by the full identifier of their list.
    rows_default, rows_max
        Limits on the rows of a result.
    duration_default_s, duration_max_s
        Longest run of an asynchronous query, s.
    retention_s
        How long its job is kept, s.
    upload_rows
        Rows of an uploaded table at most.
    """

    base_url: str
    rows_default: int
    rows_max: int
    duration_default_s: int
    duration_max_s: int
    retention_s: int
    upload_rows: int
    features: Mapping[str, Sequence[Feature]] = field(default_factory=dict)


def capabilities(service: TapService) -> bytes:
    """Return the capabilities of a TAP service (TAP 1.1 section 2.4)."""
    root = elements.capabilities(tr=_REGISTRY)
    tap = add(root, "capability", standardID=_TAP)
    tap.set(TYPE, "tr:TableAccess")
    main = interface(tap, service.base_url, use="base", version="1.1")
    add(main, "securityMethod")  # none is needed
    add(main, "securityMethod", standardID=_BASIC)
    add(tap, "dataModel", "ObsCore-1.1", **{"ivo-id": OBSCORE})
    _language(tap, service.features)
    for form in FORMATS:
        identifier = {"ivo-id": form.ivo_id} if form.ivo_id else {}
        output = add(tap, "outputFormat", **identifier)
        add(output, "mime", form.media_type)
        for alias in (form.kind, *form.aliases):
            add(output, "alias", alias)
    for method in ("inline", "http", "https"):
        add(tap, "uploadMethod", **{"ivo-id": f"{_UPLOADS}{method}"})
    _limits(tap, "retentionPeriod", service.retention_s, service.retention_s)
    _limits(
        tap, "executionDuration", service.duration_default_s, service.duration_max_s
    )
    rows = min(service.rows_default, service.rows_max)
    _limits(tap, "outputLimit", rows, service.rows_max, unit="row")
    upload = add(tap, "uploadLimit")
    add(upload, "hard", str(service.upload_rows), unit="row")  # one has its place
    elements.vosi(root, service.base_url, "capabilities", "availability", "tables")
    page = add(root, "capability", standardID=examples.STANDARD)
    browser = add(page, "interface")
    browser.set(TYPE, "vr:WebBrowser")
    add(browser, "accessURL", f"{service.base_url}/examples", use="full")
    return written(root)


def _limits(
    capability: etree._Element, name: str, default: int, hard: int, **attributes: str
) -> None:
    limits = add(capability, name)
    add(limits, "default", str(default), **attributes)
    add(limits, "hard", str(hard), **attributes)


def _language(
    capability: etree._Element, features: Mapping[str, Sequence[Feature]]
) -> None:
    language = add(capability, "language")
    add(language, "name", "ADQL")
    for version in ("2.1", "2.0"):
        identifier = f"ivo://ivoa.net/std/ADQL#v{version}"
        add(language, "version", version, **{"ivo-id": identifier})
    add(language, "description", _WORDS)
    for name, listed in features.items():
        if not listed:
            continue
        group = add(language, "languageFeatures", type=name)
        for feature in listed:
            entry = add(group, "feature")
            add(entry, "form", feature.form)
            if feature.description:
                add(entry, "description", feature.description)


def availability(
    *, up_since: datetime, available: bool = True, note: str | None = None
) -> bytes:
    """Return whether a service is available (VOSI 1.1 section 4).

    Parameters
    ----------
    up_since
        Start of the server, UTC.
    note
        A word for people.
    """
    name = f"{{{_AVAILABILITY}}}"
    root = etree.Element(f"{name}availability", nsmap={"vosi": _AVAILABILITY})
    add(root, f"{name}available", "true" if available else "false")
    add(root, f"{name}upSince", times.dali(up_since))
    if note:
        add(root, f"{name}note", note)
    return written(root)


def detail_of(given: str | None) -> Literal["min", "max"]:
    """Return how much is told of tables: ``max``, or ``min`` where that is asked for.

    Raises
    ------
    BadParameter
        If it is neither.
    """
    level = (given or "max").strip().lower()
    if level == "min":
        return "min"
    if level == "max":
        return "max"
    raise BadParameter("DETAIL", f"unknown {given!r}", hint="there are min and max")


def tableset(catalog: Catalog, *, detail: str | None = None) -> bytes:
    """Return every table (VOSI 1.1 section 2.3).

    Parameters
    ----------
    detail
        ``max`` (default) or ``min``: without columns and foreign keys.

    Raises
    ------
    BadParameter
        If detail is neither.
    """
    level = detail_of(detail)
    root = etree.Element(f"{{{_TABLES}}}tableset", nsmap={"vosi": _TABLES, **PREFIXES})
    tables = sorted(catalog.values(), key=lambda table: (table.schema, table.name))
    for schema, members in groupby(tables, key=lambda table: table.schema):
        group = add(root, "schema")
        add(group, "name", adql_name(schema))
        for table in members:
            _table(add(group, "table"), table, whole=level == "max")
    return written(root)


def table(catalog: Catalog, name: str) -> bytes:
    """Return one table with its columns (VOSI 1.1 section 2.3).

    Raises
    ------
    NotFound
        If the catalogue has no such table.
    """
    plain = name.replace('"', "")
    found = catalog.get(plain) or catalog.get(plain.lower())
    if found is None:
        raise NotFound(f"no table {name!r}", hint="/tap/tables lists the tables")
    root = etree.Element(f"{{{_TABLES}}}table", nsmap={"vosi": _TABLES, **PREFIXES})
    _table(root, found, whole=True)
    return written(root)


def _table(element: etree._Element, described: Table, *, whole: bool) -> None:
    element.set("type", "view" if described.is_view else "table")
    add(element, "name", described.adql_name)
    add_known(
        element,
        title=described.title,
        description=described.description,
        utype=described.utype,
    )
    if not whole:
        return
    for column in described.columns:
        made = add(element, "column")
        _column(made, column)
        if column.name in described.primary_key:
            add(made, "flag", "primary")
    for key in described.foreign_keys:
        _foreign_key(add(element, "foreignKey"), key)


def _column(element: etree._Element, column: Column) -> None:
    if column.std:
        element.set("std", "true")
    add(element, "name", column.adql_name)
    add_known(
        element,
        description=column.description,
        unit=column.unit,
        ucd=column.ucd,
        utype=column.utype,
    )
    datatype = add(element, "dataType", column.datatype)
    datatype.set(TYPE, "vs:VOTableType")
    if column.arraysize:
        datatype.set("arraysize", column.arraysize)
    if column.xtype:
        datatype.set("extendedType", column.xtype)
    for flag, holds in (
        ("principal", column.principal),
        ("indexed", column.indexed),
        ("nullable", column.nullable),
    ):
        if holds:
            add(element, "flag", flag)


def _foreign_key(element: etree._Element, key: ForeignKey) -> None:
    add(element, "targetTable", adql_name(key.target))
    for own, target in key.columns:
        pair = add(element, "fkColumn")
        add(pair, "fromColumn", adql_name(own))
        add(pair, "targetColumn", adql_name(target))
    add_known(element, description=key.description, utype=key.utype)
