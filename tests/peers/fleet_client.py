"""Fleet's test client (protocols.md 18.3): mdmtest's enrolment and sessions, with paths that are written into it.

Its habits: paths of a Fleet server whatever the answers name, no client certificate and no credentials, CmdIDs that begin at 2
in package 1, later messages without Final and without LoginStatus.
"""

from __future__ import annotations

import base64
import json
from typing import Any
from xml.etree import ElementTree

from plumbing import PeerFailedError, Send, b64, der_of, good, new_key, pair, request_of

DISCOVERY = "/api/mdm/microsoft/discovery"
POLICY = "/api/mdm/microsoft/policy"
ENROL = "/api/mdm/microsoft/enroll"
MANAGEMENT = "/api/mdm/microsoft/management"

SECEXT = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
USER_TOKEN = "http://schemas.microsoft.com/5.0.0.0/ConfigurationManager/Enrollment/DeviceEnrollmentUserToken"
PROVISION = "http://schemas.microsoft.com/5.0.0.0/ConfigurationManager/Enrollment/DeviceEnrollmentProvisionDoc"
ENVELOPE = """<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://www.w3.org/2005/08/addressing"
 xmlns:u="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
 xmlns:wsse="{secext}" xmlns:wst="http://docs.oasis-open.org/ws-sx/ws-trust/200512"
 xmlns:ac="http://schemas.xmlsoap.org/ws/2006/12/authorization"><s:Header>
<a:Action s:mustUnderstand="1">http://schemas.microsoft.com/windows/{action}</a:Action>
<a:MessageID>{message}</a:MessageID>
<a:ReplyTo><a:Address>http://www.w3.org/2005/08/addressing/anonymous</a:Address></a:ReplyTo>
<a:To s:mustUnderstand="1">{to}</a:To>{security}</s:Header><s:Body xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
{body}</s:Body></s:Envelope>"""
SECURITY = """<wsse:Security s:mustUnderstand="1"><wsse:BinarySecurityToken ValueType="{kind}"
 EncodingType="{secext}#base64binary">{token}</wsse:BinarySecurityToken></wsse:Security>"""
DISCOVER = """<Discover xmlns="http://schemas.microsoft.com/windows/management/2012/01/enrollment">
<request xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><EmailAddress>{user}</EmailAddress><OSEdition>4</OSEdition>
<RequestVersion>5.0</RequestVersion><DeviceType>CIMClient_Windows</DeviceType>
<ApplicationVersion>10.0.19045.2965</ApplicationVersion>
<AuthPolicies><AuthPolicy>OnPremise</AuthPolicy><AuthPolicy>Federated</AuthPolicy></AuthPolicies></request></Discover>"""
GET_POLICIES = """<GetPolicies xmlns="http://schemas.microsoft.com/windows/pki/2009/01/enrollmentpolicy"><client>
<lastUpdate xsi:nil="true"/><preferredLanguage xsi:nil="true"/></client><requestFilter xsi:nil="true"/></GetPolicies>"""
REQUEST_TOKEN = """<wst:RequestSecurityToken>
<wst:TokenType>http://schemas.microsoft.com/5.0.0.0/ConfigurationManager/Enrollment/DeviceEnrollmentToken</wst:TokenType>
<wst:RequestType>http://docs.oasis-open.org/ws-sx/ws-trust/200512/Issue</wst:RequestType>
<wsse:BinarySecurityToken ValueType="http://schemas.microsoft.com/windows/pki/2009/01/enrollment#PKCS10"
 EncodingType="{secext}#base64binary">{request}</wsse:BinarySecurityToken>
<ac:AdditionalContext xmlns="http://schemas.xmlsoap.org/ws/2006/12/authorization">{items}</ac:AdditionalContext>
</wst:RequestSecurityToken>"""
MESSAGE = """<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto>
<SessionID>{session}</SessionID><MsgID>{message}</MsgID><Target><LocURI>{target}</LocURI></Target>
<Source><LocURI>{source}</LocURI></Source></SyncHdr><SyncBody>{body}</SyncBody></SyncML>"""
PACKAGE_1 = """<Alert><CmdID>2</CmdID><Data>1201</Data></Alert>
<Alert><CmdID>3</CmdID><Data>1224</Data><Item><Meta><Type xmlns="syncml:metinf">com.microsoft/MDM/LoginStatus</Type></Meta>
<Data>user</Data></Item></Alert>
<Replace><CmdID>4</CmdID>
<Item><Source><LocURI>./DevInfo/DevId</LocURI></Source><Data>{device}</Data></Item>
<Item><Source><LocURI>./DevInfo/Man</LocURI></Source><Data>VMware, Inc.</Data></Item>
<Item><Source><LocURI>./DevInfo/Mod</LocURI></Source><Data>VMware7,1</Data></Item>
<Item><Source><LocURI>./DevInfo/DmV</LocURI></Source><Data>1.3</Data></Item>
<Item><Source><LocURI>./DevInfo/Lang</LocURI></Source><Data>en-US</Data></Item></Replace><Final/>"""
COMMANDS = ("Add", "Replace", "Delete", "Get", "Exec", "Atomic", "Sequence")
ITEM = '<ac:ContextItem Name="{}"><ac:Value>{}</ac:Value></ac:ContextItem>'


