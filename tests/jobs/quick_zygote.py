"""A zygote of quick looks that draws nothing and does not give way: tests wait for it.

``python quick_zygote.py FD`` stands for ``python -m distiller.jobs.preview_zygote FD``.
"""

from __future__ import annotations

import sys

from distiller.jobs import zygote

PICTURE = b"\x89PNG drawn by nobody"


def _prepare() -> None:
    from distiller.analysis import warm  # noqa: PLC0415 - needed here only
    from distiller.analysis.preview import run  # noqa: PLC0415 - needed here only

    warm.offline()
    vars(run)["draw"] = lambda _look: PICTURE
    zygote.freeze()


if __name__ == "__main__":
    zygote.main(int(sys.argv[1]), _prepare)
