"""An XMI file as a VO-DML document, with a report of what is not carried over."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from distiller.core.errors import BadData
from distiller.model.entities import TYPE_KINDS, Document, Import, Type
from distiller.model.read_xmi.classifiers import Classifiers
from distiller.model.read_xmi.ends import Ends
from distiller.model.read_xmi.names import model_name_of
from distiller.model.read_xmi.others import Others
from distiller.model.read_xmi.report import Account
from distiller.model.read_xmi.roles import Roles
from distiller.model.read_xmi.rules import Rules, subsets_of
from distiller.model.read_xmi.stereotypes import Stereotypes
from distiller.model.read_xmi.tree import MAX_BYTES, Tree
from distiller.model.read_xmi.words import Words

if TYPE_CHECKING:
    from pathlib import Path

    from lxml import etree

    from distiller.model.entities import TypeKind
    from distiller.model.read_xmi.classifiers import Classifier
    from distiller.model.read_xmi.report import Listed

_NO_DATE = "1970-01-01T00:00:00Z"
"""What is not known; the clock would make the same file into another document."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What was made of an XMI file.

    Attributes
    ----------
    listed
        What is not carried over, changed or lacking, in the order of the file.
    carried
        The xmi:id of every element that is carried over.
    """

    document: Document
    listed: tuple[Listed, ...]
    carried: tuple[str, ...]

    @property
    def left_out(self) -> int:
        """The number of elements that are not carried over."""
        return len({i for item in self.listed if item.kind == "left" for i in item.ids})


def read_xmi(text: bytes, source: str, *, name: str | None = None) -> Imported:
    """Read a UML model as Modelio, MagicDraw, UModel and Papyrus export it (XMI 2.x).

    Parameters
    ----------
    text
        The whole file.
    source
        Its name, for messages.
    name
        The name that the model gets, instead of the one that it has.

    Raises
    ------
    BadData
        M001 where it is no XML or defines entities, M020 where it is too large, M021
        where it has no UML model, M022 where the model has no name.
    """
    return _Reader(Tree(text, source), name).read()


def read_xmi_file(path: Path, *, name: str | None = None) -> Imported:
    """Read a file, no more of it than may be read; see `read_xmi`.

    Raises
    ------
    BadData
        M000 where it cannot be read, and what `read_xmi` raises.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadData("M000", str(path), f"cannot be read: {error.strerror}") from error
    return read_xmi(text, path.name, name=name)


