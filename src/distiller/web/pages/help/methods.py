"""The methods of tasks, which are Markdown, as parts of pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml

from distiller.analysis.tasks import TASKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it.token import Token

    from distiller.analysis.tasks import Task

_WRITTEN: Final = "http://127.0.0.1:8000"
"""The address of the site in examples, which are run by tests as they stand."""

_PAGES: Final = {
    "uws.md": "/help/#h-same",
    **{f"{name}.md": f"/help/{name}/" for name in TASKS},
}
"""Where the pages of the documentation are that methods name."""


def html_of(task: Task, base_url: str) -> str:
    """Return the method of a task as HTML, with links and examples of this site.

    Parameters
    ----------
    base_url
        Of the site.
    """
    text = task.method.replace(_WRITTEN, base_url.rstrip("/"))
    tokens = _MARKDOWN.parse(text)
    for token, inner in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "heading_open" and inner is not None:
            token.attrSet("id", _anchor(inner.content))
        for child in token.children or ():
            if child.type == "link_open":
                child.attrSet("href", address_of(str(child.attrGet("href") or "")))
    return str(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}))


def address_of(link: str) -> str:
    """Return where a link of the documentation leads on the site.

    >>> address_of("significance_map.md#method")
    '/help/significance_map/#method'
    >>> address_of("uws.md#the-same-again"), address_of("https://doi.org/10.1086/161295")
    ('/help/#h-same', 'https://doi.org/10.1086/161295')
    """
    page, mark, anchor = link.partition("#")
    here = _PAGES.get(page)
    if here is None:
        return link
    return here if "#" in here else f"{here}{mark}{anchor}"


def _anchor(heading: str) -> str:
    """Return what a heading is linked by, as the documentation does it.

    >>> _anchor("What is valid")
    'what-is-valid'
    """
    return "-".join(heading.lower().split())


def _markdown() -> MarkdownIt:
    """Return what writes Markdown as HTML; wide tables are scrolled on a phone."""

    def begin(*_: object) -> str:
        return (
            '<div class="table-frame plain" tabindex="0" role="group" '
            'aria-label="Table"><table class="data">\n'
        )

    def end(*_: object) -> str:
        return "</table></div>\n"

    def code(_: object, tokens: Sequence[Token], place: int, *__: object) -> str:
        label = "Python" if tokens[place].info == "python" else "Commands"
        text = escapeHtml(tokens[place].content)
        return (
            f'<div class="adql"><pre tabindex="0" aria-label="{label}">{text}</pre>'
            "</div>\n"
        )

    made = MarkdownIt("commonmark", {"html": False}).enable("table")
    made.add_render_rule("table_open", begin)
    made.add_render_rule("table_close", end)
    made.add_render_rule("fence", code)
    return made


_MARKDOWN: Final = _markdown()
