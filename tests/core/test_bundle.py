"""A bundle on its way to a server is what it was."""

from __future__ import annotations

import json
import math
from datetime import datetime

import pytest

from distiller.core.bundle import Bundle, Value, pack, unpack


@pytest.mark.parametrize(
    "value",
    [
        0.1,
        math.inf,
        -math.inf,
        (83.6, 22.0, math.inf),
        datetime(2026, 1, 2, 3, 4, 5, 6),
        None,
        True,
        "text",
    ],
)
def test_a_cell_comes_back_whole(value: Value) -> None:
    sent = Bundle("ivo://x/y?1", "abc", {"cta.gti": ({"cell": value},)})
    assert Bundle.from_json(sent.to_json()) == sent


@pytest.mark.parametrize("value", [math.nan, (1.0, math.nan), [1.0, math.nan]])
def test_nan_is_sent_as_json_that_others_read(value: Value) -> None:
    text = Bundle("ivo://x/y?1", "abc", {"cta.gti": ({"cell": value},)}).to_json()
    assert "NaN" not in text
    cell = Bundle.from_json(text).rows["cta.gti"][0]["cell"]
    last = cell[-1] if isinstance(cell, tuple) else cell
    assert isinstance(last, float)
    assert math.isnan(last)


def test_numbers_of_an_answer_come_back() -> None:
    answer = json.loads(json.dumps(pack([1.0, math.inf]), allow_nan=False))  # type: ignore[arg-type]  # as a database gives it
    assert unpack(answer) == (1.0, math.inf)
