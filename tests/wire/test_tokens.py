"""Tokens: signed for everybody, or sealed where only the server reads them; one that is known is not checked again."""

from __future__ import annotations

import base64
import hmac
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from autopilot_agent.errors import ServiceFault
from autopilot_agent.testing.in_process import one_authority
from autopilot_agent.wire import tokens
from autopilot_agent.wire.authority import Authority

NOW = 1_800_000_000
USES = ("access", *tokens.SEALED)


def restarted() -> Authority:
    """The same authority in a process that has seen no token yet."""
    return Authority.load(one_authority().to_pem())


@pytest.mark.parametrize("use", USES)
def test_a_token_is_good_where_it_was_made_and_after_a_restart(use: str) -> None:
    made = tokens.mint(one_authority(), {"use": use, "oid": "somebody"}, NOW)
    again = restarted()
    for authority in (one_authority(), again, again):
        assert tokens.check(authority, made, NOW, use)["oid"] == "somebody"


@pytest.mark.parametrize("use", USES)
def test_a_known_token_expires_and_is_of_one_kind(use: str) -> None:
    made = tokens.mint(one_authority(), {"use": use}, NOW)
    for epoch, kind in ((NOW + 10_000, use), (NOW, "id")):
        with pytest.raises(ServiceFault):
            tokens.check(one_authority(), made, epoch, kind)


@pytest.mark.parametrize("use", USES)
def test_no_change_of_a_token_passes(use: str) -> None:
    made = tokens.mint(one_authority(), {"use": use}, NOW)
    head, body, proof = made.split(".")
    other = tokens.mint(Authority.make(), {"use": use}, NOW)
    for wrong in (f"{head}.{body}.", f"{head}.{body}x.{proof}", made[:-4], other, "", "..", "\ud800"):
        with pytest.raises(ServiceFault):
            tokens.check(one_authority(), wrong, NOW, use)


@pytest.mark.parametrize("use", USES)
def test_what_everybody_knows_seals_nothing(use: str) -> None:
    claims: dict[str, Any] = {"use": use, "exp": NOW + 100}
    public = one_authority().public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    head, body, _ = jwt.encode(claims, b"0" * 32, algorithm="HS256").split(".")
    for key in (public, b"0" * 32, b""):
        proof = base64.urlsafe_b64encode(hmac.digest(key, f"{head}.{body}".encode(), "sha256")).decode().rstrip("=")
        for forged in (f"{head}.{body}.{proof}", jwt.encode(claims, "", algorithm="none")):
            with pytest.raises(ServiceFault):
                tokens.check(one_authority(), forged, NOW, use)


def test_a_seal_is_no_signature_and_a_signature_no_seal() -> None:
    authority = restarted()
    sealed = jwt.encode({"use": "access", "exp": NOW + 100}, authority.secret, algorithm="HS256")
    signed = jwt.encode({"use": "refresh", "exp": NOW + 100}, authority.key, algorithm="RS256")
    for token, kind in ((sealed, "access"), (sealed, ""), (signed, "refresh")):
        with pytest.raises(ServiceFault):
            tokens.check(authority, token, NOW, kind)
