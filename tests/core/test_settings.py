"""Settings: order of sources and messages."""

from __future__ import annotations

from pathlib import Path

import pytest

from distiller.core.errors import BadParameter
from distiller.core.settings import Settings, load_settings


def test_default_home_is_beside_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISTILLER_HOME")
    assert load_settings().home == Path.cwd() / "distiller-home"


def test_environment_beats_file_beats_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "distiller.toml").write_text(
        'authority = "org.file"\nsite_title = "From the file"\n', encoding="utf-8"
    )
    monkeypatch.setenv("DISTILLER_AUTHORITY", "org.environment")
    settings = load_settings(tmp_path)
    assert settings.authority == "org.environment"
    assert settings.site_title == "From the file"
    assert settings.query_timeout_s == 60.0


def test_unknown_name_in_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "distiller.toml").write_text('autority = "org.x"\n', encoding="utf-8")
    with pytest.raises(BadParameter) as caught:
        load_settings(tmp_path)
    assert "autority" in caught.value.text
    assert str(tmp_path / "distiller.toml") in caught.value.text


def test_bad_value_says_which_and_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISTILLER_QUERY_TIMEOUT_S", "-3")
    with pytest.raises(BadParameter) as caught:
        load_settings(tmp_path)
    assert caught.value.name == "query_timeout_s"
    assert "greater than 0" in caught.value.text
    assert "DISTILLER_QUERY_TIMEOUT_S" in caught.value.text


def test_broken_toml_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "distiller.toml").write_text("authority = \n", encoding="utf-8")
    with pytest.raises(BadParameter, match=r"distiller\.toml"):
        load_settings(tmp_path)


def test_a_misspelt_name_has_a_suggestion(tmp_path: Path) -> None:
    (tmp_path / "distiller.toml").write_text("jobs_at_onse = 3\n")
    with pytest.raises(BadParameter, match="did you mean jobs_at_once"):
        load_settings(tmp_path)


def test_a_list_in_the_environment_that_is_no_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISTILLER_ALLOWED_HOSTS", "a.org,b.org")
    with pytest.raises(BadParameter) as caught:
        load_settings(tmp_path)
    assert "DISTILLER_ALLOWED_HOSTS" in str(caught.value)
    assert '["a.org", "b.org"]' in str(caught.value)
    monkeypatch.setenv("DISTILLER_ALLOWED_HOSTS", '["a.org", "b.org"]')
    assert load_settings(tmp_path).allowed_hosts == ("a.org", "b.org")


def test_every_setting_is_described() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ("https://archive.example.org/vhe", "at the root of its host"),
        ("https://archive.example.org/?x=1", "at the root of its host"),
        ("https://me:word@archive.example.org", "at the root of its host"),
        ("archive.example.org", "no URL as"),
        ("ftp://archive.example.org", "no URL as"),
        ("https://", "no URL as"),
        ("https://archive.example.org:web", "is no URL"),
        ("https://archive example.org ", "no URL as"),
    ],
)
def test_a_base_url_is_the_root_of_a_host(
    tmp_path: Path, given: str, word: str
) -> None:
    with pytest.raises(BadParameter, match=word):
        load_settings(tmp_path, base_url=given)


def test_a_last_slash_of_the_base_url_is_left_out(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, base_url="https://archive.example.org:8443/")
    assert settings.base_url == "https://archive.example.org:8443"


@pytest.mark.parametrize(
    "given", ["", "ab", "-vhe.example.org", "vhe example", "ivo://a"]
)
def test_an_authority_is_one_of_the_ivoa(tmp_path: Path, given: str) -> None:
    with pytest.raises(BadParameter, match=r"as in vhe\.example\.org"):
        load_settings(tmp_path, authority=given)
