"""The first table of a VOTable 1.1 to 1.5, read as a stream.

Expat reads it: no tree is built, however long the table, and no entity is ever
declared, so that nothing is expanded and nothing else is fetched. Rows become Arrow in
blocks.
"""

from __future__ import annotations

import binascii
import io
import zlib
from typing import TYPE_CHECKING, Any, Final
from xml.parsers import expat

from distiller.core.errors import UserError
from distiller.queries.tables import binary, values
from distiller.queries.tables.fields import Field, column_of, named

if TYPE_CHECKING:
    from typing import BinaryIO

    from distiller.core.columns import Column
    from distiller.queries.tables.limits import Limits

_BLOCK: Final = 2**16
_ROWS: Final = 20_000
"""Rows that wait as texts until they become Arrow."""
_DEEPEST: Final = 60
_ZIPPED: Final = 31
"""Window bits of zlib for gzip."""
_BASE64_GROUP: Final = 4
_BLANKS: Final = str.maketrans("", "", " \t\r\n")


class VOTable:
    """The first table, once `read` has read the document.

    Attributes
    ----------
    description
        Of the table, None where there is none.
    words
        What is to be said of the columns.
    columns, arrays
        Its columns, and their values as chunks of Arrow arrays.
    rows
        Their number.
    """

    def __init__(self, limits: Limits) -> None:
        self.description: str | None = None
        self.words: list[str] = []
        self.columns: list[Column] = []
        self.arrays: list[list[Any]] = []
        self.fields: list[Field] = []
        self.rows = 0
        self._limits = limits
        self._parser: Any = None
        self._path: list[str] = []
        self._attributes: dict[str, str] = {}
        self._systems: dict[str, str] = {}
        self._text: list[str] | None = None
        self._found = False
        self._ended = False
        self._waiting: list[list[str | None]] = []
        self._stream: _Stream | None = None

    def read(self, stream: BinaryIO) -> None:
        """Read a whole document.

        Raises
        ------
        UserError
            Saying where it is not what it should be.
        """
        parser = self._parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.buffer_size = _BLOCK
        self._listen()
        parser.EntityDeclHandler = _no_entities
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        size = 0
        try:
            while block := stream.read(_BLOCK):
                size += len(block)
                self._limits.check_size(size)
                parser.Parse(block, False)  # noqa: FBT003 - expat takes no names
            parser.Parse(b"", True)  # noqa: FBT003 - likewise
        except (expat.ExpatError, ValueError, LookupError) as error:
            is_expats = isinstance(error, expat.ExpatError)
            # Others are of encodings that are not known, and of the values.
            what = "it is no well-formed XML" if is_expats else "it cannot be read"
            said = str(error).partition(":" if is_expats else "\n")[0]
            raise UserError(
                f"{what}: {said} in line "
                f"{parser.CurrentLineNumber}, column {parser.CurrentColumnNumber}"
            ) from error
        if not self._found:
            raise UserError("there is no TABLE in the VOTable")

    def _listen(self) -> None:
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters

    # What expat calls -----------------------------------------------------------------

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        tag = name.rpartition(":")[2]
        path = self._path
        if not path and tag != "VOTABLE":
            raise UserError(f"it is no VOTable: it begins with <{name}>")
        path.append(tag)
        if len(path) > _DEEPEST:
            raise UserError(f"elements lie more than {_DEEPEST} deep in each other")
        if self._ended:
            return
        if tag == "TABLE":
            self._found = True
        elif tag == "COOSYS":
            self._systems[attributes.get("ID", "")] = _system(attributes)
        elif self._found:
            self._inside(tag, name, attributes)

    def _inside(self, tag: str, name: str, attributes: dict[str, str]) -> None:
        """Begin an element within the table that is no row."""
        if tag == "FIELD":
            if self.columns:
                raise UserError("a FIELD stands behind the data of its table")
            self._attributes = dict(attributes)
        elif tag == "VALUES" and "FIELD" in self._path:
            if "null" in attributes:
                self._attributes["null"] = attributes["null"]
        elif tag == "DESCRIPTION":
            self._text = []
        elif tag == "DATA":
            self._open()
        elif tag == "TABLEDATA":
            self._begin_rows(name)
        elif tag == "FITS":
            raise UserError(
                "its data are FITS within a VOTable", hint="send the FITS file itself"
            )
        elif tag == "STREAM":
            self._stream = _stream(attributes, self._limits)

    def _characters(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)
        elif self._stream is not None:
            self._stream.add(text)

    def _end(self, name: str) -> None:
        tag = self._path.pop()
        del name
        if self._ended:
            return
        if tag == "DESCRIPTION" and self._text is not None:
            self._describe("".join(self._text).strip())
            self._text = None
        elif tag == "FIELD" and self._found:
            self.fields.append(_field(self._attributes, self._systems))
            self._limits.check_columns(len(self.fields))
            self._attributes = {}
        elif tag == "STREAM" and self._stream is not None:
            self._decode()
        elif tag == "TABLE":
            self._open()  # a table without DATA has no rows
            self._ended = True

    def _describe(self, text: str) -> None:
        within = self._path[-1] if self._path else ""
        if within == "FIELD":
            self._attributes["DESCRIPTION"] = text
        elif within == "TABLE":
            self.description = text or None

    # Rows -----------------------------------------------------------------------------

    def _open(self) -> None:
        """Make the columns, once all fields are known."""
        if self.columns:
            return
        self._limits.check_columns(len(self.fields))
        names, self.words = named(self.fields)
        self.columns = [
            column_of(field, name)
            for field, name in zip(self.fields, names, strict=True)
        ]
        self.arrays = [[] for _ in self.columns]

    def _begin_rows(self, tabledata: str) -> None:
        """Take cells from here on, to the end of TABLEDATA.

        There are millions, so that what is called for each does little.
        """
        prefix = tabledata.removesuffix("TABLEDATA")
        td, tr = f"{prefix}TD", f"{prefix}TR"
        text: list[str] = []
        cells: list[str | None] = []

        def start(name: str, attributes: dict[str, str]) -> None:
            if name == td and "encoding" not in attributes:
                text.clear()
            elif name == tr:
                cells.clear()
            else:
                raise UserError(
                    f"row {self.rows + 1} has a <{name}>, which is not read"
                )

        def end(name: str) -> None:
            if name == td:
                cells.append("".join(text))
            elif name == tr:
                self._row(cells.copy())
            else:
                self._flush()
                self._listen()
                self._end(name)

        self._parser.StartElementHandler = start
        self._parser.EndElementHandler = end
        self._parser.CharacterDataHandler = text.append

    def _row(self, cells: list[str | None]) -> None:
        if len(cells) != len(self.columns):
            raise UserError(
                f"row {self.rows + 1} has {len(cells)} cells, and there are "
                f"{len(self.columns)} columns"
            )
        self.rows += 1
        self._limits.check_rows(self.rows)
        self._waiting.append(cells)
        if len(self._waiting) == _ROWS:
            self._flush()

    def _flush(self) -> None:
        """Turn the rows that wait into Arrow."""
        first = self.rows - len(self._waiting)
        if self._waiting:
            for texts, field, column, chunks in zip(
                zip(*self._waiting, strict=True),
                self.fields,
                self.columns,
                self.arrays,
                strict=True,
            ):
                chunks.append(values.from_texts(field, column, texts, first))
        self._waiting = []

    def _decode(self) -> None:
        assert self._stream is not None  # noqa: S101 - callers have looked
        data, self._stream = self._stream.end(), None
        flags = self._path[-1] == "BINARY2"
        arrays, words = binary.decoded(
            self.fields, self.columns, data, self._limits, flags=flags
        )
        self.words += words
        self.rows = len(arrays[0])
        self.arrays = [[array] for array in arrays]


