"""A test certification authority: the server's own certificate, and those that devices are given."""

from __future__ import annotations

import hmac
import ipaddress
import warnings
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from hashlib import sha256

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from autopilot_agent.errors import Malformed
from autopilot_agent.wire.keys import to_pem

EARLIER = timedelta(minutes=10)
"""How far a certificate's beginning lies back, so that a device with a slow clock takes it (protocols.md 9.5)."""

MOST_REMEMBERED = 4096
"""Certificates whose signature was found good; a device shows its own with every request."""

REMEMBERED, ORDINARY = 512, 4096
"""Certificates that are kept as they were read, and how many bytes such a one may have; reading and naming one takes 60 us."""

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


def moment() -> datetime:
    """Now, in UTC: certificates are checked against the real clock by everybody's TLS library."""
    return datetime.now(UTC).replace(microsecond=0)


class Authority:
    """A key and a self-signed certificate, RSA 2048, valid for ten years."""

    def __init__(self, key: rsa.RSAPrivateKey, certificate: x509.Certificate) -> None:
        self.key = key
        self.certificate = certificate
        self.public_key = key.public_key()
        self._checked: dict[bytes, x509.Certificate] = {}
        self._tokens: set[bytes] = set()

    @classmethod
    def make(cls, name: str = "autopilot-agent test CA") -> Authority:
        """A new authority."""
        key = rsa.generate_private_key(65537, 2048)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        begin = moment() - EARLIER
        built = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + timedelta(days=3650))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        return cls(key, built.sign(key, hashes.SHA256()))

    @classmethod
    def load(cls, pem: bytes) -> Authority:
        """An authority that ``to_pem`` wrote. Raises ``Malformed`` for other bytes."""
        try:
            key = load_pem_private_key(pem, None)
            certificate = x509.load_pem_x509_certificate(pem)
        except (ValueError, TypeError) as error:
            raise Malformed(f"this is no key and certificate of an authority: {error}") from None
        if not isinstance(key, rsa.RSAPrivateKey):
            raise Malformed("the authority's key is not RSA")
        return cls(key, certificate)

    def to_pem(self) -> bytes:
        """Key and certificate, to be kept secret."""
        return to_pem(self.key) + self.certificate_pem()

    def certificate_pem(self) -> bytes:
        """The certificate alone, to be given away."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @cached_property
    def key_id(self) -> str:
        """The name of the key in tokens and in the list of keys."""
        public = self.public_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return sha256(public).hexdigest()[:32]

    @cached_property
    def secret(self) -> bytes:
        """What seals the tokens that only this server reads; it follows from the key."""
        return hmac.digest(to_pem(self.key), b"sealed tokens", "sha256")

    def remember(self, token: str) -> None:
        """Keep in mind that a token is good: one that was made or checked here is not checked again.

        Its digest is kept. A device shows the same token several times, and to check it takes 200 to 700 us.
        """
        if len(self._tokens) >= MOST_REMEMBERED:
            self._tokens.clear()
        self._tokens.add(sha256(token.encode()).digest())

    def remembers(self, token: str) -> bool:
        """Whether a token is known to be good; what it is good for has still to be looked at."""
        return sha256(token.encode("utf-8", "replace")).digest() in self._tokens

    def issue(
        self,
        public_key: PublicKey,
        subject: x509.Name,
        *,
        days: int = 365,
        extensions: tuple[tuple[str, bytes], ...] = (),
        names: tuple[str, ...] = (),
    ) -> x509.Certificate:
        """A certificate for client authentication, or for a server where it has ``names`` (host names and addresses).

        ``extensions`` are pairs of an object identifier and the DER of a value.
        """
        begin = moment() - EARLIER
        purpose = ExtendedKeyUsageOID.SERVER_AUTH if names else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.certificate.subject)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([_name(one) for one in names]), critical=False)
        for identifier, value in extensions:
            raw = x509.UnrecognizedExtension(x509.ObjectIdentifier(identifier), value)
            builder = builder.add_extension(raw, critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def issued(self, certificate: x509.Certificate) -> bool:
        """Whether this authority signed a certificate and it is valid now."""
        if not certificate.not_valid_before_utc <= moment() <= certificate.not_valid_after_utc:
            return False
        known = self._checked.get(certificate.signature)
        if known is not None:
            return known == certificate
        algorithm = certificate.signature_hash_algorithm
        if certificate.issuer != self.certificate.subject or algorithm is None:
            return False
        try:
            self.public_key.verify(certificate.signature, certificate.tbs_certificate_bytes, PKCS1v15(), algorithm)
        except InvalidSignature:
            return False
        if len(self._checked) >= MOST_REMEMBERED:
            self._checked.clear()
        self._checked[certificate.signature] = certificate
        return True


def common_name(text: str) -> x509.Name:
    """A subject that is one common name."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def name_of(certificate: x509.Certificate) -> str:
    """The common name of a certificate's subject, or ""."""
    found = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""


@lru_cache(maxsize=REMEMBERED)
def thumbprint(certificate: x509.Certificate) -> str:
    """SHA-1 over the DER bytes, 40 hexadecimal digits in capitals: how Windows names a certificate."""
    return certificate.fingerprint(hashes.SHA1()).hex().upper()  # a name, not a proof


def der(certificate: x509.Certificate) -> bytes:
    """The certificate as DER."""
    return certificate.public_bytes(serialization.Encoding.DER)


def load_der(data: bytes) -> x509.Certificate:
    """A certificate from DER; raises ``Malformed``. A device shows its own with every request, so the last ones are kept."""
    return _loaded(data) if len(data) <= ORDINARY else _parsed(data)


def _parsed(data: bytes) -> x509.Certificate:
    try:
        with warnings.catch_warnings():  # a serial number of 0, as home-made authorities give
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            return x509.load_der_x509_certificate(data)
    except (ValueError, x509.InvalidVersion) as error:
        raise Malformed(f"this is no certificate: {error}") from None


_loaded = lru_cache(maxsize=REMEMBERED)(_parsed)


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=not signs_certificates,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
