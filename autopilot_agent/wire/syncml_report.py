"""What a client's message tells a server: alerts, DevInfo, whose token came along, statuses and what was read."""

from __future__ import annotations

from dataclasses import dataclass, field

from msgspec import structs

from autopilot_agent.errors import ServiceFault
from autopilot_agent.service.management import Alert, Status
from autopilot_agent.wire import syncml_chunks, tokens
from autopilot_agent.wire import syncml_document as dm
from autopilot_agent.wire.http import Desk, Incoming
from autopilot_agent.wire.syncml_client import LOGIN_STATUS, USER_TOKEN
from autopilot_agent.wire.syncml_conversation import Conversation

DEVICE_INFORMATION = "./DevInfo/"


@dataclass
class Report:
    """One message, taken apart; ``answers`` are the statuses that its commands get."""

    answers: list[dm.Element] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    information: list[tuple[str, str]] = field(default_factory=list)
    statuses: list[Status] = field(default_factory=list)
    user_id: str = ""
    token: bool = False
    part: syncml_chunks.Part | None = None
    broken: bool = False

    @classmethod
    def read(cls, message: dm.Message, talk: Conversation, incoming: Incoming, desk: Desk) -> Report:
        """Take in the body of a message."""
        report = cls(part=talk.part)
        for command in message.commands():
            code = report._command(command, incoming, desk)
            report.answers.append(dm.Status("", message.header.message, command.id, command.name, str(code)))
        if talk.part is not None and not message.results():  # asked for the rest, the client sent something else
            report.part, report.broken = None, True
        values: dict[int, tuple[str, str]] = {}
        for results in message.results():
            report._results(results, message.header.message, values)
        report._statuses(message, values)
        return report

    def signed_in_without_token(self) -> bool:
        """Whether the client says that the user is signed in, and brings no token for that (protocols.md 12.5)."""
        return not self.token and any(one.type == LOGIN_STATUS and one.data == "user" for one in self.alerts)

    def remember(self, talk: Conversation) -> None:
        """Put it into the conversation, until the tenant is asked."""
        talk.part = self.part
        talk.statuses += tuple(self.statuses)
        talk.alerts += tuple(self.alerts)
        talk.information += tuple(self.information)
        talk.user_id = self.user_id or talk.user_id

    def _command(self, command: dm.Command, incoming: Incoming, desk: Desk) -> int:
        if not command.id or not command.known:
            return dm.BAD
        if command.name == "Alert":
            return self._alert(command, incoming, desk)
        if command.name == "Replace":
            self.information += [
                (item.source or item.target, item.data or "")
                for item in command.items
                if (item.source or item.target).startswith(DEVICE_INFORMATION)
            ]
            return dm.DONE
        return dm.OPTIONAL  # a client has nothing to ask of a server's tree

    def _alert(self, command: dm.Command, incoming: Incoming, desk: Desk) -> int:
        number = int(command.data) if command.data.isascii() and command.data.isdecimal() and len(command.data) < 6 else 0
        if not number:
            return dm.BAD
        if command.data in (dm.NEXT_MESSAGE, dm.ABORT):
            return dm.DONE
        for item in command.items or (dm.Item(),):
            if item.meta.type == USER_TOKEN:
                self.token = True
                try:
                    claims = tokens.check(desk.authority, (item.data or "").strip(), incoming.epoch, "access")
                except ServiceFault:
                    return dm.WRONG_CREDENTIALS
                self.user_id = str(claims.get("oid", ""))
                continue
            self.alerts.append(Alert(number, item.meta.type or command.meta.type, item.data or ""))
        return dm.DONE

    def _results(self, results: dm.Results, message: str, values: dict[int, tuple[str, str]]) -> None:
        """Results get no status, but for pieces of an object and what went wrong with them."""
        joined = syncml_chunks.join(self.part, results)
        self.part = joined.part
        self.broken |= joined.broken
        if not isinstance(joined.element, dm.Results):
            self.answers.append(dm.Status("", message, results.id, "Results", str(joined.code)))
            return
        number = command_number(results.command)
        if number and joined.element.items:
            item = joined.element.items[0]
            values[number] = (item.data or "", item.meta.format or results.meta.format or "chr")

    def _statuses(self, message: dm.Message, values: dict[int, tuple[str, str]]) -> None:
        """Statuses by the numbers of their commands; what is about the header, an alert or a piece is no news to the tenant."""
        for status in message.statuses():
            number, code = command_number(status.command), dm.status_code(status)
            if not number or not code or status.name in (dm.HEADER, "Alert") or code == dm.BUFFERED:
                continue
            value = values.pop(number, None)
            found = Status(number, code)
            self.statuses.append(found if value is None else structs.replace(found, value=value[0], format=value[1]))
        # The rest of a large object comes later than its status; the tenant hears of both together.
        self.statuses += [Status(number, dm.DONE, value, kind) for number, (value, kind) in values.items()]


def command_number(text: str) -> int:
    """A CmdRef as the number of a command; 0 for the header and for what is no number of the tenant's."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
