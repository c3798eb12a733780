"""Addresses that a server names: whether a Windows device could go there, said in a few words."""

from __future__ import annotations

from urllib.parse import urlsplit

from autopilot_agent.wire.hosts import is_production

LONGEST = 100
"""Characters of an address that are shown."""


def trouble_with(url: str, visited: str) -> str:
    """What is wrong with an address that the server at ``visited`` named, as the end of a sentence; "" for a good one.

    A server that is visited over plain HTTP may name plain HTTP: it is a test on one machine.
    """
    if not url:
        return "missing"
    shown = url[:LONGEST]
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return f"{shown}, which is no URL"
    if not url.isprintable() or " " in url:
        return f"{shown}, which holds blanks or other characters that no URL has"
    if parts.scheme not in (("https", "http") if visited.startswith("http:") else ("https",)):
        return shown
    if not host:
        return f"{shown}, which names no host"
    if is_production(host):
        return f"{shown}, a production service of somebody else's, which is never visited"
    return ""
