"""A deliberately wrong MDM server: ours, with one thing spoilt on the way out."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from autopilot_agent.simulator.app import Application
from autopilot_agent.simulator.desk import TenantDesk
from autopilot_agent.testing.in_process import InProcessNet, one_authority
from autopilot_agent.testing.small import small_state
from autopilot_agent.wire.authority import Authority
from autopilot_agent.wire.http import Request, Response
from autopilot_agent.wire.wallet import Wallet

Spoil = Callable[[Request, Response], None]
UNSHOWN = "nobody looks at certificates"
ANY = "any"
PROBE, DISCOVER, POLICY, ENROL, MANAGE = "probe", "discover", "policy", "enrol", "manage"


def kind_of(request: Request) -> str:
    path = urlsplit(request.url).path.casefold()
    if path.endswith("discovery.svc"):
        return PROBE if request.method == "GET" else DISCOVER
    if path.endswith("/policy"):
        return POLICY
    return ENROL if path.endswith("deviceenrollmentwebservice.svc") else MANAGE if path.endswith("cimhandler.ashx") else ""


class WrongServer:
    """Answers as our tenant does; what a switch is about is spoilt."""

    def __init__(self, kind: str, spoil: Spoil) -> None:
        self.inner = InProcessNet(Application(TenantDesk(small_state(), one_authority())))
        self.kind, self.spoil = kind, spoil
        self.answers: list[tuple[Request, Response]] = []

    def send(self, request: Request, wallet: Wallet) -> Response:
        if self.kind == UNSHOWN and kind_of(request) == MANAGE:
            request = Request(request.method, request.url, request.headers, request.body)
        response = self.inner.send(request, wallet)
        response.headers.setdefault("content-length", str(len(response.body)))
        if self.kind in (ANY, kind_of(request)):
            before = len(response.body)
            self.spoil(request, response)
            self.answers.append((request, response))
            if response.headers.get("content-length") == str(before):
                response.headers["content-length"] = str(len(response.body))
        return response


def text(pattern: str, by: str, count: int = 0) -> Spoil:
    """Replace in the body."""

    def spoil(request: Request, response: Response) -> None:
        response.body = re.sub(pattern, by, response.body.decode(), count=count, flags=re.DOTALL).encode()

    return spoil


def document(pattern: str, by: str, count: int = 0) -> Spoil:
    """Replace in the provisioning document of an enrolment answer."""

    def spoil(request: Request, response: Response) -> None:
        _in_document(response, lambda whole: re.sub(pattern, by, whole, count=count, flags=re.DOTALL))

    return spoil


def header(name: str, value: str | None) -> Spoil:
    def spoil(request: Request, response: Response) -> None:
        response.headers.pop(name, None)
        if value is not None:
            response.headers[name] = value

    return spoil


def instead(status: int, body: bytes = b"", kind: str = "text/html", **more: str) -> Spoil:
    """Another answer altogether."""

    def spoil(request: Request, response: Response) -> None:
        response.status, response.body = status, body
        response.headers = {"content-type": kind, "content-length": str(len(body)), **more}

    return spoil


def first(spoil: Spoil, which: Callable[[Request, Response], bool]) -> Spoil:
    """Only where something holds."""

    def chosen(request: Request, response: Response) -> None:
        if which(request, response):
            spoil(request, response)

    return chosen


def good(request: Request, response: Response) -> bool:
    return response.good


def command(xml: str, *, user: bool | None = None) -> Spoil:
    """One more command in the first answers of sessions, of the device's or of the user's (None: of both)."""

    def spoil(request: Request, response: Response) -> None:
        opening = b"<MsgID>1</MsgID>" in request.body and b"1201" in request.body
        of_user = b">user<" in request.body
        if opening and response.good and (user is None or user == of_user):
            response.body = response.body.replace(b"<Final", xml.encode() + b"<Final", 1)

    return spoil


def reissued(
    begin: timedelta = timedelta(minutes=-5), *, client: bool = True, authority: Authority | None = None, key: bool = True
) -> Spoil:
    """The client certificate made anew, with something else about it."""

    def spoil(request: Request, response: Response) -> None:
        def other(found: re.Match[str]) -> str:
            old = x509.load_der_x509_certificate(base64.b64decode(found[3]))
            by, now = authority or one_authority(), datetime.now(UTC)
            built = (
                x509.CertificateBuilder()
                .subject_name(old.subject)
                .issuer_name(by.certificate.subject)
                .public_key(old.public_key() if key else by.key.public_key())  # type: ignore[arg-type]  # RSA, as asked for
                .serial_number(x509.random_serial_number())
                .not_valid_before(now + begin)
                .not_valid_after(now + timedelta(days=400))
            )
            usage = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
            made = built.add_extension(x509.ExtendedKeyUsage([usage]), critical=False).sign(by.key, hashes.SHA256())
            name = made.fingerprint(hashes.SHA1()).hex().upper()
            return f"{found[1]}{name}{found[2]}{base64.b64encode(made.public_bytes(Encoding.DER)).decode()}"

        pattern = r'(type="My"><characteristic type="System"><characteristic type=")[0-9A-F]{40}("><parm name="EncodedCertificate" value=")([^"]*)'
        _in_document(response, lambda whole: re.sub(pattern, other, whole))

    return spoil


def _in_document(response: Response, change: Callable[[str], str]) -> None:
    def rewritten(found: re.Match[str]) -> str:
        return found[1] + base64.b64encode(change(base64.b64decode(found[2]).decode()).encode()).decode() + found[3]

    response.body = re.sub(r"(ProvisionDoc\"[^>]*>)([^<]+)(<)", rewritten, response.body.decode()).encode()


def asked(word: bytes) -> Callable[[Request, Response], bool]:
    return lambda request, response: word in request.body


def renewed_for_all(request: Request, response: Response) -> None:
    """A renewal that looks at nothing: the answer of an enrolment, again."""
    if b"ws-trust/200512/Renew" in request.body:
        response.status, response.body = 200, KEPT[0]
    elif response.good and b"ProvisionDoc" in response.body:
        KEPT[:] = [response.body]


def renewed_for_any_signature(request: Request, response: Response) -> None:
    """A renewal that looks at the certificate of the connection alone."""
    if b"ws-trust/200512/Renew" not in request.body or request.certificate == "mdm":
        renewed_for_all(request, response)


def late(request: Request, response: Response) -> None:
    """The page is not in the document, but in the first session of the user."""
    if kind_of(request) == ENROL:
        document('<parm name="Skip[^>]*/>', "")(request, response)
    elif kind_of(request) == MANAGE:
        command(write("Replace", f"{SYNC}/SkipUserStatusPage", "false", "bool"), user=True)(request, response)


KEPT: list[bytes] = [b""]
ITEM = "<Item><Target><LocURI>{uri}</LocURI></Target>{meta}{data}</Item>"
META = '<Meta><Format xmlns="syncml:metinf">{}</Format></Meta>'


def write(verb: str, uri: str, value: str = "x", kind: str = "chr", number: str = "9001") -> str:
    item = ITEM.format(uri=uri, meta=META.format(kind), data=f"<Data>{value}</Data>")
    return f"<{verb}><CmdID>{number}</CmdID>{item}</{verb}>"


def read(uri: str, number: str = "9002") -> str:
    return f"<Get><CmdID>{number}</CmdID>{ITEM.format(uri=uri, meta='', data='')}</Get>"


def atomic(*inside: str) -> str:
    return f"<Atomic><CmdID>9000</CmdID>{''.join(inside)}</Atomic>"


SYNC = "./Device/Vendor/MSFT/DMClient/Provider/MS%20DM%20Server/FirstSyncStatus"
USER_SYNC = SYNC.replace("./Device", "./User")
TRACK = "./Device/Vendor/MSFT/EnrollmentStatusTracking"
SWITCHES: dict[str, tuple[str, Spoil]] = {
    "no probe": (PROBE, instead(404)),
    "a page for the probe": (PROBE, instead(200, b"<html>hello</html>")),
    "a probe that leads to http": (PROBE, instead(302, location="http://mdm.contoso.example/")),
    "no discovery": (DISCOVER, instead(503)),
    "discovery in chunks": (DISCOVER, header("content-length", None)),
    "discovery as text": (DISCOVER, header("content-type", "text/plain")),
    "discovery that relates to nothing": (DISCOVER, text(r"<a:RelatesTo>[^<]*", "<a:RelatesTo>urn:uuid:0")),
    "discovery with another action": (DISCOVER, text("DiscoverResponse</a:Action>", "Other</a:Action>")),
    "a policy of authentication that nobody offered": (DISCOVER, text("<AuthPolicy>[^<]*", "<AuthPolicy>Certificate")),
    "a version that is too new": (DISCOVER, text("<EnrollmentVersion>[^<]*", "<EnrollmentVersion>9.0")),
    "no address for the enrolment": (DISCOVER, text("<EnrollmentServiceUrl>[^<]*</EnrollmentServiceUrl>", "")),
    "two hosts": (DISCOVER, text("(<EnrollmentPolicyServiceUrl>https://)localhost", r"\1other.contoso.example")),
    "members in another order": (
        DISCOVER, text("(<AuthPolicy>.*?</AuthPolicy>)(<EnrollmentVersion>.*?</EnrollmentVersion>)", r"\2\1"),
    ),
    "no policies": (POLICY, instead(404)),
    "policies in chunks": (POLICY, header("content-length", None)),
    "policies as text": (POLICY, header("content-type", "text/plain")),
    "policies that relate to nothing": (POLICY, text(r"<a:RelatesTo>[^<]*", "<a:RelatesTo>urn:uuid:0")),
    "a key that nobody makes": (POLICY, text("<minimalKeyLength>[^<]*", "<minimalKeyLength>0")),
    "SHA-1": (POLICY, text("2.16.840.1.101.3.4.2.1", "1.3.14.3.2.29")),
    "policy elements in another order": (POLICY, text("(<commonName>[^<]*</commonName>)(<policySchema>[^<]*</policySchema>)", r"\2\1")),
    "enrolment refused": (ENROL, instead(403)),
    "enrolment in chunks": (ENROL, first(header("content-length", None), good)),
    "enrolment as text": (ENROL, first(header("content-type", "text/plain"), good)),
    "an enrolment that relates to nothing": (ENROL, first(text(r"<a:RelatesTo>[^<]*", "<a:RelatesTo>urn:uuid:0"), good)),
    "a document that is none": (ENROL, text(r"(ProvisionDoc\"[^>]*>)[^<]+", r"\1!!!")),
    "a timestamp of long ago": (ENROL, first(text(r">20\d\d-", ">1999-"), good)),
    "another ValueType": (ENROL, text("DeviceEnrollmentProvisionDoc", "Something")),
    "a CSP that is not allowed": (ENROL, document("</wap-provisioningdoc>", '<characteristic type="Wifi"/></wap-provisioningdoc>')),
    "a document of another version": (ENROL, document('version="1.1"', 'version="9"')),
    "the certificate in the user's store": (ENROL, document('type="My"><characteristic type="System"', 'type="My"><characteristic type="User"')),
    "no key container": (ENROL, document('<characteristic type="PrivateKeyContainer"/>', "")),
    "certificates with other names": (ENROL, document('type="[0-9A-F]{40}"', 'type="' + "0" * 40 + '"')),
    "no renewal": (ENROL, document('<characteristic type="WSTEP">.*?</characteristic></characteristic>', "")),
    "no account": (ENROL, document('<characteristic type="APPLICATION">.*?</characteristic>(?=<characteristic type="DMClient")', "")),
    "an account in small letters": (ENROL, document('name="ADDR"', 'name="addr"')),
    "no ADDR": (ENROL, document('<parm name="ADDR"[^>]*/>', "")),
    "INIT": (ENROL, document('<parm name="APPID"', '<parm name="INIT"/><parm name="APPID"')),
    "one APPAUTH": (ENROL, document('<characteristic type="APPAUTH">.*?</characteristic>', "", 1)),
    "BASIC for the server": (ENROL, document('value="DIGEST"', 'value="BASIC"', 1)),
    "a nonce that is none": (ENROL, document('name="AAUTHDATA" value="[^"]*"', 'name="AAUTHDATA" value="?"')),
    "no criteria": (ENROL, document('<parm name="SSLCLIENTCERTSEARCHCRITERIA"[^>]*/>', "")),
    "criteria that find nothing": (ENROL, document("Subject=CN%3[Dd][^&]*", "Subject=CN%3DX")),
    "another provider": (ENROL, document('name="PROVIDER-ID" value="[^"]*"', 'name="PROVIDER-ID" value="Other"')),
    "no datatypes": (ENROL, document(' datatype="[a-z]*"', "")),
    "a wrong value": (ENROL, document('datatype="integer"', 'datatype="boolean"', 1)),
    "another encoding": (ENROL, document("application/vnd.syncml.dm\\+xml", "text/xml")),
    "retries in words": (ENROL, document('name="CONNRETRYFREQ" value="[^"]*"', 'name="CONNRETRYFREQ" value="often"')),
    "no EntDMID": (ENROL, document('<parm name="EntDMID"[^>]*/>', "")),
    "a schedule that is too fast": (
        ENROL, document('(name="(?:IntervalForRemainingScheduledRetries|NumberOfFirstRetries)" value=")[^"]*', r"\g<1>0"),
    ),
    "no sessions": (MANAGE, instead(500)),
    "sessions as HTML": (MANAGE, instead(200, b"<html/>")),
    "another content type": (MANAGE, header("content-type", "text/xml")),
    "another SessionID": (MANAGE, text("<SessionID>[^<]*", "<SessionID>99")),
    "another MsgID": (MANAGE, text("<MsgID>[^<]*", "<MsgID>77")),
    "to another device": (MANAGE, text("(<Target><LocURI>)[^<]*(</LocURI></Target><Source>)", r"\1X\2")),
    "another version of SyncML": (MANAGE, text("DM/1.2", "DM/1.1")),
    "no status for the header": (MANAGE, text("<Status><CmdID>[^<]*</CmdID><MsgRef>[^<]*</MsgRef><CmdRef>0</CmdRef>.*?</Status>", "")),
    "no status for an alert": (MANAGE, text("<Status>(?:(?!</Status>).)*<Cmd>Alert</Cmd>.*?</Status>", "", 1)),
    "a status for a status": (
        MANAGE, text("<Final", "<Status><CmdID>900</CmdID><MsgRef>1</MsgRef><CmdRef>1</CmdRef><Cmd>Status</Cmd><Data>200</Data></Status><Final"),
    ),
    "equal CmdIDs": (MANAGE, text("<CmdID>[^<]*", "<CmdID>5")),
    "a command that is none": (MANAGE, command("<Frobnicate><CmdID>9001</CmdID></Frobnicate>")),
    "no Final": (MANAGE, text("<Final/>", "")),
    "CDATA": (MANAGE, command(write("Replace", "./Device/Vendor/MSFT/Policy/Config/Experience/AllowCortana", "<![CDATA[0]]>", "int"))),
    "markup in Data": (MANAGE, command(write("Replace", "./Device/Vendor/MSFT/Policy/Config/Experience/AllowCortana", "<a/>"))),
    "a LocURI from the root": (MANAGE, command(write("Replace", "/Vendor/MSFT/X"))),
    "elements in another order": (
        MANAGE, command("<Get><CmdID>9002</CmdID><Item><Data/><Target><LocURI>./DevDetail/SwV</LocURI></Target></Item></Get>"),
    ),
    "a format that is none": (MANAGE, command(write("Replace", "./Device/Vendor/MSFT/Policy/Config/Experience/AllowCortana", "0", "number"))),
    "too large a message": (MANAGE, command(write("Replace", "./Device/Vendor/MSFT/Policy/Config/A/B", "x" * 600_000))),
    "two scopes in an Atomic": (MANAGE, command(atomic(write("Replace", "./User/Vendor/MSFT/Policy/Config/A/B", number="9003"), write("Replace", "./Device/Vendor/MSFT/Policy/Config/A/B")), user=True)),
    "an Add and a Replace in an Atomic": (MANAGE, command(atomic(write("Add", "./Device/Vendor/MSFT/Policy/Config/A/B"), write("Replace", "./Device/Vendor/MSFT/Policy/Config/A/B", number="9003")))),
    "a Get in an Atomic": (MANAGE, command(atomic(read("./DevDetail/SwV")))),
    "an Atomic in an Atomic": (MANAGE, command(atomic(f"<Atomic><CmdID>9004</CmdID>{read('./DevDetail/SwV')}</Atomic>".replace(read("./DevDetail/SwV"), write("Replace", "./Device/Vendor/MSFT/Policy/Config/A/B"))))),
    "the user too early": (MANAGE, command(write("Replace", "./User/Vendor/MSFT/Policy/Config/A/B"), user=False)),
    "an Add of a permanent node": (MANAGE, command(write("Add", f"{SYNC}/BlockInStatusPage", "1", "int"), user=False)),
    "a provider that nobody added": (MANAGE, command(write("Replace", f"{TRACK}/DevicePreparation/PolicyProviders/Contoso/InstallationState", "3", "int"), user=False)),
    "a boolean as text": (MANAGE, command(write("Replace", f"{SYNC}/AllowCollectLogsButton", "true", "chr"), user=False)),
    "a time-out in seconds": (MANAGE, command(write("Replace", f"{SYNC}/TimeOutUntilSyncFailure", "10800", "int"), user=False)),
    "a block that is a word": (MANAGE, command(write("Replace", f"{SYNC}/BlockInStatusPage", "true", "int"), user=False)),
    "a state that there is not": (MANAGE, command(write("Add", f"{TRACK}/DevicePreparation/PolicyProviders/Contoso", "", "node", "9005") + write("Add", f"{TRACK}/DevicePreparation/PolicyProviders/Contoso/InstallationState", "7", "int") + write("Replace", f"{TRACK}/DevicePreparation/PolicyProviders/Contoso/InstallationState", "3", "int", "9006"), user=False)),
    "a device node for the user": (MANAGE, command(write("Replace", f"{USER_SYNC}/BlockInStatusPage", "1", "int"), user=True)),
    "another provider's page": (MANAGE, command(write("Replace", SYNC.replace("MS%20DM%20Server", "Contoso") + "/AllowCollectLogsButton", "true", "bool"), user=False)),
    "a list of names": (MANAGE, command(write("Replace", f"{SYNC}/ExpectedPolicies", "Experience, Update"), user=False)),
    "a policy that never comes": (MANAGE, command(write("Replace", f"{SYNC}/ExpectedPolicies", "./Device/Vendor/MSFT/Policy/Config/Never/Sent"), user=False)),
    "a provider that never gets ready": (MANAGE, command(write("Add", f"{TRACK}/DevicePreparation/PolicyProviders/Contoso", "", "node"), user=False)),
    "a list of apps that is never whole": (MANAGE, command(write("Add", f"{TRACK}/Setup/Apps/PolicyProviders/Contoso", "", "node"), user=False)),
    "a page that never ends": (MANAGE, text("(/Device/[^<]*/ServerHasFinishedProvisioning</LocURI></Target><Meta>.*?</Meta><Data>)true", r"\1false")),
    "an account page that never ends": (MANAGE, text("(/User/[^<]*/ServerHasFinishedProvisioning</LocURI></Target><Meta>.*?</Meta><Data>)true", r"\1false")),
    "a change after the end": (MANAGE, text("<Final/>", write("Replace", f"{SYNC}/CustomErrorText", "late") + "<Final/>")),
    "everybody may enrol": (ENROL, first(instead(200, b""), lambda request, response: not response.good)),
    "faults with another subcode": (ENROL, text(r"s:(Authentication|InvalidSecurity|MessageFormat|CertificateRequest)<", "s:EnrollmentServer<")),
    "faults without a reason": (ENROL, text("<s:Reason>.*?</s:Reason>", "")),
    "a renewal that is redirected": (ENROL, first(instead(302, location="https://other.contoso.example/"), lambda request, response: b"ws-trust/200512/Renew" in request.body)),
    "a renewal that is HTML": (ENROL, first(instead(200, b"<html/>"), lambda request, response: b"ws-trust/200512/Renew" in request.body)),
    "no page to sign in at": (DISCOVER, text("<AuthenticationServiceUrl>.*?</AuthenticationServiceUrl>", "")),
    "policies with another action": (POLICY, text("GetPoliciesResponse</a:Action>", "Other</a:Action>")),
    "policies of nil": (POLICY, text("<attributes>.*?</attributes>", '<attributes xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"/>')),
    "an enrolment that breaks down": (ENROL, first(instead(503), asked(b"Issue"))),
    "an enrolment with another action": (ENROL, first(text("RSTRC/wstep", "Other/wstep"), good)),
    "a certificate for another key": (ENROL, reissued(key=False)),
    "two roots": (ENROL, document('(<characteristic type="Root"><characteristic type="System">)(<characteristic type=")[0-9A-F]{40}', r"\g<1>\g<2>" + "1" * 40 + r'"><parm name="EncodedCertificate" value="AA=="/></characteristic>\g<2>' + "2" * 40)),
    "a certificate of tomorrow": (ENROL, reissued(timedelta(days=1))),
    "a certificate of last year": (ENROL, reissued(timedelta(days=-300))),
    "a certificate for servers": (ENROL, reissued(client=False)),
    "a certificate of another authority": (ENROL, reissued(authority=Authority.make("another"))),
    "an address that is none": (ENROL, document('(name="ADDR" value=")[^"]*', r"\1ftp://mdm.contoso.example")),
    "a server that dies after a message": (MANAGE, first(instead(503), asked(b"<MsgID>2</MsgID>"))),
    "a server that cannot bear 418": (MANAGE, first(instead(503), asked(b"<Data>418</Data>"))),
    "a server that cannot bear 404": (MANAGE, first(instead(503), asked(b"<Data>404</Data>"))),
    "a challenge of an unknown kind": (MANAGE, text("(<Cmd>SyncHdr</Cmd>)<Data>200</Data>", r'\1<Chal><Meta><Type xmlns="syncml:metinf">syncml:auth-x</Type></Meta></Chal><Data>407</Data>')),
    "nobody looks at certificates": (UNSHOWN, lambda request, response: None),
    "a page that comes late": (ANY, late),
    "renewals for everybody": (ENROL, renewed_for_all),
    "renewals whoever signed them": (ENROL, renewed_for_any_signature),
}  # fmt: skip
"""One thing wrong each: of which answers, and what."""
