"""Windows as a client, as small as it can be (protocols.md 18.1): ticket, profile, join, enrolment, sessions with a node tree.

What Windows would trip over is not raised but noted in ``complaints``, with the number of the demand: so one run
shows all of it. Its habits: blanks around the equal sign of ``Name``, line breaks in base64, a subject with ``!`` and NUL in a
PrintableString, no client certificate during enrolment.
"""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from lxml import etree
from plumbing import (
    PeerFailedError,
    Reply,
    Send,
    b64,
    good,
    new_key,
    pair,
    post_form,
    request_of,
    transport_key_blob,
)
from windows_nodes import NodeTree
from windows_provisioning import Provisioning
from windows_request import windows_request
from windows_session import Session

LOGIN = "https://login.microsoftonline.com"
BROKER = "29d9ed98-a469-4536-ade2-f981bc1d605e"
DRS = "urn:ms-drs:enterpriseregistration.windows.net"
INTUNE = "https://enrollment.manage.microsoft.com/"
SOAP_TYPE = "application/soap+xml; charset=utf-8"
SECEXT = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
ACTION = "http://schemas.microsoft.com/windows/"
ENVELOPE = """<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://www.w3.org/2005/08/addressing"
 xmlns:u="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd" xmlns:wsse="{secext}"
 xmlns:wst="http://docs.oasis-open.org/ws-sx/ws-trust/200512" xmlns:ac="http://schemas.xmlsoap.org/ws/2006/12/authorization">
<s:Header><a:Action s:mustUnderstand="1">{action}</a:Action><a:MessageID>{message}</a:MessageID>
<a:ReplyTo><a:Address>http://www.w3.org/2005/08/addressing/anonymous</a:Address></a:ReplyTo>
<a:To s:mustUnderstand="1">{to}</a:To>{security}</s:Header><s:Body>{body}</s:Body></s:Envelope>"""
SECURITY = """<wsse:Security s:mustUnderstand="1"><wsse:BinarySecurityToken
 ValueType="urn:ietf:params:oauth:token-type:jwt" EncodingType="{secext}#base64binary">{token}</wsse:BinarySecurityToken>
</wsse:Security>"""
DISCOVER = """<Discover xmlns="http://schemas.microsoft.com/windows/management/2012/01/enrollment">
<request xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><EmailAddress>{user}</EmailAddress><OSEdition>48</OSEdition>
<RequestVersion>5.0</RequestVersion><DeviceType>CIMClient_Windows</DeviceType>
<ApplicationVersion>10.0.26100.1742</ApplicationVersion><AuthPolicies><AuthPolicy>OnPremise</AuthPolicy>
<AuthPolicy>Federated</AuthPolicy></AuthPolicies></request></Discover>"""
GET_POLICIES = """<GetPolicies xmlns="http://schemas.microsoft.com/windows/pki/2009/01/enrollmentpolicy"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><client><lastUpdate xsi:nil="true"/><preferredLanguage xsi:nil="true"/>
</client><requestFilter xsi:nil="true"/></GetPolicies>"""
REQUEST = """<wst:RequestSecurityToken>
<wst:TokenType>http://schemas.microsoft.com/5.0.0.0/ConfigurationManager/Enrollment/DeviceEnrollmentToken</wst:TokenType>
<wst:RequestType>http://docs.oasis-open.org/ws-sx/ws-trust/200512/Issue</wst:RequestType>
<wsse:BinarySecurityToken ValueType="http://schemas.microsoft.com/windows/pki/2009/01/enrollment#PKCS10"
 EncodingType="{secext}#base64binary">{request}</wsse:BinarySecurityToken>
<ac:AdditionalContext>{items}</ac:AdditionalContext></wst:RequestSecurityToken>"""
ITEM = '<ac:ContextItem Name = "{}"><ac:Value>{}</ac:Value></ac:ContextItem>'
DEVICE_ADD = """<DeviceAddRequest><ClientInfo name="IDCRL" version="1.0"><BinaryVersion>28</BinaryVersion></ClientInfo>
<Authentication><Membername>{name}</Membername><Password>{password}</Password></Authentication><DeviceInfo Id="DeviceInfo">
<Component name="EKPub">{key}</Component><Component name="SMBIOSSystemSerialNumber">5CG0000001</Component>
<Component name="SMBIOSUUID">4C4C4544-0000-4000-8000-000000000001</Component></DeviceInfo></DeviceAddRequest>"""
TICKET = """<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:wsse="{secext}"
 xmlns:wst="http://schemas.xmlsoap.org/ws/2005/02/trust" xmlns:wsp="http://schemas.xmlsoap.org/ws/2004/09/policy"
 xmlns:wsa="http://www.w3.org/2005/08/addressing"><s:Header><wsse:Security><wsse:UsernameToken>
<wsse:Username>{name}</wsse:Username><wsse:Password>{password}</wsse:Password></wsse:UsernameToken></wsse:Security></s:Header>
<s:Body><wst:RequestSecurityToken Id="RST0"><wst:RequestType>http://schemas.xmlsoap.org/ws/2005/02/trust/Issue</wst:RequestType>
<wsp:AppliesTo><wsa:EndpointReference><wsa:Address>ztd.dds.microsoft.com</wsa:Address></wsa:EndpointReference></wsp:AppliesTo>
</wst:RequestSecurityToken></s:Body></s:Envelope>"""