class FleetClient:
    """One simulated device of Fleet's tests. ``values`` are what it has for a Get, by LocURI."""

    def __init__(self, base_url: str, authority: str | None, send: Send, device_id: str = "7DB0A8A29B094F53AA4A1D2C9CF9D0E1"):
        self.base = base_url
        self.authority = authority
        self.send = send
        self.device_id = device_id
        self.values = {"./DevDetail/SwV": "10.0.19045.2965"}
        self.key = new_key()
        self.session = 0
        self.message = 0
        self.certificate: tuple[bytes, bytes] | None = None
        self.statuses: list[ElementTree.Element] = []
        self.provisioning: ElementTree.Element | None = None

    def discover(self, user: str) -> dict[str, str]:
        """The members of DiscoverResult; what they name is not used."""
        answer = self._soap(DISCOVERY, "management/2012/01/enrollment/IDiscoveryService/Discover", DISCOVER.format(user=user))
        result = answer.find(".//{http://schemas.microsoft.com/windows/management/2012/01/enrollment}DiscoverResult")
        if result is None:
            raise PeerFailedError("discovery: no DiscoverResult")
        return {one.tag.rpartition("}")[2]: one.text or "" for one in result}

    def policy(self) -> ElementTree.Element:
        """The GetPoliciesResponse."""
        answer = self._soap(POLICY, "pki/2009/01/enrollmentpolicy/IPolicy/GetPolicies", GET_POLICIES, self._token())
        found = answer.find(".//{http://schemas.microsoft.com/windows/pki/2009/01/enrollmentpolicy}GetPoliciesResponse")
        if found is None:
            raise PeerFailedError("policy: no GetPoliciesResponse")
        return found

    def enrol(self) -> None:
        """Ask for the certificate, keep the provisioning document."""
        context = {
            "UXInitiated": "true", "HWDevID": "A" * 64, "Locale": "en-US", "TargetedUserLoggedIn": "true", "OSEdition": "4",
            "DeviceName": "DESKTOP-FLEET01", "MAC": "02-00-00-00-00-01", "DeviceID": self.device_id, "EnrollmentType": "Full",
            "DeviceType": "CIMClient_Windows", "OSVersion": "10.0.19045.2965", "ApplicationVersion": "10.0.19045.2965",
            "NotInOobe": "false", "RequestVersion": "5.0",
        }  # fmt: skip
        items = "".join(ITEM.format(*one) for one in context.items())
        request = b64(request_of(self.key, self.device_id))
        body = REQUEST_TOKEN.format(secext=SECEXT, request=request, items=items)
        answer = self._soap(ENROL, "pki/2009/01/enrollment/RST/wstep", body, self._token())
        for token in answer.iter(f"{{{SECEXT}}}BinarySecurityToken"):
            if token.get("ValueType") == PROVISION:
                self.provisioning = ElementTree.fromstring(base64.b64decode(token.text or ""))
                self.certificate = self._issued(self.provisioning)
                return
        raise PeerFailedError("enrolment: no provisioning document")

    def start_session(self) -> dict[str, ElementTree.Element]:
        """Package 1; the server's commands by CmdID."""
        self.session, self.message = self.session + 1, 0
        return self._exchange(PACKAGE_1.format(device=self.device_id))

    def respond(self, commands: dict[str, ElementTree.Element], code: str = "200") -> dict[str, ElementTree.Element]:
        """A message with a Status for each command, Results for each Get it has a value for; the next commands."""
        parts = [self._status(1, "0", "SyncHdr", "200")]
        for identifier, command in commands.items():
            name = _name(command)
            uri = command.findtext("{*}Item/{*}Target/{*}LocURI", "")
            known = name != "Get" or uri in self.values
            parts.append(self._status(len(parts) + 1, identifier, name, code if known else "404"))
            for child in (one for one in command if _name(one) in COMMANDS):
                parts.append(self._status(len(parts) + 1, child.findtext("{*}CmdID", ""), _name(child), code))
            if name == "Get" and known:
                parts.append(
                    f"<Results><CmdID>{len(parts) + 1}</CmdID><MsgRef>{self.message}</MsgRef><CmdRef>{identifier}</CmdRef>"
                    f"<Item><Source><LocURI>{uri}</LocURI></Source><Data>{self.values[uri]}</Data></Item></Results>"
                )
        return self._exchange("".join(parts))

    def check_in(self) -> list[ElementTree.Element]:
        """A whole session: every command that came."""
        came: list[ElementTree.Element] = []
        commands = self.start_session()
        while commands:
            if self.message > 40:
                raise PeerFailedError("the session does not end")
            came.extend(commands.values())
            commands = self.respond(commands)
        return came

    def _status(self, identifier: int, reference: str, name: str, code: str) -> str:
        return (
            f"<Status><CmdID>{identifier}</CmdID><MsgRef>{self.message}</MsgRef><CmdRef>{reference}</CmdRef>"
            f"<Cmd>{name}</Cmd><Data>{code}</Data></Status>"
        )

    def _exchange(self, body: str) -> dict[str, ElementTree.Element]:
        self.message += 1
        url = self.base + MANAGEMENT
        document = MESSAGE.format(
            session=self.session, message=self.message, target=url, source=self.device_id, body=body
        )
        headers = {"Content-Type": "application/vnd.syncml.dm+xml", "User-Agent": "MSFT OMA DM Client/1.2.0.1"}
        reply = good(self.send("POST", url, headers, document.encode(), None), "management")
        root = ElementTree.fromstring(reply[2])
        if root.tag != "{SYNCML:SYNCML1.2}SyncML":
            raise PeerFailedError(f"management: the root is {root.tag}")
        found = root.find("{*}SyncBody")
        if found is None:
            raise PeerFailedError("management: no SyncBody")
        self.statuses = [one for one in found if _name(one) == "Status"]
        for one in self.statuses:
            if one.findtext("{*}MsgRef") != str(self.message):
                raise PeerFailedError(f"a Status refers to message {one.findtext('{*}MsgRef')}, not to {self.message}")
        commands = [one for one in found if _name(one) in COMMANDS]
        return {one.findtext("{*}CmdID", ""): one for one in commands}

    def _token(self) -> str:
        payload = {"type": 1, "payload": {"orbit_node_key": "node-key-of-a-test"}}
        return SECURITY.format(kind=USER_TOKEN, secext=SECEXT, token=b64(json.dumps(payload).encode()))

    def _soap(self, path: str, action: str, body: str, security: str = "") -> ElementTree.Element:
        url, message = self.base + path, "urn:uuid:748132ec-a575-4329-b01b-6171a9cf8478"
        document = ENVELOPE.format(secext=SECEXT, action=action, message=message, to=url, security=security, body=body)
        headers = {"Content-Type": "application/soap+xml; charset=utf-8"}
        reply = good(self.send("POST", url, headers, document.encode(), None), path)
        answer = ElementTree.fromstring(reply[2])
        fault = answer.find(".//{http://www.w3.org/2003/05/soap-envelope}Fault")
        if fault is not None:
            raise PeerFailedError(f"{path}: fault {''.join(fault.itertext())}")
        return answer

    def _issued(self, document: ElementTree.Element) -> tuple[bytes, bytes]:
        path = "characteristic[@type='CertificateStore']/characteristic[@type='My']/characteristic/characteristic/parm"
        for parm in document.findall(path):
            if parm.get("name") == "EncodedCertificate":
                return pair(base64.b64decode(parm.get("value", "")), self.key)
        raise PeerFailedError("enrolment: no certificate in the store My")

    def certificate_der(self) -> bytes:
        """The issued certificate."""
        if self.certificate is None:
            raise PeerFailedError("not enrolled")
        return der_of(self.certificate)

    def account(self) -> dict[str, Any]:
        """The parameters of the w7 account."""
        if self.provisioning is None:
            raise PeerFailedError("not enrolled")
        found = self.provisioning.findall("characteristic[@type='APPLICATION']/parm")
        return {one.get("name", ""): one.get("value", "") for one in found}


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]
