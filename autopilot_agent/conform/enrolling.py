"""The first part of a visit: discovery, policies, enrolment; each by the device's own flow, then as far as it can be read."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

import msgspec

from autopilot_agent.conform.evidence import DISCOVER, ENROL, POLICY, PROBE, SIGN_IN, NotReached, Visit
from autopilot_agent.conform.naming import places_in
from autopilot_agent.conform.recording import KeptKeys, RecordingNet, play
from autopilot_agent.errors import CallFailed, Malformed, ServiceFault
from autopilot_agent.service.enrolment import DiscoverEnrolment, EnrollMdm
from autopilot_agent.wire import discovery, enrolling, soap, wstep, xcep
from autopilot_agent.wire.authority import load_der
from autopilot_agent.wire.http import Request
from autopilot_agent.wire.pkcs10 import from_base64, matches
from autopilot_agent.wire.wallet import Credential, Tokens, Wallet

USER = "conform-user"
"""What the wallet calls the one person of a visit who brings a token or a password."""
FAR = 10**15
MANAGEMENT = "https://manage.microsoft.com/"
POLICIES = (discovery.ON_PREMISE, discovery.FEDERATED)


class Person(msgspec.Struct, frozen=True):
    """Who enrols. ``token`` is a JWT for servers that say Federated, ``password`` is for those that say OnPremise."""

    name: str = ""
    password: str = ""
    token: str = ""

    def tokens(self) -> Tokens:
        """The same as a wallet keeps it; what is not there is "" and never renewed."""
        held = (enrolling.RESOURCE, MANAGEMENT)
        return Tokens(dict.fromkeys(held, self.token), dict.fromkeys(held, FAR), password=self.password)


class Enroller:
    """Takes one wallet through enrolment; ``user`` is the key of the person in that wallet, "" for nobody."""

    def __init__(self, net: RecordingNet, wallet: Wallet, keys: KeptKeys, user: str, person: Person) -> None:
        self.net = net
        self.wallet = wallet
        self.keys = keys
        self.user = user
        self.person = person

    @property
    def call(self) -> EnrollMdm:
        """Who the device says it is."""
        return EnrollMdm(
            self.user, self.person.name, "", "LAB-4711", "", 48, "10.0.26100.1742", "", "Contoso", "Lab One", "", True
        )

    def discover(self, visit: Visit) -> None:
        """The probe and the question, even where the device would stop after the probe."""
        visit.offered = POLICIES
        net, wallet = self.net, self.wallet
        first = len(visit.exchanges)
        with net.pursuing(DISCOVER):
            try:
                play(discovery.discover(DiscoverEnrolment(self.person.name, visit.url), wallet), net, wallet)
            except CallFailed as fault:
                visit.shown[DISCOVER] = (fault.code, fault.reason)
            for one in visit.exchanges[first:]:
                if one.request.method == "GET":
                    one.purpose = PROBE
            if not visit.all(DISCOVER) and any(one.response is not None for one in visit.exchanges[first:]):
                self._ask(visit, POLICIES)
            places = places_in((visit.all(DISCOVER) or [None])[-1])  # type: ignore[list-item]  # None stands for no answer
            federated = places.get("AuthPolicy") == discovery.FEDERATED
            if federated and self.person.password and not self._token():
                with net.pursuing("discovery with a password only"):
                    self._ask(visit, (discovery.ON_PREMISE,))
                again = places_in(visit.exchanges[-1])
                places = again if again.get("AuthPolicy") == discovery.ON_PREMISE else places
        wallet.places.update(places)

    def _ask(self, visit: Visit, policies: tuple[str, ...]) -> None:
        wanted = discovery.Wanted(self.person.name, visit.url, self.wallet.request_version, policies=policies)
        headers = {"content-type": soap.CONTENT_TYPE, "user-agent": soap.CLIENT_NAME}
        body = discovery.encode_request(wanted, self.wallet.new_id("message"))
        with suppress(CallFailed):
            self.net.send(Request("POST", visit.url, headers, body), self.wallet)

    def _token(self) -> str:
        known = self.wallet.users.get(self.user)
        return known.access.get(enrolling.RESOURCE, "") or known.refresh if known is not None else ""

    def credentials(self) -> soap.Credentials:
        """What proves who enrols. Raises ``CallFailed``."""
        found: list[soap.Credentials] = play(enrolling.credentials_of(self.call, self.wallet), self.net, self.wallet)
        return found[0]

    def get_policies(self, visit: Visit) -> None:
        """Ask for the policies alone, for who wants to know no more."""
        url = self.wallet.places.get("policy", "")
        if not self._may_ask(visit, POLICY):
            return
        try:
            credentials = self.credentials()
        except CallFailed as fault:
            visit.skipped[POLICY] = _without(fault)
            return
        if url:
            with self.net.pursuing(POLICY), suppress(CallFailed):
                play(xcep.get_policies(self.wallet, url, credentials), self.net, self.wallet)

    def _may_ask(self, visit: Visit, purpose: str) -> bool:
        if "policy" not in self.wallet.places:
            visit.skipped[POLICY] = "the server names no policy service, so Windows goes on with its defaults"
        if "enrolment" in self.wallet.places:
            return True
        visit.skipped[POLICY] = visit.skipped[purpose] = "discovery named no enrolment service"
        return False

    def enrol(self, visit: Visit, purpose: str = ENROL) -> None:
        """Enrol as Windows does; where it would refuse the document, go on with what of it can be used."""
        if not self._may_ask(visit, purpose):
            return
        fault = self._flow(visit, purpose)
        if fault is not None and not visit.all(purpose) and visit.all(POLICY):  # it ended with the policies
            visit.shown[POLICY] = (fault.code, fault.reason)
            self.wallet.places.pop("policy", None)
            fault = self._flow(visit, purpose)
        if fault is not None:
            if not visit.all(purpose):
                visit.skipped[purpose] = visit.skipped[POLICY] = _without(fault)
            visit.shown[purpose] = (fault.code, fault.reason)
            self._take_what_there_is(visit, purpose)
        if purpose == ENROL:
            visit.key = self.keys.last

    def _flow(self, visit: Visit, purpose: str) -> CallFailed | None:
        """Play the device's flow, and tell its questions for policies from the others."""
        first = len(visit.exchanges)
        failed: CallFailed | None = None
        with self.net.pursuing(purpose):
            try:
                play(enrolling.enrol(self.call, self.wallet), self.net, self.wallet)
            except CallFailed as fault:
                failed = fault
        for one in visit.exchanges[first:]:
            if xcep.ACTION.encode() in one.request.body:
                one.purpose = POLICY if purpose == ENROL else f"{POLICY} for a second device"
            elif wstep.ACTION.encode() not in one.request.body:
                one.purpose = SIGN_IN
        return failed

    def device_id(self, visit: Visit, purpose: str) -> str:
        """What the device called itself when it enrolled."""
        if self.wallet.account.get("DeviceID"):
            return self.wallet.account["DeviceID"]
        for one in visit.all(purpose):
            with suppress(Malformed):
                items = wstep.decode_request(soap.read(one.request.body))
                return items.item("DeviceID")
        return ""

    def _take_what_there_is(self, visit: Visit, purpose: str) -> None:
        """The certificate for our key and the account, wherever they stand in a document that Windows refuses."""
        probe = Visit(visit.url, visit.moment)
        probe.exchanges = [msgspec.structs.replace(one, purpose=ENROL) for one in visit.all(purpose)]
        key = self.keys.last
        try:
            document = probe.document
            parms = {one.name.upper(): one.value or "" for one in probe.account.parms}
            for block in probe.account.all("APPAUTH"):
                parms |= {f"{block.parm('AAUTHLEVEL')}/{one.name}": one.value or "" for one in block.parms}
        except NotReached:
            return
        for _, parm in document.walk():
            with suppress(Malformed):
                found = load_der(from_base64(parm.value or "")) if parm.name == "EncodedCertificate" else None
                if found is not None and key is not None and matches(found, key):
                    self.wallet.mdm = Credential(found, key)
        if self.wallet.mdm is None or not parms.get("ADDR"):
            return
        name = self.device_id(visit, purpose)
        self.wallet.account = {**parms, "DeviceID": name, "enrolment": str(UUID(self.wallet.new_id("enrolment")))}


def _without(fault: CallFailed) -> str:
    """Why nothing was sent."""
    if isinstance(fault, ServiceFault) and "no token" in fault.reason:
        return "the server wants proof of who enrols; give --user with --password, or --token-file"
    return f"the credentials could not be had: {fault.reason or fault.code}"


