"""AADInternals against the served tenant (protocols.md 18.5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aadinternals_client import DRS, INTUNE, SCALE_UNIT, AadInternalsClient
from cryptography import x509

from autopilot_agent.testing.small import USER


def joined(served: Any) -> AadInternalsClient:
    client = AadInternalsClient(served.base, None, served.send)
    client.join(client.token(USER, "right password", DRS))
    return client


def enrolled(served: Any) -> AadInternalsClient:
    client = joined(served)
    client.enrol(client.token(USER, "right password", INTUNE), client.discover(USER))
    return client


@pytest.mark.parametrize("join_type", [0, 4])
def test_it_joins_and_registers(serve: Callable[..., Any], join_type: int) -> None:
    served = serve()
    client = AadInternalsClient(served.base, None, served.send)
    assert len(client.join(client.token(USER, "right password", DRS), join_type)) == 36


def test_discovery_is_found_in_small_letters_and_with_a_slash_in_its_namespace(serve: Callable[..., Any]) -> None:
    served = serve()
    client = AadInternalsClient(served.base, None, served.send)
    assert client.discover(USER).startswith(served.base)


def test_the_certificates_lie_in_the_order_root_intermediate_own(serve: Callable[..., Any]) -> None:
    client = enrolled(serve())
    root, middle, own = (x509.load_der_x509_certificate(one) for one in client.certificates)
    assert root.subject == root.issuer
    assert own.issuer in (root.subject, middle.subject)
    assert own.subject != root.subject


def test_the_address_of_a_scale_unit_enrols_too(serve: Callable[..., Any]) -> None:
    client = joined(serve())
    client.enrol(client.token(USER, "right password", INTUNE), SCALE_UNIT)
    assert client.mdm is not None


def test_a_session_from_a_name_is_known_by_its_certificate(serve: Callable[..., Any]) -> None:
    served = serve()
    client = enrolled(served)
    assert "./DevDetail/SwV" in client.check_in()
    assert served.state.history[0].facts["./DevDetail/SwV"] == "10.0.18363.0"


def test_sessions_come_to_rest(serve: Callable[..., Any]) -> None:
    client = enrolled(serve())
    numbers = [len(client.check_in()) for _ in range(4)]
    assert numbers[0] > 0
    assert numbers[-1] == 0


def test_without_its_certificate_a_name_is_nobody(serve: Callable[..., Any]) -> None:
    client = enrolled(serve())
    client.mdm = None
    with pytest.raises(Exception, match="HTTP 4"):
        client.check_in()


def test_the_same_over_a_socket(serve: Callable[..., Any]) -> None:
    assert enrolled(serve().over_a_socket()).check_in()
