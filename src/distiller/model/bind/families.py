"""Types that extend each other: which table holds the rows of which."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from distiller.model.entities import Document, Role, Type
    from distiller.model.tables import Strategy


class Families:
    """The object and data types of a document, by what they extend.

    Parameters
    ----------
    strategy
        Of families that ``chosen`` does not name.
    chosen
        Strategy by the vodml-id of the type at the top.
    """

    def __init__(
        self, document: Document, strategy: Strategy, chosen: Mapping[str, Strategy]
    ) -> None:
        self._document = document
        self._strategy = strategy
        self._chosen = chosen
        self._below: dict[str, list[Type]] = {}
        for item in document.types:
            base = document.find(item.extends) if item.extends else None
            if base is not None:
                self._below.setdefault(base.id, []).append(item)

    def lineage(self, item: Type) -> tuple[Type, ...]:
        """Return the type and those that it extends, the nearest first."""
        base = self._document.find(item.extends) if item.extends else None
        return (item, *self.lineage(base)) if base is not None else (item,)

    def top(self, item: Type) -> Type:
        """Return the type that all of the family extend."""
        return self.lineage(item)[-1]

    def below(self, item: Type) -> Iterator[Type]:
        """Yield every type that extends this one, at any distance."""
        for inner in self._below.get(item.id, ()):
            yield inner
            yield from self.below(inner)

    def concrete(self, item: Type) -> tuple[Type, ...]:
        """Return the type and those that extend it, without the abstract ones."""
        return tuple(t for t in (item, *self.below(item)) if not t.abstract)

    def strategy(self, item: Type) -> Strategy:
        """Return how the family of a type is stored."""
        return self._chosen.get(self.top(item).id, self._strategy)

    def has_table(self, item: Type) -> bool:
        """Whether a type has a table of its own."""
        strategy = self.strategy(item)
        if strategy == "single":
            return self.top(item) is item
        return strategy == "joined" or not item.abstract

    def holders(self, item: Type) -> tuple[Type, ...]:
        """Return the types in whose tables every row of this one is found.

        Several where each type that is not abstract has a table of its own.
        """
        strategy = self.strategy(item)
        if strategy == "joined":
            return (item,)
        if strategy == "single":
            return (self.top(item),)
        return self.concrete(item)

    def roles(self, item: Type) -> tuple[Role, ...]:
        """Return the roles of a type, those that it inherits first."""
        return tuple(r for t in reversed(self.lineage(item)) for r in t.roles)
