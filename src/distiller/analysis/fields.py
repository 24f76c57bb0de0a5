"""What is said about a parameter where it is declared, and how it is read from there.

Forms, the JSON schema, service descriptors and the reference are made from the fields
of a task's model and from nothing else: a new parameter needs no other place.
"""

from __future__ import annotations

import functools
import types
from dataclasses import dataclass
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Final,
    Literal,
    Union,
    get_args,
    get_origin,
)

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    model_serializer,
    model_validator,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic.fields import FieldInfo

Group = Literal["Place", "Energy", "Time", "Method", "Output"]
"""Parts of a form, in their order."""

GROUPS: Final[tuple[Group, ...]] = get_args(Group)

Kind = Literal["text", "number", "whole", "flag", "circle", "file"]
"""What one value is, or each of its parts."""

Format = Literal[".fits", ".reg"]
"""What a file may be that is sent along: a FITS file, regions of DS9."""

_KINDS: Final[Mapping[object, Kind]] = {
    bool: "flag",
    int: "whole",
    float: "number",
}


class Circle(BaseModel):
    """A circle on the sky; as text ``ra,dec,radius`` or ``ra dec radius`` (DALI 1.1).

    >>> Circle.model_validate("83.63, 22.01, 0.3")
    Circle(ra=83.63, dec=22.01, radius=0.3)
    >>> str(Circle(ra=83.63, dec=22.01, radius=0.3))
    '83.63,22.01,0.3'
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    ra: float = Field(ge=0, lt=360, description="Right ascension (ICRS), deg.")
    dec: float = Field(ge=-90, le=90, description="Declination (ICRS), deg.")
    radius: float = Field(gt=0, le=180, description="Radius, deg.")

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        if not isinstance(value, (str, list, tuple)):
            return value
        parts = value.replace(",", " ").split() if isinstance(value, str) else value
        if len(parts) != len(cls.model_fields):
            message = f"must be ra,dec,radius in deg, not {str(value)[:60]!r}"
            raise ValueError(message)
        return dict(zip(cls.model_fields, parts, strict=True))

    @model_serializer
    def _as_numbers(self) -> tuple[float, float, float]:
        return self.ra, self.dec, self.radius

    def __str__(self) -> str:
        """Write as text that is read back."""
        return ",".join(text_of(v) for v in (self.ra, self.dec, self.radius))


def shown(  # noqa: PLR0913 - all that is said about a field
    label: str,
    *,
    group: Group = "Method",
    unit: str | None = None,
    ucd: str | None = None,
    unset: str = "",
    repeatable: bool = False,
    files: tuple[Format, ...] = (),
    words: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the ``json_schema_extra`` of a field: all that documents say beside it.

    Parameters
    ----------
    label
        Its name in words, as in a form: ``Lowest energy``.
    group
        The part of a form where it stands.
    unit, ucd
        As in VOTable. A number always has a unit; ``""`` says that it is a ratio.
    unset
        What is meant where it is not given and has no default: ``no limit``.
    repeatable
        Whether it may be given several times, or on several lines; its type is then
        ``tuple[..., ...]``, and `distiller.analysis.parameters.separated` lets its
        values be separated by commas, too.
    files
        What it may be, if it is a file that is sent along; its value is the SHA-256 of
        the content (`distiller.analysis.parameters.SentFile`).
    words
        What choices mean, in a few words.

    Examples
    --------
    >>> shown("Lowest energy", group="Energy", unit="TeV")
    {'title': 'Lowest energy', 'group': 'Energy', 'unit': 'TeV'}
    """
    said: dict[str, Any] = {"title": label, "group": group}
    more: dict[str, Any] = {"ucd": ucd, "unset": unset, "repeatable": repeatable}
    more |= {"files": list(files), "words": dict(words or {})}
    if unit is not None:
        said["unit"] = unit
    return said | {key: value for key, value in more.items() if value}


def unit(symbol: str) -> dict[str, Any]:
    """Return the schema extra that says the unit of a field, and nothing else."""
    return {"unit": symbol}


def unit_of(field: FieldInfo) -> str | None:
    """Return the unit of a field, or None."""
    found = _said(field).get("unit")
    return str(found) if found is not None else None


def is_repeatable(field: FieldInfo) -> bool:
    """Whether a field may be given several times."""
    return bool(_said(field).get("repeatable"))


def repeatable_of(model: type[BaseModel]) -> frozenset[str]:
    """Return the names of the parameters that may be given several times."""
    fields = model.model_fields.items()
    return frozenset(name for name, field in fields if is_repeatable(field))


