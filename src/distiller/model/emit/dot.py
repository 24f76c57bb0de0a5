"""Words of the DOT language, and the colours and letters of every diagram."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

INK = "#19222e"
SOFT = "#4f5c6c"
LINE = "#8794a5"
PAGE = "#ffffff"
PLAIN = "#f5f7fa"
BLUE = "#e3effb"
GREEN = "#e2f5ee"
YELLOW = "#fdf4dc"

AFTER_DARK = {
    INK: "#e5eaf1",
    SOFT: "#a4b1c1",
    LINE: "#6d7d90",
    PAGE: "#0e141c",
    PLAIN: "#1d2733",
    BLUE: "#14304e",
    GREEN: "#0c3327",
    YELLOW: "#372b0c",
}
"""What each colour becomes where the reader's screen is dark."""

# Verdana and DejaVu Sans are equally wide: texts fit their boxes with either.
_FONT = "DejaVu Sans,Verdana,sans-serif"
_GRAPH = {
    "bgcolor": PAGE,
    "fontname": _FONT,
    "fontsize": "10",
    "fontcolor": SOFT,
    "color": LINE,
    "pad": "0.2",
    "ranksep": "0.55",
    "nodesep": "0.35",
}
# Boxes that no line joins are set in an array: side by side they would be wide. Where
# there are lines, packing loses their labels.
PACKED = {"pack": "16", "packmode": "array_u3"}
_NODE = {"shape": "plain", "fontname": _FONT, "fontsize": "10", "fontcolor": INK}
_EDGE = {
    "color": SOFT,
    "fontname": _FONT,
    "fontsize": "9",
    "fontcolor": SOFT,
    "arrowsize": "0.8",
}
_TABLE = (
    f'<TABLE BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="3" '
    f'COLOR="{LINE}" BGCOLOR="{PAGE}">'
)


def graph(title: str, lines: Iterable[str], **settings: str) -> str:
    """Return a directed graph; settings of the graph come before its lines."""
    head = [
        f"digraph {quoted(title)} {{",
        f"  graph [{_pairs(_GRAPH | settings)}]",
        f"  node [{_pairs(_NODE)}]",
        f"  edge [{_pairs(_EDGE)}]",
    ]
    return "\n".join([*head, *(f"  {line}" for line in lines), "}"]) + "\n"


def node(identifier: str, label: str) -> str:
    """Return a node with an HTML label."""
    return f"{quoted(identifier)} [label=<{label}>]"


def edge(start: str, end: str, **settings: str) -> str:
    """Return an edge; each end may name a row, as ``"node":"row"``."""
    return f"{start} -> {end} [{_pairs(settings)}]"


def box(rows: Iterable[str]) -> str:
    """Return the label of a box of rows."""
    return _TABLE + "".join(rows) + "</TABLE>"


def row(text: str, *, fill: str = PAGE, align: str = "LEFT", port: str = "") -> str:
    """Return a row of a box; ``text`` is markup."""
    place = f' PORT="{escape(port)}"' if port else ""
    return f'<TR><TD{place} ALIGN="{align}" BGCOLOR="{fill}">{text}</TD></TR>'


def lines(texts: Iterable[str]) -> str:
    """Return a row of several lines, each from the left; ``texts`` are markup."""
    inner = "".join(f'<TR><TD ALIGN="LEFT">{text}</TD></TR>' for text in texts)
    return (
        f'<TR><TD ALIGN="LEFT" CELLPADDING="4" BGCOLOR="{PAGE}">'
        f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1">{inner}'
        f"</TABLE></TD></TR>"
    )


def words(text: str, colour: str = INK, *, size: int | None = None) -> str:
    """Return a text as markup.

    >>> words("a < b", "#000000")
    '<FONT COLOR="#000000">a &lt; b</FONT>'
    """
    point = f' POINT-SIZE="{size}"' if size else ""
    return f'<FONT COLOR="{colour}"{point}>{escape(text)}</FONT>'


def label(*lines: str) -> str:
    """Return the label of an edge, kept at a distance from its line."""
    return "\n".join(f"\u00a0\u00a0{line}\u00a0\u00a0" for line in lines)


def quoted(text: str) -> str:
    r"""Return a name as DOT writes it.

    >>> quoted('a "b"')
    '"a \\"b\\""'
    """
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _pairs(settings: Mapping[str, str]) -> str:
    return " ".join(f"{key}={quoted(value)}" for key, value in settings.items())
