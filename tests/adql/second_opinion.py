"""What the ADQL parser of DaCHS says of texts: a program for the Python that has it.

Debian's package ``python3-gavo`` brings it to ``/usr/bin/python3``. A list of texts in
JSON comes from standard input; a list of the first words of each refusal, null for what
is accepted, goes to standard output.
"""

from __future__ import annotations

import json
import sys


def opinion(text: str) -> str | None:
    """Return why a text is refused, None if it is accepted."""
    # The Python that runs this is another than that of the project.
    from gavo import adql  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415

    try:
        adql.parseToTree(text)
    except Exception as error:  # noqa: BLE001 - whatever it raises, it refuses
        return f"{type(error).__name__}: {error}".partition("\n")[0][:100]
    return None


if __name__ == "__main__":
    json.dump([opinion(text) for text in json.load(sys.stdin)], sys.stdout)
