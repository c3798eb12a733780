"""pytune (protocols.md 18.4): a device that joins, enrols and checks in to read what an organisation's devices get.

Its habits: hosts of Microsoft that are written into it (here they all lead to one base URL, as by a hosts file), the
third parm at depth four taken for the client certificate, the first BinarySecurityToken of an envelope, no Alert in package 1
without a hardware hash, ``imei:`` in the source, one Item per command, MsgRef = own MsgID - 1, the end of a session found by
looking into text.
"""

from __future__ import annotations

import base64
import json
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.dom import minidom

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate
from plumbing import PeerFailedError, Send, b64, der_of, good, new_key, pair, post_form, request_of, signed_by_device
from plumbing import transport_key_blob as key_blob
from pytune_dom import depth_four, elements, only, text
from pytune_extension import PytuneExtension

LOGIN = "https://login.microsoftonline.com"
REGISTRATION = "https://enterpriseregistration.windows.net"
GRAPH = "https://graph.microsoft.com"
MANAGEMENT = "https://r.manage.microsoft.com/devicegatewayproxy/cimhandler.ashx?mode=Maintenance&Platform=WoA"
SCALE_UNIT = "https://fef.msub01.manage.microsoft.com/StatelessEnrollmentService/DeviceEnrollment.svc"
ENDPOINTS = GRAPH + "/v1.0/myorganization/servicePrincipals/appId=0000000a-0000-0000-c000-000000000000/endpoints"
BROKER = "29d9ed98-a469-4536-ade2-f981bc1d605e"
DRS = "urn:ms-drs:enterpriseregistration.windows.net"
INTUNE = "https://enrollment.manage.microsoft.com/"
SECEXT = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
ENROL = """<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://www.w3.org/2005/08/addressing"
 xmlns:wsse="{secext}" xmlns:wst="http://docs.oasis-open.org/ws-sx/ws-trust/200512"
 xmlns:ac="http://schemas.xmlsoap.org/ws/2006/12/authorization"><s:Header>
<a:Action s:mustUnderstand="1">http://schemas.microsoft.com/windows/pki/2009/01/enrollment/RST/wstep</a:Action>
<a:MessageID>urn:uuid:0d5a1441-5891-453b-becf-a2e5f6ea3749</a:MessageID>
<a:ReplyTo><a:Address>http://www.w3.org/2005/08/addressing/anonymous</a:Address></a:ReplyTo>
<a:To s:mustUnderstand="1">{to}</a:To><wsse:Security s:mustUnderstand="1">
<wsse:BinarySecurityToken ValueType="urn:ietf:params:oauth:token-type:jwt" EncodingType="{secext}#base64binary">{token}
</wsse:BinarySecurityToken></wsse:Security></s:Header><s:Body><wst:RequestSecurityToken>
<wst:TokenType>http://schemas.microsoft.com/5.0.0.0/ConfigurationManager/Enrollment/DeviceEnrollmentToken</wst:TokenType>
<wst:RequestType>http://docs.oasis-open.org/ws-sx/ws-trust/200512/Issue</wst:RequestType>
<wsse:BinarySecurityToken ValueType="http://schemas.microsoft.com/windows/pki/2009/01/enrollment#PKCS10"
 EncodingType="{secext}#base64binary">{request}</wsse:BinarySecurityToken>
<ac:AdditionalContext>{items}</ac:AdditionalContext></wst:RequestSecurityToken></s:Body></s:Envelope>"""
MESSAGE = """<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto><SessionID>1</SessionID>
<MsgID>{message}</MsgID><Target><LocURI>{target}</LocURI></Target><Source><LocURI>imei:{source}</LocURI></Source>
</SyncHdr><SyncBody>{body}<Final/></SyncBody></SyncML>"""
ALERT = """<Alert><CmdID>{id}</CmdID><Data>1224</Data><Item><Meta><Type xmlns="syncml:metinf">com.microsoft/MDM/{kind}</Type>
</Meta><Data>device</Data></Item></Alert>"""
BLOB = "./Vendor/MSFT/OfflineDomainJoin/Blob"
CACHE = "./Vendor/MSFT/NodeCache/MS%20DM%20Server"
PROVIDER = "./Vendor/MSFT/DMClient/Provider/MS%20DM%20Server"
ITEM = '<ac:ContextItem Name="{}"><ac:Value>{}</ac:Value></ac:ContextItem>'


