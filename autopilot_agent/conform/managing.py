"""The second part of a visit: OMA-DM sessions of the device and of its user, by the device's own flow, honestly answered."""

from __future__ import annotations

from autopilot_agent.conform.evidence import SESSION, SIGN_IN, Talk, Visit, turn_of
from autopilot_agent.conform.pc import Pc
from autopilot_agent.conform.recording import RecordingNet, play
from autopilot_agent.errors import CallFailed, ServiceFault
from autopilot_agent.service.management import Alert, Commands, ManagementMessage, Status
from autopilot_agent.service.uris import first_sync
from autopilot_agent.wire import syncml_client
from autopilot_agent.wire.wallet import Wallet

DEVICE_SESSIONS, USER_SESSIONS = 5, 4
"""Sessions that a server gets to finish what it has to say in each scope; at least two of each scope are held."""
MOST_MESSAGES = 40
"""Message pairs after which a session is taken to have no end."""
MOST_BYTES = 8_000_000
"""Bytes of all answers of a session after which the same is taken."""
ENDLESS = "0x8007000D"
OPENING = {
    who: (
        Alert(1201),
        Alert(1224, "com.microsoft/MDM/LoginStatus", login),
        Alert(1224, "com.microsoft/MDM/BootstrapSync", who),
    )
    for who, login in (("device", "others"), ("user", "user"))
}
"""The alerts of package 1 in OOBE (protocols.md 12.5)."""


class Manager:
    """Holds the sessions of one enrolled wallet."""

    def __init__(self, net: RecordingNet, wallet: Wallet, pc: Pc, user: str) -> None:
        self.net = net
        self.wallet = wallet
        self.pc = pc
        self.user = user
        self.number = 0

    def all(self, visit: Visit) -> None:
        """Sessions of the device until the server has finished, then those of the user."""
        for number in range(DEVICE_SESSIONS):
            if self.session(visit).failed or (number and (self.pc.finished(user=False) or not self._waiting(user=False))):
                break
            self.pc.agents_work()
        if visit.talks[-1].failed:
            return
        self.pc.sign_in()
        for number in range(USER_SESSIONS):
            if self.session(visit, user=True).failed:
                break
            if number and (self.pc.finished(user=True) or not self._waiting(user=True)):
                break

    def _waiting(self, *, user: bool) -> bool:
        """Whether the Enrollment Status Page is shown, and with it everybody waits for the server."""
        name = "SkipUserStatusPage" if user else "SkipDeviceStatusPage"
        return self.pc.tree.read(f"{first_sync(self.pc.provider)}/{name}") == "false"

    def session(self, visit: Visit, *, user: bool = False, purpose: str = SESSION) -> Talk:
        """One session, kept with everything that was said."""
        self.number += 1
        talk = Talk(purpose, user)
        visit.talks.append(talk)
        first = len(visit.exchanges)
        enrolment = self.wallet.account.get("enrolment", "")
        information = self.pc.information(self.wallet.account.get("DeviceID", ""))
        who = "user" if user else "device"
        call = ManagementMessage(
            enrolment, self.number, 1, OPENING[who], information, (), self.user or "nobody" if user else ""
        )
        with self.net.pursuing(purpose):
            try:
                for message in range(1, MOST_MESSAGES + 1):
                    answer: Commands = play(syncml_client.manage(call, self.wallet), self.net, self.wallet)
                    if not answer.commands:
                        break
                    if sum(len(one.response.body) for one in visit.exchanges[first:] if one.response) > MOST_BYTES:
                        raise ServiceFault(ENDLESS, f"the server has not come to an end after {MOST_BYTES} bytes")
                    statuses: tuple[Status, ...] = tuple(self.pc.answer(one) for one in answer.commands)
                    call = ManagementMessage(enrolment, self.number, message + 1, (), (), statuses, call.user_id)
                else:
                    talk.endless = True
            except CallFailed as fault:
                talk.failed, talk.reason = fault.code, fault.reason
                talk.endless = "has not come to an end" in fault.reason
        for one in visit.exchanges[first:]:
            if one.request.certificate != "mdm":
                one.purpose = SIGN_IN
        pairs = [turn_of(one) for one in visit.exchanges[first:] if one.purpose == purpose]
        talk.turns = [one for one in pairs if one is not None]
        self.wallet.session = None
        return talk

