"""The terms of use page: what a web view sees of ours, and what a device reads of anybody's."""

from __future__ import annotations

from typing import Any

import pytest
from entra_server import bearer, device, served, stranger, token_of
from hypothesis import given
from hypothesis import strategies as st

from autopilot_agent.errors import Malformed, ServiceFault
from autopilot_agent.service.entra import GetTermsOfUse, SignIn, TermsOfUse
from autopilot_agent.testing.small import USER, USER_ID
from autopilot_agent.wire import claims, terms
from autopilot_agent.wire.http import Response
from autopilot_agent.wire.wallet import Wallet

BACK = "ms-appx-web://Microsoft.AAD.BrokerPlugin/DRS"
QUERY = {"redirect_uri": BACK, "client-request-id": "1", "api-version": "1.0", "mode": "azureadjoin"}
TEXT = "Be <kind>.\n\n  Use & care."
CLOUD = {"cloud.terms_of_use": TEXT}


def visit(method: str = "GET", token: str | None = "", changes: dict[str, object] = CLOUD, **query: str) -> Any:
    client = stranger(served(changes))
    found = token_of(client, resource=claims.ENROLMENT)["access_token"] if token == "" else token
    headers = bearer(found) if found else {}
    wanted = {name: value for name, value in {**QUERY, **query}.items() if value}
    return client.open(
        "/TermsofUse.aspx", method=method, query_string=wanted, headers=headers, data=FORM if method == "POST" else None
    )


FORM = {"accept": "true"}


def test_the_page_shows_the_text() -> None:
    answer = visit()
    assert answer.status_code == 200 and answer.content_type.startswith("text/html")
    assert "Be &lt;kind&gt;." in answer.text and "<kind>" not in answer.text


def test_accept_leads_back_into_windows_with_a_blob() -> None:
    answer = visit("POST")
    assert answer.status_code == 302
    assert answer.headers["location"].casefold().startswith(f"{BACK}?IsAccepted=true&OpaqueBlob=ey".casefold())


@pytest.mark.parametrize(
    ("query", "token", "error"),
    [
        ({"api-version": ""}, "", "invalid_request"),
        ({"api-version": "9.0"}, "", "invalid_request"),
        ({}, None, "unauthorized_client"),
        ({}, "a.b.c", "unauthorized_client"),
    ],
)
def test_what_is_wrong_goes_back_into_windows_as_an_error(query: dict[str, str], token: str | None, error: str) -> None:
    answer = visit(token=token, **query)
    assert answer.status_code == 302 and f"error={error}" in answer.headers["location"]


@pytest.mark.parametrize(
    "back", ["", "https://tailspin.example/", "javascript:alert(1)", "ms-appx-web://x\r\nSet-Cookie: a=b", "ms-appx-web://["]
)
def test_nobody_is_sent_to_another_site(back: str) -> None:
    assert visit(token=None, redirect_uri=back).status_code == 401
    assert visit("POST", redirect_uri=back).status_code == 400


def test_a_device_reads_the_text_without_private_headers() -> None:
    backend = device(served(CLOUD))
    token = backend.send(SignIn(USER, "right password"), now=0)
    assert backend.send(GetTermsOfUse(token.mdm_terms_of_use_url, token.user_id), now=0) == TermsOfUse(TEXT)


def test_a_device_accepts_and_is_given_the_blob() -> None:
    backend = device(served(CLOUD))
    backend.send(SignIn(USER, "right password"), now=0)
    flow, response = terms.accept(backend.wallet, "", USER_ID), None
    with pytest.raises(StopIteration) as end:
        while True:
            response = backend.net.send(flow.send(response), backend.wallet)  # type: ignore[arg-type]
    assert end.value.value.startswith("ey")


def test_a_page_that_is_broken_has_its_status() -> None:
    backend = device(served({"cloud.terms_of_use_broken": True}))
    backend.send(SignIn(USER, "right password"), now=0)
    with pytest.raises(ServiceFault, match="0x80190194"):
        backend.send(GetTermsOfUse("", USER_ID), now=0)


@pytest.mark.parametrize(
    ("location", "code"),
    [(f"{BACK}?error=unauthorized_client&error_description=no", "0x80190191"), (f"{BACK}?error=unheard_of", "0x801901F4"),
     (f"{BACK}?IsAccepted=false", "rejectedTermsOfUse"), ("", "rejectedTermsOfUse")],
)  # fmt: skip
def test_a_redirect_instead_of_a_page_is_a_refusal(location: str, code: str) -> None:
    flow = terms.get_terms(GetTermsOfUse("https://mdm.fabrikam.example/tou?a=1", USER_ID), Wallet(private=False))
    request = next(flow)
    assert request.url.startswith("https://mdm.fabrikam.example/tou?a=1&redirect_uri=ms-appx-web%3A")
    with pytest.raises(ServiceFault) as caught:
        flow.send(Response(302, {"location": location}))
    assert caught.value.code == code


@pytest.mark.parametrize("url", ["file:///etc/passwd", "https://[", "https://x/\r\ny", "https://x/#part", "x" * 3000])
def test_an_address_that_is_none_is_not_opened(url: str) -> None:
    with pytest.raises(Malformed):
        next(terms.get_terms(GetTermsOfUse(url, USER_ID), Wallet(private=False)))


def test_of_a_foreign_page_only_the_visible_text_is_read() -> None:
    page = (
        b"<html><head><title>T</title><style>p{}</style></head><body><script>x()</script><h1>Terms</h1><p>One  &amp;\n two"
        b"<br>three <b>bold</b></p><!-- no --><button>OK</button><p>end"
    )
    assert terms.visible_text(page) == "Terms\nOne & two\nthree bold\nend"
    assert terms.visible_text(b"  ") == ""
    with pytest.raises(Malformed):
        terms.visible_text(b"<p>" * 200_000)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n\t\r<>&"), max_size=80))
def test_the_text_survives_our_own_page(text: str) -> None:
    assert terms.visible_text(terms.encode_page(text)) == terms.UNWRITABLE.sub("", text)


@given(st.binary(max_size=80) | st.text(st.sampled_from("<>/!-pre divscript&;#x0 \"'="), max_size=60).map(str.encode))
def test_any_page_is_read_or_malformed(data: bytes) -> None:
    try:
        assert isinstance(terms.visible_text(data), str)
    except Malformed:
        return