class PytuneClient(PytuneExtension):
    """One device. ``hardware_hash`` makes it a hybrid one: only then package 1 has alerts."""

    def __init__(
        self,
        base_url: str,
        authority: str | None,
        send: Send,
        name: str = "Windows_pytune1",
        hardware_hash: str = "",
    ) -> None:
        self.base = base_url
        self.authority = authority
        self._send = send
        self.name = name
        self.hash = hardware_hash
        self.uuid = "27f4a3e2-3b0a-4cf1-9e7b-6a3f1c2d0e55"
        self.device: tuple[bytes, bytes] | None = None
        self.mdm: tuple[bytes, bytes] | None = None
        self.device_id: str | None = None
        self.refresh = ""
        self.blob = ""
        self.jobs: list[str] = []
        self.gateway = ""
        self.messages = 0

    def sign_in(self, user: str, password: str) -> str:
        """A token for the registration service, and a refresh token for others."""
        fields = {"grant_type": "password", "client_id": BROKER, "resource": DRS, "username": user, "password": password}
        return self._token(fields | {"scope": "openid"})

    def token_for(self, resource: str) -> str:
        """A token for another service by the refresh token."""
        fields = {"grant_type": "refresh_token", "client_id": BROKER, "resource": resource, "refresh_token": self.refresh}
        return self._token(fields)

    def device_token(self, resource: str) -> str:
        """A token of the device itself, with a nonce and its certificate."""
        url = self._there(LOGIN + "/common/oauth2/token")
        _, nonce = post_form(self._send, url, {"grant_type": "srv_challenge"})
        device = self._device()
        payload = {
            "grant_type": "device_token", "resource": resource, "client_id": BROKER, "request_nonce": nonce["Nonce"],
            "win_ver": "10.0.19041.1806", "redirect_uri": "ms-appx-web://Microsoft.AAD.BrokerPlugin/DRS",
            "iss": "aad:brokerplugin", "scope": "openid",
        }  # fmt: skip
        header = {"alg": "RS256", "typ": "JWT", "x5c": b64(der_of(device))}
        key: Any = load_pem_private_key(device[1], None)
        grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
        request = signed_by_device(header, payload, key)
        return self._token({"grant_type": grant, "windows_api_version": "2.2", "request": request})

    def join(self, token: str, domain: str) -> str:
        """Entra join; the device id out of the certificate."""
        key, transport = new_key(), new_key()
        request = request_of(key, "7E980AD9-B86D-4306-9425-9AC066FB014A")
        document = {
            "CertificateRequest": {"Type": "pkcs10", "Data": b64(request)}, "TransportKey": b64(key_blob(transport)),
            "TargetDomain": domain, "DeviceType": "Windows", "OSVersion": "10.0.19041.928",
            "DeviceDisplayName": self.name, "JoinType": 0,
        }  # fmt: skip
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        url = self._there(REGISTRATION + "/EnrollmentServer/device/?api-version=2.0")
        answer = json.loads(good(self._send("POST", url, headers, json.dumps(document).encode(), None), "join")[2])
        self.device = pair(base64.b64decode(answer["Certificate"]["RawBody"]), key)
        subject = load_pem_x509_certificate(self.device[0]).subject.rfc4514_string()
        self.device_id = subject.split("CN=")[1].split(",")[0]
        return self.device_id

    def look_up(self, token: str) -> str:
        """The enrolment address that the directory names."""
        headers = {"Authorization": f"Bearer {token}"}
        answer = json.loads(good(self._send("GET", self._there(ENDPOINTS), headers, b"", None), "endpoints")[2])
        for one in answer["value"]:
            if one["providerName"] == "WindowsEnrollment":
                return str(one["uri"])
        raise PeerFailedError("endpoints: no WindowsEnrollment")

    def enrol(self, url: str, token: str) -> None:
        """Ask for the MDM certificate; the third parm at depth four is taken for it."""
        key = new_key()
        device = self.device_id.replace("-", "") if self.device_id else "None"
        context = {
            "UXInitiated": "false", "HWDevID": "0" * 64, "Locale": "en-US", "TargetedUserLoggedIn": "true",
            "OSEdition": "72", "DeviceName": self.name, "MAC": "00-00-00-00-00-00", "DeviceID": device,
            "EnrollmentType": "Device", "DeviceType": "CIMClient_Windows", "OSVersion": "10.0.19041.928",
            "ApplicationVersion": "10.0.19041.928", "AzVMIAMExtensionJoin": "true", "BootstrapDomainJoin": "true",
            "NotInOobe": "false", "RequestVersion": "4.0", "EnrollmentData": "null",
        }  # fmt: skip
        items = "".join(ITEM.format(*one) for one in context.items())
        request = base64.encodebytes(request_of(key, "ConfigMgrEnroll")).decode()
        document = ENROL.format(secext=SECEXT, to=url, token=b64(token.encode()), request=request, items=items)
        headers = {"User-Agent": "ENROLLClient", "Content-Type": "application/soap+xml; charset=utf-8"}
        there = self._there(url) + ("&" if "?" in url else "?") + "client-request-id=" + self.uuid
        answer = minidom.parseString(good(self._send("POST", there, headers, document.encode(), None), "enrolment")[2])
        found = answer.getElementsByTagNameNS(SECEXT, "BinarySecurityToken")
        if not found:
            raise PeerFailedError("enrolment: no BinarySecurityToken")
        provisioning = minidom.parseString(base64.b64decode(text(found[0])))
        parms = depth_four(provisioning.documentElement)
        self.mdm = pair(base64.b64decode(parms[2].getAttribute("value")), key)

    def check_in(self) -> list[tuple[str, str]]:
        """A whole session: (name, LocURI) of every command; blob and MSI jobs are kept."""
        seen: list[tuple[str, str]] = []
        body = ""
        if self.hash:
            body = ALERT.format(id=2, kind="BootstrapSync") + ALERT.format(id=3, kind="OdjSync")
        body += "<Replace><CmdID>4</CmdID>" + "".join(
            f"<Item><Source><LocURI>{name}</LocURI></Source><Data>{value}</Data></Item>"
            for name, value in (
                ("./DevInfo/DevId", f"imei:{self.uuid}"), ("./DevInfo/Man", "Contoso"), ("./DevInfo/Mod", "Virtual Machine"),
                ("./DevInfo/DmV", "1.3"), ("./DevInfo/Lang", "en-US"),
            )
        ) + "</Replace>"  # fmt: skip
        message = 1
        while True:
            answer = self._exchange(message, body)
            if "Bad Request" in answer:
                raise PeerFailedError("check-in: Bad Request")
            commands = self._commands(minidom.parseString(answer))
            self.messages = message
            if not commands:
                return seen
            message += 1
            if message > 40:
                raise PeerFailedError("the session does not end")
            parts = [_status(1, message - 1, "0", "SyncHdr", 200)]
            for name, identifier, uri, data in commands:
                seen.append((name, uri))
                self._keep(uri, data)
                value = self._value(uri) if name == "Get" else None
                code = 404 if name == "Get" and value is None else 200
                parts.append(_status(len(parts) + 1, message - 1, identifier, name, code))
                if value is not None:
                    parts.append(
                        f"<Results><CmdID>{len(parts) + 1}</CmdID><MsgRef>{message - 1}</MsgRef><CmdRef>{identifier}</CmdRef>"
                        f"<Item><Source><LocURI>{uri}</LocURI></Source><Data>{value}</Data></Item></Results>"
                    )
            body = "".join(parts)

    def domain_join(self) -> list[str]:
        """Domain, computer name and password out of the blob."""
        data, found, at = base64.b64decode(self.blob), [], 0xC0
        for _ in range(3):
            size = int.from_bytes(data[at : at + 4], "little") * 2
            found.append(data[at + 12 : at + 12 + size].decode("utf-16-le"))
            at += 12 + size + -size % 4
        return found

    def packages(self) -> dict[str, bytes]:
        """Every MSI that was sent, but the management extension's, by file name."""
        found = {}
        for job in self.jobs:
            if "<ContentURL>" not in job:
                continue
            url = job.split("<ContentURL>")[1].split("</ContentURL>")[0].replace("&amp;", "&")
            if "IntuneWindowsAgent.msi" in url:
                continue
            name = parse_qs(urlsplit(url).query)["fileNameHash"][0]
            found[name] = good(self._send("GET", self._there(url), {}, b"", None), "msi")[2]
        return found

    def _token(self, fields: dict[str, str]) -> str:
        status, answer = post_form(self._send, self._there(LOGIN + "/common/oauth2/token"), fields)
        if status != 200:
            raise PeerFailedError(f"token: {answer.get('error_description', answer)}")
        self.refresh = answer.get("refresh_token", self.refresh)
        return str(answer["access_token"])

    def _there(self, url: str) -> str:
        """Where a hosts file sends a URL."""
        parts = urlsplit(url)
        return f"{self.base}{parts.path}" + (f"?{parts.query}" if parts.query else "")

    def _exchange(self, message: int, body: str) -> str:
        document = MESSAGE.format(message=message, target=MANAGEMENT.replace("&", "&amp;"), source=self.uuid, body=body)
        headers = {
            "User-Agent": "MSFT Windows OMA DM Client/2.7", "Accept": "application/vnd.syncml.dm+xml, application/octet-stream",
            "Accept-Charset": "UTF-8", "Content-Type": "application/vnd.syncml.dm+xml; charset=utf-8",
        }  # fmt: skip
        reply = self._send("POST", self._there(MANAGEMENT), headers, document.encode(), self._mdm())
        return good(reply, "check-in")[2].decode()

    def _commands(self, document: minidom.Document) -> list[tuple[str, str, str, str]]:
        """(name, CmdID, LocURI, data) of every command, children of containers included; one Item is assumed."""
        found = []
        body = document.getElementsByTagName("SyncBody")[0]
        for one in elements(body):
            name = one.tagName
            if name in ("Atomic", "Sequence"):
                found.append((name, text(only(one, "CmdID")), "", ""))
                inner = [child for child in elements(one) if child.tagName not in ("CmdID", "Meta", "NoResp")]
                found.extend(self._command(child) for child in inner)
            elif name in ("Get", "Add", "Replace", "Delete", "Exec"):
                found.append(self._command(one))
        return found

    def _command(self, command: minidom.Element) -> tuple[str, str, str, str]:
        item = only(command, "Item")
        data = [text(one) for one in elements(item) if one.tagName == "Data"]
        return command.tagName, text(only(command, "CmdID")), text(item.getElementsByTagName("LocURI")[0]), "".join(data)

    def _keep(self, uri: str, data: str) -> None:
        if uri == BLOB:
            self.blob = data
        if "DownloadInstall" in uri and data:
            self.jobs.append(unescape(data) if "&lt;" in data else data)

    def _value(self, uri: str) -> str | None:
        known = {
            CACHE: "CacheVersion/Nodes/ChangedNodes/ChangedNodesData", CACHE + "/CacheVersion": "", CACHE + "/ChangedNodes": "",
            "./DevDetail/SwV": "10.0.19041.928", "./DevDetail/Ext/Microsoft/LocalTime": "2026-01-02T03:04:05.0000000+00:00",
            "./DevDetail/Ext/DeviceHardwareData": self.hash, "./Vendor/MSFT/WindowsLicensing/Edition": "72",
            "./Vendor/MSFT/Update/LastSuccessfulScanTime": "2026-01-02T00:00:00Z",
            "./Vendor/MSFT/DMClient/HWDevID": "0" * 64, PROVIDER + "/EntDMID": self.uuid, PROVIDER + "/ExchangeID": "",
            PROVIDER + "/PublisherDeviceID": "", PROVIDER + "/EntDeviceName": self.name,
            PROVIDER + "/AADResourceID": "https://manage.microsoft.com/", "./Vendor/MSFT/DeviceStatus/OS/Mode": "1",
        }  # fmt: skip
        return known.get(uri)

    def _device(self) -> tuple[bytes, bytes]:
        if self.device is None:
            raise PeerFailedError("not joined")
        return self.device

    def _mdm(self) -> tuple[bytes, bytes]:
        if self.mdm is None:
            raise PeerFailedError("not enrolled")
        return self.mdm


def _status(identifier: int, message: int, reference: str, name: str, code: int) -> str:
    return (
        f"<Status><CmdID>{identifier}</CmdID><MsgRef>{message}</MsgRef><CmdRef>{reference}</CmdRef><Cmd>{name}</Cmd>"
        f"<Data>{code}</Data></Status>"
    )
