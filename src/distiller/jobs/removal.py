"""Datasets out of the archive, by operators, and products by whoever made them.

The rows go first, in one transaction each, and the files of what jobs made after them:
`distiller check` tells what a crash leaves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from distiller.core.errors import Forbidden, IllegalState, NotFound
from distiller.jobs import folders, preview_files, product_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from distiller.core.rights import Reader
    from distiller.core.settings import Settings

_MADE: Final = """
SELECT p.publisher_did, a.owner FROM cta.product AS p
JOIN cta.analysis AS a ON a.product_id = p.product_id
WHERE p.product_id = ?
"""


class Holding(Protocol):
    """The part of the archive that removing needs."""

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Return all rows of a small look-up, by column name."""

    def remove(self, publisher_did: str, *, note: str | None = None) -> bool:
        """Take a dataset out; return whether it was there."""


def remove(archive: Holding, settings: Settings, dids: Sequence[str], note: str) -> int:
    """Take datasets out of the archive, and what was made of them for its pages.

    Files of runs stay where they are; those of what a job made go.

    Parameters
    ----------
    note
        Why; kept with the history.

    Returns
    -------
    How many were there.
    """
    made = product_files.folders_of(archive, settings, dids)
    looks = preview_files.product_ids(archive, dids)
    removed = sum(archive.remove(did, note=note) for did in dids)
    for folder in made:
        folders.remove(folder)
    preview_files.remove_all_of(settings, looks)
    return removed


def may_remove(owner: str | None, who: Reader) -> bool:
    """Whether somebody may remove what a job of this owner made.

    What nobody owns stays: anybody would be its owner.
    """
    return who.is_staff or (owner is not None and owner == who.name)


def check(
    archive: Holding, product_id: str, who: Reader, shown_to: Sequence[str | None]
) -> str:
    """Return the DID of a product that somebody may remove.

    Parameters
    ----------
    shown_to
        Whose jobs show it, see `JobService.owners_of`.

    Raises
    ------
    NotFound
        If there is no such product, or no job made it.
    Forbidden
        If it is another's.
    IllegalState
        If it was given to jobs of others, who count on it.
    """
    found = archive.rows(_MADE, [product_id])
    if not found:
        message = f"there is no product {product_id} that a job made"
        raise NotFound(message, hint="operators remove runs with `distiller remove`")
    did, owner = str(found[0]["publisher_did"]), found[0]["owner"]
    if not may_remove(owner, who):
        message = f"{did} is not yours to remove"
        raise Forbidden(message, hint="log in as its owner, or ask the operators")
    others = sum(one != who.name for one in shown_to)
    if others and not who.is_staff:
        jobs = "a job" if others == 1 else f"{others} jobs"
        message = f"{did} was given to {jobs} of others, who count on it"
        hint = "it can go once they are deleted; administrators can remove it now"
        raise IllegalState(message, hint=hint)
    return did


def remove_product(
    archive: Holding,
    settings: Settings,
    product_id: str,
    who: Reader,
    shown_to: Sequence[str | None],
) -> None:
    """Take a product out of the archive for whoever made it, or an administrator.

    Jobs that show it stay, without results; so does its history. Parameters and errors
    are those of `check`.
    """
    did = check(archive, product_id, who, shown_to)
    whom = "an administrator" if who.is_staff else "its owner"
    remove(archive, settings, [did], f"removed by {whom} on its page")
