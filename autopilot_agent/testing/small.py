"""The small tenant that the kit plays with: one user, one profile, one status page, apps and policies of every kind of call."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autopilot_agent.scenario.loader import LoadedScenario, load_scenario_text
from autopilot_agent.scenario.plan import make_plan

if TYPE_CHECKING:
    from autopilot_agent.device import Device
    from autopilot_agent.tenant.state import TenantState

TENANT_ID = "6f1d2a3b-0000-4000-8000-00000000c001"
USER_ID = "11111111-0000-4000-8000-000000000001"
USER = "user1@contoso.example"
PORTAL = "aaaaaaaa-0000-4000-8000-000000000001"
EDITOR = "aaaaaaaa-0000-4000-8000-000000000002"
DOMAIN = "corp.contoso.example"
GRAPH = "#microsoft.graph."

SMALL: dict[str, Any] = {
    "scenario": "The testing kit's small tenant",
    "seed": 7,
    "device": {"serial_number": "5CG0000001"},
    "tenant": {
        "organization": {
            "id": TENANT_ID,
            "displayName": "Contoso",
            "verifiedDomains": [{"name": "contoso.example", "isDefault": True, "isInitial": True}],
        },
        "branding": {"signInPageText": "Welcome to Contoso"},
        "users": [
            {"id": USER_ID, "userPrincipalName": USER, "displayName": "User One", "assignedLicenses": [{"skuId": "e3"}]},
        ],
        "windowsAutopilotDeploymentProfiles": [
            {
                "displayName": "Contoso user-driven",
                "assignments": ["all devices"],
                "outOfBoxExperienceSetting": {"privacySettingsHidden": True, "eulaHidden": True, "userType": "standard"},
            }
        ],
        "deviceEnrollmentConfigurations": [
            {
                "@odata.type": GRAPH + "windows10EnrollmentCompletionPageConfiguration",
                "displayName": "ESP",
                "priority": 1,
                "assignments": ["all devices"],
                "showInstallationProgress": True,
                "installProgressTimeoutInMinutes": 60,
            }
        ],
        "mobileApps": [
            {
                "@odata.type": GRAPH + "win32LobApp",
                "id": PORTAL,
                "displayName": "Company Portal",
                "installCommandLine": "setup.exe /q",
                "assignments": ["all devices"],
            },
            {
                "@odata.type": GRAPH + "win32LobApp",
                "id": EDITOR,
                "displayName": "Editor",
                "installCommandLine": "editor.exe /q",
                "assignments": ["all users"],
            },
        ],
        "deviceConfigurations": [
            {
                "@odata.type": GRAPH + "windowsDomainJoinConfiguration",
                "displayName": "Domain join",
                "assignments": ["all devices"],
                "activeDirectoryDomainName": DOMAIN,
                "computerNameStaticPrefix": "CON-",
            }
        ],
        "deviceManagementScripts": [{"displayName": "Wallpaper", "assignments": ["all devices"], "runAsAccount": "system"}],
    },
    "windows_update": {"critical": [{"kb": "KB5000001", "title": "Driver", "duration": "2m"}]},
}


def small_scenario(changes: Mapping[str, object] | None = None) -> LoadedScenario:
    """The small tenant as a scenario. ``changes`` maps dotted paths of the file to values: ``{"cloud.mfa": True}``.

    Raises ``InputError`` when a change makes the scenario wrong.
    """
    data = deepcopy(SMALL)
    for path, value in (changes or {}).items():
        *parents, last = path.split(".")
        spot = data
        for name in parents:
            spot = spot.setdefault(name, {})
        spot[last] = value
    return load_scenario_text(json.dumps(data), Path("small.yaml"))


def small_state(changes: Mapping[str, object] | None = None) -> TenantState:
    """A fresh tenant state of the small tenant; two of them are equal in all that a device can see.

    What stands on premises does its work at once: a call may come when no virtual time has passed since the last.
    """
    state = make_plan(small_scenario(changes)).state
    directory = state.active_directory
    directory.connector_takes, directory.sync_every, directory.sync_phase = 0, 1, 0
    return state


def small_device(changes: Mapping[str, object] | None = None) -> Device:
    """A PC that was never switched on: wired, Windows Pro, with a TPM; change it by ``{"device.network": "wifi"}``."""
    return make_plan(small_scenario(changes)).device
