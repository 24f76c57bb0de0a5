"""The form of a task, made from its parameter model, filled from the chosen runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from distiller.analysis.fields import describe
from distiller.analysis.parameters import OBS_MAX, InvalidParameters, is_checksum
from distiller.analysis.products import SELECTED_EVENTS
from distiller.core.rights import Terms, may_read
from distiller.core.sky import separation_deg
from distiller.core.times import now
from distiller.jobs import inputs
from distiller.web import site

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from distiller.analysis.fields import Described
    from distiller.analysis.tasks import Task
    from distiller.core.errors import DistillerError
    from distiller.core.rights import Reader

_USABLE: Final = "DL3"
_APART_DEG: Final = 2.5

_RUNS: Final = """
SELECT p.publisher_did, p.product_id, p.obs_id, p.data_level, p.product_subtype,
       p.target_name,
       p.t_min, p.t_exptime, p.energy_min, p.energy_max, p.s_ra, p.s_dec,
       p.rights, p.release_date, p.owner, p.access_group,
       c.name AS collection, t.name AS target, t.ra, t.dec
FROM cta.product AS p
JOIN cta.collection AS c ON c.collection_id = p.collection_id
LEFT JOIN cta.observation AS o ON o.observation_id = p.observation_id
LEFT JOIN cta.target AS t ON t.target_id = o.target_id
WHERE p.publisher_did IN ({marks})
   OR (p.obs_id IN ({marks}) AND p.data_level = 'DL3')
