"""``conform``: what a Windows device would object to in an MDM server."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from autopilot_agent.cli.console import complain, write, write_json
from autopilot_agent.errors import CallFailed, InputError, Place

if TYPE_CHECKING:
    from pathlib import Path

    from autopilot_agent.backends.net import RequestsNet
    from autopilot_agent.wire.wallet import Wallet

LONGEST_TOKEN = 16_000


def main(args: argparse.Namespace) -> int:
    """Visit, judge, tell; 1 when Windows would fail, 0 otherwise."""
    try:
        from autopilot_agent.backends.addresses import Addresses, read_address
        from autopilot_agent.backends.net import RequestsNet
        from autopilot_agent.backends.trust import read_ca
        from autopilot_agent.conform import STAGES, Mark, judge, visit
        from autopilot_agent.conform.enrolling import Person
        from autopilot_agent.conform.reporting import FORMS, as_text
    except ImportError as error:
        said = f"this needs packages that are not installed ({error.name}); pip install 'autopilot-agent[wire]'."
        raise InputError(said) from None
    url = read_address(args.url, "the server")
    ca = read_ca(args.ca)
    if args.token_file is not None and args.password:
        raise InputError("--token-file and --password both say who enrols; leave one of them out.")
    net = RequestsNet(Addresses(url), ca=ca, allowed=frozenset(args.allow_host))
    net.addresses = Addresses()
    token = _token(args.token_file) if args.token_file is not None else ""
    stages = tuple(one for one in STAGES if not args.stage or one in args.stage)
    wallet, user = (None, "") if token or not args.user else _signed_in(net, url, args.user, args.password)
    found = visit(net, url, Person(args.user, args.password, token), wallet=wallet, user=user, stages=stages)
    findings = judge(found, stages)
    form = FORMS.get(args.output)
    tell = write_json if args.output == "json" else write
    tell(form(findings, url) if form is not None else as_text(findings, url, details=args.details))
    if any(one.wrong for one in findings):
        return 1
    enrolled = next((one for one in findings if one.demand.id == "ENR-ANSWER"), None)
    if enrolled is not None and enrolled.mark is Mark.NOT_REACHED:
        complain(f"most could not be tested: {enrolled.reason}.")
        return 2
    return 0


def _signed_in(net: RequestsNet, url: str, name: str, password: str) -> tuple[Wallet | None, str]:
    """Tokens of the person from the server's own Entra, where it is a tenant of ours; (None, "") elsewhere."""
    from autopilot_agent.backends.addresses import Addresses
    from autopilot_agent.backends.choice import introduced
    from autopilot_agent.backends.http import HttpBackend
    from autopilot_agent.service.entra import SignIn
    from autopilot_agent.wire.wallet import Wallet

    if introduced(net, url) is None:
        return None, ""
    wallet = Wallet(name="conform", private=False)
    net.addresses = Addresses("", {"login": url})  # tokens are renewed there, too
    try:
        signed = HttpBackend(net, wallet).send(SignIn(name, password or "a password", "approved"), now=0)
    except CallFailed as fault:
        raise InputError(f"{name} cannot sign in at the served tenant: {fault.reason or fault.code}.") from None
    return wallet, signed.user_id


def _token(path: Path) -> str:
    from autopilot_agent.text.text_file import read_text

    found = read_text(path, LONGEST_TOKEN).strip()
    if not found or not found.isascii() or not found.isprintable() or " " in found:
        raise InputError("a token is one line of ASCII text without blanks, such as a JWT.", Place(str(path)))
    return found
