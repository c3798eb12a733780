"""The certificate of the server itself, made at each start, and the TLS context that asks clients for theirs."""

from __future__ import annotations

import ssl
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from autopilot_agent.wire.authority import Authority, common_name

LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""Names that every server certificate has."""


def server_context(authority: Authority, names: tuple[str, ...] = ()) -> ssl.SSLContext:
    """TLS 1.2 or later, for the loopback names and ``names``; a client may show a certificate, and then one of the authority.

    The key is made for this start and never kept (RFC 5280: nothing else has to know it).
    """
    key = ec.generate_private_key(ec.SECP256R1())
    everybody = tuple(dict.fromkeys((*LOOPBACK, *names)))
    called = next((name for name in names if name not in LOOPBACK), LOOPBACK[0])
    certificate = authority.issue(key.public_key(), common_name(called), names=everybody)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(cadata=authority.certificate_pem().decode())
    with TemporaryDirectory(prefix="autopilot-agent-") as folder:  # the library reads keys from files only; 0700
        file = Path(folder, "server.pem")
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(pem + certificate.public_bytes(Encoding.PEM) + authority.certificate_pem())
        context.load_cert_chain(file)
    return context
