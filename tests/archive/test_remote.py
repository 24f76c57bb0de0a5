"""Errors of a server become the same errors here; a silent server is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from distiller.archive import RemoteArchive
from distiller.archive.remote import error_of
from distiller.core import errors

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("code", "kind", "expected"),
    [
        ("U500", "user", errors.IllegalState),
        ("P300", "passing", errors.NoSpace),
        ("P200", "passing", errors.TimedOut),
        ("I100", "internal", errors.Damaged),
        ("U200", "user", errors.UserError),
        ("U600", "user", errors.UserError),
        ("P999", "passing", errors.PassingError),
        ("I999", "internal", errors.InternalError),
    ],
)
def test_errors_keep_class_code_and_words(
    code: str, kind: str, expected: type[errors.DistillerError]
) -> None:
    body = {"code": code, "message": "It is so", "hint": "do that", "kind": kind}
    error = error_of(httpx.Response(400, json=body))
    assert type(error) is expected
    assert error.code == code
    assert error.text == "It is so (do that)"
    assert expected.code != code or "code" not in vars(error)


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b'{"code": "U000"}'])
def test_an_answer_without_reason_is_ours(content: bytes) -> None:
    error = error_of(httpx.Response(502, content=content))
    assert isinstance(error, errors.InternalError)
    assert "answered 502 with no reason" in error.text


def test_a_silent_server_is_said(tmp_path: Path) -> None:
    with RemoteArchive(tmp_path / "control.sock") as remote:
        assert remote.answers() is False
        with pytest.raises(errors.Unreachable) as caught:
            remote.stored("toy")
    assert f"does not answer at {tmp_path}/control.sock" in str(caught.value)
    assert "is `distiller serve` still running?" in str(caught.value)
