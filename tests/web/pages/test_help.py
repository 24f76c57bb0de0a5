"""The services that the help page names are there, and its commands run."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx
import lxml.html
import pytest
from tests.web.tap.test_user_tables import PASSWORD, add_user

from distiller.analysis.fields import describe
from distiller.analysis.tasks import TASKS
from distiller.web.pages.help.methods import html_of
from distiller.web.pages.help.views import SERVICES, Service

if TYPE_CHECKING:
    from tests.web.conftest import Server

    from distiller.analysis.tasks import Task


def _block(server: Server, label: str) -> str:
    page = httpx.get(f"{server.url}/help/").text
    found = re.search(rf'<pre [^>]*aria-label="{label}">(.*?)</pre>', page, re.DOTALL)
    assert found is not None
    return html.unescape(found[1])


@pytest.mark.parametrize("service", SERVICES, ids=lambda one: one.path)
def test_a_service_is_named_and_answers(server: Server, service: Service) -> None:
    path = service.path
    page = httpx.get(f"{server.url}/help/").text
    assert f"<code>{server.url}{path}</code>" in page
    answer = httpx.get(f"{server.url}{path}", follow_redirects=True)
    assert answer.status_code == 200


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda one: one.name)
def test_every_task_has_a_page(server: Server, task: Task) -> None:
    assert f'href="/help/{task.name}/"' in httpx.get(f"{server.url}/help/").text
    page: Any = lxml.html.fromstring(httpx.get(f"{server.url}/help/{task.name}/").text)
    heads = [head.text_content() for head in page.xpath("//main//h2")]
    written = re.findall(r"^## (.*)$", task.method, re.MULTILINE)
    assert heads == [*written, "Parameters", "Example"]
    assert {"Method", "What is valid", "Results", "To cite"} <= set(written)
    assert not page.xpath("//main//h1[2]")
    rows = page.xpath("//section[@aria-labelledby='h-parameters']//tbody/tr")
    names = [row.xpath("th")[0].text_content() for row in rows]
    assert names == [one.name for one in describe(task.parameters)]
    (link,) = page.xpath("//main//section//a[starts-with(@href, '/jobs/new/')]/@href")
    given = parse_qsl(urlsplit(link).query)
    assert tuple(given) == task.example
    # What the example says is what the task takes.
    assert task.parameters.from_pairs(task.name, given)


def _help_pages() -> list[str]:
    return ["/help/", *(f"/help/{name}/" for name in TASKS)]


def test_the_help_says_what_held_is_and_who_is_told(server: Server) -> None:
    page: Any = lxml.html.fromstring(httpx.get(f"{server.url}/help/").text)
    said = " ".join(page.text_content().split())
    assert "HELD says that an administrator has taken it out of the queue" in said
    assert "NOTIFY=mail of programs" in said


def test_every_link_of_the_help_leads_somewhere(server: Server) -> None:
    """Links within the site, and the places in pages that they name."""
    links = set()
    for path in _help_pages():
        page: Any = lxml.html.fromstring(httpx.get(server.url + path).text)
        hrefs = [urljoin(path, link) for link in page.xpath("//main//a/@href")]
        links |= {link for link in hrefs if not urlsplit(link).netloc}
    assert {"/help/significance_map/#method", "/help/#h-same"} <= links
    for link in sorted(links):
        address, _, anchor = link.partition("#")
        answer = httpx.get(server.url + address, follow_redirects=True)
        assert answer.status_code == 200, link
        if anchor:
            assert f'id="{anchor}"' in answer.text, link


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda one: one.name)
def test_examples_of_a_method_have_the_address_of_the_site(task: Task) -> None:
    shown = html_of(task, "https://dl3.example/archive/")
    assert "127.0.0.1" not in shown
    if "http://127.0.0.1:8000/uws" in task.method:
        assert f"https://dl3.example/archive/uws/{task.name} " in shown
    # Looked at like the other commands of the page.
    fences = task.method.count("```") // 2
    assert shown.count('<div class="adql"><pre tabindex="0" aria-label=') == fences


def test_an_unknown_task_has_no_page(server: Server) -> None:
    answer = httpx.get(f"{server.url}/help/skymap/")
    assert answer.status_code == 404
    assert "no such task" in answer.text


def test_the_start_page_leads_there(server: Server) -> None:
    assert 'href="/help/#h-vo"' in httpx.get(server.url).text


@pytest.mark.slow
@pytest.mark.debian("curl")
def test_the_commands_run(server: Server, tmp_path: Path) -> None:
    commands = _block(server, "The services with curl").splitlines()
    assert len(commands) == 3
    lines = []
    for command in commands:
        done = subprocess.run(
            ["bash", "-euc", command.replace("curl ", "curl -sS --fail-with-body ", 1)],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        lines.append(len(done.stdout.splitlines()))
    assert lines == [6, 4, 1]  # the names, and five, three and no rows


@pytest.mark.slow
def test_the_lines_of_python_run(server: Server, tmp_path: Path) -> None:
    script = _block(server, "The services in pyVO")
    script += "\nprint(len(runs), len(near), len(maps))\n"
    done = _python(script, tmp_path)
    assert (done.returncode, done.stdout) == (0, "5 3 0\n"), done.stderr


@pytest.mark.slow
@pytest.mark.debian("curl")
def test_the_commands_for_own_tables_run(server: Server, tmp_path: Path) -> None:
    add_user(server, "uma")
    (tmp_path / "sources.csv").write_text("ra,dec\n83.6,22.5\n1.5,2.5\n")
    with_query = _block(server, "A table with a query, with curl")
    keep, ask, drop = _block(server, "Tables of your own, with curl").splitlines()
    said = [_shell(command, tmp_path) for command in (with_query, keep, ask)]
    assert said[0].splitlines() == ["ra,dec", "83.6,22.5", "1.5,2.5"]
    assert said[1] == "Query this table as tap_user.mine\n"
    assert said[2].splitlines() == ["n", "2"]
    script = _block(server, "Log in with pyVO").replace("NAME", "uma")
    script = script.replace('"PASSWORD"', repr(PASSWORD)) + "\nprint(mine['n'][0])\n"
    done = _python(script, tmp_path)
    assert (done.returncode, done.stdout) == (0, "2\n"), done.stderr
    assert _shell(drop, tmp_path) == "Dropped user table mine\n"


@pytest.mark.slow
def test_programs_log_in_for_jobs_as_documented(server: Server, tmp_path: Path) -> None:
    add_user(server, "ugo")
    text = (Path(__file__).parents[3] / "docs/reference/uws.md").read_text()
    section = text.partition("## Logging in from programs\n")[2].partition("\n## ")[0]
    script = section.partition("```python\n")[2].partition("```")[0]
    script = script.replace("http://127.0.0.1:8000", server.url)
    script = script.replace('"maria", "..."', f'"ugo", {PASSWORD!r}')
    script = script.replace(".wait()", "")  # nothing runs jobs here
    done = _python(script + "\nprint(job.url, job.owner)\n", tmp_path)
    assert done.returncode == 0, done.stderr
    url, owner = done.stdout.split()[-2:]
    assert owner == "ugo"
    assert httpx.get(url).status_code == 403
    assert httpx.get(url, auth=("ugo", PASSWORD)).status_code == 200


def _python(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        timeout=60,
    )


def _shell(command: str, folder: Path) -> str:
    """Run a command of the page as uma, who has given her password."""
    quiet = command.replace("curl ", "curl -sS --fail-with-body ", 1)
    done = subprocess.run(
        ["bash", "-euc", quiet.replace("-u NAME", f"-u 'uma:{PASSWORD}'")],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
