"""What the tests of enrolment share: a served tenant, a way to run a flow, and messages as strangers write them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Generator
from typing import Any

from autopilot_agent.simulator.app import Application
from autopilot_agent.simulator.desk import TenantDesk
from autopilot_agent.testing.in_process import InProcessNet, one_authority
from autopilot_agent.testing.small import TENANT_ID, USER, USER_ID, small_state
from autopilot_agent.wire import tokens
from autopilot_agent.wire.http import Request, Response
from autopilot_agent.wire.keys import KeySource
from autopilot_agent.wire.wallet import Tokens, Wallet

NOW = 1_800_000_000
AUTHORITY = one_authority()
RESOURCE = "https://enrollment.manage.microsoft.com/"
DISCOVERY = "/EnrollmentServer/Discovery.svc"
ENROLMENT = "/EnrollmentServer/DeviceEnrollmentWebService.svc"
DEVICE = "33333333-0000-4000-8000-000000000009"
SECEXT = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"


class Served:
    """A tenant behind HTTP, and what a test wants to look at."""

    def __init__(self, changes: dict[str, object] | None = None) -> None:
        self.state = small_state(changes)
        self.desk = TenantDesk(self.state, AUTHORITY)
        self.net = InProcessNet(Application(self.desk, clock=lambda: NOW))
        self.seen: list[Request] = []

    def send(self, request: Request, wallet: Wallet | None = None) -> Response:
        self.seen.append(request)
        return self.net.send(request, wallet or Wallet(KeySource(pooled=True)))

    def post(self, path: str, body: str | bytes, headers: dict[str, str] | None = None) -> Response:
        data = body.encode() if isinstance(body, str) else body
        said = {"content-type": "application/soap+xml; charset=utf-8", **(headers or {})}
        return self.send(Request("POST", f"https://mdm.example{path}", said, data))

    def serve(self, wallet: Wallet) -> Callable[[Request], Response]:
        return lambda request: self.send(request, wallet)


def run(flow: Generator[Request, Response, Any], serve: Callable[[Request], Response]) -> Any:
    """What a flow returns when its requests are answered so."""
    try:
        request = next(flow)
        while True:
            request = flow.send(serve(request))
    except StopIteration as end:
        return end.value


def token(**claims: object) -> str:
    """An access token of the kit's user on a joined device."""
    said = {"use": "access", "oid": USER_ID, "upn": USER, "tid": TENANT_ID, "deviceid": DEVICE, **claims}
    return tokens.mint(AUTHORITY, said, NOW)


def stranger_wallet(name: str = "device") -> Wallet:
    """A wallet of a device that talks to a server that is not ours."""
    wallet = Wallet(KeySource(pooled=True), name, private=False)
    said = token()
    wallet.users[USER_ID] = Tokens(access={"": said, RESOURCE: said}, expires={"": 10**15, RESOURCE: 10**15})
    return wallet


ENVELOPE = """<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://www.w3.org/2005/08/addressing"
 xmlns:u="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd" xmlns:wsse="{secext}"
 xmlns:wst="http://docs.oasis-open.org/ws-sx/ws-trust/200512" xmlns:ac="http://schemas.xmlsoap.org/ws/2006/12/authorization">
<s:Header><a:Action s:mustUnderstand="1">http://schemas.microsoft.com/windows/{action}</a:Action>
<a:MessageID>urn:uuid:22222222-3333-4444-5555-666666666666</a:MessageID>
<a:ReplyTo><a:Address>http://www.w3.org/2005/08/addressing/anonymous</a:Address></a:ReplyTo>
<a:To s:mustUnderstand="1">https://mdm.example/x</a:To>{security}</s:Header><s:Body>{body}</s:Body></s:Envelope>"""
ITEMS = {
    "UXInitiated": "false",
    "HWDevID": "0" * 64,
    "Locale": "en-US",
    "OSEdition": "48",
    "DeviceName": "DESKTOP-0000001",
    "DeviceID": "7DB0A8A29B094F53AA4A1D2C9CF9D0E1",
    "EnrollmentType": "Device",
    "DeviceType": "CIMClient_Windows",
    "OSVersion": "10.0.26100.4349",
    "ApplicationVersion": "10.0.26100.4349",
    "NotInOobe": "False",
    "RequestVersion": "5.0",
}


