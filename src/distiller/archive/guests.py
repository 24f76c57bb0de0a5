"""What somebody else keeps in the database of the archive, and what an upgrade does.

Views, indexes, tables and schemas that no model has made. They stay; where one depends
on what changes, the upgrade refuses and names it, and only ``--drop`` lets it go.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Guest:
    """One that cannot stay as it is.

    Attributes
    ----------
    what
        Kind and name: "the view site.bright".
    why
        What is in the way.
    drop
        SQL that drops it; empty where it is enough not to take it along.
    """

    what: str
    why: str
    drop: str = ""

    @property
    def obstacle(self) -> str:
        """A sentence for who has not allowed that it goes."""
        return (
            f"{self.what}, which is not the archive's, cannot stay: {self.why}; drop "
            "it, upgrade, and make it again (--drop drops it)"
        )

    @property
    def farewell(self) -> str:
        """A sentence for who has."""
        return f"{self.what} goes, which is not the archive's: {self.why}"
