"""Entry point of the ``distiller`` program."""

from __future__ import annotations

from distiller.cli import main

if __name__ == "__main__":
    main()
