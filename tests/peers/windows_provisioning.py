"""The provisioning document as Windows applies it (protocols.md 10), with what it would object to."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import unquote

from cryptography import x509
from cryptography.x509.oid import NameOID
from lxml import etree
from plumbing import PeerFailedError

KNOWN = {
    "APPID", "PROVIDER-ID", "NAME", "ADDR", "ROLE", "BACKCOMPATRETRYDISABLED", "CONNRETRYFREQ", "INITIALBACKOFFTIME",
    "MAXBACKOFFTIME", "DEFAULTENCODING", "SSLCLIENTCERTSEARCHCRITERIA", "PROTOVER", "USEHWDEVID", "TO-NAPID",
    "ServerList", "SSPHyperlink", "CRLCheck", "APPADDR",
}  # fmt: skip


class Provisioning:
    """``account`` are the w7 parameters, ``settings`` the LocURIs that DMClient and others set, ``certificate`` DER."""

    def __init__(self, document: bytes) -> None:
        self.complaints: list[str] = []
        self.document = etree.fromstring(document)
        self.account: dict[str, str] = {}
        self.settings: dict[str, str] = {}
        self.certificate = b""
        if self.document.tag != "wap-provisioningdoc":
            raise PeerFailedError(f"the provisioning document begins with {self.document.tag}")
        self._store()
        self._account()
        for one in self.document:
            if one.get("type") not in ("CertificateStore", "APPLICATION"):
                self._settings(one, "./Device/Vendor/MSFT/" + (one.get("type") or ""), one.get("type") or "")
        provider = self.account.get("PROVIDER-ID", "")
        path = "characteristic[@type='DMClient']/characteristic/characteristic"
        names = [one.get("type") for one in self.document.xpath(path)]
        self._demand(names == [provider], f"18.1(4): DMClient is of {names}, the account of {provider}")

    def finds(self, certificate: x509.Certificate) -> bool:
        """Whether SSLCLIENTCERTSEARCHCRITERIA finds a certificate of My/System."""
        found = dict(one.partition("=")[::2] for one in self.account.get("SSLCLIENTCERTSEARCHCRITERIA", "").split("&"))
        wanted = unquote(found.get("Subject", "")).replace(" ", "")
        names = [f"CN={one.value}" for one in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        return wanted in [name.replace(" ", "") for name in names] and "System" in unquote(found.get("Stores", ""))

    def _store(self) -> None:
        stores: dict[str, Any] = {one.get("type"): one for one in self.document[0]}
        self._demand(self.document[0].get("type") == "CertificateStore", "18.4: CertificateStore is not the first block")
        self._demand(list(stores)[:3] == ["Root", "CA", "My"], f"18.4: the stores are {list(stores)}, not Root, CA, My")
        for leaf in self.document[0].iter("characteristic"):
            parm = leaf.find("parm[@name='EncodedCertificate']")
            if parm is None:
                continue
            data = base64.b64decode(parm.get("value", ""))
            wanted = hashlib.sha1(data).hexdigest().upper()
            self._demand(leaf.get("type") == wanted, f"10: the thumbprint {leaf.get('type')} should be {wanted}")
            if leaf.getparent().getparent().get("type") == "My":
                self.certificate = data
                self._demand(leaf.getparent().get("type") == "System", "18.1(4): the certificate is not in My/System")
        if not self.certificate:
            raise PeerFailedError("the provisioning document has no certificate in My")
        mine = stores["My"]
        self._demand(bool(mine.xpath(".//characteristic[@type='PrivateKeyContainer']")), "18.1(4): no PrivateKeyContainer")
        for parm in mine.xpath(".//characteristic[@type='Renew']/parm"):
            self._demand(bool(parm.get("datatype")), f"18.1(4): no datatype on Renew's {parm.get('name')}")

    def _account(self) -> None:
        account = self.document.xpath("characteristic[@type='APPLICATION']")
        if len(account) != 1:
            raise PeerFailedError(f"the provisioning document has {len(account)} accounts")
        for parm in account[0].findall("parm"):
            self.account[parm.get("name")] = parm.get("value", "")
            self._demand(parm.get("name") in KNOWN, f"18.1(4): {parm.get('name')} is no parameter of w7")
        for name in ("APPID", "PROVIDER-ID", "NAME", "ADDR", "SSLCLIENTCERTSEARCHCRITERIA"):
            self._demand(bool(self.account.get(name)), f"18.1(4): no {name} in the account")
        levels = {}
        for one in account[0].xpath("characteristic[@type='APPAUTH']"):
            values = {parm.get("name"): parm.get("value", "") for parm in one}
            levels[values.get("AAUTHLEVEL", "")] = values
        self._demand(set(levels) == {"CLIENT", "APPSRV"}, f"18.1(4): APPAUTH for {sorted(levels)}, not for CLIENT and APPSRV")
        for name, value in levels.get("APPSRV", {}).items():
            self.account[f"APPSRV/{name}"] = value

    def _settings(self, node: Any, uri: str, block: str) -> None:
        for one in node:
            if one.tag == "parm":
                self.settings[f"{uri}/{one.get('name')}"] = one.get("value", "")
                if block == "DMClient":
                    self._demand(bool(one.get("datatype")), f"18.1(4): no datatype on DMClient's {one.get('name')}")
            else:
                self._settings(one, f"{uri}/{one.get('type')}", block)

    def _demand(self, fulfilled: bool, complaint: str) -> None:
        if not fulfilled:
            self.complaints.append(complaint)
