"""pytune's imitation of the management extension (protocols.md 15): apps, scripts and the content of apps."""

from __future__ import annotations

import base64
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any
from xml.dom import minidom

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.hazmat.primitives.serialization.pkcs7 import pkcs7_decrypt_der
from cryptography.x509 import load_pem_x509_certificate
from plumbing import PeerFailedError, Send, b64, der_of, good
from pytune_dom import text

LOCATION = "https://manage.microsoft.com/RestUserAuthLocationService/RestUserAuthLocationService/Certificate/ServiceAddresses"


class PytuneExtension:
    """The part of the client that speaks to the gateway."""

    name: str
    gateway: str
    _send: Send
    _there: Callable[[str], str]
    _mdm: Callable[[], tuple[bytes, bytes]]

    def locate(self) -> str:
        """The address of the management extension's gateway."""
        answer = json.loads(good(self._send("GET", self._there(LOCATION), {}, b"", self._mdm()), "service addresses")[2])
        for one in answer[0]["Services"]:
            if one["ServiceName"] == "SideCarGatewayService":
                self.gateway = one["Url"]
                return self.gateway
        raise PeerFailedError("service addresses: no SideCarGatewayService")

    def ask(self, operation: str, payload: str = "[]") -> str:
        """One session call: the ResponsePayload."""
        key = "8f3d1f0a-6a52-4d5b-9a0c-2d7f7f8f6a11"
        client = {
            "DeviceName": self.name, "OperatingSystemVersion": "10.0.19041", "SideCarAgentVersion": "1.58.103.0",
            "Win10SMode": False, "UnlockWin10SModeTenantId": None, "UnlockWin10SModeDeviceId": None,
            "ChannelUriInformation": None, "AgentExecutionStartTime": None, "AgentExecutionEndTime": None,
            "AgentCrashSeen": True,
            "ExtendedInventoryMap": {"OperatingSystemRevisionNumber": "928", "SKU": "72"},
        }  # fmt: skip
        document = {
            "Key": key, "SessionId": key, "RequestContentType": operation, "RequestPayload": payload,
            "ResponseContentType": None, "ClientInfo": json.dumps(client), "ResponsePayload": None, "EnabledFlights": None,
            "CheckinIntervalMinutes": None, "GenericWorkloadRequests": None, "GenericWorkloadResponse": None,
            "CheckinReasonPayload": None, "CheckinReason": "AgentRestart",
        }  # fmt: skip
        url = f"{self.gateway}/SideCarGatewaySessions('{key}')?api-version=1.5"
        headers = {"Content-Type": "application/json", "Prefer": "return-content"}
        reply = good(self._send("PUT", self._there(url), headers, json.dumps(document).encode(), self._mdm()), operation)
        answer = json.loads(reply[2])
        payload = answer["ResponsePayload"]
        if not isinstance(payload, str):
            raise PeerFailedError(f"{operation}: the payload is {payload!r}")
        return payload

    def apps(self) -> list[dict[str, Any]]:
        """The selected apps: base64 of a length and gzip, even when there are none."""
        packed = base64.b64decode(self.ask("GetSelectedApp"))
        data = gzip.decompress(packed[4:])
        if len(data) != int.from_bytes(packed[:4], "little"):
            raise PeerFailedError("GetSelectedApp: the length does not fit")
        found: list[dict[str, Any]] = json.loads(data)
        return found

    def scripts(self) -> list[Any]:
        """Platform scripts and remediations, plain JSON both."""
        return [*json.loads(self.ask("PolicyRequest")), *json.loads(self.ask("GetScript"))]

    def content(self, app: dict[str, Any]) -> dict[str, bytes]:
        """The files in the content of an app, decrypted."""
        mdm = self._mdm()
        wanted = {
            "ApplicationId": app["Id"], "ApplicationVersion": app["Version"], "Intent": app["Intent"],
            "CertificateBlob": b64(der_of(mdm)), "ContentInfo": None, "SecondaryContentInfo": None, "DecryptInfo": None,
            "UploadLocation": None, "TargetingMethod": 0, "ErrorCode": None, "TargetType": 2, "InstallContext": 2,
            "EspPhase": 2, "ApplicationName": app["Name"], "AssignmentFilterIds": None, "ManagedInstallerStatus": 1,
            "ApplicationEnforcement": 0,
        }  # fmt: skip
        info = json.loads(self.ask("GetContentInfo", json.dumps(wanted)))
        place = json.loads(info["ContentInfo"])["UploadLocation"]
        sealed = minidom.parseString(info["DecryptInfo"]).getElementsByTagName("EncryptedContent")[0]
        key: Any = load_pem_private_key(mdm[1], None)
        opened = pkcs7_decrypt_der(base64.b64decode(text(sealed)), load_pem_x509_certificate(mdm[0]), key, [])
        secrets = json.loads(opened)
        data = good(self._send("GET", self._there(place), {}, b"", None), "content")[2]
        if secrets.get("ProfileIdentifier") != "NoEncryption":
            encryption = algorithms.AES(base64.b64decode(secrets["EncryptionKey"]))
            decryptor = Cipher(encryption, modes.CBC(base64.b64decode(secrets["IV"]))).decryptor()
            padded = decryptor.update(data[48:]) + decryptor.finalize()
            remover = padding.PKCS7(128).unpadder()
            data = remover.update(padded) + remover.finalize()
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
