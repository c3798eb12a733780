"""HTML made of elements and never of pieces of text: whatever is data is escaped, because there is no other way in."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from xml.etree import ElementTree

from autopilot_agent.reports.printable import printable

Element = ElementTree.Element
Node = Element | str | int | None | Iterable["Node"]


def e(tag: str, *children: Node, **attributes: str | int | bool | None) -> Element:
    """An element. ``class_`` is class, ``data_mode`` is data-mode; None and False leave an attribute out, True is one alone."""
    made = ElementTree.Element(tag)
    for name, value in attributes.items():
        if value is not None and value is not False:
            made.set(name.rstrip("_").replace("_", "-"), "" if value is True else printable(str(value)))
    for child in children:
        _add(made, child)
    return made


def svg(width: int, height: int, label: str, *children: Node, stretched: bool = False, class_: str = "") -> Element:
    """A picture with a name for those who do not see it; ``stretched`` fills the width that is there."""
    made = e("svg", e("title", label), *children, role="img", class_=class_ or None, aria_label=label)
    made.set("viewBox", f"0 0 {width} {height}")
    if stretched:
        made.set("preserveAspectRatio", "none")
    else:
        made.set("width", str(width))
    return made


def own(tag: str, text: str) -> Element:
    """A style or a script of ours, which is no data: written as it is."""
    if "</" in text or "<!--" in text:
        raise ValueError(f"a {tag} that could end before its end")
    made = ElementTree.Element(tag)
    made.text = text
    return made


def hashed(text: str) -> str:
    """What a Content Security Policy calls exactly this style or script."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def written(root: Element) -> bytes:
    """The page as UTF-8."""
    text: str = ElementTree.tostring(root, encoding="unicode", method="html")
    return b"<!DOCTYPE html>\n" + text.encode() + b"\n"


def _add(parent: Element, child: Node) -> None:
    if child is None:
        return
    if isinstance(child, ElementTree.Element):
        parent.append(child)
    elif isinstance(child, str | int):
        text = printable(str(child), lines=True)
        if len(parent):
            parent[-1].tail = (parent[-1].tail or "") + text
        else:
            parent.text = (parent.text or "") + text
    else:
        for one in child:
            _add(parent, one)
