"""Parameters of requests: every wrong one is named, with what it may be."""

from __future__ import annotations

import pytest

from distiller.core.columns import Column
from distiller.core.errors import BadParameter
from distiller.vo.dali import Parameters
from distiller.vo.formats import FORMATS, content_type, format_of, writer_for
from distiller.vo.tap import RowLimit, TapParameters

GOOD = (("LANG", "ADQL"), ("QUERY", "SELECT 1"))


def test_names_have_no_case_and_unknown_ones_are_ignored() -> None:
    parsed = TapParameters.parse(
        [("request", "doQuery"), ("lang", "adql-2.1"), ("Query", "SELECT 1 "),
         ("maxRec", "7"), ("format", "csv"), ("runid", "me"), ("colour", "blue")]
    )  # fmt: skip
    assert parsed == TapParameters("SELECT 1 ", "ADQL-2.1", 7, "csv", "me")


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([("LANG", "ADQL")], "QUERY: missing (give QUERY=SELECT ...)"),
        ([("LANG", "ADQL"), ("QUERY", " ")], "QUERY: missing (give QUERY=SELECT ...)"),
        ([], "LANG and QUERY: missing (give LANG=ADQL and QUERY=SELECT ...)"),
        ([("QUERY", "SELECT 1")], "LANG: missing (give LANG=ADQL)"),
        (
            [("LANG", "SQL"), ("QUERY", "SELECT 1")],
            "LANG: unknown 'SQL' (there are ADQL, ADQL-2.1, ADQL-2.0)",
        ),
        (
            [*GOOD, ("query", "SELECT 2")],
            "QUERY: given 2 times (give QUERY once)",
        ),
        (
            [*GOOD, ("MAXREC", "-1")],
            "MAXREC: '-1' is not a whole number from 0 on",
        ),
        ([*GOOD, ("MAXREC", "ten")], "MAXREC: 'ten' is not a whole number from 0 on"),
        (
            [*GOOD, ("UPLOAD", "t,file:///etc/passwd")],
            (
                "UPLOAD: 'file:///etc/passwd' cannot be fetched "
                "(param:, http: and https: can)"
            ),
        ),
        (
            [*GOOD, ("UPLOAD", "t")],
            (
                "UPLOAD: 't' is no pair of name and address "
                "(give UPLOAD=name,param:file or name,http://...)"
            ),
        ),
        (
            [*GOOD, ("UPLOAD", "_t,param:t")],
            (
                "UPLOAD: '_t' is no name of a table "
                "(a name is a letter, then letters, digits and _, up to 60 characters)"
            ),
        ),
        (
            [*GOOD, ("UPLOAD", "order,param:t")],
            "UPLOAD: 'order' is a reserved word of ADQL (take another name)",
        ),
        (
            [*GOOD, ("UPLOAD", "t,param:a"), ("upload", "T,param:b")],
            "UPLOAD: two tables are called t",
        ),
        (
            [*GOOD, ("REQUEST", "getCapabilities")],
            "REQUEST: unknown 'getCapabilities' (leave it out, or give doQuery)",
        ),
        (
            [*GOOD, ("FORMAT", "csv"), ("RESPONSEFORMAT", "csv")],
            "RESPONSEFORMAT: given beside FORMAT (give one of the two)",
        ),
    ],
)
def test_what_is_wrong_is_said(pairs: list[tuple[str, str]], message: str) -> None:
    with pytest.raises(BadParameter) as caught:
        TapParameters.parse(pairs)
    assert caught.value.text == message


@pytest.mark.parametrize(
    "name",
    [
        "application/x-votable+xml;version=1.1",  # of another namespace
        "application/x-votable+xml;content=datalink",  # other contents
        "csv;version=1.4",
    ],
)
def test_what_would_be_something_else_is_refused(name: str) -> None:
    with pytest.raises(BadParameter, match="RESPONSEFORMAT: unknown format"):
        format_of(name)


def test_unknown_format_lists_what_there_is() -> None:
    with pytest.raises(BadParameter) as caught:
        TapParameters.parse([*GOOD, ("RESPONSEFORMAT", "xlsx")])
    assert caught.value.text.startswith("RESPONSEFORMAT: unknown format 'xlsx' (there")
    for form in FORMATS:
        assert form.kind in caught.value.text
        assert form.media_type in caught.value.text


@pytest.mark.parametrize(
    ("name", "kind", "answered"),
    [
        (None, "votable/b2", "application/x-votable+xml"),
        ("votable", "votable/b2", "application/x-votable+xml"),
        ("VOTable/td", "votable/td",
         "application/x-votable+xml;serialization=tabledata"),
        ("votable/b2", "votable/b2", "application/x-votable+xml"),
        ("application/x-votable+xml; serialization=BINARY2", "votable/b2",
         "application/x-votable+xml; serialization=BINARY2"),
        ("text/xml", "votable/b2", "text/xml"),
        ("text/xml;content=x-votable", "votable/b2", "text/xml;content=x-votable"),
        ("*/*", "votable/b2", "application/x-votable+xml"),
        ("application/x-votable+xml;version=1.4", "votable/b2",
         "application/x-votable+xml"),
        ("application/x-votable+xml; version=1.5; serialization=TABLEDATA",
         "votable/td", "application/x-votable+xml;serialization=tabledata"),
        ("application/x-votable+xml;serialization=tabledata;version=1.3",
         "votable/td", "application/x-votable+xml;serialization=tabledata"),
        ("csv", "csv", "text/csv;header=present;charset=utf-8"),
        ("text/csv; header=present", "csv", "text/csv; header=present"),
        ("text/csv", "csv", "text/csv"),
        ("tsv", "tsv", "text/tab-separated-values;charset=utf-8"),
        ("text/tab-separated-values", "tsv", "text/tab-separated-values"),
    ],
)  # fmt: skip
def test_names_of_formats(name: str | None, kind: str, answered: str) -> None:
    assert format_of(name).kind == kind
    assert content_type(name) == answered
    assert writer_for(name, [Column("a", "int")]).extension in {"vot", "csv", "tsv"}


@pytest.mark.parametrize(
    ("maxrec", "limit"),
    [
        (None, RowLimit(100, "server")),
        (10, RowLimit(10, "user")),
        (0, RowLimit(0, "user")),
        (500, RowLimit(500, "user")),
        (1001, RowLimit(1000, "server")),
    ],
)
def test_whose_limit_it_is(maxrec: int | None, limit: RowLimit) -> None:
    parameters = TapParameters("SELECT 1", maxrec=maxrec)
    assert parameters.limit(default=100, most=1000) == limit


def test_a_repeated_value_is_kept_in_order() -> None:
    assert Parameters([("id", "b"), ("ID", "a"), ("id", "")]).many("ID") == ("b", "a")


def test_uploads_gather_from_every_parameter_and_keep_their_addresses() -> None:
    found = TapParameters.parse([
        *GOOD,
        ("UPLOAD", "a,param:one ; B , http://h/x;v=1,2?q=a;c,param:three"),
        ("UPLOAD", "d,https://h/t"),
    ])  # fmt: skip
    assert [(u.name, u.uri, u.part) for u in found.uploads] == [
        ("a", "param:one", "one"),
        ("b", "http://h/x;v=1,2?q=a", None),
        ("c", "param:three", "three"),
        ("d", "https://h/t", None),
    ]