ORDER BY p.t_min, p.publisher_did
"""
_TARGETS: Final = """
SELECT count(DISTINCT t.target_id) AS n FROM cta.target AS t
JOIN cta.observation AS o ON o.target_id = t.target_id WHERE t.name = ?
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One field of the form.

    Attributes
    ----------
    about
        Its name, label, unit, choices and so on, as the task declares them.
    values
        What stands in it, or is chosen.
    """

    about: Described
    values: tuple[str, ...]
    fault: str = ""

    @property
    def control(self) -> Literal["line", "lines", "choice", "choices", "file"]:
        """What it looks like: boxes for one line or several, choices, or a file."""
        if self.about.files:
            return "file"
        if self.about.choices:
            return "choices" if self.about.is_repeatable else "choice"
        return "lines" if self.about.is_repeatable else "line"

    @property
    def value(self) -> str:
        """What stands in a box."""
        return "\n".join(self.values)

    @property
    def is_kept(self) -> bool:
        """Whether what stands in it is a file that is here, by its SHA-256."""
        return is_checksum(self.value)

    @property
    def accept(self) -> str:
        """Endings of the files that a browser offers."""
        return ",".join(self.about.files)

    @property
    def placeholder(self) -> str:
        """What is meant where it is left empty, or how it is written."""
        examples = self.about.examples
        return self.about.unset or (f"e.g. {examples[0]}" if examples else "")

    @property
    def options(self) -> tuple[tuple[str, str, bool], ...]:
        """Value, words and whether it is chosen, of all that there is to choose."""
        about = self.about
        found = [
            (one, _in_words(one, about.words.get(one)), one in self.values)
            for one in about.choices
        ]
        if self.control == "choice" and not about.default:
            words = about.unset or "not given"
            found.insert(0, ("", words, not self.values))
        return tuple(found)


def _in_words(choice: str, words: str | None) -> str:
    return f"{words} ({choice})" if words else choice


@dataclass(frozen=True, slots=True)
class TaskForm:
    """The form of a task as the page shows it.

    Attributes
    ----------
    runs
        The chosen datasets that the archive has and this user may use.
    unknown
        What was chosen and is not there, as typed.
    left_out
        What was chosen and is no event list.
    closed
        What was chosen and is proprietary, and not this user's to use.
    faults
        What is wrong, by field; with the empty name, with all of it.
    """

    task: Task
    entries: tuple[Entry, ...]
    runs: tuple[dict[str, Any], ...]
    unknown: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    faults: Mapping[str, str] = field(default_factory=dict)

    @property
    def takes_files(self) -> bool:
        """Whether a file may be chosen."""
        return any(entry.control == "file" for entry in self.entries)

    @property
    def groups(self) -> tuple[tuple[str, tuple[Entry, ...]], ...]:
        """The fields by the parts of the form, in order."""
        parts = groupby(self.entries, key=lambda entry: entry.about.group)
        return tuple((str(group), tuple(entries)) for group, entries in parts)

    @property
    def unplaced(self) -> tuple[str, ...]:
        """Faults that belong to no field of the form, as sentences."""
        placed = {"obs", *(entry.about.name for entry in self.entries)}
        return tuple(
            f"{name}: {text}" if name else text
            for name, text in self.faults.items()
            if name not in placed
        )

    @property
    def marked(self) -> int:
        """How many fields are marked."""
        return len(self.faults) - len(self.unplaced)


def prepare(
    task: Task,
    pairs: Iterable[tuple[str, str]],
    who: Reader,
    faults: Mapping[str, str] | None = None,
) -> TaskForm:
    """Fill the form: what the address or the user gave, else sensible defaults.

    Parameters
    ----------
    faults
        What was wrong when it was sent; None before it is.
    """
    given = [(name.lower(), value.strip()) for name, value in pairs]
    chosen = split(value for name, value in given if name == "obs")
    wrong = dict(faults or {})
    if len(chosen) > OBS_MAX:
        wrong["obs"] = too_many(len(chosen))
        chosen = ()
    found = runs_of(chosen)
    unclear = ambiguous(chosen, found)
    for name, dids in unclear.items():
        wrong.setdefault("obs", f"{inputs.several(name, dids)} ({inputs.WHICH})")
        # None takes its place unless it is named itself.
        found = [
            r for r in found if r["obs_id"] != name or r["publisher_did"] in chosen
        ]
    known = {r["publisher_did"] for r in found} | {r["obs_id"] for r in found}
    known -= unclear.keys()
    lists = [r for r in found if is_usable(r)]
    moment = now()
    runs = [r for r in lists if may_read(who, Terms.of(r), moment)]
    values = _values(task, given)
    # Once sent, an empty field is the user's wish; before, it is ours to fill.
    defaults = {} if faults is not None else _sensible(task, runs, values)
    entries = tuple(
        Entry(
            about,
            values.get(about.name, defaults.get(about.name, about.default)),
            wrong.get(about.name, ""),
        )
        for about in describe(task.parameters)
        if about.name != "obs"  # a table of its own
    )
    return TaskForm(
        task,
        entries,
        tuple(runs),
        unknown=tuple(item for item in chosen if item not in known),
        left_out=tuple(r["obs_id"] for r in found if not is_usable(r)),
        closed=tuple(r["obs_id"] for r in lists if r not in runs),
        faults=wrong,
    )


def ambiguous(
    chosen: Sequence[str], found: Iterable[Mapping[str, Any]]
) -> dict[str, list[str]]:
    """Return what of the chosen stands in several collections, with the DIDs there.

    >>> rows = [{"obs_id": "7", "publisher_did": f"ivo://x/{c}?7"} for c in "ab"]
    >>> ambiguous(["7"], rows)
    {'7': ['ivo://x/a?7', 'ivo://x/b?7']}
    """
    dids: dict[str, set[str]] = {}
    for row in found:
        if row["obs_id"] in chosen:
            dids.setdefault(row["obs_id"], set()).add(row["publisher_did"])
    return {name: sorted(some) for name, some in dids.items() if len(some) > 1}


def is_usable(product: Mapping[str, Any]) -> bool:
    """Whether tasks take a product: the event list of a run."""
    made = product["product_subtype"] == SELECTED_EVENTS
    return bool(product["data_level"] == _USABLE and not made)


def too_many(count: int) -> str:
    """Say that so many datasets are too many, in the words of the model.

    >>> too_many(501)
    '501 datasets are more than the 500 of one job'
    """
    return f"{count:,} datasets are more than the {OBS_MAX} of one job"


def split(values: Iterable[str]) -> tuple[str, ...]:
    """Return dataset identifiers, each once, from repeated and comma-separated ones.

    >>> split(["7, 8", "7", ""])
    ('7', '8')
    """
    parts = (part.strip() for value in values for part in value.split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


def runs_of(chosen: Sequence[str]) -> list[dict[str, Any]]:
    """Return the datasets that these identifiers name."""
    if not chosen:
        return []
    marks = ", ".join("?" for _ in chosen)
    sql = _RUNS.format(marks=marks)
    return site.current().archive.rows(sql, [*chosen, *chosen])


def faults_of(error: DistillerError) -> dict[str, str]:
    """Sort an error's faults to their fields.

    >>> from distiller.core.errors import BadParameter
    >>> faults_of(BadParameter("obs", "7 stands in several collections"))
    {'obs': '7 stands in several collections'}
    """
    if isinstance(error, InvalidParameters):
        return dict(reversed(error.faults))
    name, colon, text = error.message.partition(": ")
    hint = f" ({error.hint})" if error.hint else ""
    if colon and name.isidentifier():
        return {name: text + hint}
    return {"": error.text}


def to_choose_again(task: Task, pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the faults of fields with the name of a file, which is not here.

    Parameters
    ----------
    pairs
        What was sent, with names of files that came along.
    """
    files = {about.name for about in describe(task.parameters) if about.files}
    return {
        name.lower(): f"choose {value.strip()} again, for a browser keeps no file; "
        "or untick it, to go on without it"
        for name, value in pairs
        if name.lower() in files and value.strip() and not is_checksum(value)
    }


