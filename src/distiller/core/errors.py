"""The one exception tree.

::

    DistillerError            text says where and what to do; code is stable
    ├── UserError             the user's: asking again unchanged will fail again
    │   ├── BadParameter      a request parameter, option or setting is wrong
    │   ├── QueryError        ADQL that is refused; carries every Fault with its place
    │   ├── NotFound          no such job, dataset, target, file
    │   ├── Forbidden         it may be known, but not by you
    │   │   └── NotLoggedIn   by some, and nobody knows yet who you are
    │   ├── IllegalState      the thing is there, but this cannot be done to it now
    │   └── BadData           a FITS file or folder that cannot be used
    ├── PassingError          passing: the same request may work later
    │   ├── Busy              too much at once; carries retry_after_s
    │   │   └── TooMany       too much at once of one user
    │   ├── TimedOut          a limit on time was reached
    │   ├── NoSpace           the disk, or a quota, is full
    │   └── Unreachable       another service or process does not answer
    └── InternalError         ours: a defect or a damaged installation
        └── Damaged           stored things contradict each other
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from typing import Self


class DistillerError(Exception):
    """Base of all errors that this program raises on purpose.

    Parameters
    ----------
    message
        What went wrong and where, one sentence, for a person.
    hint
        What to do about it, one sentence, or None.

    Attributes
    ----------
    detail
        What only the operators need know of it, such as the address of a database: it
        is in the log and in what commands say, and not in answers.
    """

    code: ClassVar[str] = "E000"
    detail: str | None = None

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def with_detail(self, detail: str) -> Self:
        """Add what the operators need know, and return this."""
        self.detail = detail
        return self

    @property
    def text(self) -> str:
        """Message and hint as shown to a person.

        >>> UserError("no such run: 7", hint="list them with `distiller query`").text
        'no such run: 7 (list them with `distiller query`)'
        """
        return f"{self.message} ({self.hint})" if self.hint else self.message

    @property
    def whole_text(self) -> str:
        """The same with what the operators need know.

        >>> Unreachable("no answer", hint="wait").with_detail("10.0.0.7").whole_text
        'no answer: 10.0.0.7 (wait)'
        """
        message = f"{self.message}: {self.detail}" if self.detail else self.message
        return f"{message} ({self.hint})" if self.hint else message

    def __str__(self) -> str:
        return self.text


class UserError(DistillerError):
    """The user's: asking again unchanged will fail again."""

    code = "U000"


class BadParameter(UserError):  # noqa: N818 - named as the condition, as in DALI
    """A request parameter, option or setting is wrong."""

    code = "U100"

    def __init__(self, name: str, message: str, *, hint: str | None = None) -> None:
        super().__init__(f"{name}: {message}", hint=hint)
        self.name = name


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault in a text, with its place.

    Attributes
    ----------
    line, column
        Place of the first character, both counted from 1.
    code
        Stable code, such as ``Q201``.
    message
        What is wrong, with a hint where there is one.
    """

    line: int
    column: int
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.line}:{self.column} {self.code} {self.message}"


class QueryError(UserError):
    """ADQL that is refused; carries every fault with its place."""

    code = "U200"

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(str(fault) for fault in faults))
        self.faults = faults


class NotFound(UserError):  # noqa: N818 - named as the condition
    """No such job, dataset, target or file."""

    code = "U300"


class Forbidden(UserError):  # noqa: N818 - named as the condition
    """It may be known, but not used, by this user."""

    code = "U400"


class NotLoggedIn(Forbidden):
    """It is for some users, and this one has not logged in."""

    code = "U410"


class IllegalState(UserError):  # noqa: N818 - named as the condition
    """The thing is there, but this cannot be done to it now (UWS answers 403)."""

    code = "U500"


class BadData(UserError):  # noqa: N818 - named as the condition
    """A FITS file or folder that cannot be used.

    Parameters
    ----------
    data_code
        Stable code of the finding, such as ``D104``.
    path
        The file or folder.
    """

    code = "U600"

    def __init__(
        self, data_code: str, path: str, message: str, *, hint: str | None = None
    ) -> None:
        super().__init__(f"{data_code} {path}: {message}", hint=hint)
        self.data_code = data_code
        self.path = path
        self.finding = message


class PassingError(DistillerError):
    """Passing: the same request may work later."""

    code = "P000"


class Busy(PassingError):  # noqa: N818 - named as the condition
    """Too much at once; try again after ``retry_after_s`` seconds."""

    code = "P100"

    def __init__(
        self, message: str, *, retry_after_s: int = 5, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class TooMany(Busy):
    """Too much at once of one user; the others are served."""

    code = "P110"


class TimedOut(PassingError):  # noqa: N818 - named as the condition
    """A limit on time was reached."""

    code = "P200"


class NoSpace(PassingError):  # noqa: N818 - named as the condition
    """The disk, or a quota, is full."""

    code = "P300"


class Unreachable(PassingError):  # noqa: N818 - named as the condition
    """Another service or process does not answer."""

    code = "P400"


class InternalError(DistillerError):
    """Ours: a defect or a damaged installation."""

    code = "I000"


class Damaged(InternalError):  # noqa: N818 - named as the condition
    """Stored things contradict each other."""

    code = "I100"