def files_of(model: type[BaseModel]) -> dict[str, tuple[Format, ...]]:
    """Return the parameters that are files, and which formats each may have."""
    found = {n: _said(field).get("files") for n, field in model.model_fields.items()}
    return {name: tuple(formats) for name, formats in found.items() if formats}


@dataclass(frozen=True, slots=True)
class Limit:
    """An end of the range of a number; ``inclusive`` if it may be reached."""

    value: float
    inclusive: bool


@dataclass(frozen=True, slots=True)
class Described:
    """A parameter as documents, forms and the reference show it.

    Attributes
    ----------
    kind
        What a value is, or each of its parts.
    parts
        How many values one text holds, separated by commas; None if any number.
    choices
        What it may be; empty if there is no list of that.
    words
        What some of these mean.
    low, high
        Range of a number, where one is declared.
    default
        As texts, one for each value; empty without one.
    unset
        What is meant where nothing is given and there is no default.
    files
        What it may be, of a file.
    """

    name: str
    label: str
    description: str
    group: Group
    kind: Kind
    unit: str | None
    ucd: str | None
    is_required: bool
    is_repeatable: bool
    parts: int | None
    choices: tuple[str, ...]
    low: Limit | None
    high: Limit | None
    default: tuple[str, ...]
    unset: str
    examples: tuple[str, ...]
    words: Mapping[str, str]
    files: tuple[Format, ...] = ()


@functools.cache
def describe(model: type[BaseModel]) -> tuple[Described, ...]:
    """Return the parameters of a task, in the order of their groups."""
    found = [_described(name, field) for name, field in model.model_fields.items()]
    return tuple(sorted(found, key=lambda one: GROUPS.index(one.group)))


def text_of(value: object) -> str:
    """Write a value of a parameter as a request does; nothing is lost.

    >>> [text_of(v) for v in (5.0, 0.1, True, (5.0, 4.5), "Crab")]
    ['5', '0.1', 'true', '5,4.5', 'Crab']
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ",".join(text_of(item) for item in value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:  # noqa: PLR2004 - beyond, repr is exact and short
        return str(int(value))
    return str(value)


def texts_of(field: FieldInfo, value: object) -> tuple[str, ...]:
    """Write the value of a field: one text for each time that it is given."""
    if value is None:
        return ()
    if is_repeatable(field) and isinstance(value, tuple):
        return tuple(text_of(item) for item in value)
    return (text_of(value),)


def _said(field: FieldInfo) -> Mapping[str, Any]:
    extra = field.json_schema_extra
    return extra if isinstance(extra, dict) else {}


def _described(name: str, field: FieldInfo) -> Described:
    said = _said(field)
    one, parts = _one_of(field)
    required = field.is_required()
    return Described(
        name=name,
        label=str(said.get("title") or field.title or name),
        description=field.description or "",
        group=said.get("group", "Method"),
        kind="file" if said.get("files") else _kind(one),
        unit=said.get("unit"),
        ucd=said.get("ucd"),
        is_required=required,
        is_repeatable=is_repeatable(field),
        parts=parts,
        choices=_choices(one),
        low=_limit(field, inclusive="ge", exclusive="gt"),
        high=_limit(field, inclusive="le", exclusive="lt"),
        default=() if required else texts_of(field, field.get_default()),
        unset=str(said.get("unset", "")),
        examples=tuple(text_of(item) for item in field.examples or ()),
        files=tuple(said.get("files", ())),
        words=said.get("words", {}),
    )


def _one_of(field: FieldInfo) -> tuple[object, int | None]:
    """Return the type of one part of one value, and how many parts a value has."""
    one = _bare(field.annotation)
    if is_repeatable(field):
        one = _bare(get_args(one)[0])
    if get_origin(one) is not tuple:
        return one, 1
    items = get_args(one)
    return _bare(items[0]), None if items[-1] is Ellipsis else len(items)


def _bare(annotation: object) -> object:
    """Return a type without ``None`` and without what is annotated."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _bare(get_args(annotation)[0])
    if origin in {Union, types.UnionType}:
        kinds = [a for a in get_args(annotation) if a is not types.NoneType]
        return _bare(kinds[0])
    return annotation


def _kind(one: object) -> Kind:
    return "circle" if one is Circle else _KINDS.get(one, "text")


def _choices(one: object) -> tuple[str, ...]:
    if one is bool:
        return ("true", "false")
    if get_origin(one) is Literal:
        return tuple(text_of(choice) for choice in get_args(one))
    return ()


def _limit(field: FieldInfo, *, inclusive: str, exclusive: str) -> Limit | None:
    for rule in field.metadata:
        for name in (inclusive, exclusive):
            value = getattr(rule, name, None)
            if value is not None:
                return Limit(float(value), name == inclusive)
    return None
