"""Parameters of tasks: what is taken, what is refused and in which words."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distiller.analysis.count_map.parameters import CELLS_MAX, CountMapParameters
from distiller.analysis.fields import describe
from distiller.analysis.parameters import InvalidParameters
from distiller.analysis.tasks import TASKS, task
from distiller.core.errors import InternalError, NotFound

CRAB = (("obs", "23523"), ("ra", "83.633"), ("dec", "22.014"))


def read(*pairs: tuple[str, str]) -> CountMapParameters:
    return CountMapParameters.from_pairs("count_map", pairs)


def test_neither_tasks_nor_parameters_import_gammapy() -> None:
    code = (
        "import sys, distiller.analysis.tasks, distiller.jobs.service\n"
        "print([m for m in ('gammapy', 'matplotlib', 'django') if m in sys.modules])"
    )
    words = [sys.executable, "-c", code]
    answer = subprocess.run(words, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


@pytest.mark.parametrize("name", sorted(TASKS))
def test_every_task_has_words_and_a_function(name: str) -> None:
    found = task(name)
    assert found.title
    assert found.description.endswith(".")
    assert callable(found.load())


def test_unknown_task_lists_those_that_exist() -> None:
    with pytest.raises(NotFound, match=r"'skymap' \(there are: count_map"):
        task("skymap")


@pytest.mark.parametrize("name", sorted(TASKS))
def test_circles_say_how_they_are_written(name: str) -> None:
    kinds = [one for one in describe(task(name).parameters) if one.kind == "circle"]
    for one in kinds:
        assert "ra,dec,radius in deg" in one.description
    assert kinds or name == "count_map"


@pytest.mark.parametrize("name", sorted(TASKS))
def test_every_parameter_is_described_and_numbers_have_units(name: str) -> None:
    for one in describe(task(name).parameters):
        assert one.description.endswith("."), one.name
        assert one.label != one.name
        if one.kind in {"number", "circle"}:
            assert one.unit is not None, one.name


def test_schema_carries_units_defaults_and_choices() -> None:
    properties = CountMapParameters.model_json_schema()["properties"]
    assert properties["e_min"]["unit"] == "TeV"
    assert properties["e_min"]["default"] == pytest.approx(0.1)
    assert "TAN" in properties["proj"]["enum"]


def test_obs_is_repeated_or_separated_by_commas() -> None:
    read_ones = read(("OBS", "1, 2"), ("obs", "3,1"), *CRAB[1:])
    assert read_ones.obs == ("1", "2", "3")


def test_names_are_case_insensitive_and_blank_values_are_none() -> None:
    assert read(*CRAB, ("E_Min", "0.5"), ("e_max", " ")).e_min == pytest.approx(0.5)


def test_width_is_one_number_or_two() -> None:
    assert read(*CRAB, ("width", "4")).width == (4.0, 4.0)
    assert read(*CRAB, ("width", "4, 3")).width == (4.0, 3.0)
    assert read(*CRAB, ("width", "4,3"), ("binsz", "0.5")).shape == (8, 6)


def test_centre_must_be_resolved_before_a_run() -> None:
    parameters = read(("obs", "1"), ("target", "Crab"))
    with pytest.raises(InternalError, match="'Crab' was not resolved"):
        _ = parameters.centre_deg
    assert parameters.resolved(83.6, 22.0).centre_deg == (83.6, 22.0)


BAD = [
    ((("e_mim", "1"),), "e_mim: no such parameter; did you mean e_min?"),
    ((("e_min", "1"), ("E_MIN", "2")), "e_min: given more than once"),
    ((("e_min", "lots"),), "e_min: must be a number, not 'lots'"),
    ((("e_min", "0"),), "e_min: must be greater than 0, not '0'"),
    ((("e_min", "nan"),), "e_min: must be a finite number, not 'nan'"),
    ((("e_min", "5"), ("e_max", "5")), "e_min: 5 TeV is not below e_max 5 TeV"),
    ((("t_min", "53345"), ("t_max", "53344")), "t_min: 53345.0 is not before t_max"),
    ((("n_e", "0"),), "n_e: must be at least 1, not '0'"),
    ((("width", "1,2,3"),), "width: must be one number or width,height"),
    ((("width", "wide"),), "width: must be a number, not 'wide'"),
    ((("width", ","),), "width: must be one number or width,height"),
    ((("width", "1,"),), "width: must be one number or width,height"),
    ((("n_e", "1.5"),), "n_e: must be a whole number, not '1.5'"),
    ((("n_e", "9" * 5000),), "n_e: must be a whole number of fewer digits"),
    ((("n_e", "101"),), "n_e: must be at most 100, not '101'"),
    (
        (("t_min", "2024-12-16"),),
        "t_min: must be a number: a UTC-based MJD such as 60000.5, not '2024-12-16'",
    ),
    ((("t_max", "now"),), "t_max: must be a number: a UTC-based MJD such as 60000.5"),
    ((("t_min", "1e9"),), "t_min: must be at most 100000, not '1e9'"),
    ((("target", "x" * 101),), "target: has more than 100 characters"),
    ((("target", "Crab\nNebula"),), "target: has a character that cannot be printed"),
    ((("target", "Crab\x00"),), "(U+0000); write it on one line, as plain text"),
    ((("target", "Crab\u202e"),), "cannot be printed (U+202E)"),
    ((("width", "150"),), "outside 0.02 (binsz) to 120 deg for TAN"),
    ((("width", "0.01"),), "outside 0.02 (binsz) to 120 deg for TAN"),
    ((("proj", "XYZ"),), "proj: must be 'TAN', 'CAR'"),
    ((("frame", "fk4"),), "frame: must be 'icrs' or 'galactic', not 'fk4'"),
    (
        (("binsz", "0.001"),),
        (
            "width: 5000 x 5000 pixels x 1 energy bins are more than 16,000,000; "
            "choose a larger binsz, a smaller width or a smaller n_e"
        ),
    ),
]


@pytest.mark.parametrize(("pairs", "message"), BAD)
def test_wrong_parameters(pairs: tuple[tuple[str, str], ...], message: str) -> None:
    with pytest.raises(InvalidParameters) as caught:
        read(*CRAB, *pairs)
    assert message in caught.value.text
    assert caught.value.text.endswith("(parameters of count_map)")


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ((("ra", "1"), ("dec", "2")), "obs: is required"),
        ((("obs", ", ,"), ("ra", "1"), ("dec", "2")), "obs: names no dataset"),
        (
            (("obs", ",".join(map(str, range(1200)))), ("ra", "1"), ("dec", "2")),
            "obs: 1,200 datasets are more than the 500 of one job",
        ),
        ((("obs", "1"),), "target: no centre; give target, or ra and dec"),
        ((("obs", "1"), ("ra", "1")), "dec: is missing; ra and dec go together"),
        ((("obs", "1"), ("ra", "360"), ("dec", "2")), "ra: must be less than 360"),
    ],
)
def test_wrong_place_or_data(pairs: tuple[tuple[str, str], ...], message: str) -> None:
    with pytest.raises(InvalidParameters, match=message):
        read(*pairs)


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(InvalidParameters) as caught:
        read(*CRAB, ("e_min", "x"), ("n_e", "y"), ("binsz", "z"))
    assert [name for name, _ in caught.value.faults] == ["e_min", "n_e", "binsz"]


def test_a_pair_that_is_wrong_twice_is_told_once() -> None:
    with pytest.raises(InvalidParameters) as caught:
        read(*CRAB, ("width", "wide,high"))
    assert caught.value.faults == (("width", "must be a number, not 'wide'"),)


def test_blanks_of_other_widths_are_no_control_characters() -> None:
    assert read(*CRAB, ("target", "PKS\u00a02155")).target == "PKS\u00a02155"


PYDANTIC_SAYS = ("Input", "should", "Tuple", "String", "validation", "parse", "Value")


@given(
    st.dictionaries(
        st.sampled_from(sorted(CountMapParameters.model_fields)),
        st.text(st.characters(codec="utf-8"), max_size=8)
        | st.integers().map(str)
        | st.floats().map(str)
        | st.just("x" * 200),
    )
)
def test_faults_are_told_in_words_for_people(given_pairs: dict[str, str]) -> None:
    try:
        read(*given_pairs.items())
    except InvalidParameters as error:
        said = [
            re.sub(r"not '.*'", "", text, flags=re.DOTALL) for _, text in error.faults
        ]
        assert not [text for text in said if any(w in text for w in PYDANTIC_SAYS)]


names = st.text(st.characters(codec="utf-8", exclude_characters=",\n"), min_size=1)
stripped = names.map(str.strip).filter(bool)
labels = stripped.filter(lambda t: len(t) <= 100 and t.isprintable())


@given(
    st.builds(
        CountMapParameters,
        obs=st.lists(stripped, min_size=1, max_size=4).map(tuple),
        target=st.none() | labels,
        ra=st.floats(0, 359.9),
        dec=st.floats(-90, 90),
        e_min=st.floats(0.01, 1),
        e_max=st.floats(1.1, 1000),
        n_e=st.integers(1, 20),
        t_min=st.none() | st.floats(0, 50_000),
        t_max=st.none() | st.floats(50_001, 99_999),
        width=st.tuples(st.floats(0.5, 9), st.floats(0.5, 9)),
        binsz=st.floats(0.02, 0.4),
        proj=st.sampled_from(["TAN", "CAR", "AIT"]),
        frame=st.sampled_from(["icrs", "galactic"]),
    )
)
def test_pairs_are_a_round_trip(parameters: CountMapParameters) -> None:
    again = CountMapParameters.from_pairs("count_map", parameters.to_pairs())
    assert again == parameters


@given(st.floats(0.5, 20), st.floats(0.01, 1), st.integers(1, 100))
def test_no_map_is_larger_than_the_limit(width: float, binsz: float, n_e: int) -> None:
    pairs = (("width", str(width)), ("binsz", str(binsz)), ("n_e", str(n_e)))
    try:
        parameters = read(*CRAB, *pairs)
    except InvalidParameters:
        return
    nx, ny = parameters.shape
    assert nx * ny * n_e <= CELLS_MAX
