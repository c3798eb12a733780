"""One OMA-DM session of a small Windows (protocols.md 12), with what it would object to in the server's messages."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from xml.sax.saxutils import escape

from lxml import etree
from plumbing import ClientCertificate, PeerFailedError, Send, good
from windows_nodes import NodeTree

COMMANDS = ("Add", "Replace", "Delete", "Get", "Exec", "Atomic", "Sequence")
ORDER = {
    "SyncHdr": ("VerDTD", "VerProto", "SessionID", "MsgID", "Target", "Source", "RespURI", "NoResp", "Cred", "Meta"),
    "Item": ("Target", "Source", "SourceParent", "TargetParent", "Meta", "Data", "MoreData"),
    "Status": ("CmdID", "MsgRef", "CmdRef", "Cmd", "TargetRef", "SourceRef", "Cred", "Chal", "Data", "Item"),
    "Alert": ("CmdID", "NoResp", "Cred", "Data", "Correlator", "Item"),
    **{name: ("CmdID", "NoResp", "Lang", "Cred", "Meta", "Item", *COMMANDS) for name in COMMANDS},
}
LARGEST = 524_288
MESSAGE = """<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto>
<SessionID>{session}</SessionID><MsgID>{message}</MsgID><Target><LocURI>{target}</LocURI></Target><Source><LocURI>{source}</LocURI>
<LocName>{name}</LocName></Source>{cred}<Meta><MaxMsgSize xmlns="syncml:metinf">524288</MaxMsgSize></Meta></SyncHdr>
<SyncBody>{body}<Final/></SyncBody></SyncML>"""
ALERT = """<Alert><CmdID>{}</CmdID><Data>1224</Data><Item>{}<Meta><Type xmlns="syncml:metinf">{}</Type></Meta><Data>{}</Data>
</Item></Alert>"""
CRED = """<Cred><Meta><Format xmlns="syncml:metinf">b64</Format><Type xmlns="syncml:metinf">syncml:auth-md5</Type></Meta>
<Data>{}</Data></Cred>"""
DEVICE_INFO = {"Man": "Contoso", "Mod": "Notebook 14", "DmV": "1.3", "Lang": "en-US"}


class Session:
    """``seen`` are the server's commands as (verb, LocURI, data); the first batch ends at ``first``."""

    def __init__(
        self, send: Send, account: dict[str, str], device_id: str, number: str, mdm: ClientCertificate, tree: NodeTree
    ) -> None:
        self._send = send
        self.account = account
        self.device_id = device_id
        self.number = number
        self.mdm = mdm
        self.tree = tree
        self.complaints: list[str] = []
        self.seen: list[tuple[str, str, str]] = []
        self.first = 0
        self.message = 0
        self.cred = ""
        self.token = ""
        self.sent: list[str] = []

    def run(self, user: str, alerts: tuple[tuple[str, str], ...]) -> None:
        """The whole session."""
        self.token = user
        typed = [
            ("com.microsoft/MDM/LoginStatus", "user" if user else "others", ""),
            ("com.microsoft/MDM/BootstrapSync", "user" if user else "device", ""),
            *((kind, data, "") for kind, data in alerts),
        ]
        if user:
            typed.append(("com.microsoft/MDM/AADUserToken", user, ""))
        typed += [
            ("Reversed-Domain-Name:com.microsoft.mdm.win32csp_install", "0", uri.removesuffix("/DownloadInstall"))
            for uri, _ in self.tree.jobs
            if "/MSI/" in uri
        ]
        self.tree.jobs.clear()
        body = self._package_1(typed)
        root = self._exchange(body)
        if self._header_code(root) in ("401", "407"):
            self._authenticate(root)
            root = self._exchange(body)
        commands = self._commands(root)
        while commands:
            if self.message > 60:
                raise PeerFailedError("the session does not end")
            root = self._exchange(self._answers(commands))
            self.first = self.first or len(self.seen)
            commands = self._commands(root)
        self.complaints.extend(self.tree.complaints)
        self.tree.complaints.clear()

    def _package_1(self, typed: list[tuple[str, str, str]]) -> str:
        parts = ["<Alert><CmdID>2</CmdID><Data>1201</Data></Alert>"]
        for number, (kind, data, node) in enumerate(typed, 3):
            source = f"<Source><LocURI>{escape(node)}</LocURI></Source>" if node else ""
            parts.append(ALERT.format(number, source, kind, escape(data)))
        number = 3 + len(typed)
        items = "".join(
            f"<Item><Source><LocURI>./DevInfo/{name}</LocURI></Source><Data>{value}</Data></Item>"
            for name, value in {"DevId": self.device_id, **DEVICE_INFO}.items()
        )
        parts.append(f"<Replace><CmdID>{number}</CmdID>{items}</Replace>")
        self.sent = [str(one) for one in range(2, number + 1)]
        return "".join(parts)

    def _authenticate(self, root: Any) -> None:
        """MD5 credentials for the challenge (12.3)."""
        nonce = base64.b64decode(root.findtext(".//{*}Chal/{*}Meta/{*}NextNonce") or "")
        name, secret = self.account.get("APPSRV/AAUTHNAME", ""), self.account.get("APPSRV/AAUTHSECRET", "")
        inner = base64.b64encode(hashlib.md5(f"{name}:{secret}".encode()).digest())
        self.cred = CRED.format(base64.b64encode(hashlib.md5(inner + b":" + nonce).digest()).decode())

    def _exchange(self, body: str) -> Any:
        self.message += 1
        url = self.account["ADDR"]
        document = MESSAGE.format(
            session=self.number, message=self.message, target=escape(url), source=self.device_id, name="lab-4711",
            cred=self.cred, body=body,
        )  # fmt: skip
        headers = {
            "Content-Type": "application/vnd.syncml.dm+xml; charset=utf-8", "User-Agent": "MSFT OMA DM Client/1.2.0.1",
            "Accept": "application/vnd.syncml.dm+xml, application/octet-stream", "Accept-Charset": "UTF-8",
        }  # fmt: skip
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        query = "&" if "?" in url else "?"
        there = f"{url}{query}mode=Maintenance&Platform=WoA"
        _, answered, data = good(self._send("POST", there, headers, document.encode(), self.mdm), "session")
        kind = answered.get("content-type", "")
        self._demand(kind.startswith("application/vnd.syncml.dm+xml"), f"12.1: the answer is {kind}")
        self._demand(len(data) <= LARGEST, f"18.1(11): a message of {len(data)} bytes")
        self._demand(b"<![CDATA[" not in data, "18.1(7): CDATA")
        root = etree.fromstring(data)
        self._check(root)
        return root

    def _check(self, root: Any) -> None:
        self._demand(root.tag == "{SYNCML:SYNCML1.2}SyncML", f"18.1(7): the root is {root.tag}")
        self._demand([etree.QName(one).localname for one in root] == ["SyncHdr", "SyncBody"], "18.1(7): no header and body")
        header, body = root[0], root[1]
        self._demand(header.findtext("{*}SessionID") == self.number, "12.3: another SessionID")
        self._demand(header.findtext("{*}Target/{*}LocURI") == self.device_id, "12.2: the message is for somebody else")
        for one in root.iter("{SYNCML:SYNCML1.2}*"):
            name = etree.QName(one).localname
            if name in ORDER:
                self._ordered(name, one)
        parts = [etree.QName(one).localname for one in body]
        self._demand(bool(parts) and parts[-1] == "Final", "18.1(7): Final is not the last element")
        self._demand(parts[:1] == ["Status"], "18.1(7): no Status of the header at the beginning")
        numbered = [one for one in body.iter("{*}*") if etree.QName(one).localname in (*COMMANDS, "Status", "Alert")]
        ids = [one.findtext("{*}CmdID") for one in numbered]
        self._demand(all(one and one != "0" for one in ids), "18.1(7): a command without CmdID")
        self._demand(len(ids) == len(set(ids)), "12.3: a CmdID comes twice in a message")
        statuses = {one.findtext("{*}CmdRef"): one for one in body.findall("{*}Status")}
        for one in statuses.values():
            self._demand(one.findtext("{*}MsgRef") == str(self.message), "12.3: a Status refers to another message")
        self._demand("0" in statuses, "12.3: no Status of the header")
        if self._header_code(root) not in ("401", "407"):
            missing = [one for one in self.sent if one not in statuses]
            self._demand(not missing, f"12.4: no Status for the commands {missing} of the device")
        self.sent = []

    def _ordered(self, name: str, element: Any) -> None:
        found = [etree.QName(one).localname for one in element]
        known = ORDER[name]
        self._demand(set(found) <= set(known), f"18.1(7): {name} has {sorted(set(found) - set(known))}")
        places = [min(known.index(one), len(known) - 1 - len(COMMANDS) * (name in COMMANDS)) for one in found if one in known]
        if name in ("Atomic", "Sequence"):
            places = [one for one in places if one < 6]
        self._demand(places == sorted(places), f"18.1(7): the elements of {name} are in the order {found}")

    def _header_code(self, root: Any) -> str:
        first = root.find("{*}SyncBody/{*}Status")
        return first.findtext("{*}Data") or "" if first is not None else ""

    def _commands(self, root: Any) -> list[Any]:
        return [one for one in root.find("{*}SyncBody") if etree.QName(one).localname in COMMANDS]

    def _answers(self, commands: list[Any]) -> str:
        parts: list[str] = []

        def say(reference: str, name: str, code: int) -> None:
            parts.append(
                f"<Status><CmdID>{len(parts) + 1}</CmdID><MsgRef>{self.message}</MsgRef><CmdRef>{reference}</CmdRef>"
                f"<Cmd>{name}</Cmd><Data>{code}</Data></Status>"
            )

        def run(command: Any) -> int:
            name, reference = etree.QName(command).localname, command.findtext("{*}CmdID") or ""
            if name in ("Atomic", "Sequence"):
                inner = [one for one in command if etree.QName(one).localname in COMMANDS]
                scopes = {(one.findtext("{*}Item/{*}Target/{*}LocURI") or "").split("/")[1] == "User" for one in inner}
                self._demand(len(scopes) < 2, "18.1(8): an Atomic mixes ./User and ./Device")
                codes = [run(one) for one in inner]
                code = 507 if name == "Atomic" and any(one >= 400 for one in codes) else 200
                say(reference, name, code)
                return code
            code = 200
            for item in command.findall("{*}Item"):
                uri = item.findtext("{*}Target/{*}LocURI") or ""
                data = item.findtext("{*}Data") or ""
                self.seen.append((name, uri, data))
                code, value = self.tree.run(name, uri, data)
                say(reference, name, code)
                if value is not None:
                    parts.append(
                        f"<Results><CmdID>{len(parts) + 1}</CmdID><MsgRef>{self.message}</MsgRef><CmdRef>{reference}</CmdRef>"
                        f"<Item><Source><LocURI>{escape(uri)}</LocURI></Source><Meta><Format xmlns='syncml:metinf'>chr</Format>"
                        f"</Meta><Data>{escape(value)}</Data></Item></Results>"
                    )
            return code

        say("0", "SyncHdr", 200)
        for one in commands:
            run(one)
        return "".join(parts)

    def _demand(self, fulfilled: bool, complaint: str) -> None:
        if not fulfilled:
            self.complaints.append(complaint)
