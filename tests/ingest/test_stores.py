"""Sets in stores: the same rows as from a folder, and faults that stop nothing else."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import boto3
import fsspec
import pytest
from tests.ingest.conftest import RunPlan, no_responses
from tests.support.stores import FaultyServer, s3_server

from distiller.core import places
from distiller.core.places import Url, place
from distiller.core.settings import load_settings
from distiller.ingest import Options, Report, ingest, ingest_refused
from distiller.ingest.inspect import Inspector

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from distiller.archive import Archive
    from distiller.core.settings import Settings

pytestmark = pytest.mark.slow

SECRET = "sesame-open-1234567890"  # noqa: S105 - of a store that lives for one test


@pytest.fixture
def memory() -> Iterator[Url]:
    store = fsspec.filesystem("memory")
    store.store.clear()
    yield Url("memory", "data/set")
    store.store.clear()


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with s3_server() as url:
        yield url


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Url]:
    """Return an empty bucket; the environment knows how to reach it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tester")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    fsspec.filesystem("s3").clear_instance_cache()
    client = boto3.client("s3")
    client.create_bucket(Bucket="vault")
    yield Url("s3", "vault")
    for item in client.list_objects_v2(Bucket="vault").get("Contents", []):
        client.delete_object(Bucket="vault", Key=item["Key"])
    client.delete_bucket(Bucket="vault")
    client.close()
    fsspec.filesystem("s3").clear_instance_cache()


@pytest.fixture
def web(tmp_path: Path) -> Iterator[FaultyServer]:
    server = FaultyServer(tmp_path)
    yield server
    server.close()


def to_memory(folder: Path, to: Url) -> None:
    store = fsspec.filesystem("memory")
    for file in folder.rglob("*"):
        if file.is_file():
            name = f"/{to.location}/{file.relative_to(folder)}"
            store.pipe(name, file.read_bytes())


def to_bucket(folder: Path, to: str) -> None:
    client = boto3.client("s3")
    for file in folder.rglob("*"):
        if file.is_file():
            client.upload_file(str(file), "vault", f"{to}/{file.relative_to(folder)}")
    client.close()


def load(archive: Archive, *given: Path | Url) -> Report:
    return ingest(given, archive, "org.example", Options(collection="c"))


def counts(report: Report) -> dict[str, int]:
    return {name: number for name, number in report.counts.items() if number}


def refused(report: Report) -> dict[str, str]:
    return {
        f.path.rpartition("/")[2]: f.code
        for f in report.findings
        if f.severity == "error"
    }


def facts(archive: Archive) -> list[dict[str, object]]:
    """Return what the archive says, but for where the files lie."""
    return archive.rows(
        "SELECT o.*, f.name, f.checksum, f.size FROM ivoa.obscore o "
        "JOIN cta.product p ON p.publisher_did = o.obs_publisher_did "
        "JOIN cta.product_file f ON f.product_id = p.product_id ORDER BY o.obs_id"
    )


def test_memory_gives_the_rows_of_the_folder(
    archive: Archive, gadf_set: Path, memory: Url
) -> None:
    assert counts(load(archive, gadf_set)) == {"added": 3}
    from_folder = facts(archive)
    to_memory(gadf_set, memory)
    assert counts(load(archive, memory)) == {"replaced": 3}
    assert facts(archive) == from_folder
    assert counts(load(archive, memory)) == {"unchanged": 3}
    paths = archive.rows("SELECT path FROM cta.product_file ORDER BY path")
    assert [row["path"] for row in paths] == [
        f"memory://data/set/data/run_{n}.fits.gz" for n in (1, 2, 3)
    ]
    (collection,) = archive.rows("SELECT title FROM cta.collection")
    assert collection["title"] == "Terms of the good set"


def test_memory_without_index_and_with_a_shared_response_file(
    archive: Archive, tmp_path: Path, memory: Url
) -> None:
    folder = tmp_path / "set"
    keywords = {"CALDB": "1dc", "IRF": "South"}
    RunPlan(obs_id=5, header=keywords, responses=no_responses).write(
        folder / "data" / "run.fits"
    )
    irf = folder / "caldb" / "data" / "cta" / "1dc" / "bcf" / "South"
    RunPlan(has_events=False, gti=None).write(irf / "irf_file.fits")
    to_memory(folder, memory)
    assert counts(load(archive, memory)) == {"added": 1}
    kinds = archive.rows("SELECT response_type FROM cta.response ORDER BY 1")
    assert [row["response_type"] for row in kinds] == ["aeff", "edisp", "psf"]


