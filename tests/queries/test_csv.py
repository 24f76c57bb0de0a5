"""Reading CSV that users bring: types, marks between cells, encodings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from distiller.core.errors import UserError
from distiller.queries.tables import Brought, Limits, read

if TYPE_CHECKING:
    from pathlib import Path


def rows_of(brought: Brought) -> list[list[Any]]:
    return [list(row.values()) for row in brought.rows.to_pylist()]


def taken(tmp_path: Path, data: bytes) -> Brought:
    (tmp_path / "brought").write_bytes(data)
    return read(tmp_path / "brought", Limits(10**6, 1000))


def test_csv_with_a_line_of_names(tmp_path: Path) -> None:
    found = taken(tmp_path, 'Name,n,x\n"a,\nb",1,\nü,2,2.5\n'.encode())
    assert [(c.name, c.datatype) for c in found.columns] == [
        ("name", "char"),
        ("n", "long"),
        ("x", "double"),
    ]
    assert rows_of(found) == [["a,\nb", 1, None], ["ü", 2, 2.5]]


@pytest.mark.parametrize(
    ("cells", "datatype", "expected"),
    [
        ("023523 5", "char", ["023523", "5"]),
        ("18446744073709551615 1", "char", ["18446744073709551615", "1"]),
        ("NA Crab NaN null N/A", "char", ["NA", "Crab", "NaN", "null", "N/A"]),
        ("NA null", "char", ["NA", "null"]),
        ("12:00 13:30", "char", ["12:00", "13:30"]),
        ("2026-13-01", "char", ["2026-13-01"]),
        ("true NA FALSE", "boolean", [True, None, False]),
        ("1 NA -2 +3", "long", [1, None, -2, 3]),
        ("1 NaN -2.5 +3e1 .5 1.", "double", [1, None, -2.5, 30, 0.5, 1]),
        ("-inf Infinity inf", "double", [-np.inf, np.inf, np.inf]),
        ("nan NaN", "double", [None, None]),
    ],
)
def test_the_types_of_csv_lose_nothing(
    tmp_path: Path, cells: str, datatype: str, expected: list[Any]
) -> None:
    lines = "".join(f"{cell},x\n" for cell in ["c", *cells.split()])
    found = taken(tmp_path, lines.encode())
    assert found.columns[0].datatype == datatype
    assert [row[0] for row in rows_of(found)] == expected


@pytest.mark.parametrize(
    ("first", "last", "datatype"),
    [
        ("1", "x", "char"),
        ("NA", "1", "long"),
        ("NA", "x", "char"),
        ("", "1.5", "double"),
    ],
)
def test_the_last_of_many_cells_counts(
    tmp_path: Path, first: str, last: str, datatype: str
) -> None:
    data = "c,d\n" + f"{first},1\n" * 2000 + f"{last},1\n"
    (tmp_path / "t").write_text(data)
    found = read(tmp_path / "t", Limits(10**6, 10_000))
    assert found.columns[0].datatype == datatype


def test_times_in_csv_are_instants_if_all_are(tmp_path: Path) -> None:
    data = (
        b"t,u\n2016-12-31,2016-12-31\n2016-12-31T23:59:60Z,x\n"
        b"2017-01-01 01:00:00.1234567+01:00,\nNA,\n,\n"
    )
    found = taken(tmp_path, data)
    assert [c.is_instant for c in found.columns] == [True, False]
    assert [t and t.isoformat() for t in found.rows["c1"].to_pylist()] == [
        "2016-12-31T00:00:00",
        "2016-12-31T23:59:59.999000",
        "2017-01-01T00:00:00.123456",
        None,
        None,
    ]


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_what_parts_cells_is_seen_in_the_line_of_names(
    tmp_path: Path, mark: str
) -> None:
    data = mark.join(["a", "b", '"c,d;e"']) + "\n" + mark.join(["1", "x y", "2"])
    found = taken(tmp_path, b"\xef\xbb\xbf" + data.encode())
    assert [c.name for c in found.columns] == ["a", "b", "c,d;e"]
    assert rows_of(found) == [[1, "x y", 2]]


def test_a_csv_of_one_column_or_none_but_names(tmp_path: Path) -> None:
    found = taken(tmp_path, b"the source\nCrab nebula\nM 1\n")
    assert rows_of(found) == [["Crab nebula"], ["M 1"]]
    found = taken(tmp_path, b"a;b\r1;2\r3;4\r")
    assert rows_of(found) == [[1, 2], [3, 4]]
    found = taken(tmp_path, b"a" * 200_000 + b"\n1\n")
    assert rows_of(found) == [[1]]
    found = taken(tmp_path, b"a,b\n")
    assert ([c.name for c in found.columns], rows_of(found)) == (["a", "b"], [])


def test_long_names_are_cut_and_the_answer_says_so(tmp_path: Path) -> None:
    names = "x" * 200 + "a," + "x" * 200 + "b"
    found = taken(tmp_path, f"{names}\n1,2\n".encode())
    short = "x" * 120
    assert [c.name for c in found.columns] == [short, f"{short}_2"]
    assert found.words[1] == (
        f"the name of column 2 has 201 characters and is cut to {short}_2"
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a,b\n1,2\n1\n", "be read: row 2: it has 1 cells, and there are 2 columns"),
        (b"a,b\n1,K\xe9\n", r"not UTF-8 at line 2, character 4 \(convert it"),
        (b"\xe9,b\n1,2\n", r"not UTF-8 at line 1, character 1 \(convert it"),
        (b"# a b\n  1 2\n", "its cells are parted by blanks|no CSV"),
        (b"a b\n1 2\n", "its cells are parted by blanks"),
        (b"\xef\xbb\xbf", "no CSV that can be read"),
        (b"a|b\n1|2\n", "its cells are parted by '|'"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(UserError, match=message):
        taken(tmp_path, data)