class _Reader:
    def __init__(self, tree: Tree, name: str | None) -> None:
        self._tree = tree
        self._account = Account(tree)
        self._stereotypes = Stereotypes(tree, self._account)
        self._words = Words(tree, self._account)
        self._own: dict[etree._Element, tuple[str, TypeKind]] = {}
        self._others = Others(tree, self._account, self._stereotypes, self._own)
        self._root = self._find()
        self._name = self._named(name)
        self._classifiers = Classifiers(
            tree, self._account, self._stereotypes, self._words
        )

    def read(self) -> Imported:
        """Read the document: packages and types first, then what is inside them."""
        self._frame()
        description = self._words.of(self._root)
        self._classifiers.read(self._root, "", self._others)
        for found in self._classifiers.types:
            self._own[found.element] = (f"{self._name}:{found.id}", found.kind)
        types = tuple(self._types())
        document = self._document(description, types)
        return Imported(document, self._account.listed(), self._account.ids())

    def _find(self) -> etree._Element:
        """Return the package that is the model: with the stereotype, else the first."""
        packages = [
            e
            for e in self._tree.elements
            if self._tree.kind(e) in {"Model", "Package"}
            and not self._tree.is_extension(e)
            and not e.get("href")
        ]
        marked = [p for p in packages if self._stereotypes.has(p, "model")]
        for package in (*marked, *packages):
            return package
        raise BadData(
            "M021",
            self._tree.source,
            "no UML model in it",
            hint="export the model itself, not a profile or a diagram",
        )

    def _named(self, name: str | None) -> str:
        given = self._root.get("name", "").strip()
        wanted = given if name is None else name
        found = model_name_of(wanted)
        if not found or (name is not None and found != name):
            raise BadData(
                "M022",
                self._tree.source,
                f"{wanted!r} is no name of a model",
                hint="give one with --name: a letter, then letters, digits, _ or -",
            )
        if found != given:
            self._account.changed(self._root, f"the model is called {found!r}")
        return found

    def _frame(self) -> None:
        """Mark what is around the model, and the model itself."""
        self._account.carried(self._root, *self._root.iterancestors())
        for child in self._tree.root.iterchildren("*"):
            if self._tree.is_of_xmi(child, "Documentation"):
                self._account.carried_whole(child)

    def _types(self) -> list[Type]:
        classifiers = self._classifiers
        extends = {f.element: self._extends(f) for f in classifiers.types}
        by_id = {f"{self._name}:{f.id}": f.element for f in classifiers.types}
        bases = {
            element: by_id[ref]
            for element, ref in extends.items()
            if ref is not None and ref in by_id
        }
        ends = Ends(self._tree, self._account, self._stereotypes, self._own)
        subsets = subsets_of(
            self._tree, self._account, self._stereotypes, classifiers.rules
        )
        roles = Roles(
            tree=self._tree,
            account=self._account,
            stereotypes=self._stereotypes,
            words=self._words,
            classifiers=classifiers,
            others=self._others,
            ends=ends,
            model=self._name,
            bases=bases,
            subsets=subsets,
        )
        rules = Rules(
            tree=self._tree,
            account=self._account,
            stereotypes=self._stereotypes,
            words=self._words,
            roles=roles,
            rules=classifiers.rules,
            types=self._own,
        )
        places = {p.id: place for place, p in enumerate(classifiers.packages, 1)}
        in_order = sorted(
            classifiers.types,
            key=lambda f: (places.get(f.package, 0), TYPE_KINDS.index(f.kind)),
        )
        return [self._type(f, extends[f.element], roles, rules) for f in in_order]

    def _type(
        self, found: Classifier, extends: str | None, roles: Roles, rules: Rules
    ) -> Type:
        description = self._words.of(found.element)
        if not description:
            self._account.lacking(found.element, "it has no description")
        own, narrowed = roles.of(found)
        return Type(
            kind=found.kind,
            id=found.id,
            name=found.name,
            description=description,
            package=found.package,
            abstract=found.element.get("isAbstract") == "true",
            extends=extends,
            roles=own,
            values=self._classifiers.literals(found),
            constraints=(*narrowed, *rules.of(found.element)),
        )

    def _extends(self, found: Classifier) -> str | None:
        """Return what a type extends: VO-DML has one base, of the same kind."""
        result: str | None = None
        for element in self._tree.children(found.element, "Generalization"):
            targets = self._tree.targets(element, "general")
            if not targets:
                self._account.left(element, "it leads nowhere")
                continue
            meaning = self._others.meaning(targets[0])
            base = targets[0].element
            kind = None if base is None else self._own.get(base, (None, None))[1]
            if isinstance(meaning, str):
                self._account.left(element, meaning)
            elif result is not None:
                self._account.left(
                    element, f"VO-DML has one base; {result} is carried over"
                )
            elif kind is not None and kind != found.kind:
                self._account.left(element, f"{found.kind} cannot extend a {kind}")
            else:
                self._account.carried(element)
                for child in element.findall("general"):
                    self._account.carried(child)
                self._stereotypes.get(element, "generalization")
                result = meaning.ref
        base_types = self._name == "ivoa"
        if result is None and found.kind == "primitiveType" and not base_types:
            result = self._others.own_primitive(found.element)
            if result is not None:
                self._account.changed(found.element, f"it extends {result}")
        return result

    def _document(self, description: str, types: tuple[Type, ...]) -> Document:
        applied = self._stereotypes.get(self._root, "model")
        value = applied.value if applied else (lambda *_: "")
        self._stereotypes.get(self._root, "modelelement")
        title = value("title")
        if not title:
            self._account.lacking(self._root, "its title (stereotype model, title)")
        version = value("version")
        if not version:
            self._account.lacking(self._root, "its version (stereotype model, version)")
        described = description or value("subject", "description")
        if not described:
            self._account.lacking(self._root, "it has no description")
        given = self._root.get("URI", "")
        uri = value("uri", "namespaceuri") or given
        if not uri:
            self._account.lacking(self._root, "its URI (stereotype model, uri)")
        if applied:
            for taken, *names in (
                (title, "title"),
                (version, "version"),
                (described, "subject", "description"),
                (uri, "uri", "namespaceuri"),
                (self._name, "name"),
            ):
                self._stereotypes.others(applied, taken, *names)
        tagged = applied.values if applied else {}
        authors = (*tagged.get("author", ()), *tagged.get("authors", ()))
        return Document(
            name=self._name,
            title=title or self._name,
            description=described,
            version=version or "unversioned",
            package_tree=tuple(self._classifiers.packages),
            types=types,
            imported=tuple(_located(other) for other in self._others.imports()),
            uri=uri,
            authors=tuple(a.strip() for text in authors for a in text.split(";") if a),
            previous_version=value("previousversion"),
            last_modified=self._date(value("lastmodified")),
            source=self._tree.source,
        )

    def _date(self, text: str) -> str:
        """Return a date as ``xsd:dateTime``."""
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            why = "when it was last changed (stereotype model, lastModified)"
            self._account.lacking(
                self._root, f"{why}{f', not {text!r}' if text else ''}"
            )
            return _NO_DATE
        return re.sub(r"\+00:00$", "Z", found.isoformat())


def _located(other: Import) -> Import:
    """Return an import with a place; the schema wants one."""
    url = other.url or f"{other.name}.vo-dml.xml"
    return Import(
        name=other.name,
        url=url,
        version=other.version,
        documentation_url=other.documentation_url or url,
        identifier=other.identifier,
    )
