"""Looking into XML as pytune does: by names of tags, one of each assumed."""

from __future__ import annotations

from xml.dom import minidom

from plumbing import PeerFailedError


def elements(parent: minidom.Element) -> list[minidom.Element]:
    """Child elements."""
    return [one for one in parent.childNodes if isinstance(one, minidom.Element)]


def only(parent: minidom.Element, name: str) -> minidom.Element:
    """The one child of a name; ``PeerFailedError`` for more or none."""
    found = [one for one in elements(parent) if one.tagName == name]
    if len(found) != 1:
        raise PeerFailedError(f"{parent.tagName} has {len(found)} of {name}; the tool takes one")
    return found[0]


def text(element: minidom.Element) -> str:
    """The text of an element."""
    return "".join(one.data for one in element.childNodes if isinstance(one, minidom.Text))


def depth_four(root: minidom.Element) -> list[minidom.Element]:
    """The parms at depth four, in order."""
    level = [root]
    for _ in range(4):
        level = [one for parent in level for one in elements(parent) if one.tagName == "characteristic"]
    return [one for parent in level for one in elements(parent) if one.tagName == "parm"]
