"""AADInternals (protocols.md 18.5): joins, enrols and answers sessions from a shell.

Its habits: certificates of the provisioning document by position (first characteristic, children 0 to 2: Root, CA, My), the
Status refers to its own MsgID - 1, the source of a message is the name of the device, any other text than a command is ignored.
"""

from __future__ import annotations

import base64
import json
from urllib.parse import urlsplit
from xml.etree import ElementTree

from cryptography.x509 import load_pem_x509_certificate
from plumbing import PeerFailedError, Send, b64, good, new_key, pair, post_form, request_of, transport_key_blob

LOGIN = "https://login.microsoftonline.com"
REGISTRATION = "https://enterpriseregistration.windows.net/EnrollmentServer/device/?api-version=1.0"
DISCOVERY = "https://enrollment.manage.microsoft.com/enrollmentserver/discovery.svc"
SCALE_UNIT = "https://fef.msub01.manage.microsoft.com/StatelessEnrollmentService/DeviceEnrollment.svc"
MANAGEMENT = "https://r.manage.microsoft.com/devicegatewayproxy/cimhandler.ashx"
BROKER = "29d9ed98-a469-4536-ade2-f981bc1d605e"
DRS = "urn:ms-drs:enterpriseregistration.windows.net"
INTUNE = "https://enrollment.manage.microsoft.com/"
SOAP = "http://www.w3.org/2003/05/soap-envelope"
SECEXT = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
DISCOVER = """<s:Envelope xmlns:a="http://www.w3.org/2005/08/addressing" xmlns:s="{soap}"><s:Header>
<a:Action s:mustUnderstand="1">http://schemas.microsoft.com/windows/management/2012/01/enrollment/IDiscoveryService/Discover</a:Action>
<a:MessageID>urn:uuid:2c4b8e1a-1111-4a53-8f5d-0c1f6f2f0b01</a:MessageID>
<a:ReplyTo><a:Address>http://www.w3.org/2005/08/addressing/anonymous</a:Address></a:ReplyTo>
<a:To s:mustUnderstand="1">{to}</a:To></s:Header><s:Body>
<Discover xmlns="http://schemas.microsoft.com/windows/management/2012/01/enrollment/"><request>
<EmailAddress>{user}</EmailAddress><OSEdition>4</OSEdition><RequestVersion>4.0</RequestVersion>
<DeviceType>CIMClient_Windows</DeviceType><ApplicationVersion>10.0.18363.0</ApplicationVersion>
<AuthPolicies><AuthPolicy>OnPremise</AuthPolicy><AuthPolicy>Federated</AuthPolicy></AuthPolicies></request></Discover>
</s:Body></s:Envelope>"""
ENROL = """<s:Envelope xmlns:s="{soap}" xmlns:a="http://www.w3.org/2005/08/addressing" xmlns:wsse="{secext}"
 xmlns:wst="http://docs.oasis-open.org/ws-sx/ws-trust/200512" xmlns:ac="http://schemas.xmlsoap.org/ws/2006/12/authorization">
<s:Header><a:Action s:mustUnderstand="1">http://schemas.microsoft.com/windows/pki/2009/01/enrollment/RST/wstep</a:Action>
<a:MessageID>urn:uuid:2c4b8e1a-2222-4a53-8f5d-0c1f6f2f0b01</a:MessageID>
<a:ReplyTo><a:Address>http://www.w3.org/2005/08/addressing/anonymous</a:Address></a:ReplyTo>
<a:To s:mustUnderstand="1">{to}</a:To><wsse:Security s:mustUnderstand="1">
<wsse:BinarySecurityToken ValueType="urn:ietf:params:oauth:token-type:jwt" EncodingType="{secext}#base64binary"
>{token}</wsse:BinarySecurityToken></wsse:Security></s:Header><s:Body><wst:RequestSecurityToken>
<wst:TokenType>http://schemas.microsoft.com/5.0.0.0/ConfigurationManager/Enrollment/DeviceEnrollmentToken</wst:TokenType>
<wst:RequestType>http://docs.oasis-open.org/ws-sx/ws-trust/200512/Issue</wst:RequestType>
<wsse:BinarySecurityToken ValueType="http://schemas.microsoft.com/windows/pki/2009/01/enrollment#PKCS10"
 EncodingType="{secext}#base64binary">{request}</wsse:BinarySecurityToken>
<ac:AdditionalContext xmlns="http://schemas.xmlsoap.org/ws/2006/12/authorization">{items}</ac:AdditionalContext>
</wst:RequestSecurityToken></s:Body></s:Envelope>"""
MESSAGE = """<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto>
<SessionID>{session}</SessionID><MsgID>{message}</MsgID><Target><LocURI>{target}</LocURI></Target>
<Source><LocURI>{name}</LocURI></Source></SyncHdr><SyncBody xmlns:msft="http://schemas.microsoft.com/MobileDevice/MDM">{body}
<Final/></SyncBody></SyncML>"""
PACKAGE_1 = """<Alert><CmdID>2</CmdID><Data>1201</Data></Alert>
<Alert><CmdID>3</CmdID><Data>1224</Data><Item><Meta><Type xmlns="syncml:metinf">com.microsoft/MDM/LoginStatus</Type></Meta>
<Data>user</Data></Item></Alert><Replace><CmdID>4</CmdID>
<Item><Source><LocURI>./DevInfo/DevId</LocURI></Source><Data>{name}</Data></Item>
<Item><Source><LocURI>./DevInfo/Man</LocURI></Source><Data>Contoso</Data></Item>
<Item><Source><LocURI>./DevInfo/Mod</LocURI></Source><Data>Lab</Data></Item>
<Item><Source><LocURI>./DevInfo/DmV</LocURI></Source><Data>1.3</Data></Item>
<Item><Source><LocURI>./DevInfo/Lang</LocURI></Source><Data>en-US</Data></Item></Replace>"""
COMMANDS = ("Get", "Add", "Replace", "Delete", "Exec", "Atomic", "Sequence")
ITEM = '<ac:ContextItem Name="{}"><ac:Value>{}</ac:Value></ac:ContextItem>'


