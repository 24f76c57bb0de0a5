"""The quick look on the page of a dataset: the picture, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from distiller.core.rights import may_read
from distiller.core.times import now
from distiller.jobs import preview_files
from distiller.web import access, site
from distiller.web.data.addresses import address_of_preview

if TYPE_CHECKING:
    from django.http import HttpRequest

    from distiller.core.rights import Terms
    from distiller.jobs.preview_files import Dataset, Record


@dataclass(frozen=True, slots=True)
class QuickLook:
    """What stands in its place.

    Attributes
    ----------
    words
        What the picture shows, or why there is none.
    picture, numbers
        Their addresses; empty where there are none.
    is_coming
        Whether to ask again soon.
    """

    product_id: str
    words: str
    picture: str = ""
    numbers: str = ""
    is_coming: bool = False


def find(request: HttpRequest, product_id: str) -> QuickLook | None:
    """Return what a visitor sees of the quick look of a product; None is nothing.

    Who may not read the data learns nothing of it, not even whether it is there.
    """
    here = site.current()
    dataset = preview_files.dataset(here.archive, product_id)
    if dataset is None:
        return None
    if not may_read(access.visitor(request), dataset.terms, now()):
        return QuickLook(product_id, _closed(dataset.terms))
    record = preview_files.read(here.settings, dataset.name)
    if record is not None:
        return _known(dataset, record)
    if not here.settings.previews:
        return None
    if preview_files.is_tended(here.settings):
        words = "The quick look is being made and will stand here."
        return QuickLook(product_id, words, is_coming=True)
    words = (
        "The quick look will stand here once the operators of this site run "
        "`distiller runner` or `distiller preview`."
    )
    return QuickLook(product_id, words)


def _closed(terms: Terms) -> str:
    until = f" until {terms.release_date:%Y-%m-%d}" if terms.release_date else ""
    return (
        f"The data are proprietary{until}: their quick look is shown to those who are "
        "logged in and may read them."
    )


def _known(dataset: Dataset, record: Record) -> QuickLook:
    if record.numbers is None:
        more = "" if record.is_final else " It is tried again."
        return QuickLook(
            dataset.product_id,
            f"The quick look could not be made: {record.error}.{more}",
        )
    # The mark in the address keeps a browser from showing an old picture.
    picture = address_of_preview(dataset.product_id, "png")
    return QuickLook(
        dataset.product_id,
        record.numbers.words,
        picture=f"{picture}?{dataset.name.rpartition('-')[2]}",
        numbers=address_of_preview(dataset.product_id, "json"),
    )
