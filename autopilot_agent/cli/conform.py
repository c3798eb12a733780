"""``conform``: what a Windows device would object to in an MDM server."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from autopilot_agent.cli.console import complain, write, write_json
from autopilot_agent.errors import CallFailed, InputError, Place, ServiceUnavailable

if TYPE_CHECKING:
    from pathlib import Path

    from autopilot_agent.backends.net import RequestsNet
    from autopilot_agent.wire.wallet import Wallet

LARGEST = 4_000_000
"""Bytes of an answer that are read: all are kept, and nothing that a device is sent in a visit comes near."""
LONGEST_TOKEN = 16_000
LONGEST_PASSWORD = 1_000
PASSWORD = "AUTOPILOT_AGENT_PASSWORD"
"""The environment variable that stands for ``--password``."""


def main(args: argparse.Namespace) -> int:
    """Visit, judge, tell; 1 when Windows would fail, 2 when nothing was tested of what was asked for, 0 otherwise."""
    try:
        from autopilot_agent.backends.addresses import Addresses, read_address
        from autopilot_agent.backends.net import RequestsNet
        from autopilot_agent.backends.trust import read_ca
        from autopilot_agent.conform import STAGES, judge, untested, visit
        from autopilot_agent.conform.enrolling import Person
        from autopilot_agent.conform.reporting import FORMS, as_text
    except ImportError as error:
        said = f"this needs packages that are not installed ({error.name}); pip install 'autopilot-agent[wire]'."
        raise InputError(said) from None
    url = read_address(args.url, "the server")
    ca = read_ca(args.ca)
    token, password = _proof(args)
    net = RequestsNet(Addresses(url), ca=ca, allowed=frozenset(args.allow_host), largest=LARGEST)
    net.addresses = Addresses()
    stages = tuple(one for one in STAGES if not args.stage or one in args.stage)
    wallet, user = (None, "") if token or not args.user else _signed_in(net, url, args.user, password)
    found = visit(net, url, Person(args.user, password, token), wallet=wallet, user=user, stages=stages)
    findings = judge(found, stages)
    missed = untested(findings, stages if args.stage else ())
    form = FORMS.get(args.output)
    tell = write_json if args.output == "json" else write
    if form is not None:
        tell(form(findings, url, missed=missed))
    else:
        tell(as_text(findings, url, missed=missed, details=args.details))
    if any(one.wrong for one in findings):
        return 1
    for stage, why in missed.items():
        complain(f"nothing of the stage {stage} could be judged, so it has not passed: {why}.")
    return 2 if missed else 0


def _signed_in(net: RequestsNet, url: str, name: str, password: str) -> tuple[Wallet | None, str]:
    """Tokens of the person from the server's own Entra, where it is a tenant of ours; (None, "") elsewhere."""
    from autopilot_agent.backends.addresses import Addresses
    from autopilot_agent.backends.choice import introduced
    from autopilot_agent.backends.http import HttpBackend
    from autopilot_agent.service.entra import SignIn
    from autopilot_agent.wire.wallet import Wallet

    try:
        ours = introduced(net, url) is not None
    except ServiceUnavailable:  # it may still answer what an MDM server is asked; the visit says what it does not
        ours = False
    if not ours:
        return None, ""
    wallet = Wallet(name="conform", private=False)
    net.addresses = Addresses("", {"login": url})  # tokens are renewed there, too
    try:
        signed = HttpBackend(net, wallet).send(SignIn(name, password or "a password", "approved"), now=0)
    except CallFailed as fault:
        raise InputError(f"{name} cannot sign in at the served tenant: {fault.reason or fault.code}.") from None
    return wallet, signed.user_id


def _proof(args: argparse.Namespace) -> tuple[str, str]:
    """Token and password of who enrols, either "" without; an option goes before the environment."""
    named = {"--token-file": args.token_file, "--password-file": args.password_file, "--password": args.password or None}
    given = [name for name, value in named.items() if value is not None]
    if len(given) > 1:
        raise InputError(f"{given[0]} and {given[1]} both say who enrols; leave one of them out.")
    if args.token_file is not None:
        return _token(args.token_file), ""
    if args.password_file is not None:
        return "", _password(args.password_file)
    for name, text in (("--password", args.password), (PASSWORD, os.environ.get(PASSWORD, ""))):
        if not text.isprintable():
            raise InputError(f"{name} holds line ends or other characters that no password has; expected one line of text.")
    return "", args.password or os.environ.get(PASSWORD, "")


def _token(path: Path) -> str:
    from autopilot_agent.text.text_file import read_text

    found = read_text(path, LONGEST_TOKEN).strip()
    if not found or not found.isascii() or not found.isprintable() or " " in found:
        raise InputError("a token is one line of ASCII text without blanks, such as a JWT.", Place(str(path)))
    return found


def _password(path: Path) -> str:
    """The password in a file; blanks may be part of it, the end of the line is not."""
    from autopilot_agent.text.text_file import read_text

    found = read_text(path, LONGEST_PASSWORD).rstrip("\r\n")
    if not found or not found.isprintable():
        raise InputError("a password is one line of text; expected a file with that line and nothing else.", Place(str(path)))
    return found
