"""The ADQL page in a browser: completion, faults at their place, running, keys."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page
    from tests.browser.conftest import Look, OpenPage, Server

pytestmark = pytest.mark.browser

LOOKS = (("desktop", False), ("phone", False), ("desktop", True), ("phone", True))
QUERY = (
    "SELECT TOP 4 obs_id, s_ra, t_min, target_name FROM ivoa.obscore ORDER BY obs_id"
)


def _opened(page: Page, server: Server, **asked: str) -> Locator:
    """Open the page and return its editor, once it knows the words."""
    with page.expect_response("**/adql/completion.json"):
        page.goto(f"{server.url}/adql/?{urlencode(asked)}")
    editor = page.get_by_role("textbox", name="Query in ADQL")
    editor.wait_for()
    return editor


def _typed(page: Page, editor: Locator, text: str) -> None:
    editor.click()
    page.keyboard.press("Control+a")
    page.keyboard.type(text)


def _text(editor: Locator) -> str:
    lines: list[str] = editor.locator(".cm-line").all_inner_texts()
    return "\n".join(line.rstrip("\n") for line in lines)


def _completions(page: Page) -> Locator:
    return page.get_by_role("listbox", name="Completions")


def test_completion_understands_an_alias(server: Server, page: Page) -> None:
    editor = _opened(page, server)
    _typed(page, editor, "SELECT o. FROM ivoa.obscore AS o")
    page.keyboard.press("Escape")
    page.keyboard.press("Home")
    for _ in range(len("SELECT o.")):
        page.keyboard.press("ArrowRight")
    page.keyboard.type("s_r")
    options = _completions(page).locator(".cm-completionLabel")
    options.get_by_text("s_ra", exact=True).wait_for()
    names = options.all_inner_texts()
    assert names[0] == "s_ra"
    assert "SELECT" not in names
    about = page.locator(".cm-completionInfo")
    about.wait_for()
    page.wait_for_timeout(200)  # a list that has just opened takes no keys
    said = " ".join(about.inner_text().split())
    assert "o.s_ra" in said
    assert "type double unit deg UCD pos.eq.ra" in said
    assert "right ascension" in said.lower()
    page.keyboard.press("Enter")
    assert _text(editor) == "SELECT o.s_ra FROM ivoa.obscore AS o"


def test_completion_writes_quotes_and_parentheses(server: Server, page: Page) -> None:
    editor = _opened(page, server)
    _typed(page, editor, "SELECT c.siz")
    page.keyboard.press("Escape")
    page.keyboard.type(" FROM tap_schema.columns AS c")
    page.keyboard.press("Escape")
    page.keyboard.press("Home")
    for _ in range(len("SELECT c.siz")):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Control+Space")
    _completions(page).get_by_role("option", selected=True).wait_for()
    page.wait_for_timeout(200)  # as above
    page.keyboard.press("Tab")
    assert _text(editor) == 'SELECT c."size" FROM tap_schema.columns AS c'
    _typed(page, editor, "SELECT DISTA")
    page.get_by_text("DISTANCE(point, point)").wait_for()
    page.wait_for_timeout(200)  # as above
    page.keyboard.press("Enter")
    page.keyboard.type("1")
    assert _text(editor) == "SELECT DISTANCE(1)"


CASES: tuple[tuple[str, list[str], list[str]], ...] = (
    # The place is |; then what must be offered, and what must not.
    ("SELECT | FROM ivoa.obscore", ["s_ra", "COUNT", "obscore"], ["zenith"]),
    ("SELECT x FROM |", ["ivoa.obscore", "cta.product", "ivoa"], ["s_ra", "WHERE"]),
    ("SELECT x FROM ivoa.|", ["obscore", "obscore_hea"], ["product"]),
    ("SELECT x FROM ivoa.obscore AS o JOIN cta.|", ["product", "target"], ["obscore"]),
    ('SELECT x FROM "iv|', ['"ivoa"."obscore"'], ["ivoa.obscore"]),
    ('SELECT x FROM ivoa."obs|', ['"obscore"'], ["obscore"]),
    ("SELECT x FROM cta.target, |", ["cta.product"], ["name"]),
    ("SELECT a, | FROM cta.target", ["name"], ["cta.product"]),
    ("SELECT t.| FROM cta.target t", ["ra", "dec", "name"], ["s_ra", "SELECT"]),
    ("SELECT target.| FROM cta.target", ["ra"], ["s_ra"]),
    ("SELECT cta.target.| FROM cta.target", ["ra"], ["s_ra"]),
    ("SELECT 1 FROM ivoa.obscore o WHERE o.|", ["s_ra"], ["zenith"]),
    ("SELECT x FROM cta.product AS p JOIN cta.target AS t ON t.|", ["ra"], ["size"]),
    # A name of several tables is written with its table.
    ("SELECT | FROM cta.pointing p, cta.target t", ["p.ra", "t.ra"], ["ra"]),
    # Sub-queries see their own tables, then those around; not the other way round.
    (
        "SELECT a FROM ivoa.obscore AS o WHERE EXISTS (SELECT | FROM cta.target AS t)",
        ["s_ra", "name", "t", "o"],
        [],
    ),
    ("SELECT | FROM (SELECT s_ra AS x, s_dec FROM ivoa.obscore) AS q", ["x", "s_dec"],
     ["s_ra", "t_min"]),
    ("SELECT q.| FROM (SELECT s_ra AS x FROM ivoa.obscore) AS q", ["x"], ["s_ra"]),
    ("SELECT q.| FROM (SELECT * FROM cta.target) q", ["ra", "name"], []),
    ("WITH w AS (SELECT ra FROM cta.target) SELECT * FROM |", ["w"], ["ra"]),
    ("WITH w AS (SELECT ra FROM cta.target) SELECT | FROM w", ["ra"], ["dec"]),
    ("WITH w AS (SELECT | FROM cta.target) SELECT ra FROM w", ["dec"], []),
    ("SELECT ra FROM cta.target UNION SELECT | FROM ivoa.obscore", ["s_ra"], ["dec"]),
    ("SELECT ABS(|) FROM cta.target", ["ra"], ["s_ra"]),
    ("SELECT CAST(ra AS |) FROM cta.target", ["DOUBLE PRECISION"], ["ra"]),
    ("SELECT ra AS | FROM cta.target", [], ["ra"]),
    ("SELECT 'text |' FROM cta.target", [], ["ra"]),
    ("SELECT ra -- why |", [], ["ra"]),
    ("SELECT 12| FROM cta.target", [], ["ra"]),
    ('SELECT "| FROM cta.target', ['"ra"'], ["ra"]),
    ("SELECT c.| FROM tap_schema.columns AS c", ["size"], []),
    # Not closed, not begun.
    ("SELECT o.| FROM (ivoa.obscore AS o", ["s_ra"], []),
    ("|", ["SELECT"], ["s_ra"]),
    ("SELECT 1 FROM cta.target) WHERE |", ["ra"], []),
)  # fmt: skip


def test_what_is_offered_where(server: Server, page: Page) -> None:
    _opened(page, server)
    vocabulary = httpx.get(f"{server.url}/adql/completion.json").json()
    asked = [[text.replace("|", ""), text.index("|")] for text, _, _ in CASES]
    found: list[list[str]] = page.evaluate(
        """async ([asked, vocabulary]) => {
          const { optionsAt } = await import("/static/js/adql/complete.js");
          return asked.map(([text, at]) =>
            (optionsAt(text, at, vocabulary)?.options ?? []).map((o) => o.label));
        }""",
        [asked, vocabulary],
    )
    for (text, wanted, unwanted), labels in zip(CASES, found, strict=True):
        assert set(wanted) <= set(labels), text
        assert not set(unwanted) & set(labels), text


def test_what_is_offered_is_accepted(server: Server, page: Page) -> None:
    """Every column, written as the completion writes it, is one for the server."""
    _opened(page, server)
    vocabulary: dict[str, Any] = httpx.get(f"{server.url}/adql/completion.json").json()
    for table in vocabulary["tables"]:
        names = ", ".join(column["insert"] for column in table["columns"])
        query = f"SELECT {names} FROM {'.'.join(table['parts'])}"
        answer = httpx.post(f"{server.url}/adql/check", data={"query": query})
        assert answer.json() == {"faults": []}, query


def test_fault_is_marked_while_typing(server: Server, page: Page, look: Look) -> None:
    editor = _opened(page, server)
    _typed(page, editor, "SELECT o.s_raa FROM ivoa.obscore AS o")
    page.keyboard.press("Escape")
    mark = editor.locator(".cm-lintRange-error")
    mark.wait_for()
    assert mark.inner_text() == "o.s_raa"
    line = page.locator("[data-typed-faults]")
    assert "there is no column o.s_raa (did you mean s_ra?)" in line.inner_text()
    look(page, "adql-typed-fault-desktop", whole=False)
    line.get_by_role("button", name="line 1, column 8").press("Enter")
    page.keyboard.press("F8")
    page.get_by_role("button", name="Write o.s_ra").click()
    assert _text(editor) == "SELECT o.s_ra FROM ivoa.obscore AS o"
    line.wait_for(state="hidden")


def test_run_by_key_and_keep_the_place(server: Server, page: Page) -> None:
    editor = _opened(page, server)
    _typed(page, editor, QUERY)
    page.keyboard.press("Control+Enter")
    table = page.get_by_role("region", name="Result table")
    table.wait_for()
    assert table.get_by_role("row").count() == 5
    assert "s_radeg" in "".join(
        table.get_by_role("columnheader").all_inner_texts()
    ).replace("\n", "")
    assert "/adql/?query=SELECT+TOP+4" in page.url
    assert editor.evaluate("e => e.getRootNode().activeElement === e")
    # The address says it all: opened anew, and back again.
    page.reload()
    page.get_by_role("region", name="Result table").wait_for()
    assert _text(page.get_by_role("textbox", name="Query in ADQL")) == QUERY
    _opened(page, server)
    page.get_by_role("button", name=QUERY).click()
    assert _text(page.get_by_role("textbox", name="Query in ADQL")) == QUERY
    page.get_by_role("button", name="Forget them").click()
    assert page.get_by_role("button", name=QUERY).count() == 0


def test_back_leads_to_the_query_before(server: Server, page: Page) -> None:
    editor = _opened(page, server, query=QUERY)
    _typed(page, editor, QUERY.replace("TOP 4", "TOP 3"))
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**TOP+3**")
    table = page.get_by_role("region", name="Result table")
    assert table.get_by_role("row").count() == 4
    page.evaluate("location.hash = 'main'")  # as the link to the content does
    assert _text(editor).startswith("SELECT TOP 3")
    page.go_back()
    with page.expect_response("**/adql/completion.json"):
        page.go_back()
    editor = page.get_by_role("textbox", name="Query in ADQL")
    editor.wait_for()
    assert _text(editor) == QUERY


def test_a_query_can_be_stopped(server: Server, page: Page) -> None:
    editor = _opened(page, server)
    tables = ", ".join(f"ivoa.obscore AS t{n}" for n in range(12))
    _typed(page, editor, f"SELECT COUNT(*) AS n FROM {tables} WHERE t0.s_ra > t9.s_ra")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped.").wait_for()
    assert page.get_by_role("button", name="Stop").count() == 0
    page.once("dialog", lambda dialog: dialog.accept())


def test_faults_of_a_run_lead_to_their_place(server: Server, page: Page) -> None:
    editor = _opened(page, server)
    _typed(page, editor, "SELECT obs_id\nFROM ivoa.obscor")
    page.keyboard.press("Control+Enter")
    page.get_by_role("heading", name="The query has 1 fault").wait_for()
    assert page.locator(".faults mark").inner_text() == "ivoa.obscor"
    page.get_by_role("button", name="line 2, column 6").last.click()
    page.keyboard.type("X")
    assert _text(editor) == "SELECT obs_id\nFROM Xivoa.obscor"


def test_example_is_loaded_and_taken_back(server: Server, page: Page) -> None:
    editor = _opened(page, server)
    _typed(page, editor, "SELECT mine")
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Which runs belong to a proposal?").click()
    assert "FROM cta.proposal AS p" in _text(editor)
    page.keyboard.press("Control+z")
    assert _text(editor) == "SELECT mine"


def test_an_edit_is_not_lost_unasked(server: Server, page: Page) -> None:
    editor = _opened(page, server)
    _typed(page, editor, "SELECT mine")
    page.keyboard.press("Escape")
    asked: list[str] = []

    def stay(dialog: Any) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.once("dialog", stay)
    page.get_by_role("link", name="Help", exact=True).click()
    page.wait_for_timeout(300)
    assert asked == ["beforeunload"]
    assert page.url.endswith("/adql/?")
    page.once("dialog", lambda dialog: dialog.accept())


def test_keyboard_leaves_the_editor(server: Server, page: Page) -> None:
    editor = _opened(page, server)
    editor.focus()
    page.keyboard.type("a/b?")
    page.keyboard.press("Escape")
    assert _text(editor) == "a/b?"
    page.keyboard.press("Tab")
    inside = "e => e.getRootNode().activeElement === e"
    assert not editor.evaluate(inside)
    page.keyboard.press("Shift+Tab")
    assert editor.evaluate(inside)
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")


@pytest.mark.parametrize("query", [QUERY, f"{QUERY} -- {'long ' * 2000}"])
def test_without_scripts(server: Server, open_page: OpenPage, query: str) -> None:
    with open_page(scripts=False) as page:
        page.goto(f"{server.url}/adql/")
        page.get_by_role("textbox", name="Query").fill(query)
        page.get_by_role("button", name="Run", exact=True).click()
        table = page.get_by_role("region", name="Result table")
        assert table.get_by_role("row").count() == 5
        assert ("query=" in page.url) == (query == QUERY)
        page.get_by_role("link", name="Which runs belong to a proposal?").click()
        text = page.get_by_role("textbox", name="Query").input_value()
        assert text.startswith("SELECT o.obs_id, b.block_id")
        page.get_by_role("textbox", name="Query").fill("SELECT s_raa FROM ivoa.obscore")
        page.get_by_role("button", name="Run", exact=True).click()
        assert page.locator(".faults mark").inner_text() == "s_raa"


@pytest.mark.parametrize(("size", "dark"), LOOKS)
def test_looks(
    server: Server, open_page: OpenPage, look: Look, size: str, *, dark: bool
) -> None:
    mark = f"{size}{'-dark' if dark else ''}"
    with open_page(size=size, dark=dark) as page:
        editor = _opened(page, server)
        look(page, f"adql-empty-{mark}")
        _opened(page, server, query=f"{QUERY.replace('TOP 4', 'TOP 60')} -- in order")
        page.get_by_role("region", name="Result table").wait_for()
        page.get_by_text("This query as pyVO, curl, STILTS").click()
        look(page, f"adql-rows-{mark}")
        _opened(page, server, query="SELECT s_raa\nFROM ivoa.obscore\nWHERE foo >")
        page.get_by_role("heading", name="The query has").wait_for()
        editor.locator(".cm-lintRange-error").first.wait_for()
        look(page, f"adql-faults-{mark}")
        _typed(page, editor, "SELECT DISTINCT o.s_")
        page.keyboard.type("region, o.s_ra FROM ivoa.obscore AS o WHERE o.t")
        page.locator(".cm-completionInfo").wait_for()
        look(page, f"adql-completion-{mark}", whole=False)
        page.once("dialog", lambda dialog: dialog.accept())


def test_search_opens_its_query_here(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/search/?target=Crab")
    page.get_by_text("The ADQL of this search").click()
    page.get_by_role("link", name="Open in the ADQL editor").click()
    editor = page.get_by_role("textbox", name="Query in ADQL")
    editor.wait_for()
    assert "FROM ivoa.obscore AS o" in _text(editor)
    page.get_by_role("region", name="Result table").wait_for()
    page.get_by_role("link", name="Choose datasets among these rows").click()
    page.get_by_role("checkbox", name=re.compile(r"^Choose \d{4}$")).first.wait_for()


def test_completion_is_not_large(server: Server) -> None:
    answer = httpx.get(f"{server.url}/adql/completion.json")
    assert len(json.dumps(answer.json())) < 500_000


def test_a_query_runs_in_the_background(server: Server, page: Page) -> None:
    editor = _opened(page, server)
    _typed(page, editor, QUERY)
    page.get_by_role("button", name="Run in the background").click()
    page.get_by_role("heading", name="ADQL query").wait_for()
    table = page.get_by_role("link", name="Download the table")
    table.wait_for()
    answer = httpx.get(f"{server.url}{table.get_attribute('href')}")
    assert answer.content.count(b"<FIELD") == 4
    page.get_by_role("link", name="Run again with changes").click()
    page.get_by_role("textbox", name="Query in ADQL").wait_for()
    assert _text(page.get_by_role("textbox", name="Query in ADQL")) == QUERY


def test_faults_are_shown_before_it_runs_in_the_background(
    server: Server, page: Page
) -> None:
    editor = _opened(page, server)
    _typed(page, editor, "SELECT obs_idd FROM ivoa.obscore")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Run in the background").click()
    page.get_by_text("Not run: line 1, column 8: there is no column").wait_for(
        state="attached"
    )
    assert page.locator("[data-typed-faults]").is_visible()
    assert page.url.startswith(f"{server.url}/adql/")
    _typed(page, editor, QUERY)
    page.keyboard.press("Escape")
    page.get_by_label("as", exact=True).select_option("CSV")
    page.get_by_role("button", name="Run in the background").click()
    page.get_by_role("heading", name="ADQL query").wait_for()
    link = page.get_by_role("link", name="Download the table")
    link.wait_for()
    assert link.get_attribute("href")
    answer = httpx.get(f"{server.url}{link.get_attribute('href')}")
    assert len(answer.text.splitlines()) == 5
