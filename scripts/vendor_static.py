"""Puts the browser libraries that pages load from node_modules into the package.

Most are copied; CodeMirror, which comes as many modules, is bundled into one.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "node_modules"
TARGET = ROOT / "src" / "distiller" / "web" / "static" / "vendor"

FILES = {
    "bootstrap/dist/css/bootstrap.min.css": "bootstrap/bootstrap.min.css",
    "bootstrap/LICENSE": "bootstrap/LICENSE",
    "htmx.org/dist/htmx.min.js": "htmx/htmx.min.js",
    "htmx.org/LICENSE": "htmx/LICENSE",
}
"""What is copied, by its place in node_modules; tests take axe-core from there."""

BUNDLES = {"codemirror.mjs": "codemirror/codemirror.js"}
"""What is bundled, by the file beside this one that says what of it is used."""


def main() -> None:
    """Copy and bundle everything, and take away what an earlier version left."""
    missing = [name for name in FILES if not (SOURCE / name).is_file()]
    bundler = next(SOURCE.glob("@esbuild/*/bin/esbuild"), None)
    if bundler is None:
        missing.append("@esbuild/<this machine>/bin/esbuild")
    if missing or bundler is None:
        raise SystemExit(
            f"vendor_static: not in node_modules: {', '.join(missing)}; "
            "run `npm ci --ignore-scripts` first"
        )
    if TARGET.exists():
        shutil.rmtree(TARGET)
    for name, place in FILES.items():
        goal = _goal(place)
        text = (SOURCE / name).read_bytes()
        # Source maps are not shipped, and a browser would ask for them in vain.
        lines = [x for x in text.splitlines() if b"sourceMappingURL=" not in x]
        goal.write_bytes(b"\n".join(lines) + b"\n")
        _say(goal)
    for name, place in BUNDLES.items():
        _bundle(bundler, Path(__file__).with_name(name), _goal(place))


def _bundle(bundler: Path, entry: Path, goal: Path) -> None:
    """Make one module of an entry and all that it imports; licences go beside it.

    The program is called itself, not through node: npm with ``--ignore-scripts`` leaves
    it in the package of the platform.
    """
    with tempfile.TemporaryDirectory() as folder:
        listing = Path(folder) / "inputs.json"
        command = [
            str(bundler),
            str(entry),
            "--bundle",
            "--minify",
            "--format=esm",
            "--target=es2022",
            "--legal-comments=none",
            "--log-level=warning",
            f"--metafile={listing}",
            f"--outfile={goal}",
        ]
        subprocess.run(command, check=True, cwd=ROOT)
        inputs = json.loads(listing.read_text(encoding="utf-8"))["inputs"]
    packages = sorted({_package(Path(name)) for name in inputs} - {None}, key=str)
    texts = [_licence(package) for package in packages if package is not None]
    licence = goal.with_name("LICENSE")
    licence.write_text("\n".join(texts), encoding="utf-8")
    _say(goal)
    _say(licence)


def _package(module: Path) -> Path | None:
    """Return the folder of the package that a module is of; None for our own."""
    parts = module.parts
    if "node_modules" not in parts:
        return None
    first = parts.index("node_modules") + 1
    length = 2 if parts[first].startswith("@") else 1
    return ROOT.joinpath(*parts[: first + length])


def _licence(package: Path) -> str:
    files = sorted(package.glob("LICEN[CS]E*"))
    if not files:
        raise SystemExit(f"vendor_static: {package} has no licence")
    facts = json.loads((package / "package.json").read_text(encoding="utf-8"))
    text = files[0].read_text(encoding="utf-8").strip()
    return f"{facts['name']} {facts['version']} ({facts['license']})\n\n{text}\n"


def _goal(place: str) -> Path:
    goal = TARGET / place
    goal.parent.mkdir(parents=True, exist_ok=True)
    return goal


def _say(goal: Path) -> None:
    print(f"vendor_static: {goal.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
