from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from distiller.adql import check_syntax, translate
from distiller.adql.faults import CODES, Faults
from distiller.core.errors import QueryError

if TYPE_CHECKING:
    from distiller.core.columns import Catalog


def _faults(text: str, catalog: Catalog) -> list[str]:
    with pytest.raises(QueryError) as refusal:
        translate(text, catalog)
    return [str(fault) for fault in refusal.value.faults]


def test_every_fault_of_a_text_is_told_at_once(catalog: Catalog) -> None:
    text = """SELECT obs_idd, foo(s_ra), ABS(1, 2),
       POINT(s_ra, 120)
FROM ivoa.obscore
WHERE s_raa > 3 AND target_name = 7 LIMIT 10"""
    assert _faults(text, catalog) == [
        "1:8 Q202 there is no column obs_idd (did you mean obs_id?)",
        "1:17 Q301 there is no function foo (did you mean FLOOR?)",
        "1:28 Q302 ABS takes 1 argument, not 2",
        "2:8 Q311 the declination 120 is not in -90..90",
        "4:7 Q202 there is no column s_raa (did you mean s_ra?)",
        "4:21 Q304 text cannot be compared with a number (write '7')",
        "4:37 Q107 ADQL does not know LIMIT (use TOP n after SELECT)",
    ]


def test_a_fault_in_one_clause_does_not_hide_those_of_the_next(
    catalog: Catalog,
) -> None:
    text = "SELECT s_ra s_dec x FROM ivoa.obscore WHERE s_ra > ORDER BY nix"
    assert _faults(text, catalog) == [
        "1:19 Q101 a comma or FROM is missing before x",
        "1:52 Q101 a value is missing before ORDER",
        "1:61 Q202 there is no column nix",
    ]


def test_an_unknown_table_brings_no_faults_about_its_columns(catalog: Catalog) -> None:
    assert _faults("SELECT a, b FROM ivoa.obscor WHERE c = 1", catalog) == [
        "1:18 Q201 there is no table ivoa.obscor (did you mean ivoa.obscore?)"
    ]


def test_a_reserved_word_as_a_name_is_one_fault(catalog: Catalog) -> None:
    assert _faults("SELECT size FROM tap_schema.columns", catalog) == [
        '1:8 Q104 size is a reserved word of ADQL (as a name write "size")'
    ]


def test_lines_and_columns_count_characters_from_one() -> None:
    (fault,) = check_syntax("SELECT 'Größe',\n\n  'é', ¡ FROM a.b")
    assert (fault.line, fault.column, fault.code) == (3, 8, "Q103")


def test_only_known_codes_can_be_noted() -> None:
    with pytest.raises(KeyError):
        Faults("").add("Q999", 0, "x")


def test_a_text_with_very_many_faults_gives_a_bounded_answer() -> None:
    faults = check_syntax(
        "SELECT " + ", ".join(f"f{i}(1)" for i in range(500)) + " FROM a"
    )
    assert 10 < len(faults) <= 50


def test_every_code_says_what_it_means() -> None:
    assert all(code[0] == "Q" and text for code, text in CODES.items())


def test_what_is_valid_but_not_translated_is_no_syntax_fault() -> None:
    for text in (
        "SELECT BOX('fk5', 2, 3, 3, 0) FROM y",
        "SELECT POINT('GALACTIC', 2, 3) FROM y",
        "SELECT ivo_simbadpoint('no such thing') FROM y",
        "SELECT ivo_geom_transform('MARS', 'ICRS', POINT(1, 2)) FROM y",
        "SELECT x FROM y WHERE CENTROID(CIRCLE('fk4', 2, 3, 3)) = x",
        "SELECT IN_UNIT(SQRT(POWER(pm_ra, 2)), 'rad/yr') FROM y",
        "SELECT x FROM y GROUP BY 1",
        "SELECT * FROM foo WHERE 1=INTERSECTS(REGION('NOT (circle 1 2 3)'), x)",
    ):
        assert check_syntax(text) == (), text
