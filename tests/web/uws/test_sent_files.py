"""Files that are sent along with jobs of analysis, over UWS and from the form."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import lxml.html
import pytest
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from distiller.jobs import folders
from distiller.jobs.spec import JobSpec
from distiller.vo.uws import Phase

from .answers import message_of, path_of
from .conftest import MAP, xpath

if TYPE_CHECKING:
    from distiller.vo.uws import Job

BASE = "/uws/significance_map"
FORM = "/jobs/new/significance_map/"
NAME = "exclusion_file"
REGION = b"fk5\ncircle(84.2,22.5,0.4)\n"
OTHER = b"fk5\ncircle(84.2,22.5,0.3)\n"
PAIRS = (("obs", "1001"), ("ra", "83.633"), ("dec", "22.014"))
ASKED = dict(PAIRS)


def sent(content: bytes = REGION, name: str = "mine.reg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def page_of(answer: Any) -> Any:
    return lxml.html.fromstring(answer.content)


def of_path(here: Any, path: str) -> Job:
    found: Job = here.get(path.rpartition("/")[2])
    return found


def test_a_file_is_a_parameter_by_its_checksum(client: Client, here: Any) -> None:
    path = path_of(client.post(BASE, {**ASKED, "Exclusion_File": sent()}))
    given = xpath(client.get(path).content, f"string(//u:parameter[@id='{NAME}'])")
    assert given == sha(REGION)
    assert of_path(here, path).parameters == (*PAIRS, (NAME, sha(REGION)))
    # The file itself is below it.
    answer = client.head(f"{path}/parameters/{NAME}")
    assert answer.headers["Content-Length"] == str(len(REGION))
    assert answer.headers["Content-Disposition"].startswith("attachment; ")
    # Another takes its place, beside other parameters.
    more = {"e_min": "0.5", NAME: sent(OTHER)}
    assert path_of(client.post(f"{path}/parameters", more)) == path
    expected = (*PAIRS, ("e_min", "0.5"), (NAME, sha(OTHER)))
    assert of_path(here, path).parameters == expected
    assert path_of(client.post(path, {"PHASE": "RUN"})) == path
    assert of_path(here, path).phase is Phase.QUEUED
    spec = JobSpec.read(here._store.spec(path.rpartition("/")[2]))
    assert spec.parameters[NAME] == sha(OTHER)
    refused = client.post(f"{path}/parameters", {NAME: sent()})
    assert refused.status_code == 403
    assert "is QUEUED and cannot take parameters" in message_of(refused)
    # It goes with the job.
    assert client.delete(path).status_code == 303


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (sent(b" "), None),
        (sent(b"\x1f\x8b\x08\0\0"), "the file is compressed (send it unpacked)"),
        (sent(b"\x89PNG\r\n\x1a\n\0"), "neither a FITS file nor a file of regions"),
        (sent(b"fk5\n" * 250_001), "a file of regions has 1 MB at most"),
        (
            sent(b"SIMPLE  =" + b" " * 2 * 10**6),
            "the file has more than 2 MB (make its pixels",
        ),
        ([sent(), sent(OTHER)], "2 files have this name"),
    ],
)
def test_files_that_are_refused_at_once(
    file: Any, words: str | None, client: Client, here: Any, home: Any
) -> None:
    here._files._settings = home.model_copy(update={"job_file_mb": 2})
    answer = client.post(BASE, {**ASKED, NAME: file, "PHASE": "RUN"})
    if words is None:  # its job says what is wrong with it
        assert of_path(here, path_of(answer)).phase is Phase.QUEUED
        return
    assert answer.status_code == 400
    assert f"{NAME}: " in message_of(answer)
    assert words in message_of(answer)
    assert here.list(owner=None) == ()
    assert not list(home.jobs_path.glob("*-*"))


def test_what_is_no_file_of_this_task(client: Client, here: Any) -> None:
    answer = client.post(BASE, {**ASKED, "mask": sent()})
    assert answer.status_code == 400
    assert "mask: no file is taken here (send it as exclusion_file)" in (
        message_of(answer)
    )
    for text, words in (
        (
            "mask.fits",
            "exclusion_file: must be sent along as a file (multipart/form-da",
        ),
        ("ab" * 32, "exclusion_file: no file with this SHA-256 was sent with a job of"),
    ):
        path = path_of(client.post(BASE, {**ASKED, NAME: text, "PHASE": "RUN"}))
        error = of_path(here, path).error
        assert error is not None
        assert words in error.message


def test_files_of_all_jobs_together_are_bounded(here: Any, home: Any) -> None:
    few = home.model_copy(update={"job_files_mb": 1})
    here._files._settings = few
    large = b"SIMPLE  =" + b" " * 600_000
    marie, pierre = logged_in("marie"), logged_in("pierre")
    first = path_of(marie.post(BASE, {**ASKED, NAME: sent(large)}))
    answer = pierre.post(BASE, {**ASKED, NAME: sent(large)})
    assert answer.status_code == 503
    assert "files that were sent with jobs fill their place" in message_of(answer)
    assert here.list(owner="pierre") == ()
    # One that has ended makes room.
    assert path_of(marie.post(f"{first}/phase", {"PHASE": "ABORT"})) == first
    assert marie.head(f"{first}/parameters/{NAME}").headers["Content-Type"] == (
        "application/octet-stream"
    )
    path_of(pierre.post(BASE, {**ASKED, NAME: sent(large)}))
    assert marie.get(f"{first}/parameters/{NAME}").content.decode() == sha(large)


def test_files_of_one_account_are_bounded(here: Any, home: Any) -> None:
    few = home.model_copy(update={"job_files_mb": 2, "job_file_mb": 1})
    here._files._settings = few
    large = b"SIMPLE  =" + b" " * 600_000
    marie = logged_in("marie")
    path_of(marie.post(BASE, {**ASKED, NAME: sent(large)}))
    answer = marie.post(BASE, {**ASKED, NAME: sent(large)})
    assert answer.status_code == 403
    assert "your files that were sent with jobs fill the 1 MB" in message_of(answer)


def logged_in(name: str) -> Client:
    browser = Client()
    browser.force_login(get_user_model().objects.create_user(name))
    return browser


def test_a_file_of_somebody_else_is_not_there(here: Any, home: Any) -> None:
    """Whoever knows the checksum has no file by that, but for their own."""
    marie, pierre = logged_in("marie"), logged_in("pierre")
    run = {"PHASE": "RUN"}
    path = path_of(marie.post(BASE, {**ASKED, NAME: sent()}))
    assert pierre.get(f"{path}/parameters/{NAME}").status_code == 403
    assert pierre.post(f"{path}/parameters", {NAME: sent(OTHER)}).status_code == 403
    assert marie.head(f"{path}/parameters/{NAME}").status_code == 200
    named = {**ASKED, **run, NAME: sha(REGION)}
    stranger = of_path(here, path_of(pierre.post(BASE, named)))
    assert stranger.phase is Phase.ERROR
    own = of_path(here, path_of(marie.post(BASE, named)))
    assert own.phase is Phase.QUEUED
    copy = folders.job_folder(home, own.job_id) / folders.SENT
    assert [p.read_bytes() for p in copy.iterdir()] == [REGION]


# The form --------------------------------------------------------------------


def test_the_form_has_a_field_for_the_file(here: Any) -> None:
    browser = Client()
    page = page_of(browser.get(f"{FORM}?obs=1001"))
    (field,) = page.xpath("//main//form//input[@type='file']")
    assert (field.get("name"), field.get("accept")) == (NAME, ".fits,.reg")
    assert page.xpath("//main//form/@enctype") == ["multipart/form-data"]
    assert page.xpath(f"//label[@for='{field.get('id')}']")
    plain = page_of(browser.get("/jobs/new/count_map/"))
    assert not plain.xpath("//main//form/@enctype")
    answer = browser.post(FORM, {**ASKED, NAME: sent()})
    assert answer.status_code == 302
    (job,) = here.list(owner=None)
    assert job.phase is Phase.QUEUED
    assert dict(job.parameters)[NAME] == sha(REGION)
    # Running it again is a link, which keeps the file; another may be chosen.
    page = page_of(browser.get(f"/jobs/{job.job_id}/"))
    (link,) = page.xpath("//a[contains(@href, '/jobs/new/significance_map/?')]/@href")
    page = page_of(browser.get(link))
    (kept,) = page.xpath(f"//input[@type='checkbox' and @name='{NAME}']")
    assert (kept.get("value"), "checked" in kept.attrib) == (sha(REGION), True)
    both = {**ASKED, NAME: [kept.get("value"), sent(OTHER)]}
    assert browser.post(FORM, both).status_code == 302
    assert browser.post(FORM, {**ASKED, NAME: kept.get("value")}).status_code == 302
    jobs = [dict(job.parameters)[NAME] for job in here.list(owner=None)]
    assert jobs == [sha(REGION), sha(OTHER), sha(REGION)]


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (sent(b"\x1f\x8b\x08\0\0"), "the file is compressed (send it unpacked)"),
        ("ab" * 32, "no file with this SHA-256 was sent with a job of yours"),
    ],
)
def test_faults_of_a_file_stand_at_its_field(file: Any, words: str, here: Any) -> None:
    answer = Client().post(FORM, {**MAP, NAME: file})
    assert answer.status_code == 400
    page = page_of(answer)
    (fault,) = page.xpath(f"//*[@id='w-{NAME}']/text()")
    assert words in fault
    (field,) = page.xpath("//input[@type='file']")
    assert field.get("aria-invalid") == "true"
    assert here.list(owner=None) == ()


def test_a_file_is_not_lost_by_a_fault_elsewhere(here: Any, home: Any) -> None:
    """The next submission has no file, and must not pass without it in silence."""
    browser = Client()
    wrong = {**ASKED, "e_min": "-1", NAME: sent()}
    page = page_of(browser.post(FORM, wrong))
    assert page.xpath("//*[@id='w-e_min']")
    again = "choose mine.reg again, for a browser keeps no file"
    assert again in page.xpath(f"string(//*[@id='w-{NAME}'])")
    (kept,) = page.xpath(f"//input[@type='checkbox' and @name='{NAME}']")
    assert (kept.get("value"), "checked" in kept.attrib) == ("mine.reg", True)
    assert not list(home.jobs_path.glob("*-*"))  # nothing is kept for it
    # As a browser sends what it is shown: no file, and the mark.
    for _ in range(2):
        answer = browser.post(FORM, {**ASKED, NAME: kept.get("value")})
        assert answer.status_code == 400
        assert again in page_of(answer).xpath(f"string(//*[@id='w-{NAME}'])")
        assert page_of(answer).xpath(f"//input[@name='{NAME}' and @checked]")
    assert here.list(owner=None) == ()
    both = {**ASKED, NAME: [kept.get("value"), sent()]}
    assert browser.post(FORM, both).status_code == 302
    assert browser.post(FORM, ASKED).status_code == 302  # the mark taken away
    given = [dict(job.parameters).get(NAME) for job in here.list(owner=None)]
    assert given == [None, sha(REGION)]


def test_the_fault_of_a_file_is_told_beside_others(here: Any) -> None:
    wrong = {**ASKED, "e_min": "-3", NAME: sent(b"\xff\xd8\xff\xe0", "photo.jpg")}
    page = page_of(Client().post(FORM, wrong))
    assert "greater than" in page.xpath("string(//*[@id='w-e_min'])")
    fault = page.xpath(f"string(//*[@id='w-{NAME}'])")
    assert "the file is neither a FITS file nor a file of regions" in fault
    assert "choose photo.jpg again" in fault
    assert here.list(owner=None) == ()
