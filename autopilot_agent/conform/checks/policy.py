"""Enrolment policies: the answer, its order, key and hash (MS-XCEP as in MS-MDE2 3.3)."""

from __future__ import annotations

from collections.abc import Iterable

from autopilot_agent.conform.checks.registry import Seen, tests
from autopilot_agent.conform.evidence import POLICY, Exchange, NotReached, Visit
from autopilot_agent.wire import safe_xml, soap
from autopilot_agent.wire.pkcs10 import LONGEST_KEY
from autopilot_agent.wire.xcep import HASH_OIDS

ORDERS = {
    "GetPoliciesResponse": "response cAs oIDs",
    "response": "policyID policyFriendlyName nextUpdateHours policiesNotChanged policies",
    "policy": "policyOIDReference cAs attributes",
    "attributes": "commonName policySchema certificateValidity permission privateKeyAttributes revision supersededPolicies "
    "privateKeyFlags subjectNameFlags enrollmentFlags generalFlags hashAlgorithmOIDReference rARequirements "
    "keyArchivalAttributes extensions",
    "privateKeyAttributes": "minimalKeyLength keySpec keyUsageProperty permissions algorithmOIDReference cryptoProviders",
    "oID": "value group oIDReferenceID defaultName",
}
"""Children of the elements whose order counts."""


def _answer(visit: Visit) -> tuple[Exchange, safe_xml.Element]:
    exchange, envelope = visit.operation(POLICY, "GetPoliciesResponse")
    return exchange, envelope.operation


def _attributes(visit: Visit) -> tuple[Exchange, safe_xml.Element]:
    exchange, root = _answer(visit)
    found = safe_xml.child(root, "response", "policies", "policy", "attributes")
    if found is None or soap.is_nil(found):
        raise NotReached("the answer holds no policy")
    return exchange, found


@tests("POL-ORDER")
def order(visit: Visit) -> Iterable[Seen]:
    """As in the schema."""
    exchange, root = _answer(visit)
    for one in root.iter():
        wanted = ORDERS.get(safe_xml.local(one), "").split()
        found = [safe_xml.local(child) for child in one]
        if not wanted or set(found) - set(wanted):
            continue
        if found != sorted(found, key=wanted.index):
            yield Seen(f"the children of {safe_xml.local(one)} come as {', '.join(found)}", exchange)


@tests("POL-FULL")
def full(visit: Visit) -> Iterable[Seen]:
    """Not only nil."""
    exchange, root = _answer(visit)
    if soap.is_nil(safe_xml.child(root, "response", "policies", "policy", "attributes")):
        yield Seen("the answer holds no policy", exchange)


@tests("POL-KEY")
def key(visit: Visit) -> Iterable[Seen]:
    """A length that can be made."""
    exchange, attributes = _attributes(visit)
    found = soap.said(attributes, "privateKeyAttributes", "minimalKeyLength")
    number = int(found) if found.isascii() and found.isdecimal() and len(found) < 7 else 0
    if not 0 < number <= LONGEST_KEY:
        yield Seen(f"minimalKeyLength is {found or 'missing'}", exchange)


@tests("POL-HASH")
def hashes(visit: Visit) -> Iterable[Seen]:
    """A reference that leads to a hash."""
    exchange, attributes = _attributes(visit)
    _, root = _answer(visit)
    reference = soap.said(attributes, "hashAlgorithmOIDReference")
    listed = safe_xml.child(root, "oIDs")
    values = {
        soap.said(one, "oIDReferenceID"): soap.said(one, "value")
        for one in (safe_xml.children(listed, "oID") if listed is not None else [])
    }
    if reference not in values:
        yield Seen(f"hashAlgorithmOIDReference {reference or '(missing)'} is none of the oIDs", exchange)
    elif HASH_OIDS.get(values[reference], "sha1") == "sha1":
        yield Seen(f"the hash is {values[reference] or 'missing'}, which is not of SHA-2", exchange)
