"""Schemas of the IVOA for documents of VOSI, as the Debian package stilts has them."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import xmlschema
from lxml import etree

if TYPE_CHECKING:
    from collections.abc import Callable

    Validate: TypeAlias = Callable[[bytes], None]

_JAR = Path("/usr/share/java/starlink-ttools.jar")
_FOLDER = "uk/ac/starlink/ttools/taplint/"
_OWN = Path(__file__).parents[1] / "data" / "xsd"
_SCHEMAS = {
    "http://www.w3.org/1999/xlink": "xlink.xsd",
    "http://www.ivoa.net/xml/STC/stc-v1.30.xsd": "stc-v1.30.xsd",
    "http://www.ivoa.net/xml/ConeSearch/v1.0": "ConeSearch-v1.1.xsd",
    "http://www.ivoa.net/xml/TAPRegExt/v1.0": "TAPRegExt-v1.0-Erratum1.xsd",
    "http://www.ivoa.net/xml/VODataService/v1.1": "VODataService-v1.2.xsd",
    "http://www.ivoa.net/xml/VOResource/v1.0": "VOResource-v1.1.xsd",
    "http://www.ivoa.net/xml/VOSIAvailability/v1.0": "VOSIAvailability-v1.0.xsd",
    "http://www.ivoa.net/xml/VOSICapabilities/v1.0": "VOSICapabilities-v1.0.xsd",
    "http://www.ivoa.net/xml/VOSITables/v1.0": "VOSITables-v1.1.xsd",
}


def validator(folder: Path) -> Validate:
    """Return what holds a document against the schema of its namespace.

    No network is asked.

    Parameters
    ----------
    folder
        Where the schemas are unpacked.
    """
    with zipfile.ZipFile(_JAR) as jar:
        for name in _SCHEMAS.values():
            own = _OWN / name
            content = own.read_bytes() if own.exists() else jar.read(_FOLDER + name)
            (folder / name).write_bytes(content)
    places = {namespace: str(folder / name) for namespace, name in _SCHEMAS.items()}
    made: dict[str, xmlschema.XMLSchema] = {}

    def check(document: bytes) -> None:
        namespace = etree.QName(etree.fromstring(document)).namespace or ""
        if namespace not in made:
            # All in one schema: the types that xsi:type names stand in other files.
            # Lax, of the schemas only: that of STC breaks a rule of XML Schema.
            others = [path for ns, path in places.items() if ns != namespace]
            made[namespace] = schema = xmlschema.XMLSchema(
                places[namespace],
                locations=places,
                allow="local",
                validation="lax",
                build=False,
            )
            for path in others:
                schema.add_schema(path)
            schema.build()
        faults = list(made[namespace].iter_errors(document.decode()))
        if faults:
            raise faults[0]

    return check
