"""What fills ivoa.obscore: a mapping that is declared, one expression per column."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from distiller.core.engines import EngineName
from distiller.core.errors import BadData, Damaged
from distiller.model.emit.sql import duckdb
from distiller.model.load import PACKAGED

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.model.tables import BoundTable, Model

Expression = str | Mapping[EngineName, str] | None
Which = Literal["all", "one", "some"]

FILE = PACKAGED / "obscore.mapping.yaml"
_FILES = "*.mapping.yaml"
_PARAMETER = re.compile(r"\$([a-z_]+)")
_SELECTING = frozenset({"publisher_did", "publisher_dids"})


class _Declared(BaseModel):
    """The file as written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: str
    key: str
    from_clause: str = Field(alias="from")
    columns: Mapping[str, Expression]


@dataclass(frozen=True, slots=True)
class ObsCoreMapping:
    """One SQL expression per column of the target table.

    Attributes
    ----------
    target
        The table that is filled.
    key
        Expression for the publisher DID, which selects one dataset.
    from_clause
        The tables that expressions are over.
    columns
        Expression by column, for all engines or one each; None is not filled.
    """

    target: str
    key: str
    from_clause: str
    columns: Mapping[str, Expression]

    def expression(self, column: str, engine: EngineName = "duckdb") -> str:
        """Return the SQL expression of a column."""
        given = self.columns[column]
        if given is None:
            return "NULL"
        if isinstance(given, str):
            return given
        try:
            return given[engine]
        except KeyError:
            raise Damaged(
                f"no expression of {self.target}.{column} for {engine}"
            ) from None

    @property
    def did_column(self) -> str:
        """The column that holds the publisher DID."""
        try:
            return next(n for n, given in self.columns.items() if given == self.key)
        except StopIteration:
            raise Damaged(f"no column of {self.target} is {self.key}") from None

    def used(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return those parameters that the mapping names: engines refuse others."""
        given = [e for e in self.columns.values() if e is not None]
        texts = [e if isinstance(e, str) else " ".join(e.values()) for e in given]
        named = set(_PARAMETER.findall(" ".join([self.from_clause, *texts])))
        return {
            name: value
            for name, value in parameters.items()
            if name in named or name in _SELECTING
        }

    def insert_sql(
        self, table: BoundTable, engine: EngineName = "duckdb", *, which: Which = "all"
    ) -> str:
        """Return the INSERT that fills the target, whose table it is given.

        See `select_sql`.
        """
        select = self.select_sql(engine, which=which)
        names = tuple(self.columns)
        if engine == "duckdb":
            return duckdb.insert(table, names, select, ordered=which == "all")
        return f"INSERT INTO {self.target} ({', '.join(names)})\n{select}"

    def select_sql(
        self,
        engine: EngineName = "duckdb",
        *,
        which: Which = "all",
    ) -> str:
        """Return a SELECT that gives every column of the target, in its order.

        Parameters
        ----------
        which
            Whether all datasets are wanted, the one of the parameter
            ``$publisher_did``, or those of the list ``$publisher_dids``.

        Notes
        -----
        Parameters of the statement: ``$base_url`` without a last slash and
        ``$calib_levels``, a JSON object of data level to calib_level;
        ``$product_types``, one of product type to the word of the site; and
        ``$event_format``, the media type of event lists.
        """
        listed = ",\n  ".join(
            f"{self.expression(name, engine)} AS {name}" for name in self.columns
        )
        where = {
            "all": "",
            "one": f"\nWHERE {self.key} = $publisher_did",
            "some": f"\nWHERE {self.key} = ANY($publisher_dids)",
        }[which]
        return f"SELECT\n  {listed}\nFROM {self.from_clause.strip()}{where}"


def mappings(model: Model) -> tuple[ObsCoreMapping, ...]:
    """Return the mappings beside the model, ivoa.obscore first, checked against it.

    Raises
    ------
    Damaged
        If a mapping and the model's table differ in their columns.
    """
    return tuple(_checked(path, model) for path in _paths(_folder(model)))


def _folder(model: Model) -> Path:
    return model.folder or PACKAGED


@functools.cache
def _paths(folder: Path) -> tuple[Path, ...]:
    first = folder / FILE.name
    others = (path for path in sorted(folder.glob(_FILES)) if path != first)
    return (first, *others)


def _checked(path: Path, model: Model) -> ObsCoreMapping:
    declared = read_mapping(path)
    faults = mapping_faults(declared, model)
    if faults:
        raise Damaged("; ".join(faults), hint="install the program again")
    return declared


def mapping_faults(declared: ObsCoreMapping, model: Model) -> tuple[str, ...]:
    """Return what is wrong between a mapping and the table that it fills."""
    table = model.by_name.get(declared.target)
    if table is None:
        return (f"the mapping fills {declared.target}, which is absent",)
    wanted = set(table.names)
    given = set(declared.columns)
    return tuple(
        [f"{table.name}.{name}: no expression" for name in sorted(wanted - given)]
        + [f"{table.name}.{name}: no such column" for name in sorted(given - wanted)]
    )


@functools.cache
def read_mapping(path: Path) -> ObsCoreMapping:
    """Read a mapping file (YAML)."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        declared = _Declared.model_validate(data)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
        message = " ".join(str(error).split())
        raise BadData("M012", path.name, message) from error
    return ObsCoreMapping(
        declared.target, declared.key, declared.from_clause, declared.columns
    )
