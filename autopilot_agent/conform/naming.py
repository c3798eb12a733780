"""Addresses that a server names, and whether a Windows device could go there, said in a few words."""

from __future__ import annotations

from urllib.parse import urlsplit

from autopilot_agent.conform.evidence import Exchange
from autopilot_agent.wire import safe_xml, soap
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


def places_in(exchange: Exchange | None) -> dict[str, str]:
    """The addresses of a discovery answer, taken as they are, by the names that a wallet has for them."""
    envelope = exchange.envelope if exchange is not None else None
    result = safe_xml.child(envelope.operation, "DiscoverResult") if envelope is not None else None
    names = {
        "enrolment": "EnrollmentServiceUrl",
        "policy": "EnrollmentPolicyServiceUrl",
        "auth": "AuthenticationServiceUrl",
        "AuthPolicy": "AuthPolicy",
        "EnrollmentVersion": "EnrollmentVersion",
    }
    found = {key: soap.said(result, name) for key, name in names.items()}
    return {key: value for key, value in found.items() if value}
