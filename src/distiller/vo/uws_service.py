"""What services of jobs say of themselves: capabilities (UWS 1.1 section 2.2.1.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from distiller.vo import elements
from distiller.vo.elements import InputParameter, add, add_known, interface, written

if TYPE_CHECKING:
    from collections.abc import Iterable

STANDARD: Final = "ivo://ivoa.net/std/UWS#rest-1.1"
"""Of a list of jobs; a client may read from it how jobs are made and followed."""

_BASIC: Final = "ivo://ivoa.net/sso#BasicAA"


@dataclass(frozen=True, slots=True)
class JobList:
    """A list of jobs of one kind.

    Attributes
    ----------
    url
        Where it is, without a last slash.
    inputs
        What a job is made from.
    """

    url: str
    description: str
    inputs: tuple[InputParameter, ...]


def capabilities(base_url: str, lists: Iterable[JobList]) -> bytes:
    """Return the capabilities of several lists of jobs below one address."""
    root = elements.capabilities()
    for one in lists:
        capability = add(root, "capability", standardID=STANDARD)
        add_known(capability, description=one.description)
        main = interface(capability, one.url, use="base", version="1.1")
        add(main, "securityMethod")  # none is needed
        add(main, "securityMethod", standardID=_BASIC)
        add(main, "queryType", "POST")
        add(main, "resultType", elements.MEDIA_TYPE)
        elements.parameters(main, one.inputs, is_standard=False)
    elements.vosi(root, base_url, "capabilities", "availability")
    return written(root)
