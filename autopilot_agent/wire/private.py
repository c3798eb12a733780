"""What a device of ours and a tenant of ours tell each other beyond the protocols, in headers that nobody else sees.

The protocols are spoken as Windows speaks them; some facts of a simulation have no place there: the virtual time, which rule of
the rulebook refused, what the tenant decided and why. They travel in these headers, so that a run over HTTP leaves the trace
that it leaves in memory. ``CALL_FIELDS`` and ``ANSWER_FIELDS`` list every fact that goes this way. A peer that sends no
``Autopilot-Agent`` header gets none of it and needs none of it.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any, TypeVar, get_type_hints

import msgspec
from msgspec import structs

from autopilot_agent.errors import Malformed, ServiceFault, Throttled
from autopilot_agent.service.base import Answer, Call, answer_type
from autopilot_agent.wire.nesting import TOO_DEEP, too_deep

A = TypeVar("A", bound=Answer)
S = TypeVar("S", bound=msgspec.Struct)

VERSION = "1"
AGENT = "autopilot-agent"
TIME = "autopilot-agent-time"
CALL = "autopilot-agent-call"
ANSWER = "autopilot-agent-answer"
FAULT = "autopilot-agent-fault"
SAID = "autopilot-agent-said"
LARGEST = 48_000
"""Characters of one such header; a longer one is refused."""

CALL_FIELDS: dict[str, tuple[str, ...]] = {
    # The hash says both; a hash that is not readable does not.
    "DownloadProfile": ("serial_number", "product_key"),
    # The extension is known by its certificate and its user by a token; a test without certificates has neither.
    "GetSelectedApps": ("enrolment_id", "phase", "user_id"),
    "GetRequiredApps": ("enrolment_id", "user_id"),
    "GetScripts": ("enrolment_id", "user_id"),
    "GetContentInfo": ("enrolment_id",),
    "ReportAppResult": ("enrolment_id",),
    # How large a simulated package is.
    "DownloadContent": ("app_id", "size"),
    # A server sees the path; which host was asked is lost on the way to it.
    "DownloadMsi": ("url",),
    # The token says who enrols, where the device holds one; no context item has the hash, and the correlator is only sent by a
    # device that is not registered.
    "EnrollMdm": ("user_id", "user_name", "device_id", "hardware_hash", "offline_correlation"),
    # What the person did at the second factor happens on pages of Entra's own.
    "SignIn": ("proof",),
    # A domain sign-in proves the user to the domain, not to this server; a device that was resumed has no certificate to show.
    "GetUserToken": ("user_name", "device_id"),
    # The device's ticket says both where the hash behind it can be read.
    "GetDeviceToken": ("registration_id", "serial_number"),
    # Tokens say who, the ticket says which registration; a device without them (resumed, or a test's) has only its word.
    "JoinDevice": ("user_id", "tenant_id", "registration_id", "local_administrator", "device_token"),
    "GetTermsOfUse": ("user_id",),
    "RegisterHelloKey": ("user_id", "device_id"),
}
"""By call: the fields that the protocol does not carry.

``ManagementMessage`` writes its header itself (``syncml_client.Hidden``): the user, which counts only where no token came
along, and the alerts that are ours.
"""
ANSWER_FIELDS: dict[str, tuple[str, ...]] = {
    # The bytes that are sent are few; how many they stand for is a fact of the simulation.
    "ContentInfo": ("url", "size"),
    "Content": ("size",),
    # The device gives its enrolment an id of its own; how Windows learns the other two is not published.
    "Enrolled": ("enrolment_id", "install_quality_updates", "esp_target"),
    # How Windows learns whether a Domain Join profile reaches it is not published.
    "Commands": ("domain_join",),
    # No public claim says how many MDMs there are, which Windows edition a licence brings, or that a federation signed in.
    "SignedIn": ("mdm_count", "federated", "windows_edition"),
    # Where nobody knows the domain there is no tenant to ask.
    "Realm": ("tenant_id",),
    # A token says it of a user; a join without one does not.
    "DeviceJoined": ("user_is_administrator_by_role",),
    # The tenant's own text for the token; the one on the wire is signed.
    "DeviceToken": ("token", "mdm_count"),
}
"""By answer: the same."""


class Fault(msgspec.Struct, frozen=True):
    """A refusal in the project's own words."""

    code: str
    reason: str = ""
    rule: str = ""
    retry_after: int = 0

    @classmethod
    def of(cls, fault: ServiceFault) -> Fault:
        """The same refusal as data."""
        return cls(fault.code, fault.reason, fault.rule, fault.retry_after)

    def raised(self) -> ServiceFault:
        """The refusal to raise."""
        if self.retry_after:
            return Throttled(self.code, self.reason, self.rule, self.retry_after)
        return ServiceFault(self.code, self.reason, self.rule)


def pack(value: Any) -> str:
    """A value as a header: JSON in ASCII."""
    text = msgspec.json.encode(value)
    return text.decode() if text.isascii() else json.dumps(msgspec.to_builtins(value), separators=(",", ":"))


def unpack(text: str, kind: Any) -> Any:
    """The value of a header; raises ``Malformed`` for what is too long or of another shape."""
    if len(text) > LARGEST:
        raise Malformed("a private header is too long")
    try:
        data = text.encode("latin-1")
        if too_deep(data):
            raise Malformed(f"a private header cannot be read: {TOO_DEEP}")
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Malformed(f"a private header cannot be read: {error}") from None


def call_header(call: Call[Any]) -> str:
    """What of a call has no place in its protocol, or "" when that is nothing."""
    return _header(call, CALL_FIELDS.get(type(call).__name__, ()))


def answer_header(answer: Answer) -> str:
    """The same of an answer."""
    return _header(answer, ANSWER_FIELDS.get(type(answer).__name__, ()))


def restore_call(call: S, header: str) -> S:
    """The call with its private fields filled in."""
    return _restore(call, header, CALL_FIELDS.get(type(call).__name__, ()))


def restore_answer(answer: S, header: str) -> S:
    """The same of an answer."""
    return _restore(answer, header, ANSWER_FIELDS.get(type(answer).__name__, ()))


def _header(value: msgspec.Struct, fields: tuple[str, ...]) -> str:
    return pack({name: getattr(value, name) for name in fields}) if fields else ""


def _restore(value: S, header: str, fields: tuple[str, ...]) -> S:
    if not header or not fields:
        return value
    found = unpack(header, _partial(type(value), fields))
    return structs.replace(value, **{name: getattr(found, name) for name in fields})


@cache
def _partial(kind: type[msgspec.Struct], fields: tuple[str, ...]) -> type[msgspec.Struct]:
    """A Struct of some fields of another, all of them needed."""
    hints = get_type_hints(kind)
    return msgspec.defstruct(f"{kind.__name__}Private", [(name, hints[name]) for name in fields])


@cache
def answer_kind(kind: type[Call[Any]]) -> type[Answer]:
    """The answer that a call declares, remembered."""
    return answer_type(kind)
