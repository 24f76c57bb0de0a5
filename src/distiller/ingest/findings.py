"""What can be wrong with DL3 data: one table of stable codes, with text and advice.

``D1..`` is about files, ``D2..`` about metadata. ``error`` refuses a run or a file,
``warning`` and ``note`` go into the archive with the run.
``docs/reference/findings.md`` is generated from this table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of finding.

    Attributes
    ----------
    code
        Stable for ever: ``D104``.
    title
        What is wrong, in a few words, without the particulars.
    advice
        What to do about it, or what was done, one sentence.
    """

    code: str
    severity: Severity
    title: str
    advice: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with one file or run.

    Attributes
    ----------
    code
        Key of `CODES`.
    message
        The particulars, one sentence without the path.
    path
        File or folder.
    obs_id
        The run, where it is known.
    """

    code: str
    message: str
    path: str
    obs_id: str | None = None

    @property
    def severity(self) -> Severity:
        """Severity of the code."""
        return CODES[self.code].severity

    def __str__(self) -> str:
        return f"{self.code} {self.path}: {self.message}"


_TABLE = (
    Code("D100", "error", "no DL3 data",
         "Name a folder with GADF index files, or FITS files with an EVENTS table."),
    Code("D101", "error", "cannot be opened",
         "Check the permissions of the file and the health of the disk."),
    Code("D102", "error", "missing from disk",
         "Fetch it or put it back; or mend what names it, an index or a link. If its "
         "folder was moved, ingest that anew and `distiller refused --forget` this."),
    Code("D103", "error", "empty file", "Fetch the file again."),
    Code("D104", "error", "no GTI",
         "Without good time intervals a run has no exposure: add a GTI table."),
    Code("D105", "error", "no EVENTS", "The file holds no event list: mend the index."),
    Code("D106", "error", "not FITS",
         "Fetch the file again; a web page is often saved under the name of the file."),
    Code("D107", "error", "truncated", "The file ends too early: fetch it again."),
    Code("D108", "error", "compression damaged",
         "The gzip stream is broken: fetch the file again."),
    Code("D109", "error", "header damaged",
         "The FITS structure cannot be followed: write the file anew."),
    Code("D110", "error", "obs_id twice in a collection",
         "Taken is the file whose own OBS_ID is that of the index (the first found, if "
         "several are), else none of them: mend the index, or ingest one with another "
         "--collection."),
    Code("D111", "error", "copy of another file",
         "Its bytes are those of another run. Taken is the run whose name is its "
         "OBS_ID (the first found, if several are), else none of them: fetch the right "
         "file of the other, or take it out of the index or the folder."),
    Code("D112", "error", "EVENTS without a needed column",
         "TIME, RA, DEC and ENERGY are needed: write the file anew."),
    Code("D113", "error", "no usable OBS_ID",
         "Set OBS_ID in the EVENTS header to a short word without spaces, or give it "
         "in the settings of the collection by the name of the file."),
    Code("D114", "error", "good time intervals unusable",
         "START and STOP must be finite and in order: write the GTI table anew."),
    Code("D115", "error", "changed while it was read",
         "Ingest again when nothing writes to the file any more."),
    Code("D116", "error", "name is not UTF-8",
         "The archive cannot store such a path: rename the file or folder."),
    Code("D117", "error", "refused by the archive",
         "The rows contradict others or do not fit; the message says which."),
    Code("D118", "error", "less can be read than when it was stored",
         "The rows that were stored before are kept: mend the index or the response "
         "files and ingest again; instead of a single file, ingest its folder."),
    Code("D119", "error", "not understood",
         "A fault of this program, which is in the log: please report it. The rest "
         "went in."),
    Code("D120", "error", "index file unusable",
         "Event lists below its folder are taken as if there were no index, unless "
         "they are stored already: mend the index and ingest again."),
    Code("D121", "warning", "response file unusable",
         "The run is in the archive without these responses: mend the file and ingest "
         "again."),
    Code("D122", "warning", "no instrument responses",
         "Counts can be made of the run, but no fluxes."),
    Code("D123", "note", "event list that the index does not name",
         "It was left out. To have it, add it to the index and ingest the folder, or "
         "name the file itself, with the --collection of the others."),
    Code("D124", "warning", "checksum differs from the index",
         "The file was changed after the index was made: make the index anew."),
    Code("D125", "note", "named by several index files",
         "The run was taken once; its row comes from the first index."),
    Code("D126", "note", "response table too large to be read",
         "It is listed without resolution and field of view."),
    Code("D128", "note", "another index file of the folder",
         "It was not read: name it to have it instead."),
    Code("D129", "warning", "several EVENTS or GTI tables",
         "Where no index names one, the first is that of the run: write an index that "
         "names both."),
    Code("D130", "error", "the store does not answer",
         "Passing: ingest again later, with --refused."),
    Code("D131", "error", "EVENTS column in an unusable unit",
         "No analysis can convert it: write TIME in s, RA and DEC in deg, ENERGY in "
         "TeV."),
    Code("D132", "error", "settings file cannot be used",
         "Put the file back or mend it, and try again; or name another with "
         "--settings."),
    Code("D201", "note", "placeholder dropped",
         "The value stands for `not known` and is stored as NULL."),
    Code("D202", "warning", "time keywords disagree with the GTI",
         "The GTI counts, and gave the times of the run: if it is right nothing is to "
         "be done, else write the GTI table anew. Of a set that is known for it, "
         "[[accept]] the code in the settings."),
    Code("D203", "warning", "TIMESYS missing", "Terrestrial Time (TT) was assumed."),
    Code("D204", "error", "time reference unusable",
         "MJDREFI, MJDREFF and TIMESYS (TT, UTC, TAI or TDB) place the run in time: "
         "mend them in the headers of EVENTS and GTI, or give them by an [[override]] "
         'for each in the settings, that of the GTI with table = "GTI".'),
    Code("D205", "note", "altitude in km", "ALTITUDE was taken as km and stored in m."),
    Code("D206", "note", "OBS_ID is text",
         "GADF wants an integer; it is the name of the run where no index names it."),
    Code("D207", "warning", "energy thresholds unphysical or incomplete",
         "It was dropped; the next source of the energy range was asked."),
    Code("D208", "warning", "place of the array wrong",
         "The coordinate lies far from every known site of this facility: it is stored "
         "as NULL. Give the place as [site] in the settings, or mend GEOLON and GEOLAT "
         "in the header of EVENTS."),
    Code("D209", "warning", "OBS_ID differs from the index",
         "The OBS_ID of the index was taken, which names the run to users."),
    Code("D210", "warning", "direction unusable",
         "A coordinate is missing or out of range: NULL, or taken modulo 360 deg."),
    Code("D211", "warning", "value of a wrong type or range",
         "The value cannot be used and is stored as NULL."),
    Code("D212", "note", "header text not ASCII",
         "FITS allows ASCII only; the text was read as UTF-8 or Latin-1."),
    Code("D213", "note", "keyword given twice", "The first value was taken."),
    Code("D214", "warning", "cards that cannot be read", "They were left out."),
    Code("D215", "note", "text shortened", "Only the beginning is stored."),
    Code("D216", "note", "dates on another time scale",
         "DATE-OBS or DATE-END is not on TIMESYS. The times come from the GTI: nothing "
         "is to be done; [[accept]] the code in the settings to be told no more."),
    Code("D217", "warning", "exposure differs from the GTI",
         "The sum of the good time intervals was taken."),
    Code("D218", "warning", "leap seconds since the time reference",
         "Elapsed seconds with TIMESYS UTC were taken as days of 86400 s; another "
         "reader may differ by the leap seconds. Write TIMESYS TT."),
    Code("D219", "note", "energy range of the event selection",
         "No safe energy range is given; that of the selection (DSVAL) was taken."),
    Code("D220", "note", "energy range unknown",
         "Neither thresholds, a selection nor an effective area are given: searches by "
         "energy miss it."),
    Code("D221", "note", "point-like responses",
         "Made after a cut around one assumed position: for spectra and light curves "
         "of a source there. Counts are right all over; there is no resolution."),
    Code("D222", "note", "resolution not measurable",
         "The response has no usable value at 1 TeV and 0.5 deg."),
    Code("D223", "note", "no target position",
         "The run has the name of a target and is found by its pointing only: mend "
         "RA_OBJ and DEC_OBJ in the header of EVENTS or by an [[override]]; "
         "of a survey, [[accept]] the code in the settings."),
    Code("D224", "note", "humidity as a fraction",
         "RELHUM of at most 1 was taken as a fraction and stored in percent."),
    Code("D225", "note", "README shortened",
         "Only the beginning is stored as terms of use."),
    Code("D226", "warning", "time references of EVENTS and GTI differ",
         "The times of the run are those of the GTI with its own reference."),
    Code("D227", "warning", "rights not said",
         "The run is public, as nobody said otherwise: say who may see it by an "
         "[[access]] in the settings and ingest again; or, where the settings have "
         "none, ingest its file again with --rights."),
    Code("D228", "note", "made public",
         "The run was proprietary until now, or when it was removed, and --rights or "
         "the settings say public."),
    Code("D230", "note", "header mended by the settings",
         "The value of the settings file was taken instead of that in the header."),
    Code("D231", "warning", "run of the settings not found",
         "The settings file names a run that the collection does not have, or a range "
         "without any: mend its runs, or ingest what is missing."),
    Code("D232", "note", "energy range of the effective area",
         "Neither thresholds nor a selection are given; where the effective area is "
         "above zero was taken, which is wider than what is safe."),
    Code("D233", "note", "field of view unknown",
         "Responses for one offset do not say it: s_fov and s_region are NULL, and the "
         "run is found by its pointing and its target."),
    Code("D234", "note", "no PSF table", "The angular resolution is NULL."),
    Code("D235", "warning", "point-like responses incomplete",
         "Spectra need the effective area, the energy dispersion and the cut on "
         "direction; nothing was assumed: mend the files and ingest again."),
    Code("D236", "note", "removed before, left out",
         "It was taken out with `distiller remove` and stays out; `distiller ingest "
         "PATH --restore RUN` takes it in again."),
    Code("D237", "warning", "EVENTS column without a unit",
         "Analyses may take it for another one: write TUNIT, s, deg or TeV."),
    Code("D238", "warning", "no events",
         "The run went in; no analysis finds anything in it."),
    Code("D239", "warning", "time reference missing in EVENTS",
         "That of the GTI was taken, by jobs as well; programs that read the events "
         "alone may assume another or fail: write TIMESYS, MJDREFI and MJDREFF there."),
    Code("D240", "warning", "events outside the good time",
         "TSTART and TSTOP have nothing in common with the good time intervals, "
         "which count: an analysis would drop every event."),
    Code("D241", "warning", "exposure incomplete",
         "ONTIME is that of the GTI; without DEADC or LIVETIME, analyses know no dead "
         "time: write them."),
    Code("D242", "warning", "facility or instrument unknown",
         "Searches by it miss the run: write the keyword, or name it in an override."),
    Code("D243", "warning", "pointing of header and index differ",
         "One of them is wrong; jobs read the header: mend it or the index."),
    Code("D244", "warning", "override without effect",
         "Nothing was changed: mend its keyword or its table in the settings file."),
    Code("D245", "note", "nothing to fill a column with",
         "Header and index do not have the keyword, and the column of the site stays "
         "NULL: mend the keyword of the [[fill]] in the settings, or accept the code."),
    Code("D246", "note", "left out by the settings",
         "An [[ignore]] of the settings of the collection names it; take it out there "
         "and ingest again to have it."),
    Code("D247", "note", "rights as before its removal",
         "Those who might see the run when it was removed may see it again: an "
         "[[access]] of the settings changes it, or --rights with its file alone."),
    Code("D248", "warning", "rows of an index given twice",
         "The first row of the run was taken: mend the index if they differ."),
    Code("D249", "error", "events without finite values",
         "No row that was looked at (512, from the first to the last) has a number in "
         "this column: no analysis finds anything; write the file anew."),
    Code("D250", "warning", "some events without finite values",
         "Analyses leave such events out; counted are the rows that were looked at "
         "(512, from the first to the last)."),
    Code("D251", "warning", "stored run that the index does not name",
         "Its file was named once; options and settings of this ingest do not reach "
         "it: ingest the file itself with them, and with the --collection of the "
         "others, or add it to the index."),
)  # fmt: skip

FILE_REFUSED = frozenset({"D121"})
"""Codes of files that are refused while their runs go in without them."""

CODES: dict[str, Code] = {code.code: code for code in _TABLE}
"""Every code, by its name."""


def refuses(finding: Finding) -> bool:
    """Whether a finding keeps a run or a file out."""
    return finding.severity == "error" or finding.code in FILE_REFUSED


def reference() -> str:
    """Return ``docs/reference/findings.md``."""
    lines = [
        "# Findings of `distiller ingest`",
        "",
        "<!-- Made from distiller.ingest.findings; a test compares. -->",
        "",
        "An **error** refuses a run or a file (the rest goes in); what concerns a run",
        "that went in is stored with it in `cta.finding`. Codes keep their meaning.",
        "",
        "| code | severity | what | advice |",
        "|---|---|---|---|",
    ]
    lines += [f"| {c.code} | {c.severity} | {c.title} | {c.advice} |" for c in _TABLE]
    return "\n".join(lines) + "\n"
