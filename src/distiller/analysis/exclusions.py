"""What tasks say of a file that leaves regions out of the background."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from distiller.core.errors import BadParameter

if TYPE_CHECKING:
    from collections.abc import Iterator

PARAMETER: Final = "exclusion_file"
_WHOLE: Final = 0.9995


def unusable(error: ValueError) -> BadParameter:
    """Return what a user is told of a file that a recipe refused."""
    hint = "send a FITS image of 1 and 0 with a celestial WCS, or regions of DS9"
    return BadParameter(PARAMETER, str(error), hint=hint)


def sentences(share: float, field: str) -> Iterator[str]:
    """Yield what limits a result whose file does not speak of all of its field.

    Parameters
    ----------
    share
        The part that it speaks of.
    field
        Which field, in words.
    """
    if share < _WHOLE:
        yield (
            f"The exclusion file covers {share:.0%} of the {field}; beyond its edges "
            "it leaves nothing out."
        )
