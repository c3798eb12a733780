"""Rules of dynamic groups and assignment filters mean what Entra and Intune mean."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopilot_agent.tenant.graph.membership import DEVICE_PROPERTIES
from autopilot_agent.tenant.graph.rules import Facts, UnreadableRule, compile_rule

KNOWN = DEVICE_PROPERTIES | {"osversion", "model"}
PC: Facts = {
    "devicephysicalids": ("[ZTDID]:33333333-cccc", "[OrderID]:Sales", "[PurchaseOrderId]:4711"),
    "displayname": "CON-1234",
    "enrollmentprofilename": "Contoso laptops",
    "deviceownership": "Company",
    "managementtype": None,
    "accountenabled": True,
    "osversion": "10.0.22631.2428",
    "model": 'Lat"5440',
}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ('(device.devicePhysicalIDs -any (_ -contains "[ZTDID]"))', True),
        ('device.devicePhysicalIds -any _ -contains "[ZTDId]"', True),
        ('(device.devicePhysicalIds -any (_ -eq "[OrderID]:sales"))', True),
        ('(device.devicePhysicalIds -any (_ -eq "[OrderID]:Sale"))', False),
        ('(device.devicePhysicalIds -any _ -startsWith "[OrderID]:Sal")', True),
        ('(device.devicePhysicalIds -all (_ -startsWith "["))', True),
        ('(device.devicePhysicalIds -any (_ -eq "[PurchaseOrderId]:4711"))', True),
        ('device.enrollmentProfileName -eq "contoso LAPTOPS"', True),
        ("device.enrollmentProfileName -ne 'Kiosk'", True),
        ('device.displayName -match "^CON-\\d{4}$"', True),
        ('device.displayName -notMatch "^CON-"', False),
        ('device.displayName -startsWith "CON" and device.deviceOwnership -eq "Company"', True),
        ('device.displayName -startsWith "X" or device.accountEnabled -eq true', True),
        ('not (device.displayName -startsWith "CON")', False),
        ('-not (device.displayName -contains "X") -and (device.deviceOwnership -in ["Company", "x"])', True),
        ("device.managementType -eq null", True),
        ("device.managementType -ne $null", False),
        ('device.managementType -notContains "MDM"', True),
        ('device.managementType -contains "MDM"', False),
        ('device.osVersion -ge "10.0.9"', True),
        ("device.osVersion -lt 10.0.22631.3000", True),
        ('device.model -eq "Lat`"5440"', True),
        ('device.deviceTrustType -eq "AzureAD"', False),
        # "and" binds tighter than "or"
        ('device.displayName -eq "CON-1234" or device.displayName -eq "x" and device.displayName -eq "y"', True),
    ],
)
def test_a_rule_holds_or_not(rule: str, expected: bool) -> None:
    assert compile_rule(rule, "device", KNOWN)(PC) is expected


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "device.displayName",
        "device.displayName -eq",
        'device.displayName -like "x"',
        'device.nonsense -eq "x"',
        'user.department -eq "x"',
        'device.displayName -eq "x',
        'device.displayName -eq "x") or (',
        '(device.displayName -eq "x"',
        'device.displayName -match "("',
        "device.displayName -eq x",
        "device.displayName -contains null",
        'device.displayName -in ["a" "b"]',
        "(" * 200 + 'device.displayName -eq "x"' + ")" * 200,
        "Direct Reports for \"62e19b97\"",
        'device.displayName -eq "' + "x" * 4000 + '"',
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_read_is_said_to_be(rule: str) -> None:
    with pytest.raises(UnreadableRule):
        compile_rule(rule, "device", KNOWN)


@given(st.text(alphabet="device.displayName -eq\"()[],_anorxt`'", max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    with contextlib.suppress(UnreadableRule):
        compile_rule(text, "device", KNOWN)(PC)


@given(st.text(max_size=30).filter(lambda text: "\x00" not in text))
def test_any_tag_can_be_quoted(tag: str) -> None:
    quoted = tag.replace("`", "``").replace('"', '`"')
    facts: Facts = {"devicephysicalids": (f"[OrderID]:{tag}",)}
    assert compile_rule(f'(device.devicePhysicalIds -any (_ -eq "[OrderID]:{quoted}"))', "device", KNOWN)(facts)