def test_a_missing_object_is_refused_and_goes_in_later(
    archive: Archive, gadf_set: Path, memory: Url
) -> None:
    to_memory(gadf_set, memory)
    store = fsspec.filesystem("memory")
    lost = f"/{memory.location}/data/run_2.fits.gz"
    content = store.cat(lost)
    store.rm(lost)
    report = load(archive, memory)
    assert counts(report) == {"added": 2, "refused": 1}
    assert refused(report) == {"run_2.fits.gz": "D102"}
    store.pipe(lost, content)
    again = ingest_refused(archive, "org.example")
    assert counts(again) == {"added": 1}


def test_settings_beside_the_data_in_a_store(
    archive: Archive, gadf_set: Path, memory: Url
) -> None:
    (gadf_set / "distiller-collection.toml").write_text("title = 'In the store'")
    to_memory(gadf_set, memory)
    load(archive, memory)
    (collection,) = archive.rows("SELECT title FROM cta.collection")
    assert collection["title"] == "In the store"


def test_a_bucket_gives_the_rows_of_the_folder(
    archive: Archive, gadf_set: Path, bucket: Url
) -> None:
    load(archive, gadf_set)
    from_folder = facts(archive)
    to_bucket(gadf_set, "set")
    assert counts(load(archive, bucket / "set")) == {"replaced": 3}
    assert facts(archive) == from_folder
    assert counts(load(archive, bucket / "set")) == {"unchanged": 3}
    inspector = Inspector("quick")
    assert [inspector.look(row) for row in archive.files()] == [None] * 3
    client = boto3.client("s3")
    client.delete_object(Bucket="vault", Key="set/data/run_1.fits.gz")
    client.put_object(Bucket="vault", Key="set/data/run_2.fits.gz", Body=b"short")
    client.close()
    inspector = Inspector("checksums")
    first, second, third = (inspector.look(row) for row in archive.files())
    assert "the file is missing" in str(first)
    assert "has 5 bytes" in str(second)
    assert third is None


def test_secrets_of_a_bucket_are_nowhere(
    archive: Archive,
    gadf_set: Path,
    bucket: Url,
    tmp_home: Settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    to_bucket(gadf_set, "set")
    report = load(archive, bucket / "set", bucket / "none")
    assert counts(report)["added"] == 3
    archive.close()
    said = report.as_text() + caplog.text
    assert SECRET not in said
    assert SECRET.encode() not in tmp_home.archive_path.read_bytes()


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (404, "D102"),
        (403, "D101"),
        (401, "D101"),
        (500, "D130"),
        ("torn", "D130"),
        ("hang", "D130"),
    ],
)
def test_faults_of_a_web_server_concern_one_run(
    archive: Archive,
    gadf_set: Path,
    web: FaultyServer,
    monkeypatch: pytest.MonkeyPatch,
    fault: int | str,
    code: str,
) -> None:
    monkeypatch.setattr(places, "_READ_S", 0.5)
    web.faults["run_2.fits.gz"] = fault
    gadf_set.rename(gadf_set.parent / "set")
    files = [place(f"{web.url}/set/data/run_{n}.fits.gz") for n in (1, 2, 3)]
    report = load(archive, *files)
    assert counts(report) == {"added": 2, "refused": 1}
    assert refused(report) == {"run_2.fits.gz": code}
    web.faults.clear()
    again = counts(ingest_refused(archive, "org.example"))
    # A path that is not there at all was mistyped, and is not remembered.
    assert again == ({} if fault == 404 else {"added": 1})
    assert archive.refusals() == []


def test_memory_does_not_grow_with_the_files(tmp_path: Path) -> None:
    """Two runs of 60 MB each leave the process far below their size."""
    folder = tmp_path / "large"
    for number in (1, 2):
        RunPlan(obs_id=number, n_events=2_000_000).write(folder / f"run_{number}.fits")
    web = FaultyServer(tmp_path)
    home = tmp_path / "home"
    load_settings(home)
    program = f"""
import resource
from distiller.archive import open_archive
from distiller.core.places import place
from distiller.core.settings import load_settings
from distiller.ingest import Options, ingest
import distiller.ingest.clock
with open_archive(load_settings({str(home)!r})) as archive:
    def peak():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    files = [place(f"{web.url}/large/run_{{n}}.fits") for n in (1, 2)]
    before = peak()
    report = ingest(files, archive, "org.example", Options(collection="c"))
    print(report.counts["added"], peak() - before)
"""
    try:
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        )
    finally:
        web.close()
    added, grown_mb = (int(word) for word in done.stdout.split())
    assert added == 2
    assert grown_mb < 100