class WindowsClient:
    """One PC. ``changes`` are context items that it sends otherwise (None: not at all)."""

    def __init__(
        self, base_url: str, authority: str | None, send: Send, changes: dict[str, str | None] | None = None
    ) -> None:
        self.base = base_url
        self.authority = authority
        self._send = send
        self.changes = changes or {}
        self.device_id = "1B2C3D4E5F60718293A4B5C6D7E8F901"
        self.complaints: list[str] = []
        self.ticket = ""
        self.profile: dict[str, Any] = {}
        self.urls: dict[str, str] = {}
        self.device: tuple[bytes, bytes] | None = None
        self.mdm: tuple[bytes, bytes] | None = None
        self.provisioning: Provisioning | None = None
        self.tree = NodeTree(self.device_id)
        self.sessions = 0
        self.user_token = ""

    def get_ticket(self) -> str:
        """A device ticket for the Autopilot service: add the device, then ask with the name and password it was given."""
        words = {"name": "02abcdefghijklmnopqr", "password": "generated 20 letters", "key": b64(b"EK"), "secext": SECEXT}
        url = self._there("https://login.live.com/ppsecure/deviceaddcredential.srf")
        good(self._send("POST", url, {"Content-Type": SOAP_TYPE}, DEVICE_ADD.format(**words).encode(), None), "device add")
        url = self._there("https://login.live.com/RST2.srf")
        reply = good(self._send("POST", url, {"Content-Type": SOAP_TYPE}, TICKET.format(**words).encode(), None), "ticket")
        found = [one for one in etree.fromstring(reply[2]).iter("{*}BinarySecurityToken")]
        if not found or not found[0].text:
            raise PeerFailedError("ticket: none in the answer")
        self.ticket = found[0].text
        return self.ticket

    def get_profile(self, hardware_hash: str) -> dict[str, Any]:
        """The Autopilot profile; {} where there is none."""
        headers = {
            "X-Device-Token": self.ticket, "MS-CV": "AbCdEfGhIjKlMnOp.0", "X-Hardware-Hash": hardware_hash,
            "X-Device-Manufacturer": "Contoso", "X-Device-Model": "Notebook 14", "X-OsVersion": "10.0.26100.1742",
            "X-OsEdition": "48", "X-Autopilot-Marker": "0e6f2c9a-0000-4000-8000-000000000001",
        }  # fmt: skip
        url = self._there("https://ztd.dds.microsoft.com/ztd/device/AutopilotDeviceBootstrapPolicies")
        status, answered, body = self._send("GET", url, headers, b"", None)
        if status // 100 != 2:
            raise PeerFailedError(f"profile: HTTP {status} {body[:200]!r}")
        self._demand(bool(answered.get("date")), "2.2: no Date in the answer of the Autopilot service")
        self.profile = json.loads(body) if body.strip() else {}
        return self.profile

    def sign_in(self, user: str, password: str, resource: str) -> str:
        """A user's token."""
        fields = {"grant_type": "password", "client_id": BROKER, "resource": resource, "username": user, "password": password}
        status, answer = post_form(self._send, self._there(LOGIN + "/common/oauth2/token"), fields | {"scope": "openid"})
        if status != 200:
            raise PeerFailedError(f"token: {answer.get('error_description')}")
        return str(answer["access_token"])

    def join(self, token: str, domain: str) -> dict[str, Any]:
        """DRS discovery and join at the endpoint that it names; the answer."""
        headers = {"Accept": "application/json", "ocp-adrs-client-name": "Dsreg", "ocp-adrs-client-version": "10.0.26100.1"}
        url = self._there(f"https://enterpriseregistration.windows.net/{domain}/Discover?api-version=1.7")
        found = json.loads(good(self._send("GET", url, headers, b"", None), "DRS discovery")[2])
        key = new_key()
        document = {
            "CertificateRequest": {"Type": "pkcs10", "Data": b64(request_of(key, "7E980AD9-B86D-4306-9425-9AC066FB014A"))},
            "TransportKey": b64(transport_key_blob(new_key())), "TargetDomain": domain, "DeviceType": "Windows",
            "OSVersion": "10.0.26100.1742", "DeviceDisplayName": "LAB-4711", "JoinType": 0,
            "attributes": {"MSA-DDID": b64(self.ticket.encode()), "ReuseDevice": "true", "ReturnClientSid": "true"},
        }  # fmt: skip
        headers |= {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        endpoint = found["DeviceJoinService"]["JoinEndpoint"] + "?api-version=2.0"
        reply = good(self._send("POST", endpoint, headers, json.dumps(document).encode(), None), "join")
        answer: dict[str, Any] = json.loads(reply[2])
        certificate = base64.b64decode(answer["Certificate"]["RawBody"])
        self._demand(
            answer["Certificate"].get("Thumbprint") == hashlib.sha1(certificate).hexdigest().upper(),
            "4.3: the thumbprint of the join is another one than that of its certificate",
        )
        self.device = pair(certificate, key)
        return answer

    def probe(self) -> None:
        """GET on the discovery service, before any POST."""
        status, headers, body = self._send("GET", self.base + "/EnrollmentServer/Discovery.svc", {}, b"", None)
        self._demand(status == 200, f"18.1(2): GET on Discovery.svc is answered with HTTP {status}")
        self._demand(body == b"" and headers.get("content-length") == "0", "7.2: the answer to the probe is not empty")

    def discover(self, user: str, url: str = "") -> dict[str, str]:
        """The members of DiscoverResult."""
        url = url or self.base + "/EnrollmentServer/Discovery.svc"
        answer = self._soap(url, "management/2012/01/enrollment/IDiscoveryService/Discover", DISCOVER.format(user=user))
        result = answer.find(".//{http://schemas.microsoft.com/windows/management/2012/01/enrollment}DiscoverResult")
        if result is None:
            raise PeerFailedError("discovery: no DiscoverResult")
        found = {etree.QName(one).localname: one.text or "" for one in result}
        order = [name for name in found if name in (known := ["AuthPolicy", "EnrollmentVersion", "EnrollmentPolicyServiceUrl",
                                                              "EnrollmentServiceUrl", "AuthenticationServiceUrl"])]  # fmt: skip
        self._demand(order == [name for name in known if name in found], "7.4: the members of DiscoverResult are out of order")
        self._demand(found.get("AuthPolicy") in ("OnPremise", "Federated"), "7.4: the AuthPolicy was not offered")
        self._demand(float(found.get("EnrollmentVersion", "3.0")) <= 5.0, "7.4: the EnrollmentVersion is above the request's")
        if found.get("AuthPolicy") == "Federated":
            self._demand(bool(found.get("AuthenticationServiceUrl")), "7.4: Federated without AuthenticationServiceUrl")
        service, policy = found.get("EnrollmentServiceUrl", ""), found.get("EnrollmentPolicyServiceUrl", "")
        self._demand(not policy or urlsplit(policy).hostname == urlsplit(service).hostname, "18.1(3): two host names")
        self.urls = found
        return found

    def policy(self, token: str) -> dict[str, str]:
        """minimalKeyLength and the OID of the hash."""
        security = SECURITY.format(secext=SECEXT, token=b64(token.encode()))
        url = self.urls["EnrollmentPolicyServiceUrl"]
        answer = self._soap(url, "pki/2009/01/enrollmentpolicy/IPolicy/GetPolicies", GET_POLICIES, security)
        hashes = {one.findtext("{*}oIDReferenceID"): one.findtext("{*}value") for one in answer.iter("{*}oID")}
        reference = answer.findtext(".//{*}hashAlgorithmOIDReference")
        return {"length": answer.findtext(".//{*}minimalKeyLength") or "", "hash": hashes.get(reference) or ""}

    def enrol(self, token: str) -> Provisioning:
        """Ask for the MDM certificate and apply the provisioning document."""
        key = new_key()
        context: dict[str, str | None] = {
            "UXInitiated": "True", "HWDevID": "A1" * 32, "Locale": "en-US", "TargetedUserLoggedIn": "True", "OSEdition": "48",
            "DeviceName": "LAB-4711", "MAC": "AA-BB-CC-00-00-01", "DeviceID": self.device_id, "EnrollmentType": "Device",
            "DeviceType": "CIMClient_Windows", "OSVersion": "10.0.26100.1742", "ApplicationVersion": "10.0.26100.1742",
            "NotInOobe": "false", "RequestVersion": "5.0", "SerialNumber": "5CG0000001", "Manufacturer": "Contoso",
            "DeviceModel": "Notebook 14", "EnrollmentData": "null",
            "ZeroTouchProvisioning": self.profile.get("ZtdRegistrationId"),
        } | self.changes  # fmt: skip
        items = "".join(ITEM.format(*one) for one in context.items() if one[1] is not None)
        request = base64.encodebytes(windows_request(key, f"6F1D2A3B!{self.device_id}\0", self.device_id)).decode()
        body = REQUEST.format(secext=SECEXT, request=request, items=items)
        security = SECURITY.format(secext=SECEXT, token=base64.encodebytes(token.encode()).decode())
        answer = self._soap(self.urls["EnrollmentServiceUrl"], "pki/2009/01/enrollment/RST/wstep", body, security)
        token_at = answer.find(f".//{{*}}RequestedSecurityToken/{{{SECEXT}}}BinarySecurityToken")
        if token_at is None or not token_at.text:
            raise PeerFailedError("enrolment: no provisioning document")
        self.provisioning = Provisioning(base64.b64decode(token_at.text))
        self.complaints.extend(self.provisioning.complaints)
        certificate = self.provisioning.certificate
        self.mdm = pair(certificate, key)
        issued = x509.load_der_x509_certificate(certificate)
        self._demand(issued.not_valid_before_utc < datetime.now(UTC), "9.5: the certificate begins in the device's future")
        self._demand(self.provisioning.finds(issued), "18.1(4): SSLCLIENTCERTSEARCHCRITERIA does not find the certificate")
        self.tree.apply(self.provisioning.settings)
        return self.provisioning

    def check_in(self, user: str = "", alerts: tuple[tuple[str, str], ...] = ()) -> Session:
        """A session to its end: of the device, or of a user whose token is ``user``."""
        if self.provisioning is None:
            raise PeerFailedError("not enrolled")
        self.sessions += 1
        account = self.provisioning.account
        self.tree.user_is_here = bool(user)
        session = Session(self._send, account, self.device_id, f"{self.sessions:X}", self.mdm, self.tree)
        session.run(user, alerts)
        self.complaints.extend(session.complaints)
        return session

    def _soap(self, url: str, action: str, body: str, security: str = "") -> Any:
        message = "urn:uuid:" + hashlib.md5(action.encode() + body.encode()).hexdigest()
        document = ENVELOPE.format(
            secext=SECEXT, action=ACTION + action, message=message, to=url.replace("&", "&amp;"), security=security, body=body
        )
        headers = {"Content-Type": SOAP_TYPE, "User-Agent": "ENROLLClient"}
        reply = self._send("POST", url, headers, document.encode(), None)
        self._demand("content-length" in reply[1], f"18.1(1): no Content-Length in the answer of {url}")
        self._demand("chunked" not in reply[1].get("transfer-encoding", ""), f"18.1(1): a chunked answer of {url}")
        kind = reply[1].get("content-type", "")
        self._demand(kind.startswith("application/soap+xml"), f"18.1(1): {url} answers as {kind}")
        return self._opened(reply, message, action)

    def _opened(self, reply: Reply, message: str, action: str) -> Any:
        try:
            answer = etree.fromstring(reply[2])
        except etree.XMLSyntaxError as error:
            raise PeerFailedError(f"{action}: HTTP {reply[0]}, no XML: {error}") from error
        for one in answer.iter():
            if str(one.tag).lower().endswith("}fault"):
                raise FaultError(one)
        good(reply, action)
        addressing = "{http://www.w3.org/2005/08/addressing}"
        self._demand(answer.findtext(f".//{addressing}RelatesTo") == message, "18.1(3): RelatesTo is not the MessageID")
        said = answer.findtext(f".//{addressing}Action") or ""
        wanted = {"Discover": "DiscoverResponse", "GetPolicies": "GetPoliciesResponse", "wstep": "RSTRC/wstep"}
        self._demand(said.endswith(wanted[action.rpartition("/")[2]]), f"7.1: the action of the answer is {said}")
        return answer

    def _demand(self, fulfilled: bool, complaint: str) -> None:
        if not fulfilled:
            self.complaints.append(complaint)

    def _there(self, url: str) -> str:
        parts = urlsplit(url)
        return f"{self.base}{parts.path}" + (f"?{parts.query}" if parts.query else "")


class FaultError(PeerFailedError):
    """A SOAP fault; ``code`` is the HRESULT that Windows makes of it (11.1)."""

    SUBCODES = {  # noqa: RUF012
        "messageformat": "0x80180001", "authentication": "0x80180002", "authorization": "0x80180003",
        "certificaterequest": "0x80180004", "enrollmentserver": "0x80180005", "internalservicefault": "0x80180006",
        "invalidsecurity": "0x80180007",
    }  # fmt: skip
    TYPES = {  # noqa: RUF012
        "DeviceCapReached": "0x80180013", "DeviceNotSupported": "0x80180014", "NotSupported": "0x80180015",
        "NotEligibleToRenew": "0x80180016", "InMaintenance": "0x80180017", "UserLicense": "0x80180018",
        "InvalidEnrollmentData": "0x80180019", "CustomServerError": "0x80180032",
    }  # fmt: skip

    def __init__(self, fault: Any) -> None:
        texts = {etree.QName(one).localname.lower(): (one.text or "").strip() for one in fault.iter("{*}*")}
        subcode = next(
            (one for one in fault.iter("{*}*") if etree.QName(one).localname.lower() == "subcode"), None
        )
        word = "".join(subcode.itertext()).strip().rpartition(":")[2].lower() if subcode is not None else ""
        known = self.TYPES.get(texts.get("errortype", ""))
        self.code = known or self.SUBCODES.get(word, "0x80180008")
        super().__init__(f"fault {self.code}: {' '.join(fault.itertext()).strip()}")
