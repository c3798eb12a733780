"""What is easier said in Python than in YAML. The fixture ``autopilot`` comes with autopilot-agent."""

import pytest


def test_a_laptop_gets_its_name_over_wifi(autopilot):
    run = autopilot("scenarios/laptops.yaml", only="*cable", set={"device.network": "wifi"})
    run.assert_passed()
    assert "NET" in run.screens


@pytest.mark.parametrize("code", [1602, 1603, 1618])
def test_no_exit_code_of_the_vpn_client_goes_unnoticed(autopilot, code):
    broken = {"return_codes": [code], "leaves": "nothing"}
    run = autopilot("scenarios/laptops.yaml", only="*cable", set={"installers.Contoso VPN": broken})
    assert run.end_state == "esp_failed"
    assert run.apps["Contoso VPN"] == "failed"


def test_wifi_costs_a_user_at_most_five_minutes(autopilot):
    seconds = [autopilot("scenarios/laptops.yaml", only=f"*{name}").seconds for name in ("cable", "Wi-Fi")]
    assert seconds[1] - seconds[0] < 300