def _values(task: Task, given: Sequence[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Return what was given, by parameter; of what may be given once, the last."""
    found: dict[str, tuple[str, ...]] = {}
    for about in describe(task.parameters):
        values = [value for name, value in given if name == about.name]
        if not values or about.name == "obs":
            continue
        if about.is_repeatable and about.choices:
            found[about.name] = split(values)
        elif about.is_repeatable:
            found[about.name] = tuple(v for text in values for v in text.split("\n"))
        else:
            found[about.name] = tuple(filter(None, values[-1:]))
    return found


def _sensible(
    task: Task,
    runs: Sequence[dict[str, Any]],
    given: Mapping[str, tuple[str, ...]],
) -> dict[str, tuple[str, ...]]:
    """Return centre and energy range as the chosen runs suggest them."""
    found: dict[str, tuple[str, ...]] = {}
    if not any(given.get(name) for name in ("target", "ra", "dec")):
        found |= {name: (value,) for name, value in _centre(runs).items()}
    for name, column, pick in (
        ("e_min", "energy_min", min),
        ("e_max", "energy_max", max),
    ):
        limits = [r[column] for r in runs if r[column] is not None]
        info = task.parameters.model_fields.get(name)
        usual = None if info is None else info.get_default()
        # A task without a default range finds it by itself.
        if limits and usual is not None:
            edge = float(pick(limits))
            value = max(usual, edge) if name == "e_min" else min(usual, edge)
            found[name] = (f"{value:.4g}",)
    return found


def _centre(runs: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Return the target that all runs share, else the mean of near pointings."""
    targets = {(r["target"], r["ra"], r["dec"]) for r in runs if r["ra"] is not None}
    if len(targets) == 1 and all(r["ra"] is not None for r in runs):
        name, ra, dec = next(iter(targets))
        archive = site.current().archive
        if name and archive.rows(_TARGETS, [name])[0]["n"] == 1:
            return {"target": name}
        return {"ra": f"{ra:.6g}", "dec": f"{dec:.6g}"}
    places = [(r["s_ra"], r["s_dec"]) for r in runs if r["s_ra"] is not None]
    if not places:
        return {}
    ra, dec = mean_position(places)
    if max(float(separation_deg(ra, dec, *place)) for place in places) > _APART_DEG:
        return {}  # of several targets: only the user knows which is meant
    return {"ra": f"{ra:.4f}", "dec": f"{dec:.4f}"}


def mean_position(places_deg: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the mean direction of ICRS positions, deg.

    >>> [round(v, 6) for v in mean_position([(359.0, 0.0), (1.0, 0.0)])]
    [0.0, 0.0]
    """
    ra, dec = np.radians(np.asarray(places_deg, dtype=np.float64)).T
    x = float(np.sum(np.cos(dec) * np.cos(ra)))
    y = float(np.sum(np.cos(dec) * np.sin(ra)))
    z = float(np.sum(np.sin(dec)))
    # Twice: a tiny negative angle plus 360 is 360.
    mean_ra = float(np.degrees(np.arctan2(y, x))) % 360.0 % 360.0
    return mean_ra, float(np.degrees(np.arctan2(z, np.hypot(x, y))))
