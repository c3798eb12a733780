"""XML from strangers and XML for them: a parser that follows nothing outside the bytes, and a small builder."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from lxml import etree

from autopilot_agent.errors import Malformed

if TYPE_CHECKING:
    Element = etree._Element  # the only name lxml has for it

DEEPEST = 60
"""Levels of elements that a document may have; SyncML needs a dozen."""
_TOO_DEEP = etree.XPath(f"boolean({'/*' * (DEEPEST + 1)})")
"""Whether there is an element one level further down: 6 us for 20 commands, where a walk through them takes 170."""


def parse(data: bytes, largest: int = 1_000_000) -> Element:
    """The root of a document. Raises ``Malformed`` for a broken one, a DTD (so no entity can be declared), or a huge one."""
    if len(data) > largest:
        raise Malformed(f"the document has more than {largest} bytes")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Malformed(f"the document is no XML: {_plain(error)}") from None
    if root is None:
        raise Malformed("the document is empty")
    information: Any = root.getroottree().docinfo
    if information.doctype:
        raise Malformed("the document declares a DTD, which no protocol here allows")
    if _TOO_DEEP(root):
        raise Malformed(f"the document has more than {DEEPEST} levels")
    return root


def _plain(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__


def local(element: Element) -> str:
    """The name of an element without its namespace."""
    tag = element.tag
    return _split(tag)[0] if isinstance(tag, str) else ""


@lru_cache(maxsize=4096)
def _split(tag: str) -> tuple[str, str]:
    """The local name of a tag, as it is and without regard to case."""
    name = tag.rpartition("}")[2]
    return name, name.casefold()


def namespace(element: Element) -> str:
    """The namespace of an element, or ""."""
    tag = element.tag
    return tag[1:].partition("}")[0] if isinstance(tag, str) and tag.startswith("{") else ""


def firsts(element: Element | None) -> dict[str, Element]:
    """The first child of each local name, by that name in lower case. One look at the children instead of one per name."""
    found: dict[str, Element] = {}
    if element is not None:
        for one in element:
            tag = one.tag
            if isinstance(tag, str):
                found.setdefault(_split(tag)[1], one)
    return found


def children(element: Element, name: str) -> list[Element]:
    """Children by local name, whatever their namespace and case."""
    wanted = name.casefold()
    return [one for one in element if isinstance(one.tag, str) and _split(one.tag)[1] == wanted]


def child(element: Element | None, *path: str) -> Element | None:
    """The first child, of the first child ..., by local names without regard to case; None where one is missing."""
    for name in path:
        if element is None:
            return None
        wanted = name.casefold()
        for one in element:
            if isinstance(one.tag, str) and _split(one.tag)[1] == wanted:
                element = one
                break
        else:
            return None
    return element


def text(element: Element | None) -> str:
    """All text in an element, "" for None."""
    if element is None:
        return ""
    return "".join(map(str, element.itertext())) if len(element) else element.text or ""


def element(tag: str, prefixes: dict[str, str] | None = None, **attributes: str) -> Element:
    """A new root. ``prefixes`` are the namespaces it declares, by prefix ("" for the default one)."""
    declared: Any = {prefix or None: name for prefix, name in (prefixes or {}).items()} or None
    return etree.Element(tag, dict(attributes), nsmap=declared)


def serialize(root: Element, *, declaration: bool = False) -> bytes:
    """The bytes of a document, in UTF-8."""
    return bytes(etree.tostring(root, encoding="utf-8", xml_declaration=declaration))


def sub(parent: Element, tag: str, value: str | None = None, /, **attributes: str) -> Element:
    """A new last child, with its text. Raises ``Malformed`` for text that XML cannot hold."""
    try:
        made = etree.SubElement(parent, tag, dict(attributes))
        if value is not None:
            made.text = value
    except ValueError:
        raise Malformed("the text holds characters that XML has no way to write") from None
    return made
