"""Whom the server's certificate is for."""

from __future__ import annotations

import ssl

import pytest

from autopilot_agent.simulator.certificates import server_context
from autopilot_agent.testing.in_process import one_authority


def shown(context: ssl.SSLContext, name: str) -> dict[str, object]:
    """The certificate that a client gets to see, in a handshake without a network."""
    trusting = ssl.create_default_context(cadata=one_authority().certificate_pem().decode())
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(to_client, to_server, server_hostname=name)
    server = context.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return client.getpeercert() or {}


@pytest.mark.parametrize(
    ("names", "called"),
    [
        ((), "localhost"),
        (("127.0.0.1",), "localhost"),
        (("::1",), "localhost"),
        (("mdm.contoso.example", "127.0.0.1"), "mdm.contoso.example"),
        (("127.0.0.1", "192.0.2.7"), "192.0.2.7"),
    ],
)
def test_the_certificate_is_called_as_the_documentation_says(names: tuple[str, ...], called: str) -> None:
    context = server_context(one_authority(), names)
    for asked in ("localhost", "127.0.0.1", "::1", *names):
        found = shown(context, asked)
        assert found["subject"] == ((("commonName", called),),)
        issued = {str(value) for _, value in found["subjectAltName"]}  # type: ignore[attr-defined]
        assert {"localhost", "127.0.0.1"} <= issued


def test_another_name_is_not_served() -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        shown(server_context(one_authority()), "elsewhere.example")