def b64(data: bytes | str) -> str:
    return base64.b64encode(data.encode() if isinstance(data, str) else data).decode()


def binary_security(kind: str, data: str) -> str:
    return (
        f'<wsse:Security s:mustUnderstand="1"><wsse:BinarySecurityToken ValueType="{kind}"\n EncodingType='
        f'"{SECEXT}#base64binary">{data}</wsse:BinarySecurityToken></wsse:Security>'
    )


def jwt_security(text: str) -> str:
    return binary_security("urn:ietf:params:oauth:token-type:jwt", b64(text))


def password_security(name: str, password: str) -> str:
    return (
        f'<wsse:Security s:mustUnderstand="1"><wsse:UsernameToken u:Id="u1"><wsse:Username>{name}</wsse:Username>'
        f"<wsse:Password>{password}</wsse:Password></wsse:UsernameToken></wsse:Security>"
    )


def rst(request: str, items: dict[str, str], security: str, kind: str = "Issue", value: str = "PKCS10") -> str:
    """A RequestSecurityToken as Windows writes it: blanks around the equal signs of the context items."""
    context = "".join(
        f'<ac:ContextItem Name = "{name}">\n<ac:Value>{it}</ac:Value></ac:ContextItem>' for name, it in items.items()
    )
    body = f"""<wst:RequestSecurityToken>
<wst:TokenType>http://schemas.microsoft.com/5.0.0.0/ConfigurationManager/Enrollment/DeviceEnrollmentToken</wst:TokenType>
<wst:RequestType>http://docs.oasis-open.org/ws-sx/ws-trust/200512/{kind}</wst:RequestType>
<wsse:BinarySecurityToken ValueType="http://schemas.microsoft.com/windows/pki/2009/01/enrollment#{value}"
 EncodingType="{SECEXT}#base64binary">{request}</wsse:BinarySecurityToken>
<ac:AdditionalContext xmlns="http://schemas.xmlsoap.org/ws/2006/12/authorization">{context}</ac:AdditionalContext>
</wst:RequestSecurityToken>"""
    return ENVELOPE.format(secext=SECEXT, action="pki/2009/01/enrollment/RST/wstep", security=security, body=body)


def discover(policies: tuple[str, ...] = ("OnPremise", "Federated"), user: str = USER, version: str = "5.0") -> str:
    """A Discover request."""
    offered = "".join(f"<AuthPolicy>{one}</AuthPolicy>" for one in policies)
    body = f"""<Discover xmlns="http://schemas.microsoft.com/windows/management/2012/01/enrollment">
<request xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><EmailAddress>{user}</EmailAddress><OSEdition>48</OSEdition>
<RequestVersion>{version}</RequestVersion><DeviceType>CIMClient_Windows</DeviceType>
<ApplicationVersion>10.0.26100.4349</ApplicationVersion><AuthPolicies>{offered}</AuthPolicies></request></Discover>"""
    action = "management/2012/01/enrollment/IDiscoveryService/Discover"
    return ENVELOPE.format(secext=SECEXT, action=action, security="", body=body)


def fault(subcode: str = "", error_type: str = "", *, lower: bool = False, namespace: str = "") -> bytes:
    """A SOAP fault as other servers write it."""
    detail = ""
    if error_type:
        detail = (
            '<s:Detail><DeviceEnrollmentServiceError xmlns="http://schemas.microsoft.com/windows/pki/2009/01/enrollment">'
            f"<ErrorType>{error_type}</ErrorType><Message>limit</Message></DeviceEnrollmentServiceError></s:Detail>"
        )
    text = (
        f"<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>{subcode}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en-US">no</s:Text></s:Reason>{detail}</s:Fault>'
    )
    if lower:
        for name in (
            "Fault",
            "Code",
            "Value",
            "Subcode",
            "Reason",
            "Text",
            "Detail",
            "DeviceEnrollmentServiceError",
            "ErrorType",
        ):
            text = text.replace(f"{name}>", f"{name.lower()}>").replace(f"{name} ", f"{name.lower()} ")
    soap = namespace or "http://www.w3.org/2003/05/soap-envelope"
    return f'<s:Envelope xmlns:s="{soap}"><s:Header/><s:Body>{text}</s:Body></s:Envelope>'.encode()