class AadInternalsClient:
    """One device of the shell."""

    def __init__(self, base_url: str, authority: str | None, send: Send, name: str = "AADINT-LAB01") -> None:
        self.base = base_url
        self.authority = authority
        self._send = send
        self.name = name
        self.device_id = ""
        self.device: tuple[bytes, bytes] | None = None
        self.mdm: tuple[bytes, bytes] | None = None
        self.session = 0
        self.certificates: list[bytes] = []
        self.settings = {
            "./DevDetail/SwV": "10.0.18363.0",
            "./Vendor/MSFT/DeviceStatus/OS/Mode": "0",
            "./Vendor/MSFT/WindowsLicensing/Edition": "4",
        }

    def token(self, user: str, password: str, resource: str) -> str:
        """An access token of a user."""
        fields = {"client_id": BROKER, "grant_type": "password", "resource": resource, "username": user, "password": password}
        status, answer = post_form(self._send, self._there(LOGIN + "/common/oauth2/token"), fields | {"scope": "openid"})
        if status != 200:
            raise PeerFailedError(f"token: {answer.get('error_description')}")
        return str(answer["access_token"])

    def join(self, token: str, join_type: int = 0) -> str:
        """Join (0) or register (4) the device; its id."""
        key, transport = new_key(), new_key()
        request = request_of(key, "7E980AD9-B86D-4306-9425-9AC066FB014A")
        document = {
            "JoinType": join_type, "DeviceDisplayName": self.name, "DeviceType": "Windows", "OSVersion": "10.0.18363.0",
            "TargetDomain": "contoso.example", "TransportKey": b64(transport_key_blob(transport)),
            "CertificateRequest": {"Type": "pkcs10", "Data": b64(request)}, "Attributes": {"ReturnClientSid": "true"},
        }  # fmt: skip
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json; charset=utf-8"}
        reply = good(self._send("POST", self._there(REGISTRATION), headers, json.dumps(document).encode(), None), "join")
        answer = json.loads(reply[2])
        self.device = pair(base64.b64decode(answer["Certificate"]["RawBody"]), key)
        self.device_id = load_pem_x509_certificate(self.device[0]).subject.rfc4514_string().split("CN=")[1].split(",")[0]
        return self.device_id

    def discover(self, user: str) -> str:
        """The enrolment address."""
        headers = {"User-Agent": "ENROLLClient", "Content-Type": "application/soap+xml; charset=utf-8"}
        document = DISCOVER.format(soap=SOAP, to=DISCOVERY, user=user)
        reply = good(self._send("POST", self._there(DISCOVERY), headers, document.encode(), None), "discovery")
        for one in ElementTree.fromstring(reply[2]).iter():
            if one.tag.endswith("}EnrollmentServiceUrl"):
                return one.text or ""
        raise PeerFailedError("discovery: no EnrollmentServiceUrl")

    def enrol(self, token: str, url: str = SCALE_UNIT) -> None:
        """Ask for the MDM certificate: it is read as the third of the first characteristic."""
        key = new_key()
        context = {
            "DeviceType": "CIMClient_Windows", "ApplicationVersion": "10.0.18363.0", "EnrollmentType": "Device",
            "OSEdition": "4", "OSVersion": "10.0.18363.0", "DeviceName": self.name, "MAC": "00-00-00-00-00-00",
            "DeviceID": self.device_id.replace("-", ""), "HWDevID": self.device_id.replace("-", "") * 2, "Locale": "en-US",
            "TargetedUserLoggedIn": "True", "UXInitiated": "True", "NotInOobe": "True", "EnrollmentData": "",
        }  # fmt: skip
        items = "".join(ITEM.format(*one) for one in context.items())
        request = b64(request_of(key, self.device_id))
        document = ENROL.format(soap=SOAP, secext=SECEXT, to=url, token=b64(token.encode()), request=request, items=items)
        headers = {"User-Agent": "ENROLLClient", "Content-Type": "application/soap+xml; charset=utf-8"}
        there = self._there(url) + "?client-request-id=2c4b8e1a-3333-4a53-8f5d-0c1f6f2f0b01"
        answer = ElementTree.fromstring(good(self._send("POST", there, headers, document.encode(), None), "enrolment")[2])
        path = "{*}Body/{*}RequestSecurityTokenResponseCollection/{*}RequestSecurityTokenResponse/{*}RequestedSecurityToken"
        found = answer.find(path + "/{*}BinarySecurityToken")
        if found is None or not found.text:
            raise PeerFailedError("enrolment: no BinarySecurityToken")
        stores = ElementTree.fromstring(base64.b64decode(found.text))[0]
        self.certificates = [base64.b64decode(stores[number][0][0][0].get("value", "")) for number in range(3)]
        self.mdm = pair(self.certificates[2], key)

    def check_in(self) -> list[str]:
        """A whole session: the LocURI of every command ("" for a container)."""
        self.session += 1
        came: list[str] = []
        message, body = 1, PACKAGE_1.format(name=self.name)
        while True:
            commands = self._commands(self._exchange(message, body))
            if not commands:
                return came
            message += 1
            if message > 40:
                raise PeerFailedError("the session does not end")
            parts = [_status(1, message - 1, "0", "SyncHdr", 200)]
            for name, identifier, uri in commands:
                came.append(uri)
                value = self.settings.get(uri) if name == "Get" else None
                code = 404 if name == "Get" and value is None else 200
                parts.append(_status(len(parts) + 1, message - 1, identifier, name, code))
                if value is not None:
                    parts.append(
                        f"<Results><CmdID>{len(parts) + 1}</CmdID><MsgRef>{message - 1}</MsgRef><CmdRef>{identifier}</CmdRef>"
                        f"<Item><Source><LocURI>{uri}</LocURI></Source><Data>{value}</Data></Item></Results>"
                    )
            body = "".join(parts)

    def _exchange(self, message: int, body: str) -> ElementTree.Element:
        headers = {"User-Agent": "MSFT OMA DM Client/1.2.0.1", "Content-Type": "application/vnd.syncml.dm+xml; charset=utf-8"}
        document = MESSAGE.format(session=self.session, message=message, target=MANAGEMENT, name=self.name, body=body)
        reply = self._send("POST", self._there(MANAGEMENT), headers, document.encode(), self.mdm)
        return ElementTree.fromstring(good(reply, "session")[2])

    def _commands(self, document: ElementTree.Element) -> list[tuple[str, str, str]]:
        found: list[tuple[str, str, str]] = []

        def take(parent: ElementTree.Element) -> None:
            for one in parent:
                name = one.tag.rpartition("}")[2]
                if name in COMMANDS:
                    found.append((name, one.findtext("{*}CmdID", ""), one.findtext("{*}Item/{*}Target/{*}LocURI", "")))
                    take(one)

        body = document.find("{SYNCML:SYNCML1.2}SyncBody")
        if body is not None:
            take(body)
        return found

    def _there(self, url: str) -> str:
        parts = urlsplit(url)
        return f"{self.base}{parts.path}" + (f"?{parts.query}" if parts.query else "")


def _status(identifier: int, message: int, reference: str, name: str, code: int) -> str:
    return (
        f"<Status><CmdID>{identifier}</CmdID><MsgRef>{message}</MsgRef><CmdRef>{reference}</CmdRef><Cmd>{name}</Cmd>"
        f"<Data>{code}</Data></Status>"
    )