def _stream(attributes: dict[str, str], limits: Limits) -> _Stream:
    if "href" in attributes:
        raise UserError(
            "its data are elsewhere (href of STREAM)",
            hint="save the table with its data in it",
        )
    return _Stream(attributes.get("encoding"), limits)


class _Stream:
    """Bytes of a STREAM: base64, and gzip below it."""

    def __init__(self, encoding: str | None, limits: Limits) -> None:
        if (encoding or "none") not in {"base64", "gzip"}:
            raise UserError(
                f"a STREAM of encoding {encoding or 'none'!r} cannot be read",
                hint="base64 can",
            )
        self._limits = limits
        self._unzip: Any = zlib.decompressobj(_ZIPPED) if encoding == "gzip" else None
        self._rest = ""
        self._data = bytearray()

    def add(self, text: str) -> None:
        """Take in some of its text."""
        plain = self._rest + text.translate(_BLANKS)
        cut = len(plain) - len(plain) % _BASE64_GROUP
        self._rest = plain[cut:]
        self._take(plain[:cut])

    def _take(self, plain: str) -> None:
        try:
            data = binascii.a2b_base64(plain, strict_mode=bool(plain))
            if self._unzip is None:
                self._data += data
                self._limits.check_size(len(self._data))
            elif data:
                self._unpack(data)
        except (binascii.Error, zlib.error) as error:
            raise UserError(f"its STREAM is broken: {error}") from error

    def _unpack(self, data: bytes) -> None:
        """Unpack gzip, which is one member or several behind each other."""
        while data:
            if self._unzip.eof:
                data = data.lstrip(b"\0")  # which may fill up what is behind a member
                if not data:
                    return
                self._unzip = zlib.decompressobj(_ZIPPED)
            room = self._limits.size - len(self._data) + 1
            self._data += self._unzip.decompress(data, room)
            self._limits.check_size(len(self._data))
            data = self._unzip.unused_data

    def end(self) -> bytearray:
        """Return all bytes."""
        if self._rest:
            raise UserError("its STREAM breaks off within a group of base64")
        if self._unzip is not None and not self._unzip.eof:
            raise UserError("its STREAM breaks off, as gzip has it")
        return self._data


def _system(attributes: dict[str, str]) -> str:
    """Return the name of a COOSYS, with its equinox where that is not the usual one."""
    name = attributes.get("system", "")
    equinox = attributes.get("equinox", "")
    return (
        name
        if equinox in {"", "2000", "2000.0", "J2000", "J2000.0"}
        else (f"{name} {equinox}")
    )


def _field(attributes: dict[str, str], systems: dict[str, str]) -> Field:
    return Field(
        attributes.get("name") or attributes.get("ID") or "",
        attributes.get("datatype") or "char",
        attributes.get("arraysize"),
        attributes.get("unit"),
        attributes.get("ucd"),
        attributes.get("utype"),
        attributes.get("xtype"),
        attributes.get("DESCRIPTION"),
        attributes.get("null"),
        systems.get(attributes.get("ref", "")),
    )


def _no_entities(*_: object) -> None:
    raise UserError(
        "it declares entities, which are not read", hint="write the text itself"
    )


def described(text: bytes, limits: Limits) -> tuple[list[Field], str | None]:
    """Return the fields and the description of a VOTable without data."""
    document = VOTable(limits)
    document.read(io.BytesIO(text))
    return document.fields, document.description
