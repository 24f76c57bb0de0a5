"""Who may see and change what: rule x role x address, of resources and of pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.test import Client

from distiller.core.bundle import Bundle, Row
from distiller.vo.uws import Phase

from .conftest import MAP, xpath

if TYPE_CHECKING:
    from distiller.vo.uws import Job

pytestmark = pytest.mark.slow

ROLES: Final = ("owner", "other", "anonymous", "staff")
MAY: Final = {
    "marie": {"owner": True, "other": False, "anonymous": False, "staff": True},
    # A job of nobody is open to whoever knows its address.
    None: dict.fromkeys(ROLES, True),
}
LISTS: Final = {"count_map": "/uws/count_map", "tap": "/tap/async"}
READ: Final = [
    "{list}/{id}",
    "{list}/{id}?WAIT=0",
    *(
        f"{{list}}/{{id}}/{child}"
        for child in (
            "phase", "executionduration", "destruction", "error", "quote", "results",
            "parameters", "parameters/ra", "owner", "log", "results/product",
            "results/result",
            "nonsense",
        )
    ),
    "/jobs/{id}/",
    "/jobs/{id}/abort/",
    "/jobs/{id}/delete/",
]  # fmt: skip
CHANGE: Final[list[tuple[str, str, dict[str, str]]]] = [
    ("post", "{list}/{id}", {"PHASE": "RUN"}),
    ("post", "{list}/{id}", {"ACTION": "DELETE"}),
    ("delete", "{list}/{id}", {}),
    ("post", "{list}/{id}/phase", {"PHASE": "ABORT"}),
    ("post", "{list}/{id}/parameters", {"e_max": "9"}),
    ("post", "{list}/{id}/executionduration", {"EXECUTIONDURATION": "9"}),
    ("post", "{list}/{id}/destruction", {"DESTRUCTION": "2026-01-01"}),
    ("put", "{list}/{id}/parameters/e_max", {}),
    ("post", "/jobs/{id}/run/", {}),
    ("post", "/jobs/{id}/abort/", {}),
    ("post", "/jobs/{id}/delete/", {}),
]


@pytest.fixture
def clients(here: Any) -> dict[str, Client]:
    """Give a client of each role."""
    del here
    users = get_user_model().objects
    accounts = {
        "owner": users.create_user("marie"),
        "other": users.create_user("pierre"),
        "staff": users.create_user("chief", is_staff=True),
    }
    found = {role: Client() for role in ROLES}
    for role, account in accounts.items():
        found[role].force_login(account)
    return found


def new(here: Any, owner: str | None, task: str = "count_map") -> Job:
    made: Job = here.create(task, tuple(MAP.items()), owner=owner)
    return made


@pytest.fixture(params=LISTS)
def task(request: pytest.FixtureRequest) -> str:
    """Name a task of analysis, and that of queries."""
    return str(request.param)


def place_of(address: str, job: Job) -> str:
    return address.format(list=LISTS[job.task], id=job.job_id)


@pytest.mark.parametrize("owner", MAY)
@pytest.mark.parametrize("role", ROLES)
def test_who_may_see(
    here: Any, clients: dict[str, Client], role: str, owner: str | None, task: str
) -> None:
    job = new(here, owner, task)
    for address in READ:
        answer = clients[role].get(place_of(address, job))
        if MAY[owner][role]:
            assert answer.status_code in {200, 404}, address
        else:
            assert answer.status_code == 403, address
            text = answer.content.decode()
            assert "belongs to somebody else" in text
            assert "83.633" not in text
            assert ("log in as its owner" in text.lower()) == (role == "anonymous")
    part = clients[role].get(f"/jobs/{job.job_id}/", headers={"HX-Request": "true"})
    assert part.status_code == (200 if MAY[owner][role] else 403)


@pytest.mark.parametrize("owner", MAY)
@pytest.mark.parametrize("role", ROLES)
def test_who_may_change(
    here: Any, clients: dict[str, Client], role: str, owner: str | None, task: str
) -> None:
    for method, address, data in CHANGE:
        job = new(here, owner, task)
        answer = getattr(clients[role], method)(place_of(address, job), data)
        if MAY[owner][role]:
            assert answer.status_code in {302, 303}, address
        else:
            assert answer.status_code == 403, address
            assert here.get(job.job_id) == job


@pytest.mark.parametrize("role", ROLES)
def test_what_lists_show(
    here: Any, clients: dict[str, Client], role: str, task: str
) -> None:
    ids = {owner: new(here, owner, task).job_id for owner in ("marie", "pierre", None)}
    mine = {"owner": "marie", "other": "pierre", "anonymous": None}.get(role, "chief")
    listed = clients[role].get(LISTS[task]).content
    assert xpath(listed, "//u:jobref/@id") == [ids[mine] for _ in {mine} & set(ids)]
    for query, shown in (
        ("", {mine} & set(ids)),
        ("?of=everybody", set(ids) if role == "staff" else {mine}),
    ):
        page = clients[role].get(f"/jobs/{query}").content.decode()
        assert {owner for owner, job_id in ids.items() if job_id in page} == shown
        assert ("Everybody's jobs" in page) == (role == "staff")


def test_an_administrator_has_the_buttons(
    here: Any, clients: dict[str, Client]
) -> None:
    job = here.run(new(here, "marie").job_id)
    page = clients["staff"].get(f"/jobs/{job.job_id}/").content.decode()
    assert f'href="/jobs/{job.job_id}/abort/"' in page
    assert "<dt>Owner</dt><dd>marie</dd>" in page
    hold = f"/jobs/{job.job_id}/hold/"
    assert f'action="{hold}"' in page
    mine = clients["owner"].get(f"/jobs/{job.job_id}/").content.decode()
    assert "/hold/" not in mine
    assert clients["owner"].post(hold).status_code == 403
    assert clients["staff"].post(hold).status_code == 302
    held = clients["owner"].get(f"/jobs/{job.job_id}/").content.decode()
    assert "held back by an administrator" in held
    assert clients["owner"].post(f"/jobs/{job.job_id}/run/").status_code == 302
    assert here.get(job.job_id).phase is Phase.QUEUED
    assert clients["staff"].post(f"/jobs/{job.job_id}/abort/").status_code == 302
    ended = here.submit("count_map", [("obs", "x")])
    page = clients["staff"].get(f"/jobs/{ended.job_id}/").content.decode()
    assert f'href="/jobs/{ended.job_id}/delete/"' in page


def test_runs_that_may_not_be_used_are_not_offered(
    here: Any, clients: dict[str, Client], archive: Any, home: Any
) -> None:
    did = "ivo://org.example/secret?9"
    rows: dict[str, tuple[Row, ...]] = {
        "cta.collection": ({"collection_id": "s", "name": "secret"},),
        "cta.product": (
            {
                "product_id": "q", "publisher_did": did, "obs_id": "9",
                "collection_id": "s", "data_level": "DL3", "product_type": "event",
                "rights": "proprietary", "owner": "marie", "access_group": "hess",
            },
        ),
        "cta.product_file": (
            {
                "file_id": "f", "product_id": "q", "role": "events", "name": "e.fits",
                "path": str(home.home / "e.fits"), "media_type": "application/fits",
                "size": 1, "checksum": "c",
            },
        ),
    }  # fmt: skip
    archive.store(Bundle(did, "1", rows))
    (home.home / "e.fits").write_bytes(b"x")
    member = get_user_model().objects.create_user("member")
    member.groups.add(Group.objects.create(name="hess"))
    clients["member"] = Client()
    clients["member"].force_login(member)
    address = "/jobs/new/count_map/?obs=9&obs=1001"
    sent = {**MAP, "obs": did}
    for role in (*ROLES, "member"):
        may = role in {"owner", "staff", "member"}
        page = clients[role].get(address).content.decode()
        assert (f'name="obs" value="{did}"' in page) == may, role
        assert ("proprietary and not yours to use" in page) != may
        made = clients[role].post("/jobs/new/count_map/", sent)
        assert made.status_code == (302 if may else 403), role
        # The same as for its file.
        assert clients[role].head("/data/q/e.fits").status_code == (200 if may else 403)
    assert {job.phase for job in here.list(owner=None, everybody=True)} == {
        Phase.QUEUED
    }
