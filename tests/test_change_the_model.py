"""One attribute in the UML, then ``distiller upgrade``, and it is everywhere."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from tests.archive import bundles, changed

from distiller.archive import open_archive
from distiller.archive.opening import engine_of
from distiller.core.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.core.settings import Settings

pytestmark = pytest.mark.slow

_QUERY = "SELECT dew_point FROM cta.ambient_conditions"
_TYPO = "SELECT dew_pont FROM cta.ambient_conditions"


@pytest.fixture(params=["duckdb", "postgresql"])
def home(request: pytest.FixtureRequest) -> Iterator[Settings]:
    """Return a home with data in it, made with the model of the program."""
    # Not pytest's folder: the address of a Unix socket has 107 bytes at most.
    with tempfile.TemporaryDirectory(prefix="dst") as folder:
        home = Path(folder) / "home"
        home.mkdir()
        lines = ['authority = "org.example"', 'resolver_url = ""']
        if request.param == "postgresql":
            lines.append(f'database_url = "{request.getfixturevalue("postgres_url")}"')
        (home / "distiller.toml").write_text("\n".join(lines) + "\n")
        settings = load_settings(home)
        with open_archive(settings) as archive:
            archive.store(bundles.bundle(1))
            archive.store(bundles.bundle(2))
        yield settings


def _run(home: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "distiller", "--home", str(home.home), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


@contextmanager
def _served(home: Settings) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "distiller", "--home", str(home.home), "serve"]
    with subprocess.Popen(
        [*command, "--port", str(port)],
        stdout=subprocess.PIPE,
        text=True,
        # Nobody asks for jobs of analysis here.
        env={**os.environ, "DISTILLER_RUNNER": "external"},
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if line.startswith("ready:"):
                    break
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(30)


def test_one_attribute_changes_everything(home: Settings, tmp_path: Path) -> None:
    # The edit: one attribute in the UML, with its line in the binding.
    folder = changed.copied(tmp_path / "uml")
    changed.with_attribute(
        folder, "dewPoint", "{unit: K, ucd: phys.temperature, principal: true}"
    )
    examples = folder / "examples.yaml"
    text = examples.read_text(encoding="utf-8")
    title = "Which runs had a high trigger rate and a good muon efficiency?"
    assert title in text
    examples.write_text(text.replace(title, "Which nights were dry?"), encoding="utf-8")
    # What the site says once: where its model is.
    with (home.home / "distiller.toml").open("a") as file:
        file.write(f'model_dir = "{folder}"\n')

    refused = _run(home, "query", _QUERY)
    assert refused.returncode == 1
    assert "distiller upgrade" in refused.stderr
    done = _run(home, "upgrade", "--yes")
    assert done.returncode == 0, done.stderr
    assert "cta.ambient_conditions.dew_point: column new" in done.stdout

    # The table, with the rows that were there.
    engine = engine_of(load_settings(home.home))
    with closing(engine.session()) as session:
        session.execute("UPDATE cta.ambient_conditions SET dew_point = 281.5")
    engine.close()
    found = _run(home, "query", _QUERY, "--format", "csv")
    assert found.stdout.split() == ["dew_point", "281.5", "281.5"]
    with open_archive(load_settings(home.home)) as archive:
        assert archive.check() == []
    # The documentation.
    reference = _run(home, "model", "docs").stdout
    (line,) = [x for x in reference.splitlines() if x.startswith("| `dew_point` |")]
    assert "| K | phys.temperature | The dewPoint of the weather." in line
    assert '"dewPoint"' in _run(home, "model", "json-schema").stdout

    with _served(load_settings(home.home)) as url:
        # TAP_SCHEMA, and what clients complete names from.
        query = (
            "SELECT unit, ucd, principal FROM TAP_SCHEMA.columns "
            "WHERE column_name = 'dew_point'"
        )
        given = {"LANG": "ADQL", "RESPONSEFORMAT": "csv"}
        answer = httpx.get(f"{url}/tap/sync", params={**given, "QUERY": query})
        assert answer.text.split() == ["unit,ucd,principal", "K,phys.temperature,1"]
        assert "<name>dew_point</name>" in httpx.get(f"{url}/tap/tables").text
        wrong = httpx.get(f"{url}/tap/sync", params={**given, "QUERY": _TYPO})
        assert "did you mean dew_point?" in wrong.text
        # The editor of the ADQL page.
        offered = httpx.get(f"{url}/adql/completion.json").json()
        (columns,) = (
            table["columns"]
            for table in offered["tables"]
            if table["name"] == "cta.ambient_conditions"
        )
        assert {
            "name": "dew_point",
            "insert": "dew_point",
            "type": "double",
            "unit": "K",
            "ucd": "phys.temperature",
            "description": "The dewPoint of the weather.",
            "principal": True,
        } in columns
        typed = httpx.post(f"{url}/adql/check", data={"query": _TYPO})
        assert [fault["instead"] for fault in typed.json()["faults"]] == ["dew_point"]
        # The examples of the site.
        for place in ("tap/examples", "adql/"):
            shown = httpx.get(f"{url}/{place}").text
            assert "Which nights were dry?" in shown
            assert title not in shown
        # The page of a dataset.
        page = httpx.get(f"{url}/obs/1/", follow_redirects=True)
        assert page.status_code == 200
        # A line may break within a name.
        text = re.sub(r"<[^>]+>", " ", page.text.replace("<wbr>", ""))
        assert re.search(r"dew_point\s+.*281\.5", text, re.DOTALL)
        assert "The dewPoint of the weather." in page.text


_PAGES = ("/", "/search/", "/obs/1/", "/jobs/", "/tap/tables", "/tap/availability")


def test_an_upgrade_beside_a_server(home: Settings, tmp_path: Path) -> None:
    """The embedded archive is the server's; elsewhere the server says what happened."""
    folder = changed.copied(tmp_path / "uml")
    changed.with_attribute(folder, "dewPoint", "{unit: K, ucd: phys.temperature}")
    file = home.home / "distiller.toml"
    settings = file.read_text() + f'model_dir = "{folder}"\n'
    asked = {"LANG": "ADQL", "QUERY": "SELECT obs_id FROM ivoa.obscore"}
    with _served(home) as url:
        before = {page: httpx.get(url + page).status_code for page in _PAGES}
        assert set(before.values()) == {200}, before
        file.write_text(settings)
        refused = _run(home, "upgrade", "--yes")
        assert refused.returncode == 75
        assert "a server has the archive of" in refused.stderr
        looked = _run(home, "upgrade", "--dry-run")
        if home.database_url is None:
            assert looked.returncode == 75
        else:
            assert looked.stdout.endswith("1 difference; nothing was done\n")
        assert httpx.get(f"{url}/tap/sync", params=asked).status_code == 200
        # As from another home, or another machine.
        beside = load_settings(tmp_path / "beside")
        beside.home.mkdir()
        (beside.home / "distiller.toml").write_text(settings)
        if home.database_url is None:
            beside.archive_path.symlink_to(home.archive_path)
            done = _run(beside, "upgrade", "--yes")
            assert done.returncode == 75
            assert "another process has the archive open" in done.stderr
            assert httpx.get(f"{url}/tap/sync", params=asked).status_code == 200
            return
        done = _run(beside, "upgrade", "--yes")
        assert done.returncode == 0, done.stderr
        answer = httpx.get(f"{url}/tap/sync", params=asked)
        assert answer.status_code == 503
        assert "upgraded to another data model while it was open here" in answer.text
        assert "Retry-After" in answer.headers
        after = {page: httpx.get(url + page) for page in _PAGES}
        codes = {page: found.status_code for page, found in after.items()}
        assert set(codes.values()) <= {200, 503}, codes
        assert codes["/obs/1/"] == codes["/search/"] == 503
        assert "Start the server, or the command, again." in after["/obs/1/"].text
        for words in (["query", asked["QUERY"]], ["check"], ["refused"]):
            through = _run(home, *words)
            assert through.returncode == 75, (words, through.stderr)
            assert "was upgraded to another data model" in through.stderr
    with _served(home) as url:
        again = httpx.get(f"{url}/tap/sync", params={**asked, "QUERY": _QUERY})
        assert again.status_code == 200
