"""Where the resources of UWS answer, and what they answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .conftest import MAP

if TYPE_CHECKING:
    from django.test import Client

BASE = "/uws/count_map"
SITE = "http://127.0.0.1:8000"


def path_of(answer: Any) -> str:
    assert answer.status_code == 303, answer.content
    location = str(answer.headers["Location"])
    assert location.startswith(SITE)
    return location.removeprefix(SITE)


def made(client: Client, **data: Any) -> str:
    return path_of(client.post(BASE, {**MAP, **data}))


def message_of(answer: Any) -> str:
    assert answer.headers["Content-Type"].startswith("application/x-votable+xml")
    return str(answer.content.decode())
