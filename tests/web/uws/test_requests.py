"""How what a client sends to UWS is read: forms, times and filters of lists."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from distiller.web.jobs.models import JobRow
from distiller.web.uws import requests

from .answers import BASE, SITE, made, message_of, path_of
from .conftest import xpath

if TYPE_CHECKING:
    from django.test import Client

WRONG = [
    ("", {"PHASE": "GO"}, 400, "PHASE: 'GO' is not ABORT or HOLD or RUN"),
    ("", {"PHASE": "ABORT"}, 400, "a new job can be RUN, not ABORT"),
    ("", {"ACTION": "DELETE"}, 400, "ACTION: there is no job yet"),
    ("", {"PHASE": ["RUN", "RUN"]}, 400, "PHASE: given 2 times"),
    ("", {"RUNID": "x" * 201}, 400, "RUNID: longer than 200 characters"),
    ("", {"DESTRUCTION": "soon"}, 400, "DESTRUCTION: not a time: 'soon'"),
    ("/{}", {"ACTION": "BURN"}, 400, "ACTION: 'BURN' is not DELETE"),
    ("/{}/phase", {"RUNID": "new"}, 400, "RUNID: does not belong into phase"),
    ("/{}", {}, 400, "PHASE: is missing, and nothing else to change is given"),
    ("/{}/phase", {"obs": "1"}, 400, "obs: does not belong into phase"),
    ("/{}/phase", {}, 400, "PHASE: is missing (send it in the body to phase)"),
    ("/{}/phase", {"PHASE": ""}, 400, "PHASE: is missing"),
    ("/{}/phase", {"PHASE": "RUN", "DESTRUCTION": "2999-01-01"}, 400, "DESTRUCTION:"),
    ("/{}/parameters", {}, 400, "parameters: is missing"),
    ("/{}/parameters", {"PHASE": "RUN"}, 400, "PHASE: does not belong into param"),
    ("/{}/executionduration", {"EXECUTIONDURATION": "-1"}, 400, "not a whole number"),
    ("/{}/executionduration", {}, 400, "EXECUTIONDURATION: is missing"),
    ("/{}/destruction", {"DESTRUCTION": "soon"}, 400, "DESTRUCTION: not a time: "),
    ("/{}/destruction", {}, 400, "DESTRUCTION: is missing"),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("place", "data", "status", "message"), WRONG)
def test_wrong_requests(
    client: Client, place: str, data: dict[str, Any], status: int, message: str
) -> None:
    job = made(client).rpartition("/")[2]
    answer = client.post(BASE + place.format(job), data)
    assert answer.status_code == status
    assert message in message_of(answer)


@pytest.mark.parametrize("place", ["", "/{}", "/{}/phase", "/{}/parameters"])
def test_only_forms_are_read(client: Client, here: Any, place: str) -> None:
    job = made(client).rpartition("/")[2]
    answer = client.post(
        BASE + place.format(job), '{"obs": "1001"}', content_type="application/json"
    )
    assert answer.status_code == 400
    assert "Content-Type: application/json is not read here (send" in message_of(answer)
    assert len(here.list(owner=None)) == 1


def test_too_many_fields_are_told_without_our_settings(client: Client) -> None:
    fields = "&".join(["obs=1"] * 1001)
    form = "application/x-www-form-urlencoded"
    for answer in (
        client.post(BASE, fields, content_type=form),
        client.get(f"{BASE}?{fields}"),
    ):
        assert answer.status_code == 400
        message = message_of(answer)
        assert "there are more than 1,000 fields" in message
        assert "values of obs may be separated by commas" in message
        assert "DATA_UPLOAD" not in message


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2016-12-31T23:59:60Z", b"2016-12-31T23:59:59.999Z"),
        ("2016-12-31T23:59:60.5", b"2016-12-31T23:59:59.999Z"),
        ("2026-01-02", b"2026-01-02T00:00:00.000Z"),
        ("2026-01-02T03:04:05", b"2026-01-02T03:04:05.000Z"),
        ("2026-01-02T03:04:05.1234567Z", b"2026-01-02T03:04:05.123Z"),
        ("2026-01-02T03:60:05", None),
        ("2026-01-02T03:04:61Z", None),
        ("2026-02-30", None),
        ("2026-01-02T03:04:05+01:00", None),
        ("53343.5", None),
    ],
)
def test_timestamps(client: Client, text: str, meant: bytes | None) -> None:
    path = made(client)
    answer = client.post(f"{path}/destruction", {"DESTRUCTION": text})
    if meant is None:
        assert answer.status_code == 400
        assert f"DESTRUCTION: not a time: '{text}'" in message_of(answer)
    else:
        assert path_of(answer) == path
        assert client.get(f"{path}/destruction").content == meant


def test_no_file_is_taken(client: Client) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile  # noqa: PLC0415

    sent = SimpleUploadedFile("events.fits", b"x")
    answer = client.post(BASE, {"upload": sent})
    assert answer.status_code == 400
    assert "upload: no file is taken here (name datasets" in message_of(answer)


def test_the_list_is_filtered(client: Client) -> None:
    ran = made(client, PHASE="RUN")
    made(client)
    first = client.get(BASE).content
    assert len(xpath(first, "//u:jobref")) == 2
    queued = client.get(BASE, {"PHASE": ["QUEUED", "ERROR"]}).content
    (link,) = xpath(queued, "//u:jobref/@xlink:href")
    assert link == SITE + ran
    assert len(xpath(client.get(BASE, {"LAST": "1"}).content, "//u:jobref")) == 1
    after = client.get(BASE, {"AFTER": "2999-01-01T00:00:00Z"}).content
    assert xpath(after, "count(//u:jobref)") == 0
    for wrong, message in (
        ({"LAST": "0"}, "LAST: must be at least 1"),
        ({"LAST": "x"}, "not a whole number"),
        ({"LAST": "9" * 5000}, "a number of 5000 digits is too large"),
        ({"PHASE": "GONE"}, "no such phase"),
        ({"AFTER": "then"}, "AFTER: not a time: 'then' (write 2026-"),
        ({"AFTER": "0000-01-01"}, "AFTER: not a time"),
    ):
        answer = client.get(BASE, wrong)
        assert answer.status_code == 400
        assert message in message_of(answer)


def test_filters_of_a_list_are_combined(client: Client) -> None:
    """UWS 1.1 section 2.2.2.1: phases are joined, everything else is cut."""
    phases = ["COMPLETED", "ERROR", "COMPLETED", "QUEUED", "COMPLETED"]
    ids = [made(client).rpartition("/")[2] for _ in phases]
    begin = datetime(2026, 1, 1, 12, tzinfo=UTC)
    for number, (job_id, phase) in enumerate(zip(ids, phases, strict=True)):
        JobRow.objects.filter(pk=job_id).update(
            phase=phase, creation_time=begin + timedelta(minutes=number)
        )

    def listed(query: str) -> list[int]:
        document = client.get(f"{BASE}?{query}").content
        return [ids.index(one) for one in xpath(document, "//u:jobref/@id")]

    assert listed("") == [4, 3, 2, 1, 0]
    assert listed("PHASE=COMPLETED") == [4, 2, 0]
    assert listed("phase=completed&PHASE=error") == [4, 2, 1, 0]
    assert listed("LAST=2") == [4, 3]
    # The newest of those that the other filters leave.
    assert listed("PHASE=COMPLETED&LAST=2") == [4, 2]
    assert listed("AFTER=2026-01-01T12:02:00Z") == [4, 3]
    assert listed("AFTER=2026-01-01T12:01:59.999") == [4, 3, 2]
    assert listed("AFTER=2026-01-01T12:00:00Z&PHASE=COMPLETED&LAST=1") == [4]
    assert listed("AFTER=2026-01-01T12:00:00Z&PHASE=ERROR&PHASE=HELD") == [1]
    assert listed("AFTER=2026-01-02") == []


def test_lists_are_bounded(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "LISTED", 2)
    monkeypatch.setattr(requests, "LISTED_MAX", 4)
    for _ in range(5):
        made(client)

    def listed(**query: str) -> int:
        return len(xpath(client.get(BASE, query).content, "//u:jobref"))

    assert listed() == 2
    assert listed(LAST="3") == 3
    assert listed(LAST="9" * 30) == 4
    assert listed(PHASE="PENDING") == 2
