"""Random numbers: a stream of its own for each use in each run."""

from __future__ import annotations

from typing import Final

import numpy as np

EVENTS: Final = 0
WEATHER: Final = 1
POINTING: Final = 2


def stream(seed: int, obs_id: int, use: int) -> np.random.Generator:
    """Return the generator of one use in one run, whatever other runs there are.

    >>> round(stream(1, 1001, WEATHER).random(), 6)
    0.388122
    """
    sequence = np.random.SeedSequence([seed, obs_id], spawn_key=(use,))
    return np.random.Generator(np.random.PCG64(sequence))
