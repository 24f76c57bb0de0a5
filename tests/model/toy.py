"""Small VO-DML documents, written as text: the model ``toy``."""

from __future__ import annotations


def document(body: str, *, name: str = "toy") -> bytes:
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<vo-dml:model xmlns:vo-dml="http://www.ivoa.net/xml/VODML/v1">
  <name>{name}</name>
  <description>A toy.</description>
  <uri/>
  <title>Toy</title>
  <version>1</version>
  <lastModified>2026-01-01T00:00:00</lastModified>
  <import><name>ivoa</name><url>ivoa.xml</url></import>
{body}
</vo-dml:model>
""".encode()


def attribute(owner: str, name: str, ref: str, *, words: str = "It.") -> str:
    return f"""<attribute><vodml-id>{owner}.{name}</vodml-id><name>{name}</name>
    <description>{words}</description>
    <datatype><vodml-ref>{ref}</vodml-ref></datatype>
    <multiplicity><minOccurs>0</minOccurs><maxOccurs>1</maxOccurs></multiplicity>
    </attribute>"""


def object_type(
    name: str, *roles: str, words: str = "A thing.", extends: str = ""
) -> str:
    base = f"<extends><vodml-ref>{extends}</vodml-ref></extends>" if extends else ""
    return (
        f"<objectType><vodml-id>{name}</vodml-id><name>{name}</name>"
        f"<description>{words}</description>{base}{''.join(roles)}</objectType>"
    )


def relation(kind: str, owner: str, name: str, ref: str) -> str:
    return attribute(owner, name, ref).replace("attribute>", f"{kind}>")


def subset(role: str, datatype: str = "ivoa:real") -> str:
    return (
        f"<constraint><role><vodml-ref>{role}</vodml-ref></role><datatype><vodml-ref>"
        f"{datatype}</vodml-ref></datatype></constraint>"
    )
