"""What ``--backend`` and the options around it mean, before anything is asked of a server."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from autopilot_agent.backends.choice import ServerChoice
from autopilot_agent.backends.chosen import TOKEN, ServerOptions, chosen_backend
from autopilot_agent.backends.trust import read_ca
from autopilot_agent.cli.conform import main as conform
from autopilot_agent.errors import InputError
from autopilot_agent.testing.in_process import one_authority

BASE = "https://localhost:8443"


def choice(**options: object) -> ServerChoice:
    found = chosen_backend(BASE, ServerOptions(**options), [])  # type: ignore[arg-type]
    assert isinstance(found, ServerChoice)
    return found


def test_a_token_loses_the_line_end_of_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choice(admin_token="a-token\r").token == "a-token"
    monkeypatch.setenv(TOKEN, " another\r\n")
    assert choice().token == "another"
    assert choice(admin_token="\n").token == "another", "an option that holds nothing says nothing"


@pytest.mark.parametrize("token", ["a-tok\r\nen", "a-tok en", "a-tok\u20acen", "a-tok\x7fen"])
def test_a_token_that_no_header_takes_is_refused_and_not_shown(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="--admin-token") as caught:
        choice(admin_token=token)
    assert "a-tok" not in str(caught.value)
    monkeypatch.setenv(TOKEN, token)
    with pytest.raises(InputError, match=TOKEN) as caught:
        choice()
    assert "a-tok" not in str(caught.value)


@pytest.mark.parametrize("name", ["localhost:8443", "localhost", "127.0.0.1:8443", "mdm.example:443", "[::1]:8443", "ftp://localhost"])
def test_an_address_without_http_is_told_to_have_it(name: str) -> None:
    for options in (ServerOptions(), ServerOptions(admin_token="x")):
        with pytest.raises(InputError, match="begins with http:// or https://"):
            chosen_backend(name, options, [])


def test_a_scheme_may_be_written_large() -> None:
    found = chosen_backend("HTTPS://localhost:8443", ServerOptions(), [])
    assert isinstance(found, ServerChoice) and found.url == BASE


@pytest.mark.parametrize(
    "data", [b"", b"scenario: X\n", b"\xff\x00\x01", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_file_without_a_certificate_is_no_ca(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"my\.yaml: the file holds no certificate in PEM"):
        choice(ca=path)
    with pytest.raises(InputError, match=r"my\.yaml: the file holds no certificate in PEM"):
        conform(Namespace(url=BASE, ca=path))


def test_a_folder_is_no_ca_and_a_certificate_is_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="this is a folder"):
        choice(ca=tmp_path)
    with pytest.raises(InputError, match="there is no such file"):
        choice(ca=tmp_path / "none.pem")
    path = tmp_path / "ca.pem"
    path.write_bytes(one_authority().certificate_pem())
    assert choice(ca=path).ca == read_ca(path) == path.as_posix()
    assert read_ca(None) == ""
