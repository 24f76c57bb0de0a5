"""Which place does this name mean? Own table first, then the archive, then Sesame."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Final, Literal

from distiller.core import names
from distiller.core.errors import BadParameter, NotFound, Unreachable
from distiller.web.names import sesame
from distiller.web.names.box import parse_place

if TYPE_CHECKING:
    from collections.abc import Callable

    from distiller.core.settings import Settings

_LONGEST = 200
_REMEMBERED: Final = 1000


@dataclass(frozen=True, slots=True)
class Target:
    """A place on the sky and how it was found.

    Attributes
    ----------
    name
        Usual name, or the position as typed.
    ra_deg, dec_deg
        ICRS, deg.
    origin
        Who knew it.
    note
        One phrase for people: where the position comes from.
    """

    name: str
    ra_deg: float
    dec_deg: float
    origin: Literal["position", "table", "archive", "sesame"]
    note: str


class UnknownTarget(NotFound):
    """Nobody knows this name.

    Attributes
    ----------
    close
        Names that look like it.
    """

    code = "U310"

    def __init__(self, text: str, tried: str, close: tuple[str, ...]) -> None:
        meant = f"did you mean {' or '.join(close)}? Else " if close else ""
        super().__init__(
            f"unknown target {text!r}: {tried}",
            hint=f"{meant}give a position such as 83.63 22.01",
        )
        self.target = text
        self.close = close


class UnresolvedTarget(Unreachable):
    """Nobody here knows this name, and who might know it does not answer.

    Attributes
    ----------
    close
        Names that look like it.
    """

    code = "P410"

    def __init__(self, text: str, tried: str, close: tuple[str, ...]) -> None:
        unknown = UnknownTarget(text, tried, close)
        message = f"{text!r} was not found: {tried}"
        super().__init__(message, hint=f"{unknown.hint}, or try again")
        self.close = close


class _Memory:
    """The latest answers of Sesame, so that a page and its facets ask once."""

    def __init__(self) -> None:
        self._answers: OrderedDict[tuple[str, str], sesame.Answer] = OrderedDict()
        self._lock = Lock()

    def get(self, key: tuple[str, str]) -> sesame.Answer | None:
        with self._lock:
            return self._answers.get(key)

    def put(self, key: tuple[str, str], answer: sesame.Answer) -> None:
        with self._lock:
            self._answers[key] = answer
            while len(self._answers) > _REMEMBERED:
                self._answers.popitem(last=False)


_MEMORY = _Memory()


def resolve(
    text: str,
    settings: Settings,
    in_archive: Callable[[str], tuple[str, float, float] | None] | None = None,
) -> Target:
    """Return the place that a text means.

    Parameters
    ----------
    text
        A position in one of the forms of `box`, or a name.
    settings
        Address and time limit of Sesame; an empty address switches it off.
    in_archive
        Looks a name up among the targets of the archive: name, RA and Dec in deg.

    Raises
    ------
    BadParameter
        The text is empty, too long, or no position that exists.
    UnknownTarget
        Nobody knows the name; the message says who was asked.
    UnresolvedTarget
        Sesame may know it, but does not answer.
    """
    wanted = text.strip()
    if not wanted or len(wanted) > _LONGEST:
        raise BadParameter(
            "target",
            f"a name or a position of 1 to {_LONGEST} characters is needed",
            hint="such as Crab Nebula or 83.63 22.01",
        )
    place = parse_place(wanted)
    if place is not None:
        frame = (
            "galactic position" if place.frame == "galactic" else "position as given"
        )
        return Target(wanted, place.ra_deg, place.dec_deg, "position", frame)
    source = names.find(wanted)
    if source is not None:
        note = f"{source.kind}; position from the table of this site"
        return Target(source.name, source.ra_deg, source.dec_deg, "table", note)
    known = in_archive(wanted) if in_archive is not None else None
    if known is not None:
        note = "position from the headers of the data in this archive"
        return Target(*known, "archive", note)
    return _ask_sesame(wanted, settings, archive_was_asked=in_archive is not None)


def _ask_sesame(text: str, settings: Settings, *, archive_was_asked: bool) -> Target:
    looked = "no position in the table of this site"
    if archive_was_asked:
        looked += " or among the targets of the archive"
    if not settings.resolver_url:
        tried = f"{looked}; the name resolver Sesame is switched off here"
        raise UnknownTarget(text, tried, names.close(text))
    key = (settings.resolver_url, " ".join(text.split()).lower())
    answer = _MEMORY.get(key)
    if answer is None:
        try:
            answer = sesame.ask(
                text, settings.resolver_url, settings.resolver_timeout_s
            )
        except Unreachable as error:
            tried = f"{looked}, and {error.message}"
            raise UnresolvedTarget(text, tried, names.close(text)) from error
        if answer is None:
            tried = f"{looked}, and Sesame (Simbad, NED, VizieR) has it not"
            raise UnknownTarget(text, tried, names.close(text))
        _MEMORY.put(key, answer)
    note = f"position from {answer.database} through Sesame"
    return Target(answer.name or text, answer.ra_deg, answer.dec_deg, "sesame", note)
