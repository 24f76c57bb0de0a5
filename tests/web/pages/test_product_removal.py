"""Whoever made a product may remove it, on its page; nobody else's goes."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from tests.web.jobs.filed import file_product

from distiller.archive import ledger
from distiller.core.rights import NOBODY, Reader
from distiller.jobs import product_files

from ..jobs.conftest import (  # noqa: TID252
    archive,
    each_engine,
    engine,
    filled,
    filled_database,
    home,
    runs,
    service,
    store,
)
from ..uws.conftest import MAP, here  # noqa: TID252

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from distiller.archive import Archive
    from distiller.core.settings import Settings
    from distiller.vo.uws import Job

    Make = Callable[..., str]
    LogIn = Callable[[str], Client]

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

__all__ = [
    "archive", "engine", "filled", "filled_database", "here", "home", "runs",
    "service", "store",
]  # fmt: skip

MARIE = Reader("marie")
PAIRS = tuple(MAP.items())


@pytest.fixture
def make(here: Any, archive: Archive, home: Settings) -> Make:
    """Return what files a product of an owner, and gives its id."""

    def act(who: Reader = MARIE) -> str:
        return file_product(here, archive, home, PAIRS, who)

    return act


@pytest.fixture
def log_in(here: Any) -> LogIn:
    """Return what gives the browser of an account; ``chief`` is an administrator."""
    del here
    users = get_user_model().objects
    made = {name: users.create_user(name) for name in ("marie", "pierre")}
    made["chief"] = users.create_user("chief", is_staff=True)

    def act(name: str) -> Client:
        client = Client()
        client.force_login(made[name])
        return client

    return act


def did_of(archive: Archive, product: str) -> str:
    look = "SELECT publisher_did FROM cta.product WHERE product_id = ?"
    (row,) = archive.rows(look, [product])
    return str(row["publisher_did"])


def folder_of(archive: Archive, home: Settings, product: str) -> Path:
    (found,) = product_files.folders_of(archive, home, [did_of(archive, product)])
    assert (found / "product.fits").is_file()
    return found


def is_there(archive: Archive, product: str) -> bool:
    look = "SELECT product_id FROM cta.product WHERE product_id = ?"
    return bool(archive.rows(look, [product]))


def text_of(answer: Any) -> str:
    bare = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return " ".join(html.unescape(bare).split())


def given_to(here: Any, who: Reader) -> Job:
    """Make a job of somebody that is given the product that is there."""
    job: Job = here.submit("count_map", PAIRS, who)
    assert job.reused is not None
    return job


@each_engine
def test_its_owner_removes_a_product(
    make: Make, log_in: LogIn, archive: Archive, home: Settings, here: Any
) -> None:
    product = make()
    did, folder = did_of(archive, product), folder_of(archive, home, product)
    job = given_to(here, MARIE)
    marie = log_in("marie")
    page = f"/products/{product}/"
    assert f'href="{page}remove/"' in marie.get(page).content.decode()
    asked = text_of(marie.get(f"{page}remove/"))
    assert "Remove this product?" in asked
    assert "A job of yours that shows it keeps log and settings" in asked
    assert is_there(archive, product)  # it was only asked
    answer = marie.post(f"{page}remove/", follow=True)
    assert answer.status_code == 200
    assert "is removed" in text_of(answer)
    assert not is_there(archive, product)
    assert not folder.exists()
    obscore = archive.rows("SELECT obs_publisher_did AS did FROM ivoa.obscore")
    assert did not in {row["did"] for row in obscore}
    assert marie.get(page).status_code == 404
    assert marie.get(f"/data/{product}/product.fits").status_code == 404
    shown = marie.get(f"/jobs/{job.job_id}/")
    assert "Its product was removed from the archive" in text_of(shown)
    assert "Product page" not in text_of(shown)
    assert "product.fits" not in shown.content.decode()
    # What happened stays told, and does not tell who.
    version = ledger.history(archive, did)[-1]
    assert version.note == "removed by its owner on its page"
    assert archive.check() == []


def test_what_was_removed_is_computed_again(
    make: Make, log_in: LogIn, here: Any
) -> None:
    product = make()
    log_in("marie").post(f"/products/{product}/remove/")
    assert here.submit("count_map", PAIRS, MARIE).reused is None


@pytest.mark.parametrize("name", ["pierre", None])
def test_nobody_removes_the_product_of_somebody_else(
    name: str | None, make: Make, log_in: LogIn, archive: Archive, home: Settings
) -> None:
    product = make()
    folder = folder_of(archive, home, product)
    client = Client() if name is None else log_in(name)
    page = f"/products/{product}/"
    assert "remove/" not in client.get(page).content.decode()
    for answer in (client.get(f"{page}remove/"), client.post(f"{page}remove/")):
        assert answer.status_code == 403
        assert "is not yours to remove" in text_of(answer)
    assert is_there(archive, product)
    assert (folder / "product.fits").is_file()


def test_what_nobody_owns_only_administrators_remove(
    make: Make, log_in: LogIn, archive: Archive
) -> None:
    product = make(NOBODY)
    address = f"/products/{product}/remove/"
    for client in (Client(), log_in("marie")):
        assert client.post(address).status_code == 403
    assert is_there(archive, product)
    assert log_in("chief").post(address).status_code == 302
    assert not is_there(archive, product)


def test_what_others_were_given_stays_for_them(
    make: Make, log_in: LogIn, archive: Archive, here: Any
) -> None:
    product = make()
    job = given_to(here, Reader("pierre"))
    address = f"/products/{product}/remove/"
    for answer in (log_in("marie").get(address), log_in("marie").post(address)):
        assert answer.status_code in {403, 409}
        assert "was given to a job of others, who count on it" in text_of(answer)
    assert is_there(archive, product)
    warned = text_of(log_in("chief").get(address))
    assert "A job of somebody else shows it, and loses its results" in warned
    here.delete(job.job_id)
    assert log_in("marie").post(address).status_code == 302
    assert not is_there(archive, product)


def test_runs_are_not_removed_on_pages(
    log_in: LogIn, archive: Archive, here: Any
) -> None:
    del here
    (row,) = archive.rows("SELECT product_id FROM cta.product WHERE obs_id = '1001'")
    address = f"/products/{row['product_id']}/remove/"
    answer = log_in("chief").post(address)
    assert answer.status_code == 404
    assert "distiller remove" in text_of(answer)
    assert is_there(archive, row["product_id"])


def test_a_page_elsewhere_cannot_remove_it(
    make: Make, log_in: LogIn, archive: Archive
) -> None:
    product = make()
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = log_in("marie").cookies
    assert strict.post(f"/products/{product}/remove/").status_code == 403
    assert is_there(archive, product)


def test_who_has_no_room_left_is_told_how_to_make_some(
    make: Make, log_in: LogIn, here: Any
) -> None:
    product = make()
    settings = here._settings.model_copy(update={"products_mb_per_user": 1e-6})
    here._settings = settings
    with pytest.raises(Exception, match="/products/ lists them"):
        here.submit("count_map", (*PAIRS, ("binsz", "0.1")), MARIE)
    log_in("marie").post(f"/products/{product}/remove/")
    assert here.submit("count_map", (*PAIRS, ("binsz", "0.1")), MARIE).error is None


def test_a_user_sees_what_products_there_are_and_what_they_take(
    make: Make, log_in: LogIn, archive: Archive, monkeypatch: Any
) -> None:
    mine = [make() for _ in range(3)]
    theirs = make(Reader("pierre"))
    marie = log_in("marie")
    assert 'href="/products/"' in marie.get("/jobs/").content.decode()
    page = marie.get("/products/").content.decode()
    for product in mine:
        assert f'href="/products/{product}/"' in page
        assert f'href="/products/{product}/remove/"' in page
    assert theirs not in page
    size = "SELECT sum(size) AS n FROM cta.product_file WHERE product_id IN (?, ?, ?)"
    (row,) = archive.rows(size, mine)
    said = text_of(marie.get("/products/"))
    assert f"3 products that your jobs made take {int(row['n']) / 1e6:,.1f} MB" in said
    monkeypatch.setattr("distiller.web.pages.products.own._LISTED", 2)
    first, second = (marie.get(f"/products/?page={n}").content.decode() for n in (1, 2))
    assert 'rel="next"' in first
    assert 'rel="prev"' in second
    shown = [set(re.findall(r'href="/products/([^/"]+)/"', p)) for p in (first, second)]
    assert (len(shown[0]), len(shown[1])) == (2, 1)
    assert shown[0] | shown[1] == set(mine)
    assert Client().get("/products/").status_code == 302  # to the log-in
