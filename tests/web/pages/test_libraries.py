"""Libraries of the browser: where they come from, and that licences go with them."""

from __future__ import annotations

import json
from pathlib import Path

_ROOT = Path(__file__).parents[3]
_VENDOR = _ROOT / "src" / "distiller" / "web" / "static" / "vendor"


def _packages() -> dict[str, dict[str, object]]:
    lock = json.loads((_ROOT / "package-lock.json").read_text(encoding="utf-8"))
    packages: dict[str, dict[str, object]] = lock["packages"]
    return {place: facts for place, facts in packages.items() if place}


def test_the_lock_file_names_no_registry() -> None:
    for place, facts in _packages().items():
        assert "resolved" not in facts, place
        assert str(facts["integrity"]).startswith("sha512-"), place


def test_what_is_wanted_is_pinned() -> None:
    wanted = json.loads((_ROOT / "package.json").read_text(encoding="utf-8"))
    locked = _packages()
    for name, version in {
        **wanted["dependencies"],
        **wanted["devDependencies"],
    }.items():
        assert locked[f"node_modules/{name}"]["version"] == version, name


def test_licences_are_shipped() -> None:
    for folder in _VENDOR.iterdir():
        assert (folder / "LICENSE").stat().st_size > 100, folder
    text = (_VENDOR / "codemirror" / "LICENSE").read_text(encoding="utf-8")
    parts = ("@codemirror/", "@lezer/", "style-mod", "crelt", "w3c-keyname", "@marijn/")
    for place, facts in _packages().items():
        name = place.removeprefix("node_modules/")
        # Highlighting of other languages than SQL is in the lock, not in the bundle.
        if name.startswith(parts):
            assert f"{name} {facts['version']} (MIT)" in text, name
