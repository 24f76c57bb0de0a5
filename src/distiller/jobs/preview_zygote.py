"""The zygote of quick looks: knows nothing else, and gives way to everybody.

Started by `jobs.previews` with ``python -m distiller.jobs.preview_zygote FD`` while
there are quick looks to make; in all else as `jobs.zygote`.
"""

from __future__ import annotations

import os
import sys
from typing import Final

from distiller.jobs import zygote

NICE: Final = 19
"""As low as a priority can be; forks inherit it."""


def main(descriptor: int) -> None:
    """Step back, import, freeze, then serve the socket of this descriptor."""
    os.nice(NICE)
    zygote.main(descriptor, _prepare)


def _prepare() -> None:
    # Only here: whoever starts this program needs none of it.
    from distiller.analysis import warm  # noqa: PLC0415

    warm.warm_up_preview()
    zygote.freeze()


if __name__ == "__main__":
    main(int(sys.argv[1]))
