"""Quick looks are shown to who may read the data, at every door, and to nobody else."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import html
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.test import Client
from tests.web.conftest import dataset

from distiller.analysis.preview.numbers import PreviewNumbers
from distiller.core.times import now
from distiller.jobs import preview_files
from distiller.jobs.preview_files import Record

from ..jobs.conftest import (  # noqa: TID252
    archive,
    engine,
    filled,
    home,
    runs,
    service,
    store,
)
from ..uws.conftest import here  # noqa: TID252

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from distiller.archive import Archive
    from distiller.core.settings import Settings
    from distiller.jobs.preview_files import Dataset

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("here")]

__all__ = [
    "archive", "engine", "filled", "here", "home", "runs", "service", "store",
]  # fmt: skip

PNG = b"\x89PNG\r\n\x1a\nthe picture"
HIDDEN = "4,321 events"
NUMBERS = PreviewNumbers(label="Crab, run 777", simulated=False, events=4321)
READERS = ("owner", "member", "chief")
OTHERS = (None, "stranger")


class Look:
    """One dataset with its quick look."""

    def __init__(self, home: Settings, archive: Archive, folder: Path) -> None:
        self.home = home
        self.archive = archive
        self.folder = folder
        self.one = self.store("proprietary")

    def store(self, rights: str, release: datetime | None = None) -> Dataset:
        """Put the dataset into the archive, in place of what it was."""
        file = self.folder / "run_777.fits"
        file.write_bytes(b"events")
        bundle = dataset("777", file, rights=rights, release=release)
        bundle.rows["cta.product"][0].update(  # type: ignore[attr-defined]  # rows are dicts
            {"owner": "owner", "access_group": "hess"}
        )
        self.archive.store(bundle)
        product_id = str(bundle.rows["cta.product"][0]["product_id"])
        found = preview_files.dataset(self.archive, product_id)
        assert found is not None
        return found

    def make(self) -> None:
        """Keep the picture and its numbers."""
        path = preview_files.picture(self.home, self.one.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PNG)
        record = Record(
            made=now(),
            numbers=NUMBERS,
            checksum=hashlib.sha256(PNG).hexdigest(),
            size=len(PNG),
        )
        preview_files.write(self.home, self.one.name, record)

    def fail(self, **more: Any) -> None:
        """Keep the words of a failure."""
        record = Record(made=now(), error=f"U600 odd: {HIDDEN} (tell)", **more)
        preview_files.write(self.home, self.one.name, record)

    def files(self) -> tuple[str, ...]:
        """Return the addresses of what is kept."""
        return tuple(
            f"/data/previews/{self.one.product_id}.{kind}" for kind in ("png", "json")
        )

    def pages(self) -> tuple[str, ...]:
        """Return the addresses of all pages that show it."""
        own = f"/products/{self.one.product_id}/"
        return "/obs/777/", own, f"{own}preview/"


@pytest.fixture
def look(home: Settings, archive: Archive, tmp_path: Path) -> Look:
    return Look(home, archive, tmp_path)


@pytest.fixture
def client_of() -> Callable[[str | None], Client]:
    """Give the function that logs a user in; None is nobody."""
    users = get_user_model()
    users.objects.create_user("owner")
    users.objects.create_user("stranger")
    users.objects.create_superuser("chief")
    member = users.objects.create_user("member")
    member.groups.add(Group.objects.create(name="hess"))

    def log_in(name: str | None) -> Client:
        client = Client()
        if name is not None:
            client.force_login(users.objects.get(username=name))
        return client

    return log_in


def body_of(answer: Any) -> bytes:
    """Return the bytes of an answer, and let go of what it is read from."""
    if not answer.streaming:
        return bytes(answer.content)

    async def whole() -> bytes:
        return b"".join([part async for part in answer])

    try:
        return asyncio.run(whole())
    finally:
        answer.close()


def text_of(answer: Any) -> str:
    bare = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return " ".join(html.unescape(bare).split())


@pytest.mark.parametrize("who", READERS)
def test_who_may_read_the_data_sees_it(look: Look, client_of: Any, who: str) -> None:
    look.make()
    client = client_of(who)
    picture, numbers = (client.get(path) for path in look.files())
    assert (picture.status_code, body_of(picture)) == (200, PNG)
    assert picture.headers["Content-Type"] == "image/png"
    assert "inline" in picture.headers["Content-Disposition"]
    assert numbers.json() == NUMBERS.model_dump(mode="json")
    for path in look.pages():
        page = client.get(path).content.decode()
        assert HIDDEN in page
        assert f'src="{look.files()[0]}?' in page
        assert "every 1s" not in page


@pytest.mark.parametrize("who", OTHERS)
def test_who_may_not_sees_nothing_at_any_door(
    look: Look, client_of: Any, who: str | None
) -> None:
    client = client_of(who)
    seen = []
    for prepare in (None, look.make, look.fail):
        if prepare is not None:
            prepare()
        etag = f'"{hashlib.sha256(PNG).hexdigest()}"'
        answers = []
        for path in look.files():
            answers += [
                client.get(path),
                client.head(path),
                client.post(path),
                client.get(path, headers={"range": "bytes=0-3"}),
                client.get(path, headers={"if-none-match": etag}),
                client.get(path, headers={"accept": "text/html"}),
            ]
        for answer in answers:
            assert answer.status_code == 403, answer.request
            assert PNG[:4] not in body_of(answer)
            assert HIDDEN.encode() not in body_of(answer)
        for path in (*look.pages(), f"{look.pages()[1]}metadata.json"):
            page = client.get(path)
            assert page.status_code == 200
            assert HIDDEN not in page.content.decode()
            assert "/data/previews/" not in page.content.decode()
            assert "every 1s" not in page.content.decode()
        said = text_of(client.get(look.pages()[2]))
        assert said.startswith("The data are proprietary: their quick look is shown")
        seen.append(said)
    # Not even whether there is one.
    assert len(set(seen)) == 1


def test_public_and_released_data_are_everybodys(look: Look, client_of: Any) -> None:
    client = client_of(None)
    for rights, release in (("public", None), ("proprietary", datetime(2001, 1, 1))):
        look.one = look.store(rights, release)
        look.make()
        answer = client.get(look.files()[0])
        assert body_of(answer) == PNG
        etag = answer.headers["ETag"]
        again = client.get(look.files()[0], headers={"if-none-match": etag})
        assert again.status_code == 304
        assert HIDDEN in client.get("/obs/777/").content.decode()
    look.one = look.store("proprietary", datetime(2999, 1, 1))
    look.make()
    assert client.get(look.files()[0]).status_code == 403
    assert "proprietary until 2999-01-01:" in text_of(client.get(look.pages()[2]))


def test_while_it_is_made_the_page_asks_again(look: Look, client_of: Any) -> None:
    look.one = look.store("public")
    client = client_of(None)
    page = client.get("/obs/777/").content.decode()
    assert "once the operators of this site run" in page
    assert "every 1s" not in page
    look.home.jobs_path.mkdir(exist_ok=True)
    with (look.home.jobs_path / preview_files.LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        page = client.get("/obs/777/").content.decode()
        assert "is being made and will stand here" in page
        part = f'hx-get="/products/{look.one.product_id}/preview/"'
        assert part in page
        # It also comes without JavaScript.
        assert '<noscript><meta http-equiv="refresh"' in page
        assert part in client.get(look.pages()[2]).content.decode()
        for path in look.files():
            answer = client.get(path)
            assert answer.status_code == 404
            assert b"there is no quick look of ivo://" in body_of(answer)
        look.make()
        made = client.get(look.pages()[2])
        assert HIDDEN in made.content.decode()
        assert part not in made.content.decode()
        assert "no-store" in made.headers["Cache-Control"]


def test_a_failure_is_told_on_the_page(look: Look, client_of: Any) -> None:
    look.one = look.store("public")
    client = client_of(None)
    look.fail(is_lasting=True)
    said = text_of(client.get(look.pages()[2]))
    assert said == f"The quick look could not be made: U600 odd: {HIDDEN} (tell)."
    look.fail()
    assert text_of(client.get(look.pages()[2])).endswith("(tell). It is tried again.")
    answer = client.get(look.files()[0])
    assert answer.status_code == 404
    assert b"could not be made: U600 odd" in body_of(answer)


def test_one_of_an_older_state_is_not_shown(look: Look, client_of: Any) -> None:
    look.one = look.store("public")
    look.make()
    client = client_of(None)
    assert body_of(client.get(look.files()[0])) == PNG
    before = look.one.name
    look.store("public", datetime(2001, 1, 1))
    renewed = preview_files.dataset(look.archive, look.one.product_id)
    assert renewed is not None
    assert renewed.name != before
    assert client.get(look.files()[0]).status_code == 404
    assert HIDDEN not in client.get("/obs/777/").content.decode()


@pytest.mark.parametrize(
    "name", ["nothing.png", "..%2F..%2Fx.png", "nothing.json", "nothing.svg", "x"]
)
def test_what_is_none(client_of: Any, name: str) -> None:
    assert client_of("chief").get(f"/data/previews/{name}").status_code == 404
