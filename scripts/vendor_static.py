"""Copies the browser libraries that pages load from node_modules into the package."""

from __future__ import annotations

import shutil
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
"""What is served, by its place in node_modules; tests take axe-core from there."""


def main() -> None:
    """Copy each file, and take away what an earlier version left."""
    missing = [name for name in FILES if not (SOURCE / name).is_file()]
    if missing:
        raise SystemExit(
            f"vendor_static: not in node_modules: {', '.join(missing)}; "
            "run `npm ci --ignore-scripts` first"
        )
    if TARGET.exists():
        shutil.rmtree(TARGET)
    for name, place in FILES.items():
        goal = TARGET / place
        goal.parent.mkdir(parents=True, exist_ok=True)
        text = (SOURCE / name).read_bytes()
        # Source maps are not shipped, and a browser would ask for them in vain.
        lines = [x for x in text.splitlines() if b"sourceMappingURL=" not in x]
        goal.write_bytes(b"\n".join(lines) + b"\n")
        print(f"vendor_static: {goal.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
