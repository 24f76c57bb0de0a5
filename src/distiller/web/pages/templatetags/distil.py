"""Filters that the templates share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import template
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.utils.safestring import SafeString

register = template.Library()

_LONGEST = 24
_HEAD = 7


@register.filter
def at(items: Sequence[Any], index: int) -> Any:
    """Return an item by its index."""
    return items[index]


@register.filter
def get(items: Mapping[str, Any], name: str) -> Any:
    """Return an item by its name, None if there is none."""
    return items.get(name)


@register.filter
def grouped(number: int) -> str:
    """Write a whole number with commas between its thousands.

    >>> grouped(1000000)
    '1,000,000'
    """
    return f"{number:,}"


@register.filter
def breakable(name: str) -> SafeString:
    """Let a name go on in a new line after its underscores, where it is too long.

    >>> breakable("degrees_of_freedom")
    'degrees_<wbr>of_<wbr>freedom'
    """
    return format_html_join(mark_safe("_<wbr>"), "{}", ([p] for p in name.split("_")))


@register.filter
def shorten(text: str) -> str:
    """Cut a long identifier; the full one stands in the title.

    >>> shorten("23523"), shorten("count_map/3d0f33e4-95f5-43a1-8d37-0d6a2a9b5b1e")
    ('23523', '3d0f33e…')
    """
    if len(text) <= _LONGEST:
        return text
    return f"{text.rpartition('/')[2][:_HEAD]}…"
