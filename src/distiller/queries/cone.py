"""A cone search as a query: from its parameters to ADQL, and on as any query goes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from distiller.queries import answer
from distiller.queries.literals import number
from distiller.vo import scs
from distiller.vo.formats import writer_for
from distiller.vo.tap import TapParameters
from distiller.vo.votable import VOTableWriter

if TYPE_CHECKING:
    from distiller.archive.protocol import ArchiveReader
    from distiller.core.columns import Column
    from distiller.core.settings import Settings
    from distiller.queries.answer import Prepared
    from distiller.vo.scs import ConeParameters

_FEWEST: Final = ("o.obs_publisher_did", "o.s_ra", "o.s_dec")
_USUAL: Final = (
    *_FEWEST,
    "o.obs_id",
    "o.obs_collection",
    "o.target_name",
    "o.dataproduct_type",
    "o.calib_level",
    "o.s_fov",
    "o.t_min",
    "o.t_max",
    "o.t_exptime",
    "o.em_min",
    "o.em_max",
    "o.facility_name",
    "o.instrument_name",
    "o.access_url",
    "o.access_format",
    "o.access_estsize",
    "b.livetime",
    "b.n_events",
)
_ALL: Final = (
    "o.*",
    "b.title",
    "b.observer",
    "b.obs_mode",
    "b.ontime",
    "b.livetime",
    "b.deadc",
    "b.n_events",
    "a.zenith",
    "t.ra AS target_ra",
    "t.dec AS target_dec",
)
_OBSERVED: Final = """
  LEFT JOIN cta.product AS p ON p.publisher_did = o.obs_publisher_did
  LEFT JOIN cta.observation AS b ON b.observation_id = p.observation_id"""
_ASIDE: Final = """
  LEFT JOIN cta.target AS t ON t.target_id = b.target_id
  LEFT JOIN cta.ambient_conditions AS a ON a.observation_id = b.observation_id"""
_WORDS: Final = "Distance from the centre of the search."


def adql(asked: ConeParameters) -> str:
    """Return the query: datasets whose position lies in the cone, nearest first.

    >>> print(adql(scs.ConeParameters(83.6, 22.0, 2.0, 1)))
    SELECT o.obs_publisher_did, o.s_ra, o.s_dec
    FROM ivoa.obscore AS o
    WHERE 1 = CONTAINS(POINT(o.s_ra, o.s_dec), CIRCLE(83.6, 22.0, 2.0))
    ORDER BY DISTANCE(POINT(o.s_ra, o.s_dec), POINT(83.6, 22.0)), o.obs_publisher_did
    """
    centre = f"{number(asked.ra_deg)}, {number(asked.dec_deg)}"
    distance = f"DISTANCE(POINT(o.s_ra, o.s_dec), POINT({centre}))"
    circle = f"CIRCLE({centre}, {number(asked.radius_deg)})"
    where = f"1 = CONTAINS(POINT(o.s_ra, o.s_dec), {circle})"
    if asked.radius_deg == 0:
        where = "1 = 0"  # 1.03 section 2: nothing but the columns is wanted
    chosen = {1: _FEWEST, 2: _USUAL, 3: _ALL}[asked.verbosity]
    tables = "ivoa.obscore AS o"
    if asked.verbosity > 1:
        chosen += (f"{distance} AS separation",)
        tables += _OBSERVED
    if asked.verbosity == 3:  # noqa: PLR2004 - all columns
        tables += _ASIDE
    return (
        f"SELECT {', '.join(chosen)}\nFROM {tables}\nWHERE {where}\n"
        f"ORDER BY {distance}, o.obs_publisher_did"
    )


def prepare(
    asked: ConeParameters, archive: ArchiveReader, settings: Settings
) -> Prepared:
    """Translate a search; nothing runs yet.

    Raises
    ------
    QueryError
        If the tables of the archive are not those of the packaged model.
    """
    query = TapParameters(
        query=adql(asked),
        maxrec=asked.maxrec,
        responseformat=asked.responseformat,
        run_id=asked.run_id,
    )
    prepared = answer.prepare(query, archive, settings)
    columns = tuple(_named(column) for column in prepared.columns)
    infos = [("standardID", scs.STANDARD), ("QUERY", query.query)]
    if asked.responseformat is None:
        # TABLEDATA, which clients of 1.03 read.
        writer = VOTableWriter(
            columns,
            serialization="TABLEDATA",
            infos=infos,
            media_type=scs.MEDIA_TYPE,
        )
        return replace(prepared, columns=columns, writer=writer)
    return replace(
        prepared,
        columns=columns,
        writer=writer_for(asked.responseformat, columns, infos=infos),
    )


def _named(column: Column) -> Column:
    """Return a column as a cone search describes it."""
    if column.name == "separation":
        return replace(column, description=_WORDS)
    return replace(column, ucd=scs.MAIN_UCDS.get(column.name, column.ucd))
